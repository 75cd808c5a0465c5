"""Op ``depth_map``: the dense depth of each view that a camera shows on a day, from a network that the user brings.

A fixed camera needs no depth map a frame. What it shows stays, so one clean background of a view tells the depth of
all its segments, and the network looks once a view.

Decision: docs/decisions/0053-depth-of-a-view.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import pyarrow as pa

from ops.arrays import datetime_us
from ops.depth_models.load import load_depth_network
from ops.depth_models.network import DepthNetwork
from ops.depth_models.rows import pack_depth
from ops.named_weights import NamedWeightsOp
from ops.static_objects.views import SameView, SegmentSpan, same_views
from schemas.errors import ModelError
from schemas.op import Models, OpSpec, Read, Scope, Services, TableOp, Tables, param
from schemas.tables import TABLES
from schemas.values import ModelFile, UnitContext

LEAST_COLOUR = 4.0
"""Mean difference of the greatest and the least colour channel, grey levels, below which a picture has no colours."""


@dataclass(frozen=True)
class DepthMapParams:
    """Parameters of ``depth_map``."""

    model: str = param("", "name of a depth model in models/; empty: the op is off")
    max_width_px: int = param(640, "largest width of a stored map, pixels")


class DepthMap(NamedWeightsOp, TableOp):
    """Runs a depth network on one background of each view."""

    task, role = "depth", "depth"

    spec = OpSpec(
        name="depth_map",
        version=2,
        summary="Dense depth of each view of a fixed camera, from a configured model.",
        scope=Scope.CAMERA_DAY,
        reads=(
            Read(
                "backgrounds",
                columns=(
                    *("segment_id", "width", "height", "png", "samples", "unknown_share", "steadied"),
                    *("small_png", "small_unknown_png"),
                ),
                required=False,
                build_if_missing=True,
            ),
            Read("view_motion", columns=("segment_id", "views", "moves"), required=False, build_if_missing=True),
        ),
        writes=("depth_maps",),
        params=DepthMapParams,
        memory_mb=4000,
    )
    params: DepthMapParams

    def __init__(self, params: DepthMapParams | None = None) -> None:
        super().__init__(params)
        self._model: ModelFile | None = None
        self._network: DepthNetwork | None = None

    def open(self, models: Models, cpus: int) -> None:
        """Loads the model.

        Raises:
            ModelError: the model is missing, or gives no depth.
        """
        model = self.weights_of(models)
        self._model, self._network = model, load_depth_network(model, cpus)

    def close(self) -> None:
        """Frees the model."""
        self._model = self._network = None

    def run(self, unit: UnitContext, inputs: Tables, services: Services) -> Tables:
        """Gives ``depth_maps``: one row a view; none for a camera without backgrounds, as a moving one is.

        Raises:
            ModelError: the network cannot take the pictures, or gives no map with a finite number.
        """
        backgrounds = inputs.get("backgrounds", TABLES["backgrounds"].empty())
        segments = [
            SegmentSpan(each.segment_id, datetime_us(each.start), datetime_us(each.end), (each.width, each.height))
            for each in unit.segments
        ]
        motion = inputs.get("view_motion", TABLES["view_motion"].empty())
        rows = [
            {"camera": unit.camera.camera, "view": number, **self._row(view, segments, backgrounds, services)}
            for number, view in enumerate(same_views(segments, backgrounds, motion))
        ]
        if not rows:
            return {"depth_maps": TABLES["depth_maps"].empty()}
        return {"depth_maps": TABLES["depth_maps"].conform({name: [row[name] for row in rows] for name in rows[0]})}

    def _row(
        self, view: SameView, segments: Sequence[SegmentSpan], backgrounds: pa.Table, services: Services
    ) -> dict[str, Any]:
        if self._model is None or self._network is None:
            raise ModelError("depth_map was not opened with a model")
        background = _clearest(view, segments, backgrounds)
        picture = cv2.imdecode(np.frombuffer(background["png"], np.uint8), cv2.IMREAD_COLOR_RGB)
        estimate = self._network(np.asarray(picture, np.uint8))
        services.count("depth_calls")
        return {
            "segment_id": background["segment_id"],
            "start_time": segments[view.first].start_us,
            "end_time": segments[view.last].end_us,
            "source_width": background["width"],
            "source_height": background["height"],
            "focal_px": estimate.focal_px,
            "model": self._model.name,
            **pack_depth(estimate.depth, self.params.max_width_px),
        }


def _clearest(view: SameView, segments: Sequence[SegmentSpan], backgrounds: pa.Table) -> dict[str, Any]:
    """Returns the background of a view that shows most: in colour, of the least unknown share, of the most samples.

    Networks are trained on pictures in colour, so one by infrared light is taken only where a view has no other.
    """
    rows = {row["segment_id"]: row for row in backgrounds.drop_columns(["png"]).to_pylist()}
    ranks = []
    for number, small in view.pictures.items():
        row = rows[segments[number].segment_id]
        colour = small.picture.max(axis=2).astype(np.float32) - small.picture.min(axis=2)
        grey = float(colour.mean()) < LEAST_COLOUR
        ranks.append((grey, row["unknown_share"], -row["samples"], number))
    best = segments[min(ranks)[-1]].segment_id
    at = backgrounds["segment_id"].to_pylist().index(best)
    return dict(backgrounds.slice(at, 1).to_pylist()[0])
