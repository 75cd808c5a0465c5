"""Op ``ground``: where a camera's ground is, by control points, by the people on it and by depth.

One day is one measurement: yesterday's is not carried on, so that a camera that somebody turns is not placed by how it
hung before.

Decision: docs/decisions/0056-three-sources-of-the-ground.md.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import pyarrow as pa

from ops.ground.depth_source import KnownScale, ViewFloor, depth_model, floor_columns, view_floors
from ops.ground.people_choice import model_size_px
from ops.ground.rows import ground_rows
from ops.ground.sources import choose_ground, depth_source, people_source, survey_source
from schemas.op import NoParams, OpSpec, Read, Scope, Services, TableOp, Tables
from schemas.tables import TABLES
from schemas.values import Uint8, UnitContext

POINT_COLUMNS = ("track_id", "time", "segment_id", "label", "x1", "y1", "x2", "y2", "state")


@dataclass(frozen=True)
class GroundParams(NoParams):
    """Parameters of ``ground``."""


class Ground(TableOp):
    """Measures the ground of cameras."""

    spec = OpSpec(
        name="ground",
        version=7,
        summary="Where each camera's ground is, by control points, people and depth.",
        scope=Scope.CAMERA_DAY,
        reads=(
            Read("track_points", columns=POINT_COLUMNS),
            Read("depth_maps", required=False),
            Read("backgrounds", columns=("segment_id", "small_png"), required=False),
        ),
        writes=("ground_models", "floors"),
        params=GroundParams,
        uses=("calibration", "fixed"),
        memory_mb=1500,
    )
    params: GroundParams

    def run(self, unit: UnitContext, inputs: Tables, services: Services) -> Tables:  # noqa: ARG002
        """Gives ``ground_models``, a row per source, and ``floors``, a row per depth map.

        Raises:
            SiteError: four or more control points that fix no plane.
        """
        view, size_px, start = unit.camera, model_size_px(unit.segments), unit.segments[0].start
        survey = survey_source(view, size_px)
        people = people_source(inputs["track_points"], unit.segments, view)
        known = KnownScale(
            None if survey.model is None else survey.model.pinhole,
            None if view.position_m is None else view.position_m[2],
            people.model if people.plane is not None else None,
        )
        floors = _floors(inputs, known)
        depth = depth_source(depth_model(floors, size_px), view, size_px)
        models = ground_rows(view.camera, start, choose_ground(survey, people, depth, view))
        rows = [{"camera": view.camera, "start_time": start} | floor_columns(each) for each in floors]
        if not rows:
            return {"ground_models": models, "floors": TABLES["floors"].empty()}
        columns = {name: [row[name] for row in rows] for name in rows[0]}
        return {"ground_models": models, "floors": TABLES["floors"].conform(columns)}


def _floors(inputs: Tables, known: KnownScale) -> list[ViewFloor]:
    maps = inputs["depth_maps"].to_pylist() if "depth_maps" in inputs else []
    backgrounds = inputs.get("backgrounds", TABLES["backgrounds"].empty())
    return view_floors(maps, _pictures(backgrounds, {row["segment_id"] for row in maps}), known)


def _pictures(backgrounds: pa.Table, segments: set[str]) -> dict[str, Uint8]:
    """Returns the small backgrounds BGR of some segments."""
    found = {}
    for segment, png in zip(backgrounds["segment_id"].to_pylist(), backgrounds["small_png"], strict=True):
        if segment in segments:
            picture = cv2.imdecode(np.frombuffer(png.as_py(), np.uint8), cv2.IMREAD_COLOR)
            found[segment] = np.asarray(picture, np.uint8)
    return found
