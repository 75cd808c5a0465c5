"""What is usual: a robust range around the median of earlier numbers, for counts of people."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

LEAST_HISTORY = 4
"""Fewest earlier numbers that say what is usual."""

_DEVIATIONS = 3.0
_MAD_TO_SIGMA = 1.4826  # of a normal distribution


class UsualRange(NamedTuple):
    """The median of earlier numbers, and the least and the most that are not yet unusual."""

    median: float
    least: float
    most: float


def usual_range(past: Sequence[float]) -> UsualRange | None:
    """Returns what is usual; None with fewer than ``LEAST_HISTORY`` numbers.

    Three robust standard deviations around the median: 1.4826 times the median absolute deviation, which single
    odd days do not move (Leys et al. 2013, "Detecting outliers"), but at least the square root of the median, by
    which counts of independent people scatter anyway, and at least 1.
    """
    if len(past) < LEAST_HISTORY:
        return None
    median = float(np.median(past))
    sigma = max(_MAD_TO_SIGMA * float(np.median(np.abs(np.asarray(past) - median))), median**0.5, 1.0)
    return UsualRange(median, max(median - _DEVIATIONS * sigma, 0.0), median + _DEVIATIONS * sigma)
