"""Geometry of what is covered: head zones, masks of boxes and bodies, privacy masks, and shifted pictures.

Boxes are ``(N, 4)`` arrays of x1, y1, x2, y2 in pixels. Edges are exclusive everywhere: a box that reaches the right or
lower edge of the picture covers its last column or row. docs/decisions/0014 says what coverage promises.
"""

import cv2
import numpy as np
from shapely import LinearRing, Polygon
from shapely.ops import polygonize, unary_union

from ops.boxes import whole_boxes
from schemas.values import Float64, Uint8
from schemas.values import Polygon as PolygonPx

# Two head zones, on purpose of different size. Privacy depends on both: covering errs on the large side, checking on
# the small side. What is checked must lie within what is covered, or a frame that is covered as planned fails; and it
# must hold little besides the head, or a covered collar hides that the face is bare.

COVERED_HEAD_HEIGHT, COVERED_HEAD_WIDTH = 0.30, 0.80
"""Head zone that ``targets = ["head"]`` covers: share of a standing person's box, from its top and across its middle.

It is wider and higher than a head, since heads lean and boxes are cut too low; see also ``ABOVE_BOX`` and ``UPRIGHT``.
"""

CHECKED_HEAD_HEIGHT, CHECKED_HEAD_WIDTH = 0.18, 0.5
"""Head zone whose cover is measured in the encoded frame: share of a person's box, from its top and across its middle.

Audits and docs/benchmarks.md count leaks in this zone. ``ops/leaks.py`` has its own code for it, to be independent.
"""

LEAK_BELOW = 0.5
"""Covered share of a checked head zone, 0..1, below which the head leaks."""

ABOVE_BOX = 0.05
"""Share of a box's height by which the covered head zone starts above it, for boxes that are cut too low."""

UPRIGHT = 0.4
"""Width over height of an upright person's box. In a wider box the person bends, sits or is seen in part: the head is
larger in it, and may be anywhere across."""

EDGE_PX = 3.0
"""A box that ends within this distance of the picture's edge belongs to a person who continues beyond it."""

ROUNDNESS = 2.5
"""Exponent of the superellipse that is a body's core: 2 is an ellipse, more is closer to the box."""

WORK_WIDTH_PX = 384
"""Width to which frames are reduced before they are compared with the background: people are larger than pixels."""

Shift = tuple[float, float]
"""How far a picture is shifted (right, down), pixels."""

_BEYOND_PX = 4.0
_FRACTION_BITS = 8


def covered_head_zones(boxes: Float64) -> Float64:
    """Returns the head zones ``(N, 4)`` of people's boxes that the target ``head`` covers.

    ``COVERED_HEAD_HEIGHT`` and ``COVERED_HEAD_WIDTH`` are of an upright person: the zone is larger for one who bends or
    sits, and all of the box for one who lies.
    """
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    bent = np.maximum(width / np.maximum(height, 1e-9) / UPRIGHT, 1.0)
    half = np.minimum(COVERED_HEAD_WIDTH * np.sqrt(bent), 1.0) * width / 2
    centre = (boxes[:, 0] + boxes[:, 2]) / 2
    top = boxes[:, 1] - ABOVE_BOX * height
    bottom = boxes[:, 1] + np.minimum(COVERED_HEAD_HEIGHT * bent, 1.0) * height
    return np.stack([centre - half, top, centre + half, bottom], axis=1)


def checked_head_zones(boxes: Float64, pad_share: float = 0.0) -> Float64:
    """Returns the checked head zones ``(N, 4)`` of people's boxes, grown on every side by a share of their own size."""
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    middle = (boxes[:, 0] + boxes[:, 2]) / 2
    half = width * CHECKED_HEAD_WIDTH * (0.5 + pad_share)
    top = boxes[:, 1] - height * CHECKED_HEAD_HEIGHT * pad_share
    bottom = boxes[:, 1] + height * CHECKED_HEAD_HEIGHT * (1 + pad_share)
    return np.stack([middle - half, top, middle + half, bottom], axis=1)


