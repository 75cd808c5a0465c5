"""A calibrated stereo pair, with the names and conventions of OpenCV's ``stereoCalibrate``."""

from dataclasses import astuple, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from schemas.errors import SiteError

_Float64 = npt.NDArray[np.float64]
"""As in ``schemas.values``, which imports this module."""

Side = Literal["left", "right"]

MOST_BASELINE_M = 10.0
"""Lenses farther apart than this are rather measured in another unit."""

DISTORTION_COUNTS = (0, 4, 5, 8, 12, 14)
"""Numbers of coefficients that OpenCV's lens model may have."""


@dataclass(frozen=True, eq=False)
class StereoPair:
    """Two cameras that see the same place from beside each other.

    Attributes:
        size_px: (width, height) of the pictures of both.
        left_matrix, right_matrix: ``(3, 3)`` intrinsics, pixels.
        left_distortion, right_distortion: ``(N,)`` OpenCV's coefficients; zeros for none.
        rotation: ``(3, 3)`` from the left camera's coordinates to the right one's.
        translation_m: ``(3,)``; a point is at ``rotation @ left + translation_m`` in the right one's, metres.

    Raises:
        SiteError: a matrix has another shape or is not finite, a focal length is not positive, the rotation is none, or
            the baseline is 0 or longer than any.
    """

    size_px: tuple[int, int]
    left_matrix: _Float64
    right_matrix: _Float64
    left_distortion: _Float64
    right_distortion: _Float64
    rotation: _Float64
    translation_m: _Float64

    def __post_init__(self) -> None:
        for name, shape in (("left_matrix", (3, 3)), ("right_matrix", (3, 3)), ("rotation", (3, 3))):
            _check(name, getattr(self, name), shape)
        _check("translation", self.translation_m, (3,))
        for name in ("left_matrix", "right_matrix"):
            matrix = getattr(self, name)
            if min(matrix[0, 0], matrix[1, 1]) <= 0 or not np.allclose(matrix[2], [0, 0, 1]):
                raise SiteError(f"{name} is no camera matrix [[fx, 0, cx], [0, fy, cy], [0, 0, 1]]")
        for name in ("left_distortion", "right_distortion"):
            values = getattr(self, name)
            if len(values) not in DISTORTION_COUNTS or not np.isfinite(values).all():
                raise SiteError(f"{name} must have 0, 4, 5, 8, 12 or 14 finite numbers, got {len(values)}")
        if min(self.size_px) < 1:
            raise SiteError(f"image_size {list(self.size_px)} must be positive")
        turned = self.rotation @ self.rotation.T
        if not np.allclose(turned, np.eye(3), atol=1e-3) or np.linalg.det(self.rotation) < 0:
            raise SiteError("rotation is no rotation matrix: give R as stereoCalibrate returns it")
        if self.baseline_m < 1e-6:
            raise SiteError("translation is 0: the two cameras would be one; give it in metres")
        if self.baseline_m > MOST_BASELINE_M:
            raise SiteError(
                f"the lenses are {self.baseline_m:g} m apart by translation; if it is in millimetres, "
                "set unit_m = 0.001"
            )

    @classmethod
    def parallel(cls, size_px: tuple[int, int], focal_px: float, baseline_m: float) -> "StereoPair":
        """Returns two equal cameras without distortion that look the same way, the right one ``baseline_m`` beside."""
        middle = np.array([[focal_px, 0, size_px[0] / 2], [0, focal_px, size_px[1] / 2], [0, 0, 1.0]])
        none, beside = np.zeros(5), np.array([-baseline_m, 0, 0])
        return cls(size_px, middle, middle, none, none, np.eye(3), beside)

    @property
    def baseline_m(self) -> float:
        """Returns the distance of the two lenses, metres."""
        return float(np.linalg.norm(self.translation_m))

    def plain(self) -> list[Any]:
        """Returns all numbers as plain lists, for a digest."""
        return [list(value) if isinstance(value, tuple) else value.tolist() for value in astuple(self)]


@dataclass(frozen=True, eq=False)
class StereoView:
    """A stereo pair as one of its cameras sees it.

    Attributes:
        side: which of the two cameras it is.
        other: id of the other camera.
        nearest_m: nothing nearer is looked for, metres.
    """

    pair: StereoPair
    side: Side
    other: str
    nearest_m: float = 1.0


def _check(name: str, values: _Float64, shape: tuple[int, ...]) -> None:
    if values.shape != shape or not np.isfinite(values).all():
        size = " x ".join(map(str, shape))
        raise SiteError(f"{name} must be {size} finite numbers, got {values.tolist()}")
