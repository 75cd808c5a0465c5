"""Zones entered and left, and lines crossed, by trajectories: with hysteresis, so that jitter on a border is no event."""

from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from ops.arrays import latest_in_run, run_starts
from schemas.values import Bools, Float64, Int64

BISECTIONS = 30
"""Halvings of a step: a hundred metres become less than a micrometre."""


@dataclass(frozen=True, eq=False)
class PlanarTrajectories:
    """Trajectories in a plane, one after the other.

    Attributes:
        track: ``(N,)`` number of the path that each point is of; points of one path stand together.
        time_us: ``(N,)``, rising within a path.
        at: ``(N, 2)``, in the units of the geometries that it is compared with, second axis up.
    """

    track: Int64
    time_us: Int64
    at: Float64

    @property
    def first(self) -> Bools:
        """``(N,)``, whether a point is its path's first."""
        return run_starts(self.track)

    @property
    def last(self) -> Bools:
        """``(N,)``, whether a point is its path's last."""
        return np.roll(self.first, -1)


@dataclass(frozen=True, eq=False)
class Crossings:
    """Crossings of one line.

    Attributes:
        point: ``(K,)``, the planar's point that each crossing comes next before.
        time_us: ``(K,)``, interpolated.
        at: ``(K, 2)``, where on the line.
        rightwards: ``(K,)``, from the left side to the right side as seen along the line.
    """

    point: Int64
    time_us: Int64
    at: Float64
    rightwards: Bools


def inside(zone: BaseGeometry, planar: PlanarTrajectories, margin: float, min_stay_s: float) -> Bools:
    """Whether each point counts as inside a zone, ``(N,)``.

    A path changes sides only once it is farther than ``margin`` beyond the border and then stays for ``min_stay_s``;
    the change is dated back to when it passed the border itself. A path that never leaves the margin counts as where
    it spends most of its points. In a zone too small for the margin, half of the way to its middle is enough.
    """
    if not len(planar.track):
        return np.zeros(0, dtype=np.bool_)
    zone = shapely.make_valid(zone)
    within = _contains(zone, planar.at)
    surely_in = _contains(zone.buffer(-min(margin, _reach(zone) / 2)), planar.at)
    surely_out = ~_contains(zone.buffer(margin), planar.at)
    first = planar.first
    side = _fill(within, surely_in | surely_out, first, otherwise=_mostly(within, first))
    side = _date_back(side, within, first)
    return _without_short_stays(side, planar, min_stay_s)


def crossings(line: BaseGeometry, planar: PlanarTrajectories, margin: float) -> Crossings:
    """Crossings of a line by trajectories.

    A path crosses when it was farther than ``margin`` from the line, passed it on its own length (not on its
    extension), and came farther than ``margin`` from it on the other side. To and fro counts each time that both
    margins are passed. The net of all passages in between decides, so that jitter on the line cancels out.
    """
    passing = _passages(line, planar)
    far = np.flatnonzero(_is_far(line, planar.at, margin))
    before, after = far[:-1], far[1:]
    same = planar.track[before] == planar.track[after]
    before, after = before[same], after[same]
    total = np.cumsum(passing.sign)
    net = np.sign(total[after] - total[before])
    point = np.where(net > 0, _latest(passing.sign > 0, planar)[after], _latest(passing.sign < 0, planar)[after])
    met = np.flatnonzero(net != 0)
    before, after, net, point = before[met], after[met], net[met], point[met]
    crossed = passing.edges[passing.edge[point]]
    found = _interpolate(planar, point, crossed, net > 0)
    # Round the end of a line and back to the same side is no crossing, though the net is not nought. Sides are told
    # where the margin begins and ends, not at the points themselves: those depend on how often one looks.
    direct = (after == before + 1)[:, None]
    entry = _edge_of_margin(line, planar.at[before], np.where(direct, found.at, planar.at[before + 1]), margin)
    leave = _edge_of_margin(line, planar.at[after], np.where(direct, found.at, planar.at[after - 1]), margin)
    there = np.flatnonzero((_left(crossed, entry) > 0) != (_left(crossed, leave) > 0))
    return Crossings(found.point[there], found.time_us[there], found.at[there], found.rightwards[there])


def _is_far(line: BaseGeometry, at: Float64, margin: float) -> Bools:
    """Which points are farther than a margin from a line."""
    shapely.prepare(line)
    low_x, low_y, high_x, high_y = line.bounds
    around = (at >= (low_x - margin, low_y - margin)).all(axis=1) & (at <= (high_x + margin, high_y + margin)).all(
        axis=1
    )
    near = np.flatnonzero(around)  # most of a day's points are nowhere near, and need not become geometries
    far = np.ones(len(at), dtype=np.bool_)
    far[near] = ~shapely.dwithin(line, shapely.points(at[near]), margin)
    return far


def _edge_of_margin(line: BaseGeometry, far: Float64, near: Float64, margin: float) -> Float64:
    """Where the way ``(K, 2)`` from beyond a line's margin to within it passes the margin's edge, just outside."""
    for _ in range(BISECTIONS):
        middle = (far + near) / 2
        beyond = _is_far(line, middle, margin)[:, None]
        far, near = np.where(beyond, middle, far), np.where(beyond, near, middle)
    return far


@dataclass(frozen=True, eq=False)
class _Passages:
    """Raw passages: ``sign`` ``(N,)`` 1 rightwards, -1 leftwards on the step to each point; ``edge`` ``(N,)`` of the
    line's ``edges`` ``(S, 2, 2)`` that the last of them passed."""

    sign: Int64
    edge: Int64
    edges: Float64


