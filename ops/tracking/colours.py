"""Colours of people's clothes: what tells people of one camera apart where they meet or are hidden for a while.

Two histograms, of the upper and of the lower body, in CIE L*a*b*, compared by Bhattacharyya's coefficient as in
Comaniciu et al., "Kernel-Based Object Tracking" (PAMI 2003). They say less of a person than a picture or an embedding
does, need no weights, and hold within one camera and its light only.
"""

from collections.abc import Sequence

import numpy as np

from schemas.values import Float32, Float64, Uint8

PARTS = ((0.17, 0.5), (0.5, 0.85))
"""Upper and lower body: from and to, share of the box's height; without the head, which says little of colour."""

INNER = (0.25, 0.75)
"""The same of its width: what is beside a body is scenery."""

BINS = ((0.0, 256.0, 16), (98.0, 158.0, 10), (98.0, 158.0, 10))
"""Lowest and highest value, and number of bins, of the channels L*, a* and b* in 8 bits; 128 is neutral."""

SIZE = len(PARTS) * sum(count for _, _, count in BINS)
"""Values of ``body_colours``."""


def body_colours(lab: Uint8, boxes: Float64) -> Uint8:
    """Returns the colours ``(N, SIZE)`` of people in boxes ``(N, 4)``: square roots of shares, 255 for all of a part.

    A box that lies outside of the picture gets zeros.

    Args:
        lab: ``(H, W, 3)``, L*a*b* in 8 bits (OpenCV's ``COLOR_BGR2LAB``).
        boxes: x1, y1, x2, y2 in pixels of the picture.
    """
    return np.stack([_of_box(lab, box) for box in boxes.tolist()]) if len(boxes) else np.empty((0, SIZE), np.uint8)


def mean_colours(colours: Uint8) -> Float32:
    """Returns the mean ``(SIZE,)`` of colours ``(N, SIZE)``, of length 1; zeros if all of them are."""
    known = colours[colours.any(axis=1)].astype(np.float32)
    mean = known.sum(axis=0)
    length = float(np.linalg.norm(mean))
    return np.asarray(mean / length if length else mean, np.float32)


def colour_distances(before: Float32, after: Float32) -> Float64:
    """Returns how much means ``(N, SIZE)`` differ from others, row by row, 0..1, ``(N,)``; NaN where one is unknown."""
    known = before.any(axis=1) & after.any(axis=1)
    return np.where(known, 1.0 - np.einsum("ij,ij->i", before, after), np.nan)


def _of_box(lab: Uint8, box: Sequence[float]) -> Uint8:
    x1, y1, x2, y2 = box
    crop = lab[max(int(y1), 0) : max(int(np.ceil(y2)), 0), max(int(x1), 0) : max(int(np.ceil(x2)), 0)]
    height, width = crop.shape[:2]
    if not height or not width:
        return np.zeros(SIZE, np.uint8)
    left = int(width * INNER[0])
    right = max(int(np.ceil(width * INNER[1])), left + 1)
    shares: list[Float64] = []
    for start, end in PARTS:
        top = min(int(height * start), height - 1)
        part = crop[top : max(int(np.ceil(height * end)), top + 1), left:right].reshape(-1, 3)
        shares += [_histogram(part[:, channel], *bins) for channel, bins in enumerate(BINS)]
    return np.round(255 * np.sqrt(np.concatenate(shares))).astype(np.uint8)


def _histogram(values: Uint8, low: float, high: float, count: int) -> Float64:
    """Returns the share of values in each bin, each value shared by the two bins that it lies between."""
    place = np.clip((values.astype(np.float64) - low) / (high - low) * (count - 1), 0, count - 1)
    below = place.astype(np.int64)
    upper = place - below
    shares = np.bincount(below, 1 - upper, count) + np.bincount(np.minimum(below + 1, count - 1), upper, count)
    return np.asarray(shares / len(values), np.float64)
