"""Reads off a decoded frame where it is really covered."""

import cv2
import numpy as np

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

NEAR_PICTURE = (20.0, 12.0, 12.0)
"""Tolerated error of a decoded pixel of a painted picture, in lightness and the two colour differences (YCrCb), beside
the shares of local contrast below: the encoder blends neighbouring pixels."""

EDGE_PX, EDGE_SHARE = 5, 0.75
"""Side of the window in which that picture's contrast is tolerated, and the tolerated share of it.

Measured on the head zones of 230 frames of PETS in mode ``skeleton``, with white, red, blue and slate limbs: of what
was painted, 0.01 to 0.02 % of the pixels do not count as covered; of the same people left bare, 11 to 12 % of the heads
would pass. With a share of 1, 13 to 26 % would; with 0.5, up to 0.7 % of the painted pixels would not count.
"""

COLOUR_EDGE_PX, COLOUR_EDGE_SHARE = 9, 0.25
"""The same for colour differences. They have half the resolution (4:2:0), so that what is encoded as a block of 4 x 4
reaches 8 pixels far: in the middle of a limb in a bright colour, five pixels from its edge, the colour is still off."""


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
    # By channel, as the encoder stores them: a thin line may differ in colour only, and one colour difference that is
    # off by 12 is 21 levels of blue.
    wanted = cv2.cvtColor(painted, cv2.COLOR_BGR2YCrCb)
    off = cv2.absdiff(cv2.cvtColor(frame, cv2.COLOR_BGR2YCrCb), wanted)
    tolerated = _contrast(wanted, EDGE_PX, EDGE_SHARE)
    around = _contrast(wanted, COLOUR_EDGE_PX, COLOUR_EDGE_SHARE)
    around[..., 0] = 0
    over = cv2.subtract(off, cv2.max(tolerated, around))
    return np.asarray(cv2.inRange(over, np.zeros(3), np.array(NEAR_PICTURE)), np.uint8)


def _contrast(picture: Uint8 | cv2.typing.MatLike, window_px: int, share: float) -> Uint8:
    """Returns a share of the difference between the largest and the least value around each pixel ``(H, W, 3)``."""
    window = np.ones((window_px, window_px), np.uint8)
    return np.asarray(cv2.convertScaleAbs(cv2.morphologyEx(picture, cv2.MORPH_GRADIENT, window), alpha=share), np.uint8)
