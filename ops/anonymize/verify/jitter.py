"""Estimates how far a frame of a fixed camera is shifted against the background, from what is not covered in it.

Separate from ``ops/anonymize/locate/alignment.py`` on purpose: an error in finding people must not repeat itself in
verifying (docs/decisions/0014).
"""

import cv2
import numpy as np

from ops.anonymize.geometry import Shift
from schemas.values import Float32, Float64, Int64, Uint8

STILL: Shift = (0.0, 0.0)
"""The shift of a frame that is not shifted, or whose shift is unsure."""

STEP_PX = 3
"""Distance between the pixels that may serve as points."""

BLUR_PX = 7
"""Width of the blur before the search: shifts of a little more than half of it can be found."""

TEXTURE = 4.0
"""Least slope of the blurred background at a point, grey levels per pixel."""

LEAST_POINTS = 40
"""Least number of uncovered points by which a shift can be found."""

STEPS = 6
"""Iterations of the least squares."""

OUTLYING = 12.0
"""Difference, grey levels, at which a point's weight is halved: people differ by more."""

MOST_SHIFT_PX = 5.0
"""Largest shift of a camera that shakes, pixels of the reduced picture; beyond it, the camera was moved."""

LEAST_SHIFT_PX = 0.1
"""Smallest shift that is corrected, pixels."""

BETTER = 0.8
"""A shift is used if the points' median difference then falls to this share of what it was."""


class JitterEstimator:
    """Finds shifts by least squares over points with texture (Lucas and Kanade, 1981), with less weight for outliers.

    Args:
        background: ``(h, w)`` brightness.
        known: ``(h, w)``, not 0 where the background is known.
    """

    def __init__(self, background: Uint8, known: Uint8) -> None:
        smooth = _smooth(background)
        # Sobel's kernel gives eight times the slope per pixel.
        slopes = np.stack([cv2.Sobel(smooth, cv2.CV_32F, *axis) / 8 for axis in ((1, 0), (0, 1))])
        steep = (np.hypot(*slopes) >= TEXTURE) & (known > 0)
        rows, columns = np.nonzero(steep[::STEP_PX, ::STEP_PX])
        self._rows: Int64 = rows * STEP_PX
        self._columns: Int64 = columns * STEP_PX
        self._light = smooth[self._rows, self._columns]
        self._slopes = slopes[:, self._rows, self._columns]

    def find(self, frame: Uint8, bare: Uint8) -> Shift:
        """Returns the frame's shift against the background (right, down); ``STILL`` if it is unsure.

        Args:
            frame: ``(h, w)`` brightness.
            bare: ``(h, w)``, 255 where the frame is not covered.
        """
        uncovered = bare[self._rows, self._columns] > 0
        if np.count_nonzero(uncovered) < LEAST_POINTS:
            return STILL
        smooth, light, slopes = _smooth(frame), self._light[uncovered], self._slopes[:, uncovered]
        places = np.stack([self._columns[uncovered], self._rows[uncovered]]).astype(np.float32)
        shift = np.zeros(2)
        first = off = _off(smooth, places, shift, light)
        # Gauss-Newton: where the frame is brighter than the background, along a slope, it is shifted against it.
        for _ in range(STEPS):
            weighted = slopes / (1 + (off / OUTLYING) ** 2)
            # The small diagonal keeps the system solvable where all texture runs in one direction.
            shift = shift - np.linalg.solve(weighted @ slopes.T + 1e-2 * np.eye(2), weighted @ off)
            if np.abs(shift).max() > MOST_SHIFT_PX:
                return STILL
            off = _off(smooth, places, shift, light)
        # A shift that explains little is not the camera's.
        if np.abs(shift).max() < LEAST_SHIFT_PX or np.median(np.abs(off)) > BETTER * np.median(np.abs(first)):
            return STILL
        return float(shift[0]), float(shift[1])


def _smooth(plane: Uint8) -> Float32:
    return np.asarray(cv2.blur(plane, (BLUR_PX, BLUR_PX)), np.float32)


def _off(smooth: Float32, places: Float32, shift: Float64, light: Float32) -> Float32:
    """Returns by how much a frame, moved back, is brighter at some points than the background in the frame's light."""
    across, down = places + shift[:, None].astype(np.float32)
    moved = cv2.remap(smooth, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).ravel()
    return np.asarray(moved - np.median((moved + 1) / (light + 1)) * light, np.float32)
