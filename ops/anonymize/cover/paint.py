"""Masks of boxes and bodies, and what is painted on them.

Edges are exclusive everywhere: a box that reaches the picture's right or lower edge covers its last column or row.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from schemas.values import Float64, Int64, Uint8

Colour = tuple[int, int, int]
"""Blue, green, red."""

EDGE_PX = 3.0
"""A box that ends this near to the picture's edge belongs to somebody who goes on beyond it."""

ROUNDNESS = 2.5
"""Exponent of the superellipse that a body's core is: 2 is an ellipse, more is nearer to the box."""

BLOCKS_A_PERSON = 6
"""A pixelated person is no more than so many blocks wide."""

BLUR_SHARE = 0.25
"""Standard deviation of a blur, as a share of the largest person's smaller side: about half a head."""

BLUR_TINT = 0.05
"""Weight of the flat colour in a blur, over that of all pixels around one: it is all that few pixels are seen as."""

FEATHER_PX = 4.0
"""Around a mask, the frame passes over into what is painted within so many pixels, about."""

REACH = 2.5
"""A pixel belongs to a box up to so many times as far from its centre as the box reaches."""

_SMALL_SIGMA_PX = 3.0


def whole_boxes(boxes: Float64, size_px: tuple[int, int]) -> Int64:
    """Boxes ``(M, 4)`` on whole pixels, losing none of theirs, cut to a picture of (width, height)."""
    outward = np.concatenate([np.floor(boxes[:, :2]), np.ceil(boxes[:, 2:])], axis=1)
    return np.asarray(np.clip(outward, 0, np.tile(np.array(size_px), 2)), np.int64)


def cover_boxes(mask: Uint8, boxes: Float64) -> None:
    """Sets every pixel of ``mask`` ``(H, W)`` that a box touches to 255."""
    for x1, y1, x2, y2 in whole_boxes(boxes, (mask.shape[1], mask.shape[0])):
        mask[y1:y2, x1:x2] = 255


def cover_bodies(mask: Uint8, boxes: Float64) -> None:
    """Sets the core of every box ``(M, 4)`` to 255: all pixels whose centre is in the superellipse that fills it.

    Where a box ends at the picture's edge the core of a box which goes on beyond it is set as well, so that the
    rounding leaves nothing at the edge.
    """
    height, width = mask.shape
    boxes = np.unique(np.concatenate([boxes, _continued(boxes, width, height)]), axis=0)
    for box, (x1, y1, x2, y2) in zip(boxes, whole_boxes(boxes, (width, height)), strict=True):
        centre, half = (box[:2] + box[2:]) / 2, np.maximum((box[2:] - box[:2]) / 2, 0.5)
        across = np.abs((np.arange(x1, x2) + 0.5 - centre[0]) / half[0]) ** ROUNDNESS
        down = np.abs((np.arange(y1, y2) + 0.5 - centre[1]) / half[1]) ** ROUNDNESS
        mask[y1:y2, x1:x2][across[None] + down[:, None] <= 1] = 255


def _continued(boxes: Float64, width: int, height: int) -> Float64:
    """Boxes made twice as large towards every edge of the picture that they meet."""
    size = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
    meets_low = boxes <= EDGE_PX
    meets_high = boxes >= np.array([width, height, width, height]) - EDGE_PX
    low, high = np.array([1, 1, 0, 0], bool), np.array([0, 0, 1, 1], bool)
    return np.asarray(boxes - size * (meets_low & low) + size * (meets_high & high))


def paint_flat(frame: Uint8, mask: Uint8, colour: Colour) -> None:
    """Sets ``frame`` ``(H, W, 3)`` BGR to one colour (BGR) wherever ``mask`` ``(H, W)`` is not 0."""
    height, width = mask.shape
    row = np.tile(np.array(colour, np.uint8), width)  # row by row: NumPy fills by pixel fifty times slower
    cv2.copyTo(np.tile(row, (height, 1)).reshape(height, width, 3), mask, frame)


