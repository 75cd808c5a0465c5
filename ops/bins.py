"""Time bins: how much of each was observed, and how long and how many tracks stayed somewhere in it."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ops.arrays import datetime_us, run_starts
from ops.trajectories import PlanarTrajectories
from schemas.values import Bools, Int64, Segment


@dataclass(frozen=True, eq=False)
class Stretches:
    """Stretches of time covered by footage without a gap, ``(M,)`` each, in order, none touching the next."""

    start_us: Int64
    end_us: Int64

    @classmethod
    def of(cls, segments: Iterable[Segment]) -> "Stretches":
        """Returns the union of segments: files may overlap."""
        spans: list[list[int]] = []
        for start, end in sorted((datetime_us(segment.start), datetime_us(segment.end)) for segment in segments):
            if spans and start <= spans[-1][1]:
                spans[-1][1] = max(spans[-1][1], end)
            elif end > start:
                spans.append([start, end])
        start_us, end_us = np.array(spans, dtype=np.int64).reshape(-1, 2).T
        return cls(start_us, end_us)

    def end_after(self, time_us: Int64) -> Int64:
        """Returns the end of the stretch that each time lies in; the time itself where it lies in none."""
        if not len(self.start_us):
            return time_us
        place = np.searchsorted(self.start_us, time_us, side="right") - 1
        return np.where(place >= 0, np.maximum(self.end_us[place], time_us), time_us)


@dataclass(frozen=True, eq=False)
class Bins:
    """The bins in which there is footage.

    Attributes:
        width_us: length of a bin.
        number: ``(B,)``, rising; bin ``n`` begins ``n * width_us`` after 1970 began, UTC.
        observed_us: ``(B,)``, observed part of each, above 0.
    """

    width_us: int
    number: Int64
    observed_us: Int64

    @classmethod
    def of(cls, stretches: Stretches, width_s: float) -> "Bins":
        """Returns the bins that stretches of footage touch."""
        width_us = round(width_s * 1e6)
        _, number, start_us, end_us = cut(stretches.start_us, stretches.end_us, width_us)
        distinct, place = np.unique(number, return_inverse=True)
        observed = np.zeros(len(distinct), dtype=np.int64)
        np.add.at(observed, place, end_us - start_us)
        return cls(width_us, distinct, observed)

    def __len__(self) -> int:
        return len(self.number)

    @property
    def start_us(self) -> Int64:
        """``(B,)``, start of each bin, microseconds since 1970."""
        return self.number * self.width_us

    def index_of(self, time_us: Int64) -> Int64:
        """Returns the index of the bin of each time; of the last bin before it where a time is outside all of them."""
        return np.clip(np.searchsorted(self.number, time_us // self.width_us, side="right") - 1, 0, None)


@dataclass(frozen=True, eq=False)
class Stays:
    """Spans of time that tracks spend somewhere, ``(K,)`` each; ``point`` and ``last`` are its first and last point."""

    point: Int64
    last: Int64
    start_us: Int64
    end_us: Int64


@dataclass(frozen=True, eq=False)
class Occupancy:
    """Occupancy of groups in bins, ``(groups, bins)`` each: time spent, largest number at once, distinct tracks."""

    dwell_us: Int64
    most: Int64
    distinct: Int64


def point_ends(tracks: PlanarTrajectories, stretches: Stretches, max_gap_s: float) -> Int64:
    """Returns until when, from its own time on, each point represents its track, ``(N,)``, microseconds.

    Until the next point, unless that is more than ``max_gap_s`` away; then, and at a track's end, for as long as the
    point before did. Never beyond the end of the footage, so that nobody is present while nothing is observed.
    """
    time_us, first = tracks.time_us, tracks.first
    gap = np.diff(time_us, append=time_us[-1:])
    gap[tracks.last] = -1  # the last of its track has no next point
    known = (gap >= 0) & (gap <= max_gap_s * 1e6)
    # A last point has no step of its own, so it takes the one before; a track of one point lasts a microsecond.
    before = np.where(~first & np.roll(known, 1), np.roll(gap, 1), 0)
    end_us = np.minimum(time_us + np.where(known, gap, before), stretches.end_after(time_us))
    return np.maximum(end_us, time_us + 1)


def find_stays(there: Bools, tracks: PlanarTrajectories, end_us: Int64) -> Stays:
    """Returns the stays: points that are ``there`` and follow each other without a break, until ``end_us``, joined."""
    point, start_us = np.flatnonzero(there), tracks.time_us
    if not len(point):
        nothing = np.zeros(0, dtype=np.int64)
        return Stays(nothing, nothing, nothing, nothing)
    begins = run_starts(tracks.track[point])
    begins[1:] |= (np.diff(point) > 1) | (end_us[point[:-1]] < start_us[point[1:]])
    begin = np.flatnonzero(begins)
    last = point[np.append(begin[1:], len(point)) - 1]
    return Stays(point[begin], last, start_us[point[begin]], end_us[last])


def occupancy(stays: Stays, group: Int64, track: Int64, groups: int, bins: Bins) -> Occupancy:
    """Returns time spent, largest number at once and distinct tracks, for each group and bin.

    Args:
        stays: spans of time.
        group: ``(K,)`` number of the group of each span, below ``groups``.
        track: ``(K,)`` number of the track of each span.
        groups: how many groups there are.
        bins: the bins.
    """
    span, number, start_us, end_us = cut(stays.start_us, stays.end_us, bins.width_us)
    bin_index = np.clip(np.searchsorted(bins.number, number), 0, max(len(bins) - 1, 0))
    cell = group[span] * len(bins) + bin_index
    shape = (groups, len(bins))
    dwell = np.zeros(groups * len(bins), dtype=np.int64)
    np.add.at(dwell, cell, end_us - start_us)
    # Each track counts once per cell, however often it comes back.
    who = np.unique(np.column_stack([cell, track[span]]), axis=0)
    distinct = np.bincount(who[:, 0], minlength=groups * len(bins))
    most = _most_at_once(cell, start_us, end_us, groups * len(bins))
    return Occupancy(dwell.reshape(shape), most.reshape(shape), distinct.reshape(shape))


def cut(start_us: Int64, end_us: Int64, width_us: int) -> tuple[Int64, Int64, Int64, Int64]:
    """Cuts spans at the borders of bins: the span, the bin's number, and start and end of each piece, ``(P,)`` each."""
    lowest, highest = start_us // width_us, (end_us - 1) // width_us
    pieces = highest - lowest + 1
    span = np.repeat(np.arange(len(start_us)), pieces)
    # The second and third term count the pieces of each span from 0.
    number = lowest[span] + np.arange(len(span)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    return (
        span,
        number,
        np.maximum(start_us[span], number * width_us),
        np.minimum(end_us[span], (number + 1) * width_us),
    )


def _most_at_once(cell: Int64, start_us: Int64, end_us: Int64, cells: int) -> Int64:
    """Returns the largest number of pieces of each cell that overlap; one that ends as another begins does not."""
    most = np.zeros(cells, dtype=np.int64)
    if not len(cell):
        return most
    change = np.concatenate([np.ones(len(cell), dtype=np.int64), -np.ones(len(cell), dtype=np.int64)])
    cell, time_us = np.concatenate([cell, cell]), np.concatenate([start_us, end_us])
    order = np.lexsort((change, time_us, cell))  # at equal times, departures before arrivals
    present, cell = np.cumsum(change[order]), cell[order]
    begin = np.flatnonzero(run_starts(cell))
    most[cell[begin]] = np.maximum.reduceat(present, begin)
    return most
