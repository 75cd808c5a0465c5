"""Finds when trajectories enter and leave zones: of all zones of a day at once.

With hysteresis, as a Schmitt trigger has it: a border counts as passed only when a track is farther than a margin
beyond it, so that jitter on the border is no event.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from ops.arrays import latest_in_run
from ops.trajectories import PlanarTrajectories
from schemas.values import Bools, Float64, Int64

POINTS_AT_ONCE = 2_000_000
"""Points of tracks near zones that are looked at together: about 0.3 GB."""


@dataclass(frozen=True, eq=False)
class Visits:
    """The tracks that come near zones, and which of their points count as inside: zone by zone, track by track.

    Attributes:
        zones: which of the zones these are.
        zone: ``(P,)`` number of each point's zone among all zones.
        point: ``(P,)`` number of each point among those of all tracks.
        tracks: the same points, one track for each pair of a zone and a track that comes near it.
        inside: ``(P,)``, whether a point counts as inside its zone.
    """

    zones: range
    zone: Int64
    point: Int64
    tracks: PlanarTrajectories
    inside: Bools


def find_visits(
    zones: Sequence[BaseGeometry],
    tracks: PlanarTrajectories,
    margin: float,
    min_stay_s: float,
    points_at_once: int = POINTS_AT_ONCE,
) -> Iterator[Visits]:
    """Yields the visits of all zones, in their order, several zones at once.

    A track changes sides only once it is farther than ``margin`` beyond the border and then stays for ``min_stay_s``;
    the change is dated back to the passing of the border itself. A track that never leaves the margin counts as where
    most of its points are. In a zone too small for the margin, half of the way to its middle is enough. A track that
    stays farther away than the margin is no visit.

    Args:
        points_at_once: number of points beyond which zones go into the next visits; memory grows with it.
    """
    finder, found, points = _NearTracks(tracks), list[_NearPoints](), 0
    borders = [_borders(zone, margin) for zone in zones]
    begin = 0
    for number, border in enumerate(borders, 1):
        found.append(finder.near(border))
        points += len(found[-1].point)
        if points >= points_at_once or number == len(borders):
            yield _visits(range(begin, number), borders, found, tracks, min_stay_s)
            begin, found, points = number, [], 0


@dataclass(frozen=True, eq=False)
class _Borders:
    """A zone's border, and those of its margin to both sides; prepared, so that each test of a point is a look-up.

    Attributes:
        low, high: ``(2,)`` corners of the box around all three.
    """

    zone: BaseGeometry
    inner: BaseGeometry
    outer: BaseGeometry
    low: Float64
    high: Float64


# A buffer takes longer than a day's points, and the zones of the next day are the same.
@lru_cache(maxsize=4096)
def _borders(zone: BaseGeometry, margin: float) -> _Borders:
    zone = shapely.make_valid(zone)
    inner, outer = zone.buffer(-min(margin, _inner_radius(zone) / 2)), zone.buffer(margin)
    shapely.prepare([zone, inner, outer])
    box = shapely.total_bounds([zone, inner, outer])
    return _Borders(zone, inner, outer, box[:2], box[2:])


class _NearPoints(NamedTuple):
    """All points of the tracks that come near a zone, and which of them are in the box around its margin."""

    point: Int64
    in_box: Bools


class _NearTracks:
    """Finds the tracks that come near a zone: most of a day's are nowhere near, and need no geometry."""

    def __init__(self, tracks: PlanarTrajectories) -> None:
        first = tracks.first
        self._x, self._y = np.ascontiguousarray(tracks.at.T)
        self._track = np.cumsum(first) - 1
        self._begin = np.flatnonzero(first)
        self._length = np.diff(self._begin, append=len(first))

    def near(self, borders: _Borders) -> _NearPoints:
        """Returns the points of tracks with a point in the box around a zone's margin."""
        x, y, low, high = self._x, self._y, borders.low, borders.high
        in_box = (x >= low[0]) & (x <= high[0]) & (y >= low[1]) & (y <= high[1])
        track = np.unique(self._track[in_box])
        length = self._length[track]
        # The first point of each track, and on from there.
        point = np.repeat(self._begin[track] - np.cumsum(length) + length, length) + np.arange(length.sum())
        return _NearPoints(point, in_box[point])


