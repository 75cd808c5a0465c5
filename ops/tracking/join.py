"""Joins tracklets that are one person or thing, seen before and after it was hidden.

The joins of the least total cost (``join_costs.py``) are made, one to one (Hungarian). Short gaps come first, so that a
nearly certain join does not lose its partner to a distant one, and long gaps see longer tracklets.
"""

from typing import NamedTuple

import numpy as np

from ops.tracking.certainty import join_probability
from ops.tracking.detections import Detections, Tracklet
from ops.tracking.join_costs import JoinPairs, join_pairs
from schemas.values import Float64

STEPS = (0.1, 0.25, 0.5, 1.0)
"""Shares of the longest gap up to which tracklets are joined, one after the other."""


class Join(NamedTuple):
    """Two detections with a gap between them, and the probability that both show the same person or thing, 0..1."""

    before: int
    after: int
    probability: float


def join(
    detections: Detections, tracklets: list[Tracklet], max_gap_s: float, alike_gap_s: float
) -> tuple[list[Tracklet], list[Join]]:
    """Returns tracklets joined, and the joins.

    Args:
        detections: of one kind of thing.
        tracklets: in any order.
        max_gap_s: longest gap.
        alike_gap_s: longest gap where the colours of both tracklets are known.
    """
    longest_s = max(max_gap_s, alike_gap_s)
    joins: list[Join] = []
    for share in STEPS:
        limit_s = share * longest_s
        tracklets = detections.in_order(tracklets)
        pairs = join_pairs(detections, tracklets, limit_s)
        allowed_s = np.where(pairs.by_colours, min(limit_s, alike_gap_s), min(limit_s, max_gap_s))
        pairs = pairs.take((pairs.cost < 0) & (pairs.gap_s <= allowed_s))
        chosen = cheapest_joins(pairs, len(tracklets))
        joins += [
            Join(int(tracklets[before][-1]), int(tracklets[after][0]), probability)
            for (before, after), probability in chosen.items()
        ]
        tracklets = _follow(tracklets, dict(iter(chosen)))
    return tracklets, joins


def cheapest_joins(pairs: JoinPairs, tracklets: int) -> dict[tuple[int, int], float]:
    """Returns the joins of least total cost, one to one, with the probability that each is right.

    Args:
        pairs: that are worth joining.
        tracklets: number of all tracklets.

    Returns:
        The probability, 0..1, by numbers of the tracklet before and of that after the gap.
    """
    if not len(pairs.cost):
        return {}
    from scipy.optimize import linear_sum_assignment
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    # Each group of tracklets that may be joined with each other is solved by itself: a crowd has thousands.
    graph = coo_array((np.ones(len(pairs.cost)), (pairs.before, pairs.after + tracklets)), (2 * tracklets,) * 2)
    _, group = connected_components(graph, directed=False)
    made: list[int] = []
    for number in np.unique(group[pairs.before]):
        chosen = np.flatnonzero(group[pairs.before] == number)
        ends, row = np.unique(pairs.before[chosen], return_inverse=True)
        heads, column = np.unique(pairs.after[chosen], return_inverse=True)
        # Not to be joined costs nothing.
        costs = np.zeros((len(ends), len(heads)))
        costs[row, column] = pairs.cost[chosen]
        matched = set(zip(*(side.tolist() for side in linear_sum_assignment(costs)), strict=True))
        made += [
            int(at)
            for at, pair in zip(chosen, zip(row.tolist(), column.tolist(), strict=True), strict=True)
            if pair in matched
        ]
    sure = join_probability(pairs.cost[made], _rivals(pairs)[made])
    names = zip(pairs.before[made].tolist(), pairs.after[made].tolist(), strict=True)
    return dict(zip(names, sure.tolist(), strict=True))


def _rivals(pairs: JoinPairs) -> Float64:
    """Returns for each pair the cost of the cheapest other pair with one of its two ends; 0 without one."""
    rivals = np.zeros(len(pairs.cost))
    for ends in (pairs.before, pairs.after):
        order = np.lexsort((pairs.cost, ends))
        first = np.searchsorted(ends[order], ends)  # place of the cheapest pair of each end
        cheapest = order[first]
        second = order[np.minimum(first + 1, len(order) - 1)]
        other = np.where(cheapest == np.arange(len(ends)), second, cheapest)
        is_other = (ends[other] == ends) & (other != np.arange(len(ends)))
        rivals = np.minimum(rivals, np.where(is_other, pairs.cost[other], 0.0))
    return rivals


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
