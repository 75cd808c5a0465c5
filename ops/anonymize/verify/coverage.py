"""Reads off a decoded frame where it is really covered."""

import cv2
import numpy as np

from ops.pictures import largest_channel
from schemas.values import Uint8

NEAR_COLOUR = (24.0, 12.0, 12.0)
"""Tolerated error of a decoded pixel of a flat colour, in lightness and the two colour differences (YCrCb).

These are what the encoder changes: blue takes nearly twice the error of its difference. Grey is farther from the
default colour than this.

Measured in blue, green and red, at crf 23, on silhouettes in four real clips: of the pixels four and more deep in what
was painted, 99.9 % are off by at most 9; of those one deep, 99 % by at most 24. The outermost row blends with what is
beside it (4:2:0 has half the resolution in colour): 90 % are within 24 on three of the clips, within 42 on the fourth.
Of footage that was not painted, 1 to 7 % is as close to the default colour, so a pixel must also be in the mask.
"""

NEAR_PICTURE = 20
"""Tolerated error of a decoded pixel of a painted picture, grey levels, beside ``EDGE_SHARE``."""

EDGE_SHARE = 1.0
"""Tolerated share of that picture's local contrast: the encoder blends neighbouring pixels."""


def confirmed_cover(frame: Uint8, mask: Uint8, painted: Uint8) -> Uint8:
    """Returns ``(H, W)``, 255 where a decoded frame had to be covered and is.

    Pixels outside the mask do not count, even if they have the covering colour, nor do single pixels.

    Args:
        frame: ``(H, W, 3)`` BGR, decoded.
        mask: ``(H, W)``, 255 where it had to be covered.
        painted: ``(K, 3)`` flat colours BGR, or the painted picture ``(H, W, 3)`` BGR.
    """
    covered = np.zeros_like(mask)
    x, y, width, height = cv2.boundingRect(mask)
    if width and height:
        # One more pixel on each side, so that the opening below does not erode the mask at the part's edge.
        part = (slice(max(y - 1, 0), y + height + 1), slice(max(x - 1, 0), x + width + 1))
        flat = painted.ndim == 2
        near = _near_colours(frame[part], painted) if flat else _near_picture(frame[part], painted[part])
        covered[part] = cv2.morphologyEx(cv2.bitwise_and(near, mask[part]), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    return covered


def _near_colours(frame: Uint8, colours: Uint8) -> Uint8:
    # Colours are compared as the encoder stores them, or its errors would be spread over all three channels.
    coded, near = cv2.cvtColor(frame, cv2.COLOR_BGR2YCrCb), np.zeros(frame.shape[:2], np.uint8)
    for colour in cv2.cvtColor(colours[None], cv2.COLOR_BGR2YCrCb)[0].astype(np.float64):
        near |= np.asarray(cv2.inRange(coded, colour - NEAR_COLOUR, colour + NEAR_COLOUR), np.uint8)
    return near


def _near_picture(frame: Uint8, painted: Uint8) -> Uint8:
    # By channel: a thin line may differ in colour only, and the encoder keeps a quarter of the pixels of colours.
    contrast = largest_channel(cv2.morphologyEx(painted, cv2.MORPH_GRADIENT, np.ones((5, 5), np.uint8)))
    off = largest_channel(cv2.absdiff(frame, painted))
    over = cv2.subtract(off, cv2.convertScaleAbs(contrast, alpha=EDGE_SHARE))
    return np.asarray(cv2.threshold(over, NEAR_PICTURE, 255, cv2.THRESH_BINARY_INV)[1], np.uint8)
