"""Reads what was written into a picture."""

import cv2
import numpy as np

from ops.track_drawing import text_maker
from schemas.values import Uint8
from storage.fonts import label_font

FONT = label_font()


def is_read(image: Uint8, text: str, size_px: int, least: float = 0.97) -> bool:
    """Returns whether a text is written somewhere in ``(H, W, 3)``, in whatever colours.

    Args:
        size_px: size of its letters.
        least: correlation from which on it counts as read; encoding lowers it.
    """
    letters = text_maker(FONT, size_px)(text)
    rows, columns = np.flatnonzero(letters.any(axis=1)), np.flatnonzero(letters.any(axis=0))
    letters = letters[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    found = cv2.matchTemplate(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), letters, cv2.TM_CCOEFF_NORMED)
    return bool(np.abs(found).max() > least)
