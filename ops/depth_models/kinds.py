"""Three kinds of depth, each a type: in metres, affine, and relative.

A network gives one of them, and which one cannot be seen in its numbers. Only ``MetricDepth`` may be compared with
lengths; the others become metric by two numbers from elsewhere: a calibrated ground plane, the height of the lens or
the height of people. Depth is ``z``, the distance along the optical axis, and not the distance from the lens.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from schemas.depth import DepthKind
from schemas.values import Bools, Float32


@dataclass(frozen=True, eq=False)
class _Map:
    """A depth map: ``values`` ``(H, W)`` float32.

    Raises:
        ValueError: the values are no such array.
    """

    kind: ClassVar[DepthKind]
    values: Float32

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or self.values.dtype != np.float32:
            raise ValueError(f"depth must be (H, W) float32, got {self.values.shape = } {self.values.dtype = }")

    @property
    def known(self) -> Bools:
        """Returns ``(H, W)``, where the depth is known: where the value is finite."""
        return np.asarray(np.isfinite(self.values))


@dataclass(frozen=True, eq=False)
class MetricDepth(_Map):
    """Depth ``z`` in metres; NaN, 0 or less where it is unknown."""

    kind = "metric"

    @property
    def known(self) -> Bools:
        """Returns ``(H, W)``, where the depth is known: finite and ahead of the lens."""
        return np.asarray(np.isfinite(self.values) & (self.values > 0))


@dataclass(frozen=True, eq=False)
class AffineDepth(_Map):
    """Affine depth: ``z = s * value + t`` with unknown ``s > 0`` and ``t``; NaN where it is unknown.

    MoGe gives such maps (arXiv 2410.19115).

    Attributes:
        scale_only: ``t`` is 0.
        scale_is_focal: ``t`` is 0, and ``s`` is the focal length of the picture that the network saw, in its pixels:
            so are the maps of networks that assume a camera, such as Metric3D (arXiv 2307.10984).
    """

    kind = "affine"
    scale_only: bool = False
    scale_is_focal: bool = False

    def metric(self, s: float, t: float = 0.0) -> MetricDepth:
        """Returns ``s * value + t``; NaN where this is not ahead of the lens.

        Args:
            s: metres per unit of the values, positive.
            t: metres.

        Raises:
            ValueError: ``s`` or ``t`` is no such number.
        """
        return _ahead(self.values * np.float32(_scale(s)) + np.float32(_finite(t)))


@dataclass(frozen=True, eq=False)
class RelativeDepth(_Map):
    """Relative depth: ``1 / z = s * value + t`` with unknown ``s > 0`` and ``t``; larger is nearer; NaN where unknown.

    MiDaS, DPT and Depth Anything are trained for this (arXiv 1907.01341): what they give is disparity, up to scale and
    offset, and not depth.
    """

    kind = "relative"

    def metric(self, s: float, t: float) -> MetricDepth:
        """Returns ``1 / (s * value + t)``; NaN where this is not finite and ahead of the lens, as in the sky.

        Args:
            s: positive, 1 / m per unit of the values.
            t: 1 / m.

        Raises:
            ValueError: ``s`` or ``t`` is no such number.
        """
        inverse = self.values * np.float32(_scale(s)) + np.float32(_finite(t))
        return _ahead(np.asarray(1 / np.where(inverse > 0, inverse, np.float32(np.nan)), np.float32))


Depth = MetricDepth | AffineDepth | RelativeDepth

KINDS: Mapping[DepthKind, type[Depth]] = {each.kind: each for each in (MetricDepth, AffineDepth, RelativeDepth)}
"""The types by the names under which tables and files know them."""


def _ahead(z_m: Float32) -> MetricDepth:
    return MetricDepth(np.where(np.isfinite(z_m) & (z_m > 0), z_m, np.float32(np.nan)).astype(np.float32))


def _scale(s: float) -> float:
    if not (np.isfinite(s) and s > 0):
        raise ValueError(f"the scale of a depth map must be positive, got {s = }")
    return s


def _finite(t: float) -> float:
    if not np.isfinite(t):
        raise ValueError(f"the offset of a depth map must be finite, got {t = }")
    return t
