"""The known picture: a photograph of a street, three by three times, every second time mirrored, and what it shows.

People are 95 pixels high in an input of 640, the order of size in which footage shows them, and everywhere: a detector
that finds large people only, or those in one half of its input, finds too few.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from schemas.values import Float64, Uint8

PHOTOGRAPH = "bus.jpg"
"""Name of the photograph in the package ``ultralytics``: a street in Madrid."""

PHOTOGRAPH_PX = (810, 1080)
"""Its width and height."""

PER_SIDE = 3

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Subject:
    """Things of one kind in the photograph, as boxes x1, y1, x2, y2 in its pixels, read off by eye.

    Attributes:
        plural: their name in messages.
        whole: those that every detector of the kind finds.
        cut_off: those that the edge of the photograph cuts off; a detector may find them.
    """

    plural: str
    whole: tuple[Box, ...]
    cut_off: tuple[Box, ...] = ()


PEOPLE = Subject(
    "people",
    whole=((52, 399, 244, 901), (224, 406, 342, 861)),
    cut_off=((669, 398, 810, 880), (0, 555, 78, 870)),
)
FACES = Subject("faces", whole=((113, 416, 156, 470), (267, 423, 307, 474)), cut_off=((789, 410, 810, 457),))
NOBODY = ((360, 250, 500, 700), (500, 250, 640, 700), (250, 0, 390, 230))
"""Boxes of a person's shape in the photograph that show nobody."""

BUSES = Subject("buses", whole=((5, 232, 801, 735),))


def draw_known_picture(photograph: Uint8) -> Uint8:
    """Returns the known picture, ``(H, W, 3)`` BGR, of the photograph's size.

    Args:
        photograph: ``(H, W, 3)`` BGR.
    """
    mirrored = photograph[:, ::-1]
    rows = [
        np.hstack([mirrored if _is_mirrored(row, column) else photograph for column in range(PER_SIDE)])
        for row in range(PER_SIDE)
    ]
    size_px = (photograph.shape[1], photograph.shape[0])
    return np.asarray(cv2.resize(np.vstack(rows), size_px, interpolation=cv2.INTER_AREA), np.uint8)


def known_boxes(boxes: tuple[Box, ...]) -> Float64:
    """Returns where the known picture shows boxes of the photograph, ``(9 * N, 4)``."""
    width, height = PHOTOGRAPH_PX
    as_taken = np.array(boxes, np.float64).reshape(-1, 4)
    mirrored = as_taken.copy()
    mirrored[:, [0, 2]] = width - as_taken[:, [2, 0]]
    placed = [
        (mirrored if _is_mirrored(row, column) else as_taken) + np.array([width * column, height * row] * 2)
        for row in range(PER_SIDE)
        for column in range(PER_SIDE)
    ]
    return np.concatenate(placed) / PER_SIDE


def _is_mirrored(row: int, column: int) -> bool:
    return (row + column) % 2 == 1
