"""Where a decoded frame is really covered, and how much of people's heads is."""

import cv2
import numpy as np

from ops.anonymize.cover.paint import whole_boxes
from schemas.values import Float64, Uint8

HEAD_HEIGHT, HEAD_WIDTH = 0.18, 0.5
"""The head zone: the upper 18 % of a person's box, and the middle half of its width."""

LEAK_BELOW = 0.5
"""Less of a head zone covered than this is a leak."""

NEAR_COLOUR = (24.0, 12.0, 12.0)
"""Levels by which a decoded pixel may be off its flat colour, in lightness and the two colour differences (YCrCb), in
which the encoder errs: blue takes nearly twice the error of its difference. Grey is farther off the default colour.

Measured in blue, green and red, at crf 23, on silhouettes in four real clips: 99.9 % of the pixels four and more deep
in what was painted are off by no more than 9, 99 % of those one deep by no more than 24. The outermost row blends with
what is beside it (4:2:0 has half the resolution in colour): 90 % are within 24 on three of the clips, within 42 on the
fourth. Of footage that nobody painted, 1 to 7 % is as near to the default colour, so the mask counts as well.
"""

NEAR_PICTURE = 20
"""Grey levels by which a decoded pixel may be off the picture that was painted there, beside ``EDGE_SHARE``."""

EDGE_SHARE = 1.0
"""Share of that picture's local contrast which is tolerated besides: the encoder blends what is side by side."""


def confirmed_cover(frame: Uint8, mask: Uint8, painted: Uint8) -> Uint8:
    """``(H, W)``, 255 where a frame was to be covered and is seen to be.

    A pixel that merely has the covering colour does not count where nothing was to be covered, nor do single pixels.

    Args:
        frame: ``(H, W, 3)`` BGR, decoded.
        mask: ``(H, W)``, 255 where it was to be covered.
        painted: what with: ``(K, 3)`` flat colours BGR, or a picture ``(H, W, 3)`` BGR of which the mask's part counts.
    """
    covered = np.zeros_like(mask)
    x, y, width, height = cv2.boundingRect(mask)
    if width and height:
        part = (slice(max(y - 1, 0), y + height + 1), slice(max(x - 1, 0), x + width + 1))
        flat = painted.ndim == 2
        near = _near_colours(frame[part], painted) if flat else _near_picture(frame[part], painted[part])
        covered[part] = cv2.morphologyEx(cv2.bitwise_and(near, mask[part]), cv2.MORPH_OPEN, _square(3))
    return covered


def _near_colours(frame: Uint8, colours: Uint8) -> Uint8:
    coded, near = cv2.cvtColor(frame, cv2.COLOR_BGR2YCrCb), np.zeros(frame.shape[:2], np.uint8)
    for colour in cv2.cvtColor(colours[None], cv2.COLOR_BGR2YCrCb)[0].astype(np.float64):
        near |= np.asarray(cv2.inRange(coded, colour - NEAR_COLOUR, colour + NEAR_COLOUR), np.uint8)
    return near


def _near_picture(frame: Uint8, painted: Uint8) -> Uint8:
    # By channel: a thin line may differ in colour only, of which the encoder keeps a quarter of the pixels.
    blue, green, red = cv2.split(cv2.morphologyEx(painted, cv2.MORPH_GRADIENT, _square(5)))
    contrast = cv2.max(cv2.max(blue, green), red)
    blue, green, red = cv2.split(cv2.absdiff(frame, painted))
    over = cv2.subtract(cv2.max(cv2.max(blue, green), red), cv2.convertScaleAbs(contrast, alpha=EDGE_SHARE))
    return np.asarray(cv2.threshold(over, NEAR_PICTURE, 255, cv2.THRESH_BINARY_INV)[1], np.uint8)


def head_zones(boxes: Float64, pad_share: float = 0.0) -> Float64:
    """The head zones ``(N, 4)`` of people's boxes ``(N, 4)``, grown on every side by a share of their own size."""
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    middle = (boxes[:, 0] + boxes[:, 2]) / 2
    half = width * HEAD_WIDTH * (0.5 + pad_share)
    over, below = boxes[:, 1] - height * HEAD_HEIGHT * pad_share, boxes[:, 1] + height * HEAD_HEIGHT * (1 + pad_share)
    return np.stack([middle - half, over, middle + half, below], axis=1)


def covered_shares(covered: Uint8, boxes: Float64) -> Float64:
    """Share 0..1 of each box ``(N, 4)`` that a mask covers, of what of it is in the picture; 1 where nothing of it is.

    Args:
        covered: ``(H, W)``, not 0 where covered.
    """
    shares = np.ones(len(boxes))
    for number, (x1, y1, x2, y2) in enumerate(whole_boxes(boxes, (covered.shape[1], covered.shape[0])).tolist()):
        if x2 > x1 and y2 > y1:
            shares[number] = cv2.countNonZero(covered[y1:y2, x1:x2]) / ((x2 - x1) * (y2 - y1))
    return shares


def _square(size: int) -> Uint8:
    return np.ones((size, size), np.uint8)
