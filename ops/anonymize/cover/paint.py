"""What is painted over a mask: a flat colour, blocks, a blur, the background, outlines of boxes."""

from collections.abc import Sequence

import cv2
import numpy as np

from ops.boxes import whole_boxes
from ops.pictures import above
from schemas.values import Float64, Uint8

Colour = tuple[int, int, int]
"""Blue, green, red."""

BLOCKS_PER_PERSON = 6
"""Largest number of blocks across a pixelated person."""

BLUR_SHARE = 0.25
"""Standard deviation of a blur, as a share of the largest person's smaller side: about half a head."""

BLUR_TINT = 0.05
"""Weight of the flat colour in a blur, where all pixels around together weigh 1. It dominates where few pixels are
blurred, which a blur alone would leave nearly as they were."""

FEATHER_PX = 4.0
"""Approximate width of the transition from the frame to the painted picture around a mask, pixels."""

REACH = 2.5
"""Distance from a box's centre up to which a pixel takes its colour, in half sizes of the box."""

_SMALL_SIGMA_PX = 3.0


def paint_flat(frame: Uint8, mask: Uint8, colour: Colour) -> None:
    """Sets ``frame`` ``(H, W, 3)`` BGR to one colour (BGR) wherever ``mask`` ``(H, W)`` is not 0."""
    left, top, width, height = cv2.boundingRect(mask)
    if not width:
        return
    row = np.tile(np.array(colour, np.uint8), width)  # NumPy fills pixel by pixel fifty times slower than by row
    part = (slice(top, top + height), slice(left, left + width))
    # OpenCV would write into a copy of a part, so what is painted is put back.
    frame[part] = cv2.copyTo(np.tile(row, (height, 1)).reshape(height, width, 3), mask[part], frame[part].copy())


def paint_blocks(frame: Uint8, mask: Uint8, block_px: int) -> None:
    """Replaces blocks of ``block_px`` by their pixels' mean wherever ``mask`` is not 0.

    The grid of blocks is fixed, so that a person who does not move does not flicker.
    """
    height, width = mask.shape
    columns, rows = -(-width // block_px), -(-height // block_px)
    below, beside = rows * block_px - height, columns * block_px - width
    filled = cv2.copyMakeBorder(frame, 0, below, 0, beside, cv2.BORDER_REPLICATE)
    means = cv2.resize(filled, (columns, rows), interpolation=cv2.INTER_AREA)
    blocks = cv2.resize(means, (columns * block_px, rows * block_px), interpolation=cv2.INTER_NEAREST)
    cv2.copyTo(np.ascontiguousarray(blocks[:height, :width]), mask, frame)


def block_size(boxes: Float64, least_px: int) -> int:
    """Returns the block size that leaves nobody in ``boxes`` ``(M, 4)`` more than ``BLOCKS_PER_PERSON`` blocks wide.

    It grows in steps of 8 pixels, so that it does not change with every frame.
    """
    if not len(boxes):
        return least_px
    sides = (boxes[:, 2:] - boxes[:, :2]).min(axis=1)
    return max(least_px, 8 * int(np.ceil(sides.max() / BLOCKS_PER_PERSON / 8)))


def paint_picture(frame: Uint8, mask: Uint8, picture: Uint8) -> None:
    """Sets ``frame`` to ``picture`` ``(H, W, 3)`` wherever ``mask`` is not 0, and blends both around the mask.

    The blend lies outside the mask: within it, nothing of the frame is left.
    """
    if not mask.any():
        return
    solid = above(mask, 0)
    x, y, width, height = cv2.boundingRect(solid)
    edge = int(3 * FEATHER_PX)
    part = (slice(max(y - edge, 0), y + height + edge), slice(max(x - edge, 0), x + width + edge))
    # The weight of the picture is 1 on the mask and a pixel around it, and falls to 0 beyond.
    grown = cv2.dilate(solid[part], np.ones((3, 3), np.uint8))
    weight = np.minimum(cv2.GaussianBlur(grown, (0, 0), FEATHER_PX / 2).astype(np.float32) * np.float32(2 / 255), 1)
    blended = cv2.blendLinear(
        np.ascontiguousarray(picture[part]), np.ascontiguousarray(frame[part]), weight, np.float32(1) - weight
    )
    frame[part] = blended
    cv2.copyTo(picture, solid, frame)


def paint_blurred(frame: Uint8, mask: Uint8, sigma_px: float, tint: Colour) -> None:
    """Sets ``frame`` to a Gaussian blur of its pixels under ``mask`` wherever the mask is not 0.

    Some ``tint`` (BGR) is mixed in, more where the mask is small, so that no pixel is ever left as it was.
    """
    if not mask.any():
        return
    height, width = mask.shape
    # A wide blur holds no detail, so it is made of a reduced picture, at a fraction of the time.
    step = max(1, int(sigma_px / _SMALL_SIGMA_PX))
    size = (-(-width // step), -(-height // step))
    below, beside = size[1] * step - height, size[0] * step - width
    solid = above(mask, 0)
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
    # Sums and weights are blurred apart: pixels beside the mask have no part in the result, and do not darken it.
    share = weights[:, :, None] / np.float32(255)
    mixed = (sums + np.float32(BLUR_TINT) * np.array(tint, np.float32)) / (share + np.float32(BLUR_TINT))
    small = np.clip(np.rint(mixed), 0, 255).astype(np.uint8)
    blurred = cv2.resize(small, (size[0] * step, size[1] * step), interpolation=cv2.INTER_LINEAR)
    cv2.copyTo(np.ascontiguousarray(blurred[:height, :width]), solid, frame)


def blur_size(boxes: Float64, least_px: float) -> float:
    """Returns the blur's standard deviation for the largest person in ``boxes`` ``(M, 4)``, in steps of 4 pixels."""
    if not len(boxes):
        return least_px
    side = float((boxes[:, 2:] - boxes[:, :2]).min(axis=1).max())
    return max(least_px, 4.0 * float(np.ceil(BLUR_SHARE * side / 4)))


def paint_nearest(frame: Uint8, mask: Uint8, boxes: Float64, colours: Sequence[Colour]) -> None:
    """Sets ``frame``, where ``mask`` is not 0 and a box ``(M, 4)`` is near, to the colour of the nearest box.

    Distances are relative to each box's size, so that a person in front of a larger one keeps their colour.
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
