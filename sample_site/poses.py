"""Poses of a person's sprite: seated, and falling until it lies."""

import cv2
import numpy as np

from schemas.values import Uint8

_HIPS = 0.52
"""Share of a standing person's height above the hips."""

_SEATED_LEGS = 0.5
"""Share of the legs' height that a camera in front of somebody who sits sees."""


def seated(sprite: Uint8) -> tuple[Uint8, float]:
    """Returns the sprite of somebody who sits, seen from the front, and its height as a share of the standing one."""
    height, width = sprite.shape[:2]
    hips = round(height * _HIPS)
    legs = cv2.resize(sprite[hips:], (width, round((height - hips) * _SEATED_LEGS)), interpolation=cv2.INTER_AREA)
    posed = np.concatenate([sprite[:hips], legs])
    return np.asarray(posed, np.uint8), len(posed) / height


def tilted(sprite: Uint8, angle_deg: float) -> tuple[Uint8, float]:
    """Returns the sprite turned clockwise, cropped to what it shows, and its height as a share of the upright one."""
    height, width = sprite.shape[:2]
    side = 2 * int(np.hypot(height, width)) + 2
    matrix = np.asarray(cv2.getRotationMatrix2D((width / 2, height / 2), -angle_deg, 1.0), np.float64)
    matrix[:, 2] += side / 2 - np.array([width / 2, height / 2])
    turned = cv2.warpAffine(sprite, matrix, (side, side), flags=cv2.INTER_LINEAR)
    rows, columns = np.flatnonzero((turned[:, :, 3] > 8).any(axis=1)), np.flatnonzero(turned[:, :, 3].any(axis=0))
    posed = np.ascontiguousarray(turned[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
    return np.asarray(posed, np.uint8), len(posed) / height
