"""Chooses the boxes and steps of people that show where a camera's ground is: whole, upright, walking, of many people.

Boxes are averaged over seconds, which evens out strides and the detector's error. Nobody counts twice at one place, so
that somebody who stands all day weighs no more than a passer-by.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ops.arrays import boxes_of, encode_column, run_starts, times_us
from ops.ground.feet import EDGE_PX, frame_sizes_px
from ops.ground.people import PeopleBoxes
from schemas.values import Bools, Float64, Int64, Segment

LEAST_HEIGHT_PX = 16.0
UPRIGHT = (1.5, 5.0)
"""Heights of boxes of standing people by their widths."""

HIDDEN_SHARE = 0.1
"""Share of a box that somebody nearer may cover."""

LEAST_WAY = 1.0
"""How far a track's feet must get, in heights of its box, to be of somebody who walks."""

CELLS = 24
"""Rows and columns of the grid on whose cells nobody counts twice."""

MOST_TRACKS, MOST_OF_TRACK, MOST_OF_CELL, MOST_STEPS = 200, 12, 12, 24
"""Most tracks of a day, most boxes of one track and on one cell, and most steps of one track."""

STEP_S = 3
"""Length of a step, seconds: short enough to be straight, long enough that errors of feet matter little."""

FOOT_SHARE = 0.03
"""Standard deviation of feet averaged over a second, as a share of the box's height."""


def model_size_px(segments: Sequence[Segment]) -> tuple[int, int]:
    """Returns the size of a camera's pictures with square pixels: that of the largest frames of its segments."""
    largest = max(segments, key=lambda segment: segment.width * segment.height)
    return round(largest.width * float(largest.pixel_aspect)), largest.height


def choose_people(points: pa.Table, segments: Sequence[Segment]) -> PeopleBoxes:
    """Returns boxes and steps of people in rows of ``track_points``; none where nobody walks in full view."""
    size_px = model_size_px(segments)
    rows = points.filter(pc.and_(pc.equal(points["label"], "person"), pc.equal(points["state"], "observed")))
    if not rows.num_rows:
        return _nobody(size_px)
    seconds = _Seconds.of(rows, segments, size_px)
    seconds = seconds.take(seconds.whole & ~_hidden(seconds) & _walks(seconds))
    if not len(seconds.track):
        return _nobody(size_px)
    seconds = seconds.take(_some_tracks(seconds.track))
    box_rows = _spread(seconds, size_px)
    begin, end = _steps(seconds)
    foot = seconds.foot
    return PeopleBoxes(
        size_px,
        seconds.box[box_rows],
        seconds.track[box_rows],
        np.stack([foot[begin], foot[end]], axis=1),
        (seconds.time_s[end] - seconds.time_s[begin]),
        np.maximum(FOOT_SHARE * seconds.height_px[begin], 1.0),
        seconds.track[begin],
    )


class _Seconds:
    """Mean boxes of tracks over whole seconds, by track and then time.

    Attributes:
        track, second: ``(N,)``; seconds since 1970.
        time_s: ``(N,)``, mean time of the boxes, from the first.
        box: ``(N, 4)``.
        whole: ``(N,)``, whether no edge of the frame cuts any of the boxes, and all are upright.
    """

    def __init__(self, track: Int64, second: Int64, time_s: Float64, box: Float64, whole: Bools) -> None:
        self.track, self.second, self.time_s, self.box, self.whole = track, second, time_s, box, whole

    @classmethod
    def of(cls, rows: pa.Table, segments: Sequence[Segment], size_px: tuple[int, int]) -> "_Seconds":
        """Averages the boxes of a table, scaled to pictures of one size."""
        track, time_us = encode_column(rows, "track_id")[1], times_us(rows)
        order = np.lexsort((time_us, track))
        track, time_us = track[order], time_us[order]
        frame = frame_sizes_px(rows, segments)[order]
        box = boxes_of(rows)[order]
        cut = (box[:, :2] < EDGE_PX).any(axis=1) | (box[:, 2:] > frame - EDGE_PX).any(axis=1)
        box = box * np.tile(np.array(size_px) / frame, 2)
        width, height = (box[:, 2:] - box[:, :2]).T
        upright = (height >= LEAST_HEIGHT_PX) & (height >= UPRIGHT[0] * width) & (height <= UPRIGHT[1] * width)
        second = time_us // 1_000_000
        start = np.flatnonzero(run_starts(track) | run_starts(second))
        count = np.diff(start, append=len(track))
        since_s = (time_us - time_us.min()) / 1e6
        return cls(
            track[start],
            second[start],
            np.add.reduceat(since_s, start) / count,
            np.add.reduceat(box, start) / count[:, None],
            np.logical_and.reduceat(upright & ~cut, start),
        )

    def take(self, chosen: Bools) -> "_Seconds":
        """Returns some of them, with tracks numbered anew."""
        track = np.unique(self.track[chosen], return_inverse=True)[1].reshape(-1)
        return _Seconds(track, self.second[chosen], self.time_s[chosen], self.box[chosen], self.whole[chosen])

    @property
    def foot(self) -> Float64:
        """Returns the middle of the lower edges ``(N, 2)``."""
        return np.column_stack([(self.box[:, 0] + self.box[:, 2]) / 2, self.box[:, 3]])

    @property
    def height_px(self) -> Float64:
        """Returns heights ``(N,)``."""
        return self.box[:, 3] - self.box[:, 1]


