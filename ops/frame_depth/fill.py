"""Fills depth where optical flow could not carry it."""

import cv2
import numpy as np

from schemas.values import Bools, Float32


def fill_nearest(values: Float32, known: Bools, wanted: Bools) -> Float32:
    """Returns values ``(H, W)`` in which wanted pixels have those of the nearest known pixel; unchanged without any."""
    if not known.any() or not wanted.any():
        return values
    _, labels = cv2.distanceTransformWithLabels(
        (~known).astype(np.uint8), cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL
    )
    by_label = np.full(int(labels.max()) + 1, np.nan, np.float32)
    by_label[labels[known]] = values[known]
    return np.where(wanted, by_label[labels], values)


def fill_foreground(values: Float32, valid: Bools, foreground: Bools, background: Float32) -> Float32:
    """Fills the foreground of a fixed camera.

    Within a region of it that flow carried at least in part, a pixel gets the depth of the nearest one that it did;
    another region, somebody who has just come in, gets that of the background at its lower edge: where feet meet the
    ground.

    Args:
        values: ``(H, W)`` depth.
        valid: ``(H, W)``, foreground that flow carried.
        foreground: ``(H, W)``.
        background: ``(H, W)`` depth of the empty view.
    """
    missing = foreground & ~valid
    if not missing.any():
        return values
    _, regions, stats, _ = cv2.connectedComponentsWithStats(foreground.astype(np.uint8), connectivity=8)
    filled = values.copy()
    for number in np.unique(regions[missing]).tolist():
        x, y, width, height, _ = stats[number].tolist()
        window = (slice(y, y + height), slice(x, x + width))
        region = regions[window] == number
        known, wanted = region & valid[window], region & missing[window]
        if known.any():
            filled[window] = fill_nearest(filled[window], known, wanted)
        else:
            foot = background[y + height - 1, x : x + width][region[-1]]
            filled[window][wanted] = np.median(foot)
    return filled
