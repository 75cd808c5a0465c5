"""Skeletons: the limbs between the key points of ``ops.pose_network``."""

from collections.abc import Sequence
from typing import Protocol

import cv2
import numpy as np

from schemas.values import Float64, Uint8

LIMBS = (
    *((5, 7), (7, 9), (6, 8), (8, 10)),  # arms
    *((11, 13), (13, 15), (12, 14), (14, 16)),  # legs
    *((5, 6), (11, 12), (5, 11), (6, 12)),  # trunk
)

SURE = 0.3
"""Least score, 0..1, of a key point that is drawn."""

NECK = (5, 6)
FACE = (0, 1, 2, 3, 4)

_FRACTION_BITS = 4
_FURTHEST_PX = 100_000.0


class PoseFinder(Protocol):
    """Finds the poses of people in boxes."""

    def find(self, frame: Uint8, boxes: Float64) -> Float64:
        """Returns key points ``(M, 17, 3)`` of the people in boxes ``(M, 4)``: x, y in pixels of the frame, score 0..1.

        All scores are 0 for a box in which nobody is found. ``frame`` is ``(H, W, 3)`` BGR.
        """
        ...


def draw_skeletons(frame: Uint8, people: Float64, boxes: Float64, colours: Sequence[tuple[int, int, int]]) -> None:
    """Draws people's limbs, and a plain disc for the head.

    Args:
        frame: ``(H, W, 3)`` BGR, drawn on.
        people: ``(M, 17, 3)`` key points.
        boxes: ``(M, 4)``; lines and heads scale with their height.
        colours: BGR of each person.
    """
    for points, box, colour in zip(people, boxes, colours, strict=True):
        height_px = float(box[3] - box[1])
        thick = max(2, round(height_px / 30))
        sure = points[:, 2] >= SURE
        for one, other in LIMBS:
            if sure[one] and sure[other]:
                _line(frame, points[one, :2], points[other, :2], colour, thick)
        if sure[list(FACE)].any():
            head = points[list(FACE)][sure[list(FACE)], :2].mean(axis=0)
            if sure[list(NECK)].all():
                _line(frame, points[list(NECK), :2].mean(axis=0), head, colour, thick)
            radius = max(3, round(height_px / 16))
            cv2.circle(frame, _fixed(head), radius << _FRACTION_BITS, colour, cv2.FILLED, cv2.LINE_AA, _FRACTION_BITS)


def _line(frame: Uint8, start: Float64, end: Float64, colour: tuple[int, int, int], thick: int) -> None:
    cv2.line(frame, _fixed(start), _fixed(end), colour, thick, cv2.LINE_AA, _FRACTION_BITS)


def _fixed(point: Float64) -> tuple[int, int]:
    """Returns a point as OpenCV's fixed-point numbers, in which a pixel's centre has whole numbers."""
    # Points of a broken pose may be anywhere; OpenCV's 32-bit numbers must not overflow.
    near = np.clip(point - 0.5, -_FURTHEST_PX, _FURTHEST_PX)
    return round(float(near[0]) * 2**_FRACTION_BITS), round(float(near[1]) * 2**_FRACTION_BITS)