def cover_boxes(mask: Uint8, boxes: Float64, value: int = 255) -> None:
    """Sets every pixel of ``mask`` ``(H, W)`` that a box touches to a value."""
    for x1, y1, x2, y2 in whole_boxes(boxes, (mask.shape[1], mask.shape[0])):
        mask[y1:y2, x1:x2] = value


def cover_bodies(mask: Uint8, boxes: Float64) -> None:
    """Sets the core of every box ``(N, 4)`` to 255: the pixels whose centre lies in the superellipse that fills it."""
    height, width = mask.shape
    # Rounding would bare the corners of a person who is cut off by the picture's edge, so the core of a box that
    # continues beyond the edge is set as well.
    boxes = np.unique(np.concatenate([boxes, _continued(boxes, width, height)]), axis=0)
    for box, (x1, y1, x2, y2) in zip(boxes, whole_boxes(boxes, (width, height)), strict=True):
        centre, half = (box[:2] + box[2:]) / 2, np.maximum((box[2:] - box[:2]) / 2, 0.5)
        across = np.abs((np.arange(x1, x2) + 0.5 - centre[0]) / half[0]) ** ROUNDNESS
        down = np.abs((np.arange(y1, y2) + 0.5 - centre[1]) / half[1]) ** ROUNDNESS
        mask[y1:y2, x1:x2][across[None] + down[:, None] <= 1] = 255


def _continued(boxes: Float64, width: int, height: int) -> Float64:
    """Doubles boxes towards every edge of the picture that they meet."""
    size = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
    meets_low = boxes <= EDGE_PX
    meets_high = boxes >= np.array([width, height, width, height]) - EDGE_PX
    low, high = np.array([1, 1, 0, 0], bool), np.array([0, 0, 1, 1], bool)
    return np.asarray(boxes - size * (meets_low & low) + size * (meets_high & high))


def covered_shares(covered: Uint8, boxes: Float64) -> Float64:
    """Returns the covered share 0..1 of the part of each box ``(N, 4)`` that is in the picture; 1 if none of it is.

    Args:
        covered: ``(H, W)``, not 0 where covered.
    """
    shares = np.ones(len(boxes))
    for number, (x1, y1, x2, y2) in enumerate(whole_boxes(boxes, (covered.shape[1], covered.shape[0])).tolist()):
        if x2 > x1 and y2 > y1:
            shares[number] = cv2.countNonZero(covered[y1:y2, x1:x2]) / ((x2 - x1) * (y2 - y1))
    return shares


def work_size(width: int, height: int, widest_px: int = WORK_WIDTH_PX) -> tuple[int, int]:
    """Returns the (width, height) of a picture reduced to ``widest_px``; its own size if it is not wider."""
    scale = min(1.0, widest_px / width)
    return max(round(width * scale), 1), max(round(height * scale), 1)


def shifted(picture: Uint8, shift_px: Shift) -> Uint8:
    """Returns a picture ``(H, W)`` or ``(H, W, C)`` moved (right, down); its border pixels fill what comes in."""
    motion = np.array([[1, 0, shift_px[0]], [0, 1, shift_px[1]]], np.float64)
    size = (picture.shape[1], picture.shape[0])
    moved = cv2.warpAffine(picture, motion, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.uint8)


def static_mask(
    polygons: tuple[PolygonPx, ...], image_size_px: tuple[int, int] | None, frame_size_px: tuple[int, int]
) -> Uint8:
    """Returns the mask ``(H, W)`` of privacy polygons: 255 at every pixel that one touches, holes included.

    Some pixels beside a polygon are set as well.

    Args:
        polygons: in pixels of the picture they were drawn in; they may reach beyond it.
        image_size_px: (width, height) of that picture; None if it has the frames' size.
        frame_size_px: (width, height).
    """
    width, height = frame_size_px
    scale = np.array(frame_size_px) / np.array(image_size_px or frame_size_px)
    mask = np.zeros((height, width), np.uint8)
    for polygon in polygons:
        for outline in _outlines(np.array(polygon, np.float64) * scale):
            corners = _clipped(outline, frame_size_px)
            if len(corners):
                cv2.bitwise_or(mask, _filled(corners, frame_size_px), mask)
    return mask


