"""Filters false contours out of a foreground mask: what is no person goes, and people's holes are filled.

A mask also holds what moves beside people: their shadow, a car, the digits of a clock burnt into the picture. Where
boxes say who is where, a contour is a person's if it reaches the core of a box. Where nothing says it, its area and its
height must be those of a person.
"""

from collections.abc import Callable

import cv2
import numpy as np

from ops.boxes import pad, whole_boxes
from schemas.values import Bools, Float64, Int64, Uint8

BESIDE = 0.3
"""How far people reach beyond their boxes on every side, as a share of the box's size: arms, feet, bags."""

CORE = 0.25
"""Share of a box, on every side, that is not its core: what is only there may be somebody or something else."""

THIN = 0.05
"""Width of what is removed as too thin, as a share of a box's height: digits, ropes, edges that moved."""

LEAST_SHARE = 0.08
"""Least area of a contour, as a share of a square of a person's height: an upright person fills .15 to .3 of it."""


def people_contours(mask: Uint8, boxes: Float64) -> Uint8:
    """Returns the contours of a mask that are of people in boxes, 255, with holes filled; all else is removed.

    Args:
        mask: ``(H, W)``, not 0 in the foreground.
        boxes: ``(N, 4)`` x1, y1, x2, y2 of people who are there.
    """
    people = np.zeros_like(mask)
    size_px = (mask.shape[1], mask.shape[0])
    around = whole_boxes(pad(boxes, BESIDE, 0.0), size_px)
    cores = whole_boxes(pad(boxes, -CORE, 0.0), size_px)
    heights = np.maximum(boxes[:, 3] - boxes[:, 1], 1.0)
    for (x1, y1, x2, y2), core, height_px in zip(around.tolist(), cores.tolist(), heights.tolist(), strict=True):
        if x2 <= x1 or y2 <= y1:
            continue
        part = _without_thin(np.ascontiguousarray(mask[y1:y2, x1:x2]), height_px)
        within = np.zeros(part.shape, bool)
        within[max(core[1] - y1, 0) : max(core[3] - y1, 0), max(core[0] - x1, 0) : max(core[2] - x1, 0)] = True
        people[y1:y2, x1:x2] |= _kept(part, _reaching(within))
    return people


def person_sized_contours(mask: Uint8, least_height_px: float, most_height_px: float) -> Uint8:
    """Returns the contours of a mask that have the height and area of a person, 255, with holes filled.

    Args:
        mask: ``(H, W)``, not 0 in the foreground.
        least_height_px, most_height_px: heights of people in this view.
    """

    def of_size(_: Uint8, stats: Int64) -> Bools:
        height, area = stats[:, cv2.CC_STAT_HEIGHT], stats[:, cv2.CC_STAT_AREA]
        tall = (height >= least_height_px) & (height <= most_height_px)
        return np.asarray(tall & (area >= LEAST_SHARE * height.astype(np.float64) ** 2))

    return _kept(_without_thin(mask, least_height_px), of_size)


def _kept(mask: Uint8, keeps: Callable[[Uint8, Int64], Bools]) -> Uint8:
    """Returns the connected regions of a mask that are kept, their holes filled.

    Args:
        keeps: given the numbers of the regions ``(H, W)`` and their statistics ``(R, 5)``, the background first, says
            which of them are kept ``(R,)``.
    """
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8, ltype=cv2.CV_32S)
    kept = keeps(np.asarray(labels), np.asarray(stats, np.int64))
    kept[0] = False
    found = kept[labels].astype(np.uint8) * np.uint8(255)
    outlines, _ = cv2.findContours(found, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return np.asarray(cv2.drawContours(found, outlines, -1, 255, cv2.FILLED), np.uint8)


def _reaching(within: Bools) -> Callable[[Uint8, Int64], Bools]:
    """Returns the rule that a region reaches into a place ``(H, W)``."""
    return lambda labels, stats: np.isin(np.arange(len(stats)), labels[within])


def _without_thin(mask: Uint8, height_px: float) -> Uint8:
    """Returns 255 where a mask is not 0, but for parts that are thin beside a person of this height."""
    solid = (mask > 0).astype(np.uint8) * np.uint8(255)
    width = round(THIN * height_px)
    if width < 2:
        return solid
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    # What lies beyond the picture's edge is taken to be as what is at the edge, or people there would lose a rim.
    framed = cv2.copyMakeBorder(solid, width, width, width, width, cv2.BORDER_REPLICATE)
    opened = cv2.morphologyEx(framed, cv2.MORPH_OPEN, disc)
    return np.ascontiguousarray(opened[width:-width, width:-width], np.uint8)
