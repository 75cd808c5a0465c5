"""Fits local straight lines through points in time: smoothing without lag, and velocity, at any frame rate."""

from typing import NamedTuple

import numpy as np

from schemas.values import Float64, Int64


class LocalLines(NamedTuple):
    """Lines through the neighbours of each point.

    Attributes:
        value: ``(N, K)``, of each point's line at its own time.
        slope: ``(N, K)`` per second, NaN where a track has no second point in reach.
        time_var_s2: ``(N,)``, weighted variance of the neighbours' times; NaN where slopes are.
    """

    value: Float64
    slope: Float64
    time_var_s2: Float64


def local_line(time_us: Int64, values: Float64, weight: Float64, track: Int64, half_window_s: float) -> LocalLines:
    """Fits a line to the neighbours of each point, weighted by nearness in time (Cleveland, LOESS, JASA 1979).

    Args:
        time_us: ``(N,)``, rising within a track.
        values: ``(N, K)``.
        weight: ``(N,)``, trust in each point, above 0.
        track: ``(N,)``, points of one track are adjacent; neighbours are of the same track.
        half_window_s: greatest distance of a neighbour in time.
    """
    # Weighted sums around each point of 1 and y, of t and ty, and of t2; t counts from the point's own time.
    columns = np.vstack([np.ones(len(values)), values.T])
    plain, tilted, spread = weight * columns, np.zeros_like(columns), np.zeros(len(values))
    # Neighbours by rank, nearest first: sums stay exact however long a track is, where prefix sums would cancel.
    for step in range(1, len(values)):
        apart_s = (time_us[step:] - time_us[:-step]) / 1e6
        near = (track[step:] == track[:-step]) & (apart_s < half_window_s)
        if not near.any():
            break
        nearness = np.where(near, (1 - np.minimum(apart_s / half_window_s, 1) ** 3) ** 3, 0)
        early, late = slice(None, -step), slice(step, None)
        for at, neighbour, away_s in ((early, late, apart_s), (late, early, -apart_s)):
            share = nearness * weight[neighbour]
            tilt = share * away_s
            plain[:, at] += share * columns[:, neighbour]
            tilted[:, at] += tilt * columns[:, neighbour]
            spread[at] += tilt * away_s
    # The normal equations of a line; without a second point in reach they have no slope, and the mean is the value.
    (w, wy), (wt, wty) = ((sums[0], sums[1:]) for sums in (plain, tilted))
    determinant = w * spread - wt**2
    known = determinant > 1e-9 * w * spread
    determinant = np.where(known, determinant, np.nan)
    value = (spread * wy - wt * wty) / determinant
    slope = (w * wty - wt * wy) / determinant
    return LocalLines(np.where(known, value, wy / w).T, slope.T, determinant / w**2)
