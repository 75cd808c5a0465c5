"""Finds pairs of tracks that are near each other at the same time."""

import numpy as np

from schemas.values import Float64, Int64


def near_pairs(moment: Int64, place_m: Float64, reach_m: float, neighbours: int) -> tuple[Int64, Int64]:
    """Returns the rows ``(P,)`` of both of each pair, the first below the second.

    A crowd of n has n(n - 1) / 2 pairs. So a pair counts only if one is among the nearest ``neighbours`` of the other:
    n times ``neighbours`` at most.

    Args:
        moment: ``(N,)``, ascending; rows of one moment are compared.
        place_m: ``(N, 2)``.
        reach_m: greatest distance.
        neighbours: of a row, at most.
    """
    first, second = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for step in range(1, len(moment)):
        rows = np.flatnonzero(moment[step:] == moment[:-step])
        if not len(rows):
            break
        rows = rows[np.hypot(*(place_m[rows + step] - place_m[rows]).T) <= reach_m]
        first.append(rows)
        second.append(rows + step)
    one, other = np.concatenate(first), np.concatenate(second)
    order = np.lexsort((other, one))
    one, other = one[order], other[order]
    kept = _among_nearest(one, other, np.hypot(*(place_m[other] - place_m[one]).T), neighbours)
    return one[kept], other[kept]


def _among_nearest(one: Int64, other: Int64, distance: Float64, neighbours: int) -> Int64:
    """Returns the indices of the pairs in which one is among the other's nearest."""
    row, facing = np.concatenate([one, other]), np.concatenate([other, one])
    pair = np.tile(np.arange(len(one)), 2)
    order = np.lexsort((facing, np.tile(distance, 2), row))
    row = row[order]
    rank = np.arange(len(row)) - np.searchsorted(row, row)
    return np.unique(pair[order][rank < neighbours])