def _visits(
    zones: range,
    borders: Sequence[_Borders],
    found: Sequence[_NearPoints],
    tracks: PlanarTrajectories,
    min_stay_s: float,
) -> Visits:
    zone = np.repeat(np.array(zones), [len(each.point) for each in found])
    point = np.concatenate([each.point for each in found])
    in_box = np.flatnonzero(np.concatenate([each.in_box for each in found]))

    def contains(shape: str) -> Bools:
        shapes = np.array([getattr(each, shape) for each in borders], dtype=object)
        marked, at = np.zeros(len(point), dtype=np.bool_), tracks.at[point[in_box]]
        marked[in_box] = shapely.contains_xy(shapes[zone[in_box]], at[:, 0], at[:, 1])
        return marked

    near = PlanarTrajectories(np.cumsum(tracks.first[point]) - 1, tracks.time_us[point], tracks.at[point])
    there = settled(contains("zone"), contains("inner"), ~contains("outer"), near, min_stay_s)
    return Visits(zones, zone, point, near, there)


def settled(within: Bools, surely_in: Bools, surely_out: Bools, tracks: PlanarTrajectories, min_stay_s: float) -> Bools:
    """Returns the points ``(N,)`` that count as inside, of those within a border and those beyond its margin."""
    if not len(within):
        return within
    first = tracks.first
    # Between the two thresholds a point keeps the side of the last sure one: that is the hysteresis.
    side = _fill(within, surely_in | surely_out, first, otherwise=_majority(within, first))
    side = _date_back(side, within, first)
    return _without_short_stays(side, tracks, min_stay_s)


def _inner_radius(zone: BaseGeometry) -> float:
    """Returns the radius of the largest circle in a zone."""
    return 0.0 if zone.area == 0 else float(shapely.maximum_inscribed_circle(zone).length)


def _majority(within: Bools, first: Bools) -> Bools:
    """Returns for each point whether most points of its track are inside."""
    track = np.cumsum(first) - 1
    share = np.bincount(track, weights=within) / np.bincount(track)
    return np.asarray((share >= 0.5)[track])


def _date_back(side: Bools, within: Bools, first: Bools) -> Bools:
    """Moves each change of sides back to the point from which the track stayed beyond the border itself."""
    number = np.arange(len(side))
    changed = np.flatnonzero(~first & (side != np.roll(side, 1)))
    # The last point still on the old side of the border; the change belongs right after it.
    opposite = np.where(
        side[changed],
        latest_in_run(np.where(within, -1, number), first)[changed],
        latest_in_run(np.where(within, number, -1), first)[changed],
    )
    # A stretch on one side begins at a first point or right after such a point, and its side lasts from there on.
    since = first.copy()
    since[opposite + 1] = True
    value = np.where(first, side, False)
    value[opposite + 1] = side[changed]
    return np.asarray(value[np.maximum.accumulate(np.where(since, number, 0))])


def _without_short_stays(side: Bools, tracks: PlanarTrajectories, min_stay_s: float) -> Bools:
    """Joins stays that are too short to the stay before, or at a track's start to the one after."""
    first = tracks.first
    begin = np.flatnonzero(first | (side != np.roll(side, 1)))
    last = np.flatnonzero(tracks.last)
    # A stay ends where the next one begins, or at the last point of its track.
    end = np.minimum(np.append(begin[1:], len(side) - 1), last[np.searchsorted(last, begin)])
    long = tracks.time_us[end] - tracks.time_us[begin] >= min_stay_s * 1e6
    stay = np.cumsum(first | (side != np.roll(side, 1))) - 1
    at_first = side[np.maximum.accumulate(np.where(first, np.arange(len(side)), 0))]
    return _fill(side, long[stay], first, otherwise=at_first)


def _fill(values: Bools, known: Bools, first: Bools, otherwise: Bools) -> Bools:
    """Replaces unknown values by the last known one of their track, else the next known one, else ``otherwise``."""
    number = np.arange(len(values))
    earlier = latest_in_run(np.where(known, number, -1), first)
    # The next known value is the latest one of the array read backwards, where a track's last point is its first.
    mirrored = latest_in_run(np.where(known[::-1], number, -1), np.roll(first, -1)[::-1])[::-1]
    later = len(values) - 1 - mirrored
    filled: Bools = np.where(
        earlier >= 0, values[earlier], np.where(mirrored >= 0, values[later % len(values)], otherwise)
    )
    return filled
