"""Op ``counts``: who was in which zone for how long, and who crossed which line, in time bins.

Bins are aligned to UTC: bin ``n`` begins ``n * bin_s`` after 1970 began, so no change to or from summer time splits,
doubles or drops one; bins that divide an hour begin on the local hour wherever clocks differ from UTC by whole hours.
Tables go by local day: a stay or a bin that midnight cuts has a part in each day's tables.
A track that begins within a zone has not entered it, nor left it when it ends there: tracks begin and end behind every
pillar, and doors would otherwise count double.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from shapely.geometry.base import BaseGeometry

from ops.bins import Bins, Stays, Stretches, find_stays, occupancy, point_ends
from ops.ground.feet import feet_of
from ops.ground.homography import GroundPlane
from ops.ground.places import known_ground
from ops.ground.project import to_ground
from ops.ground.view import concerns, zones_outside_view
from ops.trajectories import Trajectories
from ops.zones import Crossings, PlanarTrajectories, crossings, inside
from schemas.errors import SiteError
from schemas.op import OpSpec, Read, Scope, Services, TableOp, Tables, param
from schemas.tables import TABLES
from schemas.values import Bools, Feature, FeatureKind, Float64, Int64, UnitContext

VIEW = "view"
"""The zone that is the whole frame."""

DIRECTIONS = ("left_to_right", "right_to_left")


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
            Read("track_points"),
            Read("positions"),
            Read("ground_models", required=False, build_if_missing=True),
        ),
        writes=("counts", "flows", "zone_events", "stays"),
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
        frame = _Frame(unit, _labels(inputs["track_points"]), Bins.of(stretches, self.params.bin_s))
        ground = known_ground(unit.camera, inputs)
        plane = ground.plane if ground is not None and ground.on_map else None
        by_space = _tracks_by_space(unit, inputs, stretches, self.params, plane)
        pixels = by_space["pixel"]
        parts: dict[str, list[pa.Table]] = {name: [] for name in self.spec.writes}
        _add_presence(parts, frame, VIEW, pixels, np.ones(len(pixels.trajectories), dtype=np.bool_))
        for feature in _features_in_view(unit, plane):
            tracks = by_space[feature.space]
            if feature.kind is FeatureKind.ZONE:
                there = inside(tracks.upright(feature), tracks.planar, tracks.margin, self.params.min_stay_s)
                _add_presence(parts, frame, feature.feature_id, tracks, there)
                parts["zone_events"].append(_passage_rows(frame, feature.feature_id, tracks, there))
            else:
                crossed = crossings(tracks.upright(feature), tracks.planar, tracks.margin, self.params.min_stay_s)
                parts["flows"].append(_flow_rows(frame, feature.feature_id, tracks, crossed))
                parts["zone_events"].append(_cross_rows(frame, feature.feature_id, tracks, crossed))
        return {
            name: TABLES[name].conform(pa.concat_tables(tables)) if tables else TABLES[name].empty()
            for name, tables in parts.items()
        }


@dataclass(frozen=True, eq=False)
class _Frame:
    """What the rows of a day share: each of ``labels`` gets a row in every bin, also where nobody is there."""

    unit: UnitContext
    labels: tuple[str, ...]
    bins: Bins


@dataclass(frozen=True, eq=False)
class _SpaceTracks:
    """All tracks of a day in one space.

    Attributes:
        planar: metres, or pixels with the second axis turned up, so that left is left in both.
        end_us: ``(N,)``, until when each point represents its track.
        margin: in the units of ``planar``.
        plane: of the camera; None where it is not on the map.
        scale: ``(2,)``, from pixels to those of ``plane``: people are measured in frames, zones drawn in image_size.
    """

    trajectories: Trajectories
    planar: PlanarTrajectories
    end_us: Int64
    margin: float
    turned: bool
    plane: GroundPlane | None
    scale: Float64

    def upright(self, feature: Feature) -> BaseGeometry:
        """Returns a feature's geometry in the units of ``planar``."""
        return shapely.transform(feature.geometry, _turn) if self.turned else feature.geometry

    def on_ground(self, at: Float64) -> Float64:
        """Returns places ``(K, 2)`` in the site's CRS of points in the units of ``planar``; NaN where unknown."""
        if not self.turned:
            return at
        return np.full_like(at, np.nan) if self.plane is None else to_ground(self.plane, _turn(at) * self.scale)

    def labels(self, names: tuple[str, ...], point: Int64) -> Int64:
        """Returns the index of each point's label among ``names``."""
        number = np.array([names.index(label) for label in self.trajectories.labels], dtype=np.int64)
        return number[self.trajectories.label[point]]


def _turn(points: Float64) -> Float64:
    return np.asarray(points * np.array([1.0, -1.0]))


def _tracks_by_space(
    unit: UnitContext, inputs: Tables, stretches: Stretches, params: CountsParams, plane: GroundPlane | None
) -> dict[str, _SpaceTracks]:
    points, positions = inputs["track_points"], inputs["positions"]
    tracked, placed = Trajectories.from_table(points), Trajectories.from_table(positions)
    foot = _turn(feet_of(points, tracked, unit.camera, unit.segments).pixels)
    drawn_px = unit.camera.image_size_px
    scale = np.ones(2) if plane is None or drawn_px is None else np.array(plane.size_px) / drawn_px

    def in_space(trajectories: Trajectories, at: Float64, margin: float, turned: bool) -> _SpaceTracks:
        planar = PlanarTrajectories(trajectories.track, trajectories.time_us, at)
        end_us = point_ends(planar, stretches, params.max_gap_s)
        return _SpaceTracks(trajectories, planar, end_us, margin, turned, plane, scale)

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


