"""The median of many pictures of one view, each pixel over the pictures in which nothing covers it."""

import numpy as np

from schemas.values import Bools, Uint8

UNSEEN = 255  # value of pixels without a usable sample
MOST_SAMPLES = 255  # counts are kept in a byte
_TILE_BYTES = 1 << 18  # a tile of all pictures stays in the processor's cache


def masked_median(samples: Uint8, usable: Bools) -> tuple[Uint8, Bools]:
    """Returns the lower median of the usable samples of each pixel, and which pixels have any.

    Args:
        samples: ``(S, H, W, C)``, at most 255 of them.
        usable: ``(S, H, W)``.

    Returns:
        The median ``(H, W, C)``, ``UNSEEN`` where no sample was usable, and ``(H, W)``, True where one was.
    """
    count, height, width, channels = samples.shape
    if count > MOST_SAMPLES:
        raise ValueError(f"at most {MOST_SAMPLES} samples, got {samples.shape = }")
    median = np.empty((height, width, channels), np.uint8)
    rows = max(1, _TILE_BYTES // max(1, count * width * channels))
    for top in range(0, height, rows):
        tile = slice(top, top + rows)
        median[tile] = _median_of_tile(samples[:, tile], usable[:, tile, :, None])
    return median, np.asarray(usable.any(axis=0))


def _median_of_tile(samples: Uint8, usable: Bools) -> Uint8:
    """Finds each median bit by bit, from the highest: eight passes, whatever the number of samples."""
    # An unusable sample becomes 255, above every threshold below, so it is never counted.
    values = np.where(usable, samples, np.uint8(255))
    half = ((usable.sum(axis=0, dtype=np.int32) + 1) // 2).astype(np.uint8)
    low = np.zeros(samples.shape[1:], np.uint8)
    # A bit belongs to the median if fewer than half of the samples lie below the value that it would make.
    for bit in (128, 64, 32, 16, 8, 4, 2, 1):
        below = np.add.reduce((values < low + np.uint8(bit)).view(np.uint8), axis=0, dtype=np.uint8)
        low += np.uint8(bit) * (below < half)
    return np.where(half > 0, low, np.uint8(UNSEEN))
