"""Input and output of rules: the tracks, things at rest and zone events of one camera-day; interactions."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from ops.arrays import boxes_of, datetime_us, encode_column, float_columns, times_us
from ops.ground.feet import pixel_scale
from ops.ground.places import KnownGround, known_ground, known_places
from ops.ground.project import to_ground
from ops.interactions.params import InteractionsParams
from ops.trajectories import Trajectories
from schemas.op import Tables
from schemas.values import Bools, Float64, Int64, UnitContext

PERSON = "person"
BAGS = ("backpack", "handbag", "suitcase")
VEHICLES = ("car", "truck", "bus")

PAUSE_US = 250_000
"""Time between two segments from which the recording pauses."""

Evidence = Mapping[str, float | str | list[float] | list[list[float]]]


@dataclass(frozen=True)
class Interaction:
    """Who did what with whom: times in microseconds since 1970, evidence with units in its names.

    Attributes:
        object: id of a track, zone or static object; None for what somebody does alone.
        object_kind: ``track``, ``zone``, ``static_object`` or ``none``.
        rule: name and version of what found it.
        place_m: where, in the site's CRS; None if that is not known.
    """

    verb: str
    subject: str
    subject_label: str
    object: str | None
    object_kind: str
    object_label: str | None
    start_us: int
    end_us: int
    score: float
    evidence: Evidence
    rule: str
    place_m: tuple[float, float] | None = None


@dataclass(frozen=True)
class Thing:
    """One stay of a thing at rest: a row of ``static_objects``.

    Attributes:
        name: its static_id.
        label: its class; None if no detector names it.
        box: ``(4,)``.
        start_us, end_us: first and last time at which it was there.
        came_us, left_us: when it came and went; None if that was not seen.
        came_error_us, left_error_us: how far off these may be.
        sureness: 0..1, that it is a thing.
    """

    name: str
    label: str | None
    box: Float64
    start_us: int
    end_us: int
    came_us: int | None
    left_us: int | None
    came_error_us: int
    left_error_us: int
    sureness: float
    place_m: tuple[float, float] | None


@dataclass(frozen=True, eq=False)
class Scene:
    """One camera-day. Boxes and feet are in pixels of the camera's ``image_size_px``, or of the frames without that.

    Attributes:
        day_us: first moment that rows are wanted of; before it lies the end of the day before.
        trajectories: of ``track_points``.
        segment, pts: frame of each trajectory point: index into ``segment_names``, and PTS.
        box, foot, place_m: ``(N, 4)``, ``(N, 2)`` and ``(N, 2)``, of each trajectory point.
        place_m: in the metres of ``ground``; NaN where the point has no position.
        variance_m2: ``(N,)``, of a coordinate of the place, the mean of both.
        confidence: ``(T,)``, mean score of each track.
        frame_px: (width, height) that pixels are counted in.
        events: ``zone_events``.
        things: by start.
        extra: all inputs.
        ground: of the camera; None where nobody knows it.
    """

    unit: UnitContext
    params: InteractionsParams
    day_us: int
    trajectories: Trajectories
    segment_names: tuple[str, ...]
    segment: Int64
    pts: Int64
    box: Float64
    foot: Float64
    place_m: Float64
    variance_m2: Float64
    confidence: Float64
    frame_px: tuple[float, float]
    events: pa.Table
    things: tuple[Thing, ...]
    extra: Tables
    ground: KnownGround | None

    @cached_property
    def people(self) -> Bools:
        """``(N,)``, whether each point is a person's."""
        names = np.array([label == PERSON for label in self.trajectories.labels], dtype=np.bool_)
        return names[self.trajectories.label]

    @cached_property
    def by_motion(self) -> Bools:
        """``(T,)``, which tracks motion found, for lack of a detector."""
        tracks = self.extra["tracks"]
        rows = zip(tracks["track_id"].to_pylist(), tracks["source"].to_pylist(), strict=True)
        found = {name for name, source in rows if source == "motion"}
        return np.array([name in found for name in self.trajectories.tracks], np.bool_)

    @property
    def on_ground(self) -> bool:
        """Whether distances are known in metres."""
        return self.ground is not None

    @property
    def on_map(self) -> bool:
        """Whether these metres are those of the site's CRS."""
        return self.ground is not None and self.ground.on_map

    def places_of(self, foot: Float64) -> Float64:
        """Returns the places on the ground ``(N, 2)`` of feet ``(N, 2)`` in the scene's pixels; NaN if unknown."""
        if self.ground is None:
            return np.full_like(foot, np.nan)
        plane = self.ground.plane
        return to_ground(plane, foot * (np.array(plane.size_px) / self.frame_px))

    @cached_property
    def bounds(self) -> Int64:
        """``(T + 1,)``: the points of track t are ``bounds[t]`` to ``bounds[t + 1]``, the last one excluded."""
        return np.searchsorted(self.trajectories.track, np.arange(len(self.trajectories.tracks) + 1))

    @cached_property
    def pauses_us(self) -> Int64:
        """``(K, 2)``: when the recording pauses, and goes on."""
        segments = sorted(self.unit.segments, key=lambda segment: segment.start)
        found: list[tuple[int, int]] = []
        until_us = datetime_us(segments[0].end) if segments else 0
        for segment in segments[1:]:
            if datetime_us(segment.start) - until_us > PAUSE_US:
                found.append((until_us, datetime_us(segment.start)))
            until_us = max(until_us, datetime_us(segment.end))
        return np.array(found, np.int64).reshape(-1, 2)

    @cached_property
    def begins_us(self) -> Int64:
        """``(K + 1,)``: when the recording begins, and goes on after pauses."""
        first = [min(datetime_us(segment.start) for segment in self.unit.segments)] if self.unit.segments else []
        return np.array([*first, *self.pauses_us[:, 1].tolist()], np.int64)

    def recorded_us(self, time_us: Int64) -> Int64:
        """Returns times ``(N,)`` on a clock that stands while the recording pauses."""
        if not len(self.pauses_us):
            return time_us
        starts, ends = self.pauses_us.T
        before = np.searchsorted(starts, time_us, side="right")
        paused = np.concatenate([[0], np.cumsum(ends - starts)])[before]
        # Within a pause, the rest of it has not passed yet.
        rest = np.maximum(np.concatenate([[0], ends])[before] - time_us, 0)
        return np.asarray(time_us - paused + rest)

    def points_of(self, track: int) -> Int64:
        """Returns the points of a track, by time."""
        return np.arange(self.bounds[track], self.bounds[track + 1])

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The class of each track."""
        trajectories = self.trajectories
        return tuple(trajectories.labels[trajectories.label[first]] for first in self.bounds[:-1])


def read_scene(unit: UnitContext, inputs: Tables, params: InteractionsParams, day_us: int) -> Scene:
    """Reads the scene from the input tables of ``interactions``.

    Args:
        day_us: first moment that rows are wanted of.
    """
    points = inputs["track_points"]
    trajectories = Trajectories.from_table(points)
    frame_px = unit.camera.image_size_px or max(((s.width, s.height) for s in unit.segments), default=(1, 1))
    names, segment = encode_column(points, "segment_id")
    place_m, variance_m2 = _places(trajectories, known_places(inputs))
    box = (boxes_of(points) * frame_scale(points["segment_id"], unit))[trajectories.row]
    scene = Scene(
        unit,
        params,
        day_us,
        trajectories,
        names,
        segment[trajectories.row],
        points["pts"].to_numpy().astype(np.int64)[trajectories.row],
        box,
        np.column_stack([(box[:, 0] + box[:, 2]) / 2, box[:, 3]]),
        place_m,
        variance_m2,
        _confidence(trajectories, points),
        frame_px,
        inputs["zone_events"],
        _things(inputs["static_objects"], unit),
        inputs,
        known_ground(unit.camera, inputs),
    )
    if scene.ground is not None and scene.ground.measured:
        # The ground of the day before is another measurement: all of a scene is on one.
        before = trajectories.time_us < day_us
        place_m[before] = scene.places_of(scene.foot[before])
    return scene


def frame_scale(segments: pa.ChunkedArray, unit: UnitContext) -> Float64:
    """Returns the factors ``(N, 4)`` from the pixels of frames to those of ``image_size_px``.

    Segments of the day before, of which sizes are not known, count as large as the first of this day.
    """
    sizes = {segment.segment_id: (segment.width, segment.height) for segment in unit.segments}
    first = next(iter(sizes.values()), (1, 1))
    frame_px = np.array([sizes.get(name, first) for name in segments.to_pylist()], np.float64).reshape(-1, 2)
    return np.tile(pixel_scale(frame_px, unit.camera), 2)


def _places(trajectories: Trajectories, positions: pa.Table) -> tuple[Float64, Float64]:
    """Returns positions ``(N, 2)`` of trajectory points and their variance ``(N,)``; NaN for points without one."""
    found = np.full((len(trajectories), 3), np.nan)
    if not positions.num_rows or not len(trajectories):
        return found[:, :2], found[:, 2]
    names, track = encode_column(positions, "track_id")
    known = {name: code for code, name in enumerate(trajectories.tracks)}
    track = np.array([known.get(name, -1) for name in names], dtype=np.int64)[track]
    # Track and time as one integer, so that one search finds the points of all positions.
    begin_us = trajectories.time_us.min()
    width_us = trajectories.time_us.max() - begin_us + 1
    key = trajectories.track * width_us + (trajectories.time_us - begin_us)
    wanted = track * width_us + (times_us(positions) - begin_us)
    at = np.minimum(np.searchsorted(key, wanted), len(key) - 1)
    met = (key[at] == wanted) & (track >= 0)
    columns = float_columns(positions, ["x_m", "y_m", "var_x_m2", "var_y_m2"])[met]
    found[at[met]] = np.column_stack([columns[:, :2], columns[:, 2:].mean(axis=1)])
    return found[:, :2], found[:, 2]


def _confidence(trajectories: Trajectories, points: pa.Table) -> Float64:
    score = trajectories.column(points, "confidence")
    seen = ~np.isnan(score)
    total = np.bincount(trajectories.track[seen], weights=score[seen], minlength=len(trajectories.tracks))
    return total / np.maximum(np.bincount(trajectories.track[seen], minlength=len(trajectories.tracks)), 1)


def _things(table: pa.Table, unit: UnitContext) -> tuple[Thing, ...]:
    sizes = pa.chunked_array([pa.array([""] * table.num_rows, pa.string())])
    boxes = boxes_of(table) * frame_scale(sizes, unit)
    start_us, end_us = times_us(table, "start_time"), times_us(table, "end_time")
    errors_us = np.nan_to_num(float_columns(table, ["came_error_s", "left_error_s"])) * 1e6
    found = [
        Thing(
            row["static_id"],
            row["label"],
            boxes[number],
            int(start_us[number]),
            int(end_us[number]),
            row["came_time"] and datetime_us(row["came_time"]),
            row["left_time"] and datetime_us(row["left_time"]),
            int(errors_us[number, 0]),
            int(errors_us[number, 1]),
            row["confidence"],
            None if row["x_m"] is None else (row["x_m"], row["y_m"]),
        )
        for number, row in enumerate(table.to_pylist())
    ]
    return tuple(sorted(found, key=lambda thing: (thing.start_us, thing.name)))
