"""Follows people towards and away from the camera between keyframes: by the ground that their feet meet.

Flow carries the depth that somebody had at the keyframe. Since then the ground at their feet has changed its depth, and
theirs has changed as much, in whatever unit the map is.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from ops.flow import Indices
from schemas.values import Bools, Float32

_LEAST_SHARE = 0.5
"""Share of a region's pixels that must come from one region of the keyframe."""

_LEAST_PX = 30
_LOWEST = 0.05
"""Part of a region's height, from below, where its feet are."""


@dataclass(frozen=True)
class Regions:
    """The connected regions of a foreground.

    Attributes:
        labels: ``(H, W)`` int32, 0 for background.
        ground: ``(N,)`` value of the background where the lower edge of each region is; NaN for label 0.
    """

    labels: Indices
    ground: Float32

    @classmethod
    def of(cls, foreground: Bools, background: Float32) -> "Regions":
        """Returns the regions of a foreground ``(H, W)`` before the depth ``(H, W)`` of an empty view."""
        count, labels, stats, _ = cv2.connectedComponentsWithStats(foreground.astype(np.uint8), connectivity=8)
        ground = np.full(count, np.nan, np.float32)
        for number in range(1, count):
            x, y, width, height, _ = stats[number].tolist()
            low = y + height - max(1, round(height * _LOWEST))
            window = (slice(low, y + height), slice(x, x + width))
            if y + height < foreground.shape[0]:  # cut by the frame's edge: the feet are not in it
                ground[number] = np.median(background[window][labels[window] == number])
        return cls(labels.astype(np.intp), ground)


def follow_feet(
    values: Float32, valid: Bools, now: Regions, then: Regions, sources: tuple[Indices, Indices]
) -> Float32:
    """Returns carried values ``(H, W)``, each region's shifted as the ground at its feet.

    Args:
        values: as carried from the keyframe.
        valid: ``(H, W)``, where flow carried them.
        now, then: regions of this frame and of the keyframe.
        sources: row and column ``(H, W)`` in the keyframe of each pixel.
    """
    origins = then.labels[sources]
    shifted = values.copy()
    for number in range(1, len(now.ground)):
        there = valid & (now.labels == number)
        if np.count_nonzero(there) < _LEAST_PX:
            continue
        counts = np.bincount(origins[there])
        origin = int(counts.argmax())
        if counts[origin] < _LEAST_SHARE * counts.sum():
            continue
        shift = now.ground[number] - then.ground[origin]
        if np.isfinite(shift):
            shifted[there] += shift
    return shifted
