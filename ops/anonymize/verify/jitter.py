"""How far a frame of a fixed camera is shifted against the background, from what is not covered in it."""

import cv2
import numpy as np

from schemas.values import Float32, Float64, Int64, Uint8

Shift = tuple[float, float]
STILL: Shift = (0.0, 0.0)

STEP_PX = 3
"""Every so many pixels, one may tell."""

BLUR_PX = 7
"""Pictures are blurred over so many pixels first: shifts of half of it and some more can be found then."""

TEXTURE = 4.0
"""Slope of the blurred background, grey levels a pixel, from which on a point tells."""

LEAST_POINTS = 40

STEPS = 6

OUTLYING = 12.0
"""Difference, grey levels, from which on a point has less than half of its say."""

MOST_SHIFT_PX = 5.0
"""Farther than this a camera has not shaken, but was moved."""

SMALLEST_SHIFT_PX = 0.1

BETTER = 0.8
"""A shift is believed if the points then differ by less than so many times what they did."""


class JitterEstimator:
    """Finds shifts by least squares over points with texture (Lucas and Kanade, 1981), outliers weighed down.

    Args:
        background: ``(h, w)`` brightness.
        known: ``(h, w)``, not 0 where the background is known.
    """

    def __init__(self, background: Uint8, known: Uint8) -> None:
        smooth = _smooth(background)
        slopes = np.stack([cv2.Sobel(smooth, cv2.CV_32F, *axis) / 8 for axis in ((1, 0), (0, 1))])
        steep = (np.hypot(*slopes) >= TEXTURE) & (known > 0)
        rows, columns = np.nonzero(steep[::STEP_PX, ::STEP_PX])
        self._rows: Int64 = rows * STEP_PX
        self._columns: Int64 = columns * STEP_PX
        self._light = smooth[self._rows, self._columns]
        self._slopes = slopes[:, self._rows, self._columns]

    def find(self, frame: Uint8, bare: Uint8) -> Shift:
        """How far a frame shows things from where the background has them (right, down); ``STILL`` if it is not clear.

        Args:
            frame: ``(h, w)`` brightness.
            bare: ``(h, w)``, 255 where the frame is not covered.
        """
        told = bare[self._rows, self._columns] > 0
        if np.count_nonzero(told) < LEAST_POINTS:
            return STILL
        smooth, light, slopes = _smooth(frame), self._light[told], self._slopes[:, told]
        places = np.stack([self._columns[told], self._rows[told]]).astype(np.float32)
        shift = np.zeros(2)
        first = off = _off(smooth, places, shift, light)
        for _ in range(STEPS):
            weighted = slopes / (1 + (off / OUTLYING) ** 2)
            # A little is added to the diagonal: all texture may run in one direction.
            shift = shift - np.linalg.solve(weighted @ slopes.T + 1e-2 * np.eye(2), weighted @ off)
            if np.abs(shift).max() > MOST_SHIFT_PX:
                return STILL
            off = _off(smooth, places, shift, light)
        if np.abs(shift).max() < SMALLEST_SHIFT_PX or np.median(np.abs(off)) > BETTER * np.median(np.abs(first)):
            return STILL
        return float(shift[0]), float(shift[1])


def moved(plane: Uint8, shift: Shift) -> Uint8:
    """A picture ``(h, w)`` moved (right, down); what comes in at the border is the border's."""
    motion = np.array([[1, 0, shift[0]], [0, 1, shift[1]]], np.float64)
    size = (plane.shape[1], plane.shape[0])
    return np.asarray(cv2.warpAffine(plane, motion, size, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def _smooth(plane: Uint8) -> Float32:
    return np.asarray(cv2.blur(plane, (BLUR_PX, BLUR_PX)), np.float32)


def _off(smooth: Float32, places: Float32, shift: Float64, light: Float32) -> Float32:
    """How much brighter a frame, moved back, is at some places than it would be in the background's light."""
    across, down = places + shift[:, None].astype(np.float32)
    seen = cv2.remap(smooth, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).ravel()
    return np.asarray(seen - np.median((seen + 1) / (light + 1)) * light, np.float32)
