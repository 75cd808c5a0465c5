"""Whether two cameras still stand as they were calibrated: points of rectified pictures have the same row in both.

Key points are ORB's (Rublee et al., ICCV 2011), matched both ways. A camera that was turned about the vertical axis
cannot be told from another depth, and is not found.
"""

import cv2
import numpy as np

from schemas.values import Uint8

MOST_ROWS_OFF = 1.5
"""Median distance of a point's rows in both pictures, pixels, above which the calibration no longer holds."""

_KEY_POINTS = 2000
_LEAST_MATCHES = 50
_WINDOW_ROWS = 40
_CHANCE_ROWS = 12
"""Chance matches differ by half of the window in the median: from this on, nothing is known."""


def rows_off(left: Uint8, right: Uint8, most_px: float) -> float | None:
    """Returns by how many rows the points of rectified pictures differ in the median; None if too few are alike.

    Args:
        left, right: ``(H, W, 3)`` BGR, rectified.
        most_px: the largest disparity.
    """
    finder = cv2.ORB.create(_KEY_POINTS)
    here, marks = finder.detectAndCompute(cv2.cvtColor(left, cv2.COLOR_BGR2GRAY), None)
    there, marks_there = finder.detectAndCompute(cv2.cvtColor(right, cv2.COLOR_BGR2GRAY), None)
    if min(len(here), len(there)) < _LEAST_MATCHES:
        return None
    matches = cv2.BFMatcher.create(cv2.NORM_HAMMING, crossCheck=True).match(marks, marks_there)
    off = np.array([np.subtract(here[each.queryIdx].pt, there[each.trainIdx].pt) for each in matches]).reshape(-1, 2)
    near = (off[:, 0] >= 0) & (off[:, 0] <= most_px) & (np.abs(off[:, 1]) <= _WINDOW_ROWS)
    if near.sum() < _LEAST_MATCHES:
        return None
    rows = float(np.median(np.abs(off[near, 1])))
    return rows if rows < _CHANCE_ROWS else None
