"""Input and output of rules: tracks, zone events, static regions and bags of one camera-day; interactions."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ops.arrays import boxes_of, encode_column, float_column, float_columns, times_us
from ops.ground.feet import feet_of, frame_sizes_px, pixel_scale
from ops.trajectories import Trajectories
from schemas.op import Tables, param
from schemas.values import Bools, Float64, Int64, UnitContext

BAGS = ("backpack", "handbag", "suitcase")
PERSON = "person"

Evidence = Mapping[str, float | str | list[float]]


@dataclass(frozen=True)
class InteractionsParams:
    """Parameters of ``interactions``. Body heights are those of people's boxes, for cameras without calibration."""

    meet_m: float = param(1.2, "people closer than this may be meeting, metres")
    meet_heights: float = param(0.7, "the same without calibration, body heights")
    meet_speed_m_s: float = param(0.7, "largest relative speed of two who meet, metres per second")
    meet_speed_heights_s: float = param(0.4, "the same without calibration, body heights per second")
    meet_s: float = param(3.0, "least length of a meeting, seconds")
    meet_break_s: float = param(1.0, "longest break that does not end a meeting, seconds")
    owner_before_s: float = param(6.0, "time before a thing appears in which its owner was beside it, seconds")
    owner_after_s: float = param(2.0, "time after it appears in which its owner was beside it, seconds")
    owner_widths: float = param(1.0, "greatest distance of a thing's owner from it then, widths of the owner's box")
    away_m: float = param(2.5, "distance beyond which an owner is away, metres")
    away_heights: float = param(1.5, "the same without calibration, body heights of the owner")
    leave_s: float = param(10.0, "absence of its owner after which a thing is abandoned, seconds")
    same_overlap: float = param(0.5, "least overlap (IoU) of two static regions that are the same place")
    border_s: float = param(3.0, "distance to a segment's border within which a region continues in the next, seconds")


@dataclass(frozen=True)
class Interaction:
    """Who did what with whom: times in microseconds since 1970, evidence with units in its names.

    Attributes:
        place_m: where, in the site's CRS; None if that is not known.
    """

    verb: str
    subject: str
    subject_label: str
    object: str
    object_kind: str
    start_us: int
    end_us: int
    score: float
    evidence: Evidence
    place_m: tuple[float, float] | None = None


@dataclass(frozen=True, eq=False)
class Regions:
    """Static regions by start time, ``(R,)`` and ``(R, 4)``; ``segment`` is the segment's index in the day."""

    segment: Int64
    number: Int64
    first_us: Int64
    last_us: Int64
    box: Float64
    contrast: Float64


@dataclass(frozen=True, eq=False)
class Bags:
    """Detections of bags, ``(M,)`` and ``(M, 4)``."""

    time_us: Int64
    box: Float64


@dataclass(frozen=True, eq=False)
class Scene:
    """One camera-day. Boxes and feet are in pixels of the camera's ``image_size_px``, or of the frames without that.

    Attributes:
        trajectories: of ``track_points``.
        box, foot, place_m: ``(N, 4)``, ``(N, 2)`` and ``(N, 2)``, of each trajectory point.
        place_m: in the site's CRS; NaN where the point has no position.
        confidence: ``(T,)``, mean score of each track.
        frame_px: (width, height) that pixels are counted in.
        events: ``zone_events``.
    """

    unit: UnitContext
    params: InteractionsParams
    trajectories: Trajectories
    box: Float64
    foot: Float64
    place_m: Float64
    confidence: Float64
    frame_px: tuple[float, float]
    events: pa.Table
    regions: Regions
    bags: Bags

    @property
    def people(self) -> Bools:
        """``(N,)``, whether each point is a person's."""
        names = np.array([label == PERSON for label in self.trajectories.labels], dtype=np.bool_)
        return names[self.trajectories.label]

    @property
    def on_ground(self) -> bool:
        """Whether distances are known in metres."""
        return self.unit.camera.calibrated


def read_scene(unit: UnitContext, inputs: Tables, params: InteractionsParams) -> Scene:
    """Reads the scene from the input tables of ``interactions``."""
    points, detections = inputs["track_points"], inputs["detections"]
    bags = detections.filter(pc.is_in(detections["label"], pa.array(BAGS)))
    trajectories = Trajectories.from_table(points)
    frame_px = unit.camera.image_size_px or max(((s.width, s.height) for s in unit.segments), default=(1, 1))
    return Scene(
        unit,
        params,
        trajectories,
        _boxes(points, unit)[trajectories.row],
        feet_of(points, trajectories, unit.camera, unit.segments).pixels,
        _places(trajectories, inputs["positions"]),
        _confidence(trajectories, points),
        frame_px,
        inputs["zone_events"],
        _regions(inputs["static_regions"], unit),
        Bags(times_us(bags), _boxes(bags, unit)),
    )


def _boxes(rows: pa.Table, unit: UnitContext) -> Float64:
    scale = pixel_scale(frame_sizes_px(rows, unit.segments), unit.camera)
    return boxes_of(rows) * np.tile(scale, 2)


def _places(trajectories: Trajectories, positions: pa.Table) -> Float64:
    """Returns positions ``(N, 2)`` of trajectory points; NaN for points without one."""
    place_m = np.full((len(trajectories), 2), np.nan)
    if not positions.num_rows or not len(trajectories):
        return place_m
    names, track = encode_column(positions, "track_id")
    known = {name: code for code, name in enumerate(trajectories.tracks)}
    track = np.array([known.get(name, -1) for name in names], dtype=np.int64)[track]
    # Track and time as one integer, so that one search finds the points of all positions.
    begin_us = trajectories.time_us.min()
    width_us = trajectories.time_us.max() - begin_us + 1
    key = trajectories.track * width_us + (trajectories.time_us - begin_us)
    wanted = track * width_us + (times_us(positions) - begin_us)
    at = np.minimum(np.searchsorted(key, wanted), len(key) - 1)
    met = key[at] == wanted
    place_m[at[met]] = float_columns(positions, ["x_m", "y_m"])[met]
    return place_m


def _confidence(trajectories: Trajectories, points: pa.Table) -> Float64:
    score = trajectories.column(points, "confidence")
    seen = ~np.isnan(score)
    total = np.bincount(trajectories.track[seen], weights=score[seen], minlength=len(trajectories.tracks))
    return total / np.maximum(np.bincount(trajectories.track[seen], minlength=len(trajectories.tracks)), 1)


def _regions(table: pa.Table, unit: UnitContext) -> Regions:
    # A region cut short by the end of its segment may be a person who stands still.
    table = table.filter(pc.invert(pc.fill_null(table["short"], False)))
    names = pa.array([segment.segment_id for segment in unit.segments], type=pa.string())
    first_us = times_us(table, "first_time")
    segment = pc.index_in(table["segment_id"], names).to_numpy().astype(np.int64)
    number = float_column(table, "region").astype(np.int64)
    order = np.lexsort((number, segment, first_us))
    return Regions(
        segment[order],
        number[order],
        first_us[order],
        times_us(table, "last_time")[order],
        _boxes(table, unit)[order],
        float_column(table, "contrast")[order],
    )
