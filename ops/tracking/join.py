"""Joins tracklets that are one person or thing, seen before and after it was hidden.

The end of one tracklet and the beginning of another are carried towards each other by their own velocities. How far
they miss, how much they differ in height and in the colours of clothes, and how long the gap is, make a cost. The joins
of the least total cost are made, one to one (Hungarian). Short gaps come first, so that a nearly certain join does not
lose its partner to a distant one, and long gaps see longer tracklets.
"""

import numpy as np

from ops.tracking.colours import SIZE, colour_distances, mean_colours
from ops.tracking.detections import Detections, Tracklet
from ops.tracking.ends import TrackletEnd
from schemas.values import Float32, Float64, Int64

MISS, DRIFT = 0.25, 0.4
"""Standard deviation of the miss: in box sizes, and what each second of the gap adds."""

HEIGHT = 0.2
"""Standard deviation of the logarithm of the ratio of heights."""

GAP = 0.5
"""Cost of each second of a gap."""

ALIKE, COLOURS = 0.06, 40.0
"""Distance of colours at which they say nothing, and cost of a distance: below it they speak for a join. Measured-real
on PETS and TUD-Campus: half of a person's tracklets are within .03 of each other, of two people's within .15."""

WORTH = 1.0
"""Cost below which a join is made."""

STEPS = (0.1, 0.25, 0.5, 1.0)
"""Shares of the longest gap up to which tracklets are joined, one after the other."""

SUREST = 16
"""Number of a tracklet's surest boxes whose colours count."""


def join(detections: Detections, tracklets: list[Tracklet], max_gap_s: float, alike_gap_s: float) -> list[Tracklet]:
    """Returns tracklets joined.

    Args:
        detections: of one kind of thing.
        tracklets: in any order.
        max_gap_s: longest gap.
        alike_gap_s: longest gap where the colours of both tracklets are known.
    """
    longest_s = max(max_gap_s, alike_gap_s)
    for share in STEPS:
        limit_s = share * longest_s
        tracklets = _joined(detections, tracklets, min(limit_s, max_gap_s), min(limit_s, alike_gap_s))
    return tracklets


def _joined(detections: Detections, tracklets: list[Tracklet], max_gap_s: float, alike_gap_s: float) -> list[Tracklet]:
    tracklets = detections.in_order(tracklets)
    before, after, cost = _pairs(detections, tracklets, max_gap_s, alike_gap_s)
    if not len(cost):
        return tracklets
    from scipy.optimize import linear_sum_assignment
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    # Each group of tracklets that may be joined with each other is solved by itself: a crowd has thousands.
    count = len(tracklets)
    graph = coo_array((np.ones(len(cost)), (before, after + count)), (2 * count, 2 * count))
    _, group = connected_components(graph, directed=False)
    following: dict[int, int] = {}
    for number in np.unique(group[before]):
        (chosen,) = np.nonzero(group[before] == number)
        ends, row = np.unique(before[chosen], return_inverse=True)
        heads, column = np.unique(after[chosen], return_inverse=True)
        # Not to be joined costs nothing.
        costs = np.zeros((len(ends), len(heads)))
        costs[row, column] = cost[chosen]
        for end, head in zip(*linear_sum_assignment(costs), strict=True):
            if costs[end, head] < 0:
                following[int(ends[end])] = int(heads[head])
    return _follow(tracklets, following)


def _pairs(
    detections: Detections, tracklets: list[Tracklet], max_gap_s: float, alike_gap_s: float
) -> tuple[Int64, Int64, Float64]:
    """Returns the pairs that are worth joining: which ends, which begins, and the cost, below 0, ``(P,)`` each."""
    tails = [TrackletEnd(detections, tracklet, -1) for tracklet in tracklets]
    heads = [TrackletEnd(detections, tracklet, 0) for tracklet in tracklets]
    gaps_s = np.array([head.time_s for head in heads]) - np.array([tail.time_s for tail in tails])[:, None]
    before, after = np.nonzero((gaps_s > 0) & (gaps_s <= max(max_gap_s, alike_gap_s)))
    gap_s = gaps_s[before, after]
    colours = _colours(detections, tracklets)
    apart = colour_distances(colours[before], colours[after])
    known = ~np.isnan(apart)
    velocity = (_each(tails, "velocity")[before] + _each(heads, "velocity")[after]) / 2
    size, later_size = _each(tails, "size")[before], _each(heads, "size")[after]
    landing = _each(tails, "place")[before] + velocity * gap_s[:, None]
    unit_px = np.sqrt(((size + later_size) / 2).prod(axis=1))
    miss = np.linalg.norm(landing - _each(heads, "place")[after], axis=1) / unit_px
    cost = (miss / (MISS + DRIFT * gap_s)) ** 2 / 2 + (np.log(size[:, 1] / later_size[:, 1]) / HEIGHT) ** 2 / 2
    cost += GAP * gap_s - WORTH + np.where(known, COLOURS * (apart - ALIKE), 0.0)
    worth = (cost < 0) & (gap_s <= np.where(known, alike_gap_s, max_gap_s))
    return before[worth], after[worth], cost[worth]


def _each(ends: list[TrackletEnd], name: str) -> Float64:
    """Returns an attribute of all ends, ``(N, 2)``."""
    return np.array([getattr(end, name) for end in ends], np.float64).reshape(-1, 2)


def _colours(detections: Detections, tracklets: list[Tracklet]) -> Float32:
    """Returns the mean colours of each tracklet's surest boxes, ``(N, SIZE)``."""
    if detections.colours is None or not tracklets:
        return np.zeros((len(tracklets), SIZE), np.float32)
    means = []
    for tracklet in tracklets:
        known = tracklet[detections.colours[tracklet].any(axis=1)]
        surest = known[np.argsort(-detections.confidence[known], kind="stable")[:SUREST]]
        means.append(mean_colours(detections.colours[surest]))
    return np.stack(means)


def _follow(tracklets: list[Tracklet], following: dict[int, int]) -> list[Tracklet]:
    """Concatenates tracklets along ``following``, from each that follows no other."""
    joined = []
    for first in sorted(set(range(len(tracklets))) - set(following.values())):
        parts, number = [tracklets[first]], first
        while number in following:
            number = following[number]
            parts.append(tracklets[number])
        joined.append(np.concatenate(parts))
    return joined
