"""Depth as 16-bit pixels."""

from dataclasses import dataclass

import numpy as np

from ops.depth_models.kinds import Depth, MetricDepth
from schemas.values import Uint16

LARGEST = 65535
"""Largest pixel; 0 means unknown."""

_MILLIMETRE = 0.001


@dataclass(frozen=True)
class Rounded:
    """A depth map as pixels: ``value = offset + scale * pixel``; pixel 0 means unknown.

    Attributes:
        pixels: ``(H, W)``.
        scale: step.
        offset: value of pixel 0, if it had one.
    """

    pixels: Uint16
    scale: float
    offset: float


def rounded(depth: Depth) -> Rounded:
    """Returns a map as 16-bit pixels.

    Metric depth is in millimetres, as depth cameras give it and other tools expect it; where it reaches beyond 65 m, in
    steps of ten or more of them. What has no unit is spread over all pixels.
    """
    known = depth.known
    values = depth.values.astype(np.float64)
    if not known.any():
        return Rounded(np.zeros(values.shape, np.uint16), 1.0, 0.0)
    low, high = float(values[known].min()), float(values[known].max())
    if isinstance(depth, MetricDepth):
        scale, offset = _MILLIMETRE, 0.0
        while round(high / scale) > LARGEST:
            scale *= 10
    else:
        scale = (high - low) / (LARGEST - 1) or 1.0
        offset = low - scale
    steps = np.clip(np.rint((np.where(known, values, low) - offset) / scale), 1, LARGEST)
    return Rounded(np.where(known, steps, 0).astype(np.uint16), scale, offset)
