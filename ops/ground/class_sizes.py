"""How tall, wide and long things of a class usually are: what a box in the picture cannot tell."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from schemas.values import Float64


@dataclass(frozen=True)
class ClassSize:
    """The usual size of a class, metres.

    Attributes:
        height, width, length: means; the length is along the direction in which it moves.
        spread: standard deviations of the three.
        origin: where the figures are from.
    """

    height: float
    width: float
    length: float
    spread: tuple[float, float, float]
    origin: str

    @property
    def mean(self) -> Float64:
        """Returns height, width and length ``(3,)``."""
        return np.array([self.height, self.width, self.length])


_NUSCENES = "anchor of nuScenes detectors (Zhu et al. 2019, CBGS), the mean of the class; spread assumed"
_ASSUMED = "assumed"

CLASS_SIZES: Mapping[str, ClassSize] = {
    "person": ClassSize(
        1.73,
        0.60,
        0.60,
        (0.10, 0.10, 0.15),
        "adults' mean stature of both sexes; width and length of who walks, assumed",
    ),
    "bicycle": ClassSize(1.28, 0.60, 1.70, (0.20, 0.10, 0.15), _NUSCENES),
    "motorcycle": ClassSize(1.47, 0.77, 2.11, (0.20, 0.12, 0.25), _NUSCENES),
    "car": ClassSize(1.60, 1.80, 4.25, (0.15, 0.12, 0.45), "between KITTI's mean car and nuScenes' larger one"),
    "bus": ClassSize(3.47, 2.94, 10.5, (0.35, 0.20, 1.80), _NUSCENES),
    "truck": ClassSize(2.84, 2.51, 6.93, (0.60, 0.30, 1.60), _NUSCENES),
    "backpack": ClassSize(0.50, 0.32, 0.22, (0.10, 0.06, 0.06), _ASSUMED),
    "handbag": ClassSize(0.28, 0.35, 0.15, (0.08, 0.08, 0.05), _ASSUMED),
    "suitcase": ClassSize(0.62, 0.43, 0.27, (0.12, 0.07, 0.05), "between a cabin's and a hold's suitcase; assumed"),
    "dog": ClassSize(0.55, 0.25, 0.80, (0.15, 0.07, 0.20), _ASSUMED),
}
"""Of every class that stands on the ground (``ops.ground.feet.GROUND_LABELS``)."""
