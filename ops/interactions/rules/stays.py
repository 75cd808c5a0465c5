"""How long tracks stay around one place."""

import numpy as np

from ops.arrays import run_bounds, run_starts
from schemas.values import Float64, Int64

STEP_US = 1_000_000
"""Stays are measured once a second."""

BROKEN_US = 10_000_000
"""Longest time out of sight that does not end a stay."""

WINDOW = 600
"""Seconds before and after a moment that are searched: a guard's day would otherwise cost its square."""


def around_s(track: Int64, time_us: Int64, at_m: Float64, radius_m: float) -> Float64:
    """Returns for each moment the length of the stay around it: all moments in reach, before and after, seconds.

    Args:
        track, time_us: ``(M,)``, by track and time.
        at_m: ``(M, 2)``.
        radius_m: distance from the moment's place within which a track stays.
    """
    found = np.zeros(len(track))
    for first, end in run_bounds(track):
        rows = np.arange(first, end)
        rows = rows[run_starts(time_us[rows] // STEP_US)]
        lengths = _lengths(time_us[rows], at_m[rows], radius_m)
        found[first:end] = lengths[np.searchsorted(rows, np.arange(first, end), side="right") - 1]
    return found


def _lengths(time_us: Int64, at_m: Float64, radius_m: float) -> Float64:
    lengths = np.zeros(len(time_us))
    breaks = np.flatnonzero(np.diff(time_us) > BROKEN_US)
    for number in range(len(time_us)):
        before = np.searchsorted(breaks, number)
        begin = max(int(breaks[before - 1]) + 1 if before else 0, number - WINDOW)
        end = min(int(breaks[before]) if before < len(breaks) else len(time_us) - 1, number + WINDOW)
        left = np.flatnonzero(np.hypot(*(at_m[begin : end + 1] - at_m[number]).T) > radius_m) + begin
        first = left[left < number].max(initial=begin - 1) + 1
        last = left[left > number].min(initial=end + 1) - 1
        lengths[number] = (time_us[last] - time_us[first]) / 1e6
    return lengths
