"""Op ``counts``: who was in which zone for how long, and who crossed which line, in time bins.

Bins are aligned to UTC: bin ``n`` begins ``n * bin_s`` after 1970 began, so no change to or from summer time splits,
doubles or drops one; bins that divide an hour begin on the local hour wherever clocks differ from UTC by whole hours.
Tables go by local day: a stay or a bin that midnight cuts has a part in each day's tables.
A track that begins within a zone has not entered it, nor left it when it ends there: tracks begin and end behind every
pillar, and doors would otherwise count double.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ops.arrays import BOX_COLUMNS
from ops.bins import Bins, Stretches, point_ends
from ops.count_rows import TABLE_NAMES, Day, DayRows, SpaceTracks, turned_up
from ops.ground.feet import feet_of
from ops.ground.homography import GroundPlane
from ops.ground.places import known_ground
from ops.ground.view import concerns, zones_outside_view
from ops.lines import crossings
from ops.trajectories import PlanarTrajectories, Trajectories
from ops.zones import find_visits
from schemas.errors import SiteError
from schemas.op import OpSpec, Read, Scope, Services, TableOp, Tables, param
from schemas.values import Feature, FeatureKind, Float64, UnitContext

_KEY = ("track_id", "label", "time")
VIEW = "view"
"""The zone that is the whole frame."""


@dataclass(frozen=True)
class CountsParams:
    """Parameters of ``counts``."""

    bin_s: float = param(60.0, "length of a time bin, seconds")
    margin_m: float = param(
        0.3, "distance beyond a border or line of a map layer from which it counts as passed, metres"
    )
    margin_px: float = param(5.0, "the same for pixel layers, pixels of image_size")
    min_stay_s: float = param(0.5, "shorter stays inside or outside of a zone, or beyond a line, are ignored, seconds")
    max_gap_s: float = param(2.0, "longest gap between points of a track during which it counts as present, seconds")

    def __post_init__(self) -> None:
        if not self.bin_s >= 0.001:
            raise ValueError(f"bin_s is {self.bin_s}; a time bin needs a length above 0")


class Counts(TableOp):
    """Counts tracks in zones and over lines."""

    spec = OpSpec(
        name="counts",
        version=4,
        summary="People and things in zones and across lines, per time bin, with dwell times.",
        scope=Scope.CAMERA_DAY,
        reads=(
            Read("track_points", columns=(*_KEY, *BOX_COLUMNS, "segment_id", "interpolation_sigma_px")),
            Read("positions", columns=(*_KEY, "x_m", "y_m")),
            Read("ground_models", required=False, build_if_missing=True),
        ),
        writes=TABLE_NAMES,
        params=CountsParams,
        uses=("layers", "calibration"),
        memory_mb=3000,
    )
    params: CountsParams

    def run(self, unit: UnitContext, inputs: Tables, services: Services) -> Tables:  # noqa: ARG002
        """Gives ``counts``, ``flows``, ``zone_events`` and ``stays``.

        Raises:
            SiteError: a zone of a layer is called 'view'.
        """
        stretches = Stretches.of(unit.segments)
        day = Day(unit.camera.camera, _labels(inputs["track_points"]), Bins.of(stretches, self.params.bin_s))
        ground = known_ground(unit.camera, inputs)
        plane = ground.plane if ground is not None and ground.on_map else None
        by_space = _tracks_by_space(unit, inputs, stretches, self.params, plane)
        rows = DayRows(day)
        rows.add_presence((VIEW,), by_space["pixel"], by_space["pixel"].everywhere())
        features = _features_in_view(unit, plane)
        for space, tracks in by_space.items():
            zones = [each for each in features if each.space == space and each.kind is FeatureKind.ZONE]
            names = [zone.feature_id for zone in zones]
            shapes = [tracks.upright(zone) for zone in zones]
            for visits in find_visits(shapes, tracks.planar, tracks.margin, self.params.min_stay_s):
                rows.add_presence(names, tracks, visits)
                rows.add_passages(names, tracks, visits)
            for line in (each for each in features if each.space == space and each.kind is FeatureKind.LINE):
                crossed = crossings(tracks.upright(line), tracks.planar, tracks.margin, self.params.min_stay_s)
                rows.add_crossings(line.feature_id, tracks, crossed)
        return rows.tables()


def _tracks_by_space(
    unit: UnitContext, inputs: Tables, stretches: Stretches, params: CountsParams, plane: GroundPlane | None
) -> dict[str, SpaceTracks]:
    points, positions = inputs["track_points"], inputs["positions"]
    tracked, placed = Trajectories.from_table(points), Trajectories.from_table(positions)
    foot = turned_up(feet_of(points, tracked, unit.camera, unit.segments).pixels)
    drawn_px = unit.camera.image_size_px
    scale = np.ones(2) if plane is None or drawn_px is None else np.array(plane.size_px) / drawn_px

    def in_space(trajectories: Trajectories, at: Float64, margin: float, turned: bool) -> SpaceTracks:
        planar = PlanarTrajectories(trajectories.track, trajectories.time_us, at)
        end_us = point_ends(planar, stretches, params.max_gap_s)
        return SpaceTracks(trajectories, planar, end_us, margin, turned, plane, scale)

    return {
        "pixel": in_space(tracked, foot, params.margin_px, turned=True),
        "map": in_space(placed, placed.columns(positions, "x_m", "y_m"), params.margin_m, turned=False),
    }


def _labels(points: pa.Table) -> tuple[str, ...]:
    """Returns the classes of this day's tracks, and people in any case."""
    return tuple(sorted({"person", *pc.unique(points["label"]).to_pylist()}))


def _features_in_view(unit: UnitContext, plane: GroundPlane | None) -> list[Feature]:
    """Returns the zones and lines that this camera sees: it writes no zeros about what is out of its view."""
    frames_px = [(segment.width, segment.height) for segment in unit.segments]
    size_px = unit.camera.image_size_px or max(frames_px, default=(0, 0))
    mine = [feature for feature in unit.features if concerns(unit.camera, feature, plane)]
    for feature in mine:
        if feature.feature_id == VIEW and feature.kind is FeatureKind.ZONE:
            raise SiteError(f"layer {feature.layer}: a zone is called {VIEW!r}, which names the whole frame; rename it")
    hidden = {feature.feature_id for feature in zones_outside_view(unit.camera, mine, size_px, plane)}
    return [feature for feature in mine if feature.feature_id not in hidden]
