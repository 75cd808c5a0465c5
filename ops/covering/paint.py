"""Masks of boxes and bodies, and what is painted on them.

Edges are exclusive everywhere: a box that reaches the picture's right or lower edge covers its last column or row.
"""

import cv2
import numpy as np

from schemas.values import Float64, Int64, Uint8

EDGE_PX = 3.0
"""A box that ends this near to the picture's edge belongs to somebody who goes on beyond it."""

ROUNDNESS = 2.5
"""Exponent of the superellipse that a body's core is: 2 is an ellipse, more is nearer to the box."""

BLOCKS_A_PERSON = 6
"""A pixelated person is no more than so many blocks wide."""


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


def paint_flat(frame: Uint8, mask: Uint8, colour: tuple[int, int, int]) -> None:
    """Sets ``frame`` ``(H, W, 3)`` BGR to one colour (BGR) wherever ``mask`` ``(H, W)`` is not 0."""
    flat = np.empty_like(frame)
    flat[:] = colour
    cv2.copyTo(flat, mask, frame)


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
