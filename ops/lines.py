"""Finds when trajectories cross lines.

With hysteresis, as a Schmitt trigger has it: a line counts as crossed only when a track is farther than a margin beyond
it, so that jitter on the line is no event.
"""

from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from ops.arrays import latest_in_run
from ops.trajectories import PlanarTrajectories
from schemas.values import Bools, Float64, Int64

BISECTIONS = 30
"""Halvings of a step: a hundred metres become less than a micrometre."""


@dataclass(frozen=True, eq=False)
class Crossings:
    """Crossings of one line.

    Attributes:
        point: ``(K,)``, the trajectory point after each crossing.
        time_us: ``(K,)``, interpolated.
        at: ``(K, 2)``, where on the line.
        rightwards: ``(K,)``, from the left side to the right side as seen along the line.
    """

    point: Int64
    time_us: Int64
    at: Float64
    rightwards: Bools


def crossings(line: BaseGeometry, tracks: PlanarTrajectories, margin: float, min_stay_s: float = 0.0) -> Crossings:
    """Returns the crossings of a line.

    A track crosses when it was farther than ``margin`` from the line, passed it on its own length (not on its
    extension), and came farther than ``margin`` from it on the other side. Going back and forth counts each time that
    both margins are passed; but a crossing and the one back within ``min_stay_s`` cancel out: nobody turns so fast, and
    two tracks that exchange their people on the line do so again and again.
    """
    passages = _passages(line, tracks)
    if not passages.sign.any():
        return Crossings(*(np.zeros(0, dtype=np.int64),) * 2, np.zeros((0, 2)), np.zeros(0, dtype=np.bool_))
    # Only points beyond the margin tell sides. What lies between two of them is one attempt to cross.
    far = np.flatnonzero(_is_far(line, tracks.at, margin))
    before, after = far[:-1], far[1:]
    same = tracks.track[before] == tracks.track[after]
    before, after = before[same], after[same]
    # The net of all passages of an attempt decides, so that jitter on the line cancels out.
    total = np.cumsum(passages.sign)
    net = np.sign(total[after] - total[before])
    # The crossing is dated by the last passage in the net's direction.
    point = np.where(net > 0, _latest(passages.sign > 0, tracks)[after], _latest(passages.sign < 0, tracks)[after])
    met = np.flatnonzero(net != 0)
    before, after, net, point = before[met], after[met], net[met], point[met]
    crossed = passages.edges[passages.edge[point]]
    found = _interpolate(tracks, point, crossed, net > 0)
    # Around the end of a line and back to the same side is no crossing, though its net is not zero. Sides are taken
    # where the margin begins and ends, not at the points themselves: those depend on the frame rate.
    direct = (after == before + 1)[:, None]
    entry = _edge_of_margin(line, tracks.at[before], np.where(direct, found.at, tracks.at[before + 1]), margin)
    leave = _edge_of_margin(line, tracks.at[after], np.where(direct, found.at, tracks.at[after - 1]), margin)
    kept = np.flatnonzero((_left(crossed, entry) > 0) != (_left(crossed, leave) > 0))
    kept = kept[_stays(found.time_us[kept], found.rightwards[kept], tracks.track[found.point[kept]], min_stay_s)]
    return Crossings(found.point[kept], found.time_us[kept], found.at[kept], found.rightwards[kept])


def _stays(time_us: Int64, rightwards: Bools, track: Int64, min_stay_s: float) -> Bools:
    """Marks the crossings ``(K,)`` that the same track does not take back within a time."""
    kept = np.ones(len(track), dtype=np.bool_)
    open_crossings: list[int] = []
    for number in range(len(track)):
        before = open_crossings[-1] if open_crossings else -1
        if (
            before >= 0
            and track[before] == track[number]
            and rightwards[before] != rightwards[number]
            and time_us[number] - time_us[before] < min_stay_s * 1e6
        ):
            kept[[before, number]] = False
            open_crossings.pop()
        else:
            open_crossings.append(number)
    return kept


