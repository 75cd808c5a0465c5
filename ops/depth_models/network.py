"""What a network for the depth of one picture gives, with the type of its numbers."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ops.depth_models.kinds import AffineDepth, Depth, MetricDepth, RelativeDepth
from schemas.depth import DepthFacts
from schemas.errors import ModelError
from schemas.values import Float32, ModelFile, Uint8


@dataclass(frozen=True, eq=False)
class DepthEstimate:
    """The depth of a picture ``(H, W)``, and the focal length in its pixels, if the network gives one."""

    depth: Depth
    focal_px: float | None = None


DepthNetwork = Callable[[Uint8], DepthEstimate]
"""From a picture ``(H, W, 3)`` uint8 RGB to its depth, of the same height and width.

Raises ``ModelError`` if the picture is too small for the network, or the output is no map with a finite number.
"""


def facts_of(model: ModelFile) -> DepthFacts:
    """Returns what the output of a model means.

    Raises:
        ModelError: nothing says it.
    """
    if model.depth is None:
        raise ModelError(f"{model.path}: nothing says what kind of depth it gives; see docs/depth.md")
    return model.depth


def typed_estimate(model: ModelFile, values: Float32, focal_px: float | None, input_ratio: float) -> DepthEstimate:
    """Gives a network's numbers their type; what is not finite becomes NaN.

    Args:
        model: the network's, for its kind and for messages.
        values: ``(H, W)``, of the picture's size.
        focal_px: focal length in pixels of the picture, if the network gives it.
        input_ratio: pixels of the network's input per pixel of the picture, along the width.

    Raises:
        ModelError: no number is finite: an overflow, or not a depth network; or the focal length is none.
    """
    facts = facts_of(model)
    if focal_px is not None and not 0 < focal_px < np.inf:
        raise ModelError(f"{model.path}: gives {focal_px:g} pixels as the focal length of the camera")
    finite = np.isfinite(values)
    if not finite.any():
        raise ModelError(f"{model.path}: of {values.size} values of the depth map none is a finite number")
    values = np.where(finite, values, np.float32(np.nan)).astype(np.float32)
    if facts.canonical_focal_px is not None:
        per_focal_px = np.asarray(values * np.float32(input_ratio / facts.canonical_focal_px), np.float32)
        if focal_px is None:
            return DepthEstimate(AffineDepth(per_focal_px, scale_only=True, scale_is_focal=True))
        return DepthEstimate(MetricDepth(np.asarray(per_focal_px * np.float32(focal_px), np.float32)), focal_px)
    if facts.kind == "affine":
        return DepthEstimate(AffineDepth(values, facts.scale_only), focal_px)
    return DepthEstimate(MetricDepth(values) if facts.kind == "metric" else RelativeDepth(values), focal_px)
