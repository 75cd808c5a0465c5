"""Fits local straight lines through points in time: smoothing without lag, and velocity, at any frame rate."""

import numpy as np

from schemas.values import Float64, Int64


def local_line(
    time_us: Int64, values: Float64, weight: Float64, track: Int64, half_window_s: float
) -> tuple[Float64, Float64]:
    """Fits a line to the neighbours of each point, weighted by nearness in time (Cleveland, LOESS, JASA 1979).

    Args:
        time_us: ``(N,)``, rising within a track.
        values: ``(N, K)``.
        weight: ``(N,)``, trust in each point, above 0.
        track: ``(N,)``, points of one track are adjacent; neighbours are of the same track.
        half_window_s: greatest distance of a neighbour in time.

    Returns:
        value ``(N, K)`` of each point's line at its own time, and its slope ``(N, K)`` per second, NaN where a track
        has no second point in reach.
    """
    sums = _Sums(values, weight)
    # Neighbours by rank, nearest first: sums stay exact however long a track is, where prefix sums would cancel.
    for step in range(1, len(values)):
        apart_s = (time_us[step:] - time_us[:-step]) / 1e6
        near = (track[step:] == track[:-step]) & (apart_s < half_window_s)
        if not near.any():
            break
        nearness = np.where(near, (1 - np.minimum(apart_s / half_window_s, 1) ** 3) ** 3, 0)
        early, late = slice(None, -step), slice(step, None)
        sums.add(early, late, apart_s, nearness)
        sums.add(late, early, -apart_s, nearness)
    return sums.solve()


class _Sums:
    """Weighted sums of 1, t, t2, y and ty around each point, t from the point's own time."""

    def __init__(self, values: Float64, weight: Float64) -> None:
        self._columns, self._weight = values.T.copy(), weight
        self._w = weight.copy()
        self._wt = np.zeros_like(weight)
        self._wtt = np.zeros_like(weight)
        self._wy = weight * self._columns
        self._wty = np.zeros_like(self._columns)

    def add(self, at: slice, neighbour: slice, apart_s: Float64, nearness: Float64) -> None:
        """Adds one neighbour to each of the points ``at``, weighted by its nearness."""
        share = nearness * self._weight[neighbour]
        tilt = share * apart_s
        self._w[at] += share
        self._wt[at] += tilt
        self._wtt[at] += tilt * apart_s
        self._wy[:, at] += share * self._columns[:, neighbour]
        self._wty[:, at] += tilt * self._columns[:, neighbour]

    def solve(self) -> tuple[Float64, Float64]:
        """Returns value and slope of each line at its point."""
        spread = self._w * self._wtt - self._wt**2
        known = spread > 1e-9 * self._w * self._wtt
        spread = np.where(known, spread, np.nan)
        slope = (self._w * self._wty - self._wt * self._wy) / spread
        value = (self._wtt * self._wy - self._wt * self._wty) / spread
        return np.where(known, value, self._wy / self._w).T, slope.T