def paint_blocks(frame: Uint8, mask: Uint8, block_px: int) -> None:
    """Replaces blocks of ``block_px`` by their pixels' mean wherever ``mask`` is not 0.

    The blocks' grid stands still, so that a person who stands still does not flicker.
    """
    height, width = mask.shape
    columns, rows = -(-width // block_px), -(-height // block_px)
    below, beside = rows * block_px - height, columns * block_px - width
    filled = cv2.copyMakeBorder(frame, 0, below, 0, beside, cv2.BORDER_REPLICATE)
    means = cv2.resize(filled, (columns, rows), interpolation=cv2.INTER_AREA)
    blocks = cv2.resize(means, (columns * block_px, rows * block_px), interpolation=cv2.INTER_NEAREST)
    cv2.copyTo(np.ascontiguousarray(blocks[:height, :width]), mask, frame)


def block_size(boxes: Float64, least_px: int) -> int:
    """Size of blocks that leave no person in ``boxes`` ``(M, 4)`` more than ``BLOCKS_A_PERSON`` of them wide.

    It grows in steps of 8 pixels, so that it does not change with every frame.
    """
    if not len(boxes):
        return least_px
    sides = (boxes[:, 2:] - boxes[:, :2]).min(axis=1)
    return max(least_px, 8 * int(np.ceil(sides.max() / BLOCKS_A_PERSON / 8)))


def paint_picture(frame: Uint8, mask: Uint8, picture: Uint8) -> None:
    """Sets ``frame`` to ``picture`` ``(H, W, 3)`` wherever ``mask`` is not 0, and passes over into it around the mask.

    The passage lies outside of the mask: within, nothing of the frame is left.
    """
    if not mask.any():
        return
    solid = _solid(mask)
    x, y, width, height = cv2.boundingRect(solid)
    edge = int(3 * FEATHER_PX)
    part = (slice(max(y - edge, 0), y + height + edge), slice(max(x - edge, 0), x + width + edge))
    grown = cv2.dilate(solid[part], np.ones((3, 3), np.uint8))
    weight = np.minimum(cv2.GaussianBlur(grown, (0, 0), FEATHER_PX / 2).astype(np.float32) * np.float32(2 / 255), 1)
    blended = cv2.blendLinear(
        np.ascontiguousarray(picture[part]), np.ascontiguousarray(frame[part]), weight, np.float32(1) - weight
    )
    frame[part] = blended
    cv2.copyTo(picture, solid, frame)


def paint_blurred(frame: Uint8, mask: Uint8, sigma_px: float, tint: Colour) -> None:
    """Sets ``frame`` to a Gaussian blur of itself wherever ``mask`` is not 0; pixels outside of it have no part in it.

    A little of ``tint`` is in it, more where the mask is small: no pixel is ever seen as it was.
    """
    if not mask.any():
        return
    height, width = mask.shape
    step = max(1, int(sigma_px / _SMALL_SIGMA_PX))
    size = (-(-width // step), -(-height // step))
    below, beside = size[1] * step - height, size[0] * step - width
    solid = _solid(mask)
    masked = cv2.copyTo(frame, solid, np.zeros_like(frame))
    sums, weights = (
        cv2.GaussianBlur(
            cv2.resize(padded, size, interpolation=cv2.INTER_AREA).astype(np.float32),
            (0, 0),
            sigma_px / step,
            borderType=cv2.BORDER_CONSTANT,
        )
        for padded in (
            cv2.copyMakeBorder(each, 0, below, 0, beside, cv2.BORDER_CONSTANT, value=0) for each in (masked, solid)
        )
    )
    share = weights[:, :, None] / np.float32(255)
    mixed = (sums + np.float32(BLUR_TINT) * np.array(tint, np.float32)) / (share + np.float32(BLUR_TINT))
    small = np.clip(np.rint(mixed), 0, 255).astype(np.uint8)
    blurred = cv2.resize(small, (size[0] * step, size[1] * step), interpolation=cv2.INTER_LINEAR)
    cv2.copyTo(np.ascontiguousarray(blurred[:height, :width]), solid, frame)


def blur_size(boxes: Float64, least_px: float) -> float:
    """Standard deviation of a blur for the largest person in ``boxes`` ``(M, 4)``, in steps of 4 pixels."""
    if not len(boxes):
        return least_px
    side = float((boxes[:, 2:] - boxes[:, :2]).min(axis=1).max())
    return max(least_px, 4.0 * float(np.ceil(BLUR_SHARE * side / 4)))


def paint_nearest(frame: Uint8, mask: Uint8, boxes: Float64, colours: Sequence[Colour]) -> None:
    """Sets ``frame``, where ``mask`` is not 0 and a box ``(M, 4)`` is near, to the colour of the nearest.

    Near is measured in each box's own size, so that one in front of a larger one keeps his colour.
    """
    height, width = mask.shape
    nearest = np.full((height, width), REACH, np.float32)
    centres, halves = (boxes[:, :2] + boxes[:, 2:]) / 2, np.maximum((boxes[:, 2:] - boxes[:, :2]) / 2, 0.5)
    reaches = whole_boxes(np.concatenate([centres - REACH * halves, centres + REACH * halves], axis=1), (width, height))
    for (x1, y1, x2, y2), centre, half, colour in zip(reaches, centres, halves, colours, strict=True):
        across = np.abs(np.arange(x1, x2) + 0.5 - centre[0]) / half[0]
        down = np.abs(np.arange(y1, y2) + 0.5 - centre[1]) / half[1]
        away = np.maximum(across[None], down[:, None]).astype(np.float32)
        nearer = away < nearest[y1:y2, x1:x2]
        nearest[y1:y2, x1:x2][nearer] = away[nearer]
        frame[y1:y2, x1:x2][nearer & (mask[y1:y2, x1:x2] > 0)] = colour


def draw_boxes(frame: Uint8, boxes: Float64, colours: Sequence[Colour]) -> None:
    """Outlines boxes ``(M, 4)`` in their colours (BGR), on ``frame`` ``(H, W, 3)``."""
    size_px = (frame.shape[1], frame.shape[0])
    for (x1, y1, x2, y2), colour in zip(whole_boxes(boxes, size_px).tolist(), colours, strict=True):
        if x2 > x1 and y2 > y1:
            cv2.rectangle(frame, (x1, y1), (x2 - 1, y2 - 1), colour, 2)


def _solid(mask: Uint8) -> Uint8:
    """The mask with nothing between 0 and 255."""
    return np.asarray(cv2.threshold(mask, 0, 255, cv2.THRESH_BINARY)[1], np.uint8)