def _add_presence(
    parts: dict[str, list[pa.Table]], frame: _Frame, zone: str, tracks: _SpaceTracks, there: Bools
) -> None:
    """Adds ``counts`` and ``stays`` of one zone, in which the points ``there`` lie."""
    stays = find_stays(there, tracks.planar, tracks.end_us)
    parts["counts"].append(_count_rows(frame, zone, tracks, stays))
    parts["stays"].append(_stay_rows(frame, zone, tracks, stays, there))


def _stay_rows(frame: _Frame, zone: str, tracks: _SpaceTracks, stays: Stays, there: Bools) -> pa.Table:
    """Returns ``stays`` of one zone. A gap in a track cuts a stay as the track's end does: nobody saw what happened."""
    trajectories, planar = tracks.trajectories, tracks.planar
    before, after = np.roll(there, 1), np.roll(there, -1)
    return TABLES["stays"].conform(
        {
            "camera": [frame.unit.camera.camera] * len(stays.point),
            "zone": [zone] * len(stays.point),
            "track_id": np.array(trajectories.tracks, dtype=object)[trajectories.track[stays.point]],
            "label": np.array(trajectories.labels, dtype=object)[trajectories.label[stays.point]],
            "start_time": stays.start_us,
            "end_time": stays.end_us,
            "dwell_s": (stays.end_us - stays.start_us) / 1e6,
            "cut_start": (planar.first | before)[stays.point],
            "cut_end": (planar.last | after)[stays.last],
        }
    )


def _count_rows(frame: _Frame, zone: str, tracks: _SpaceTracks, stays: Stays) -> pa.Table:
    """Returns ``counts`` of one zone: every label in every bin with footage."""
    bins, labels = frame.bins, frame.labels
    label = tracks.labels(labels, stays.point)
    found = occupancy(stays, label, tracks.trajectories.track[stays.point], len(labels), bins)
    rows = len(labels) * len(bins)
    observed_s = np.tile(bins.observed_us / 1e6, len(labels))
    dwell_s = found.dwell_us.ravel() / 1e6
    return TABLES["counts"].conform(
        {
            "camera": [frame.unit.camera.camera] * rows,
            "zone": [zone] * rows,
            "label": np.repeat(np.array(labels, dtype=object), len(bins)),
            "bin_start": np.tile(bins.start_us, len(labels)),
            "bin_s": np.full(rows, bins.width_us / 1e6),
            "observed_s": observed_s,
            "mean_count": dwell_s / observed_s,
            "max_count": found.most.ravel(),
            "distinct_tracks": found.distinct.ravel(),
            "dwell_s": dwell_s,
        }
    )


def _flow_rows(frame: _Frame, line: str, tracks: _SpaceTracks, crossed: Crossings) -> pa.Table:
    """Returns ``flows`` of one line: every label and direction in every bin with footage."""
    bins, labels = frame.bins, frame.labels
    label = tracks.labels(labels, crossed.point)
    # Rows run by label, then by direction, then by bin.
    cell = (label * 2 + ~crossed.rightwards) * len(bins) + bins.index_of(crossed.time_us)
    rows = len(labels) * 2 * len(bins)
    return TABLES["flows"].conform(
        {
            "camera": [frame.unit.camera.camera] * rows,
            "line": [line] * rows,
            "label": np.repeat(np.array(labels, dtype=object), 2 * len(bins)),
            "bin_start": np.tile(bins.start_us, 2 * len(labels)),
            "bin_s": np.full(rows, bins.width_us / 1e6),
            "direction": np.tile(np.repeat(np.array(DIRECTIONS, dtype=object), len(bins)), len(labels)),
            "crossings": np.bincount(cell, minlength=rows),
        }
    )


def _passage_rows(frame: _Frame, zone: str, tracks: _SpaceTracks, there: Bools) -> pa.Table:
    """Returns ``zone_events`` of one zone: each change of sides, and the length of the stay that an exit ends."""
    time_us = tracks.planar.time_us
    begins = tracks.planar.first | (there != np.roll(there, 1))
    changed = np.flatnonzero(begins & ~tracks.planar.first)
    began = np.maximum.accumulate(np.where(begins, np.arange(len(there)), 0))
    entered = there[changed]
    dwell_s = (time_us[changed] - time_us[began[changed - 1]]) / 1e6
    more = {
        "kind": np.where(entered, "enter", "exit").astype(object),
        "dwell_s": pa.array(np.where(entered, np.nan, dwell_s), from_pandas=True),
    }
    return _event_rows(frame, tracks, zone, changed, time_us[changed], tracks.planar.at[changed], more)


def _cross_rows(frame: _Frame, line: str, tracks: _SpaceTracks, crossed: Crossings) -> pa.Table:
    """Returns ``zone_events`` of one line."""
    direction = np.array(DIRECTIONS, dtype=object)[(~crossed.rightwards).astype(np.int64)]
    more = {"kind": ["cross"] * len(direction), "direction": direction}
    return _event_rows(frame, tracks, line, crossed.point, crossed.time_us, crossed.at, more)


def _event_rows(
    frame: _Frame, tracks: _SpaceTracks, feature: str, point: Int64, time_us: Int64, at: Float64, more: dict[str, Any]
) -> pa.Table:
    place = tracks.on_ground(at)
    return TABLES["zone_events"].conform(
        {
            "camera": [frame.unit.camera.camera] * len(point),
            "track_id": np.array(tracks.trajectories.tracks, dtype=object)[tracks.trajectories.track[point]],
            "label": np.array(tracks.trajectories.labels, dtype=object)[tracks.trajectories.label[point]],
            "feature": [feature] * len(point),
            "time": time_us,
            "x_m": pa.array(place[:, 0], from_pandas=True),
            "y_m": pa.array(place[:, 1], from_pandas=True),
            **more,
        }
    )