def _outlines(corners: Float64) -> list[Float64]:
    """Returns a polygon, and the outer outlines ``(N, 2)`` of all that it encloses if it crosses itself.

    Where it crosses itself beyond the picture, cutting it to the picture would open what it encloses.
    """
    if Polygon(corners).is_valid:
        return [corners]
    enclosed = unary_union(list(polygonize(unary_union(LinearRing(corners)))))
    return [corners, *(np.array(part.exterior.coords) for part in getattr(enclosed, "geoms", [enclosed]) if part.area)]


def _filled(corners: Float64, size_px: tuple[int, int]) -> Uint8:
    """Returns the mask of one polygon, grown by a pixel: OpenCV draws a line thinner than what it touches.

    A polygon that crosses itself has no hole: all within its outer outline is set.
    """
    edge = round(_BEYOND_PX) + 1
    canvas = np.zeros((size_px[1] + 2 * edge, size_px[0] + 2 * edge), np.uint8)
    # Pixel i spans i to i + 1 here, but i - 0.5 to i + 0.5 in OpenCV.
    fixed = np.round((corners + edge - 0.5) * 2**_FRACTION_BITS).astype(np.int32)
    cv2.fillPoly(canvas, [fixed], 255, shift=_FRACTION_BITS)
    cv2.polylines(canvas, [fixed], True, 255, shift=_FRACTION_BITS)
    outlines, _ = cv2.findContours(canvas, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(canvas, outlines, -1, 255, cv2.FILLED)
    grown = cv2.dilate(canvas, np.ones((3, 3), np.uint8))
    return np.ascontiguousarray(grown[edge:-edge, edge:-edge], np.uint8)


def _clipped(corners: Float64, size_px: tuple[int, int]) -> Float64:
    """Clips a polygon ``(N, 2)`` to a little more than the picture (Sutherland and Hodgman, 1974); may become empty.

    OpenCV draws in 32-bit fixed point, and a privacy mask may reach far beyond the picture.
    """
    for axis in (0, 1):
        for side, bound in ((1.0, -_BEYOND_PX), (-1.0, -(size_px[axis] + _BEYOND_PX))):
            corners = _clipped_at(corners, side * corners[:, axis] - bound)
    return corners


def _clipped_at(corners: Float64, inside: Float64) -> Float64:
    """Returns the part of a polygon where a distance, given at its corners ``(N,)``, is not negative."""
    kept: list[Float64] = []
    for number in range(len(corners)):
        before, here = inside[number - 1], inside[number]
        if (before < 0) != (here < 0):
            kept.append(corners[number - 1] + before / (before - here) * (corners[number] - corners[number - 1]))
        if here >= 0:
            kept.append(corners[number])
    return np.array(kept, np.float64).reshape(-1, 2)


def close_gaps(mask: Uint8, disc: Uint8) -> Uint8:
    """Returns a mask ``(H, W)`` with its gaps closed (morphological closing by ``disc``).

    Only what the mask covers and its surroundings are computed: most masks are empty, or cover a few people.
    """
    left, top, width, height = cv2.boundingRect(mask)
    if not width:
        return mask
    # What is closed lies within the rectangle; twice the disc's reach keeps the border of the part out of it.
    reach = 2 * (max(disc.shape) // 2) + 1
    part = (slice(max(top - reach, 0), top + height + reach), slice(max(left - reach, 0), left + width + reach))
    closed = mask.copy()
    closed[part] = cv2.morphologyEx(mask[part], cv2.MORPH_CLOSE, disc)
    return closed
