"""Which part of what was found is to be covered, and the parts of the picture that always are."""

import cv2
import numpy as np

from schemas.anonymity import TargetName
from schemas.values import Float64, Polygon, Uint8

HEAD_HEIGHT = 0.30
"""Height of a standing person's head zone, as a share of the box's."""

HEAD_WIDTH = 0.80
"""Width of a standing person's head zone, as a share of the box's."""

ABOVE = 0.05
"""So much of a box's height a head zone reaches above it, for boxes that are cut too low."""

STANDING = 0.4
"""Width of a standing person's box over its height. A wider one is bent, sits or is seen in part: the head is larger
in it, and may be anywhere across."""

_BEYOND_PX = 4.0
_FRACTION_BITS = 8


def target_boxes(target: TargetName, boxes: Float64) -> Float64:
    """The part of boxes ``(N, 4)`` that a target is covered by: of ``head`` the head zone, else all of the box.

    The head zone is wider and higher than the head: the upper 30 % by 80 % of somebody who stands, more of one who
    bends or sits, and all of one who lies.
    """
    if target != "head":
        return boxes
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    bent = np.maximum(width / np.maximum(height, 1e-9) / STANDING, 1.0)
    half = np.minimum(HEAD_WIDTH * np.sqrt(bent), 1.0) * width / 2
    centre = (boxes[:, 0] + boxes[:, 2]) / 2
    top = boxes[:, 1] - ABOVE * height
    bottom = boxes[:, 1] + np.minimum(HEAD_HEIGHT * bent, 1.0) * height
    return np.stack([centre - half, top, centre + half, bottom], axis=1)


def static_mask(
    polygons: tuple[Polygon, ...], image_size_px: tuple[int, int] | None, frame_size_px: tuple[int, int]
) -> Uint8:
    """``(H, W)``, 255 at every pixel that a polygon touches, and at some beside them; a polygon's holes are covered.

    Args:
        polygons: in pixels of the picture that they were drawn in; they may reach beyond it.
        image_size_px: (width, height) of that picture; None if it has the frames' size.
        frame_size_px: (width, height).
    """
    width, height = frame_size_px
    scale = np.array(frame_size_px) / np.array(image_size_px or frame_size_px)
    mask = np.zeros((height, width), np.uint8)
    for polygon in polygons:
        corners = _cut(np.array(polygon, np.float64) * scale, frame_size_px)
        if len(corners):
            cv2.bitwise_or(mask, _filled(corners, frame_size_px), mask)
    return mask


def _filled(corners: Float64, size_px: tuple[int, int]) -> Uint8:
    """The mask of one polygon near to the picture; grown by a pixel, for a line is drawn thinner than what it touches.

    A polygon that crosses itself has no hole: what its outer outline holds is set.
    """
    edge = round(_BEYOND_PX) + 1
    canvas = np.zeros((size_px[1] + 2 * edge, size_px[0] + 2 * edge), np.uint8)
    # Pixel i is the stretch from i to i + 1, but OpenCV's is the one around i.
    fixed = np.round((corners + edge - 0.5) * 2**_FRACTION_BITS).astype(np.int32)
    cv2.fillPoly(canvas, [fixed], 255, shift=_FRACTION_BITS)
    cv2.polylines(canvas, [fixed], True, 255, shift=_FRACTION_BITS)
    outlines, _ = cv2.findContours(canvas, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(canvas, outlines, -1, 255, cv2.FILLED)
    grown = cv2.dilate(canvas, np.ones((3, 3), np.uint8))
    return np.ascontiguousarray(grown[edge:-edge, edge:-edge], np.uint8)


def _cut(corners: Float64, size_px: tuple[int, int]) -> Float64:
    """A polygon ``(N, 2)`` cut to a little more than the picture (Sutherland and Hodgman, 1974); may become empty."""
    for axis in (0, 1):
        for side, bound in ((1.0, -_BEYOND_PX), (-1.0, -(size_px[axis] + _BEYOND_PX))):
            corners = _cut_at(corners, side * corners[:, axis] - bound)
    return corners


def _cut_at(corners: Float64, inside: Float64) -> Float64:
    """The part of a polygon where a distance, given at its corners ``(N,)``, is not negative."""
    kept: list[Float64] = []
    for number in range(len(corners)):
        before, here = inside[number - 1], inside[number]
        if (before < 0) != (here < 0):
            kept.append(corners[number - 1] + before / (before - here) * (corners[number] - corners[number - 1]))
        if here >= 0:
            kept.append(corners[number])
    return np.array(kept, np.float64).reshape(-1, 2)