def _passages(line: BaseGeometry, planar: PlanarTrajectories) -> _Passages:
    parts = [shapely.get_coordinates(part) for part in shapely.get_parts(line)]
    edges = np.concatenate([np.stack([part[:-1], part[1:]], axis=1) for part in parts])
    sign = np.zeros(len(planar.track), dtype=np.int64)
    edge = np.zeros(len(planar.track), dtype=np.int64)
    steps = np.flatnonzero(~planar.first)
    low = np.minimum(planar.at[steps - 1], planar.at[steps])
    high = np.maximum(planar.at[steps - 1], planar.at[steps])
    for number, ends in enumerate(edges):
        near = steps[((high >= ends.min(axis=0)) & (low <= ends.max(axis=0))).all(axis=1)]
        start, end = planar.at[near - 1], planar.at[near]
        ends = np.broadcast_to(ends, (len(near), 2, 2))  # noqa: PLW2901
        was_left, is_left = _left(ends, start) > 0, _left(ends, end) > 0
        # A corner of the line lies on one side of the step for both edges that meet there: it is passed once.
        step = np.stack([start, end], axis=1)
        between = (_left(step, ends[:, 0]) > 0) != (_left(step, ends[:, 1]) > 0)
        passed = between & (was_left != is_left)
        sign[near[passed]] += np.where(was_left[passed], 1, -1)
        edge[near[passed]] = number
    return _Passages(sign, edge, edges)


def _left(edges: Float64, points: Float64) -> Float64:
    """Positive where a point ``(N, 2)`` lies to the left of its edge ``(N, 2, 2)``, looking along it."""
    along, away = edges[:, 1] - edges[:, 0], points - edges[:, 0]
    side: Float64 = along[:, 0] * away[:, 1] - along[:, 1] * away[:, 0]
    return side


def _latest(chosen: Bools, planar: PlanarTrajectories) -> Int64:
    return latest_in_run(np.where(chosen, np.arange(len(chosen)), -1), planar.first)


def _interpolate(planar: PlanarTrajectories, point: Int64, edges: Float64, rightwards: Bools) -> Crossings:
    start, end = planar.at[point - 1], planar.at[point]
    away, left = _left(edges, start), _left(edges, end)
    share = away / (away - left)
    time_us = planar.time_us[point - 1] + np.round(share * (planar.time_us[point] - planar.time_us[point - 1])).astype(
        np.int64
    )
    return Crossings(point, time_us, start + share[:, None] * (end - start), rightwards)


def _contains(zone: BaseGeometry, at: Float64) -> Bools:
    shapely.prepare(zone)
    found: Bools = shapely.contains_xy(zone, at[:, 0], at[:, 1])
    return found


def _reach(zone: BaseGeometry) -> float:
    """Radius of the largest circle in a zone."""
    return 0.0 if zone.area == 0 else float(shapely.maximum_inscribed_circle(zone).length)


def _mostly(within: Bools, first: Bools) -> Bools:
    """For each point, whether most points of its path are inside."""
    path = np.cumsum(first) - 1
    share = np.bincount(path, weights=within) / np.bincount(path)
    mostly: Bools = (share >= 0.5)[path]
    return mostly


def _date_back(side: Bools, within: Bools, first: Bools) -> Bools:
    """Moves each change of sides back to the point from which the path was beyond the border without a break."""
    number = np.arange(len(side))
    changed = np.flatnonzero(~first & (side != np.roll(side, 1)))
    opposite = np.where(
        side[changed],
        latest_in_run(np.where(within, -1, number), first)[changed],
        latest_in_run(np.where(within, number, -1), first)[changed],
    )
    since = first.copy()
    since[opposite + 1] = True
    value = np.where(first, side, False)
    value[opposite + 1] = side[changed]
    dated: Bools = value[np.maximum.accumulate(np.where(since, number, 0))]
    return dated


def _without_short_stays(side: Bools, planar: PlanarTrajectories, min_stay_s: float) -> Bools:
    """Stays on one side that are too short become part of what was before, or of what comes after."""
    first = planar.first
    begin = np.flatnonzero(first | (side != np.roll(side, 1)))
    last = np.flatnonzero(planar.last)
    # A stay ends where the next one begins, or at the last point of its path.
    end = np.minimum(np.append(begin[1:], len(side) - 1), last[np.searchsorted(last, begin)])
    long = planar.time_us[end] - planar.time_us[begin] >= min_stay_s * 1e6
    stay = np.cumsum(first | (side != np.roll(side, 1))) - 1
    at_first = side[np.maximum.accumulate(np.where(first, np.arange(len(side)), 0))]
    return _fill(side, long[stay], first, otherwise=at_first)


def _fill(values: Bools, known: Bools, first: Bools, otherwise: Bools) -> Bools:
    """Unknown values become the last known one of their path, else the next known one, else ``otherwise``."""
    number = np.arange(len(values))
    earlier = latest_in_run(np.where(known, number, -1), first)
    last = np.roll(first, -1)
    mirrored = latest_in_run(np.where(known[::-1], number, -1), last[::-1])[::-1]
    later = len(values) - 1 - mirrored
    filled: Bools = np.where(
        earlier >= 0, values[earlier], np.where(mirrored >= 0, values[later % len(values)], otherwise)
    )
    return filled