def _is_far(line: BaseGeometry, at: Float64, margin: float) -> Bools:
    """Marks the points farther than a margin from a line."""
    shapely.prepare(line)
    low_x, low_y, high_x, high_y = line.bounds
    above, below = at >= (low_x - margin, low_y - margin), at <= (high_x + margin, high_y + margin)
    # Most of a day's points are nowhere near, and need not become geometries.
    near = np.flatnonzero(above.all(axis=1) & below.all(axis=1))
    far = np.ones(len(at), dtype=np.bool_)
    far[near] = ~shapely.dwithin(line, shapely.points(at[near]), margin)
    return far


def _edge_of_margin(line: BaseGeometry, far: Float64, near: Float64, margin: float) -> Float64:
    """Returns where steps ``(K, 2)`` from beyond a line's margin to within it pass the margin's edge, just outside."""
    for _ in range(BISECTIONS):
        middle = (far + near) / 2
        beyond = _is_far(line, middle, margin)[:, None]
        far, near = np.where(beyond, middle, far), np.where(beyond, near, middle)
    return far


@dataclass(frozen=True, eq=False)
class _Passages:
    """Raw passages of a line, jitter included.

    Attributes:
        sign: ``(N,)`` on the step to each point: 1 rightwards, -1 leftwards, 0 none.
        edge: ``(N,)`` number of the line's edge that the step passed last.
        edges: ``(S, 2, 2)`` the line's edges.
    """

    sign: Int64
    edge: Int64
    edges: Float64


def _passages(line: BaseGeometry, tracks: PlanarTrajectories) -> _Passages:
    parts = [shapely.get_coordinates(part) for part in shapely.get_parts(line)]
    edges = np.concatenate([np.stack([part[:-1], part[1:]], axis=1) for part in parts])
    sign = np.zeros(len(tracks.track), dtype=np.int64)
    edge = np.zeros(len(tracks.track), dtype=np.int64)
    steps = np.flatnonzero(~tracks.first)
    low = np.minimum(tracks.at[steps - 1], tracks.at[steps])
    high = np.maximum(tracks.at[steps - 1], tracks.at[steps])
    for number, ends in enumerate(edges):
        near = steps[((high >= ends.min(axis=0)) & (low <= ends.max(axis=0))).all(axis=1)]
        start, end = tracks.at[near - 1], tracks.at[near]
        ends = np.broadcast_to(ends, (len(near), 2, 2))  # noqa: PLW2901
        # A point on the line counts as right of it, here and below, so that a step that ends on the line and the one
        # that begins there pass it once together.
        was_left, is_left = _left(ends, start) > 0, _left(ends, end) > 0
        # A corner of the line lies on one side of the step for both edges that meet there: it is passed once.
        step = np.stack([start, end], axis=1)
        between = (_left(step, ends[:, 0]) > 0) != (_left(step, ends[:, 1]) > 0)
        passed = between & (was_left != is_left)
        sign[near[passed]] += np.where(was_left[passed], 1, -1)
        edge[near[passed]] = number
    return _Passages(sign, edge, edges)


def _left(edges: Float64, points: Float64) -> Float64:
    """Returns a number ``(N,)``, positive where a point ``(N, 2)`` lies left of its edge ``(N, 2, 2)``."""
    along, away = edges[:, 1] - edges[:, 0], points - edges[:, 0]
    return np.asarray(along[:, 0] * away[:, 1] - along[:, 1] * away[:, 0])


def _latest(chosen: Bools, tracks: PlanarTrajectories) -> Int64:
    return latest_in_run(np.where(chosen, np.arange(len(chosen)), -1), tracks.first)


def _interpolate(tracks: PlanarTrajectories, point: Int64, edges: Float64, rightwards: Bools) -> Crossings:
    """Returns the crossings of edges on the steps to points, their time and place exact to the step."""
    start, end = tracks.at[point - 1], tracks.at[point]
    away, left = _left(edges, start), _left(edges, end)
    share = away / (away - left)
    step_us = tracks.time_us[point] - tracks.time_us[point - 1]
    time_us = tracks.time_us[point - 1] + np.round(share * step_us).astype(np.int64)
    return Crossings(point, time_us, start + share[:, None] * (end - start), rightwards)