def _nobody(size_px: tuple[int, int]) -> PeopleBoxes:
    none, numbers = np.zeros(0), np.zeros(0, np.int64)
    return PeopleBoxes(size_px, np.zeros((0, 4)), numbers, np.zeros((0, 2, 2)), none, none, numbers)


def _hidden(seconds: _Seconds) -> Bools:
    """Marks boxes ``(N,)`` that somebody in front covers in part in the same second."""
    order = np.argsort(seconds.second, kind="stable")
    second, box = seconds.second[order], seconds.box[order]
    hidden = np.zeros(len(order), dtype=np.bool_)
    area = (box[:, 2:] - box[:, :2]).prod(axis=1)
    for step in range(1, len(order)):
        early, late = slice(None, -step), slice(step, None)
        together = second[early] == second[late]
        if not together.any():
            break
        low, high = np.maximum(box[early, :2], box[late, :2]), np.minimum(box[early, 2:], box[late, 2:])
        shared = np.where(together, np.clip(high - low, 0, None).prod(axis=1), 0)
        in_front = box[late, 3] > box[early, 3]
        hidden[early] |= in_front & (shared > HIDDEN_SHARE * area[early])
        hidden[late] |= ~in_front & (shared > HIDDEN_SHARE * area[late])
    found = np.zeros_like(hidden)
    found[order] = hidden
    return found


def _walks(seconds: _Seconds) -> Bools:
    """Marks boxes ``(N,)`` of tracks that get somewhere."""
    start = np.flatnonzero(run_starts(seconds.track))
    foot = seconds.foot
    way = np.hypot(*(np.maximum.reduceat(foot, start) - np.minimum.reduceat(foot, start)).T)
    count = np.diff(start, append=len(seconds.track))
    typical = np.add.reduceat(seconds.height_px, start) / count
    return np.repeat(way >= LEAST_WAY * typical, count)


def _some_tracks(track: Int64) -> Bools:
    """Marks boxes ``(N,)`` of as many tracks as are used, evenly among all."""
    tracks = int(track.max()) + 1
    used = np.zeros(tracks, dtype=np.bool_)
    used[np.linspace(0, tracks - 1, min(tracks, MOST_TRACKS)).astype(np.int64)] = True
    return np.asarray(used[track])


def _spread(seconds: _Seconds, size_px: tuple[int, int]) -> Int64:
    """Returns rows of boxes: one of a track on a cell, not too many of a track, and not too many on a cell."""
    column, row = (seconds.foot / np.array(size_px) * CELLS).astype(np.int64).clip(0, CELLS - 1).T
    cell = row * CELLS + column
    kept = np.unique(seconds.track * CELLS**2 + cell, return_index=True)[1]
    kept = np.sort(kept)
    kept = kept[_evenly(seconds.track[kept], MOST_OF_TRACK)]
    order = np.argsort(cell[kept], kind="stable")
    return np.sort(kept[order[_evenly(cell[kept][order], MOST_OF_CELL)]])


def _steps(seconds: _Seconds) -> tuple[Int64, Int64]:
    """Returns rows where steps begin and end: of one track each, without a pause, evenly among its time.

    They overlap: which second a step begins at is chance.
    """
    run = np.cumsum(run_starts(seconds.track) | (np.diff(seconds.second, prepend=seconds.second[0]) != 1)) - 1
    number = np.arange(len(run)) - np.flatnonzero(run_starts(run))[run]
    end = np.flatnonzero(number >= STEP_S)
    end = end[_evenly(seconds.track[end], MOST_STEPS)]
    return end - STEP_S, end


def _evenly(group: Int64, most: int) -> Bools:
    """Marks at most so many elements ``(N,)`` of each run of equal values, evenly among them."""
    if not len(group):
        return np.zeros(0, dtype=np.bool_)
    start = np.flatnonzero(run_starts(group))
    count = np.diff(start, append=len(group))
    size = np.repeat(count, count)
    number = np.arange(len(group)) - np.repeat(start, count)
    wanted = np.minimum(size, most)
    # Element i of n is one of m that are kept where the whole part of i m / n rises.
    return np.asarray((number * wanted // size != (number - 1) * wanted // size) | (number == 0))
