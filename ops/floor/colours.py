"""Regions of one colour: K-means on the colours of a picture, in CIE Lab, and on places in it.

The clusters begin on a grid, as in SLIC (Achanta et al., PAMI 2012), so that no random number is drawn, and the same
picture has the same regions.
"""

import cv2
import numpy as np

from schemas.values import Int64, Uint8

ACROSS = 14
"""Clusters side by side at first."""

ROUNDS = 6
LIGHT = 0.5
"""Weight of lightness beside colour: a shadow changes the one and hardly the other."""

PLACE = 60.0
"""Lab units that a picture's width counts as: a region is rather of one colour than of one place."""

GREY = 128


def colour_regions(image: Uint8) -> Int64:
    """Returns the number ``(H, W)`` of each pixel's region, from 0, for a picture ``(H, W, 3)`` BGR."""
    height, width = image.shape[:2]
    lab = cv2.cvtColor(cv2.GaussianBlur(image, (0, 0), 1.0), cv2.COLOR_BGR2LAB).astype(np.float32) - GREY
    row, column = np.mgrid[:height, :width].astype(np.float32) / width
    features = np.stack([lab[..., 0] * LIGHT, lab[..., 1], lab[..., 2], row * PLACE, column * PLACE], axis=-1)
    down = max(1, round(ACROSS * height / width))
    first = (row * width * down / height).astype(np.int32) * ACROSS + (column * ACROSS).astype(np.int32)
    count = min(ACROSS * down, height * width)
    first = np.minimum(first, count - 1)
    end = (cv2.TERM_CRITERIA_MAX_ITER, ROUNDS, 0.0)
    start = np.ascontiguousarray(first.reshape(-1, 1))
    _, labels, _ = cv2.kmeans(features.reshape(-1, 5), count, start, end, 1, cv2.KMEANS_USE_INITIAL_LABELS)
    return np.asarray(labels.reshape(height, width), np.int64)
