"""A calibrated stereo pair, with the names and conventions of OpenCV's ``stereoCalibrate``, and its rectification."""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from schemas.errors import SiteError
from schemas.values import Float32, Float64, Uint8


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
        SiteError: a matrix has another shape or is not finite, or the baseline is 0.
    """

    size_px: tuple[int, int]
    left_matrix: Float64
    right_matrix: Float64
    left_distortion: Float64
    right_distortion: Float64
    rotation: Float64
    translation_m: Float64

    def __post_init__(self) -> None:
        for name, shape in (("left_matrix", (3, 3)), ("right_matrix", (3, 3)), ("rotation", (3, 3))):
            _check(name, getattr(self, name), shape)
        _check("translation_m", self.translation_m, (3,))
        if not np.allclose(self.rotation @ self.rotation.T, np.eye(3), atol=1e-3):
            raise SiteError("stereo pair: rotation must be a rotation matrix")
        if self.baseline_m < 1e-6:
            raise SiteError("stereo pair: translation_m is 0: the two cameras would be one; give it in metres")

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

    @cached_property
    def rectified(self) -> "Rectification":
        """Returns how the pictures become rectified."""
        left_turn, right_turn, left_view, right_view, *_ = cv2.stereoRectify(
            self.left_matrix,
            self.left_distortion,
            self.right_matrix,
            self.right_distortion,
            self.size_px,
            self.rotation,
            self.translation_m,
            flags=cv2.CALIB_ZERO_DISPARITY,
            alpha=0,
        )
        if right_view[0, 3] >= 0:
            raise SiteError("stereo pair: the right camera is not to the right of the left one; exchange the two")
        maps = [
            cv2.initUndistortRectifyMap(matrix, distortion, turn, view, self.size_px, cv2.CV_32FC1)
            for matrix, distortion, turn, view in (
                (self.left_matrix, self.left_distortion, left_turn, left_view),
                (self.right_matrix, self.right_distortion, right_turn, right_view),
            )
        ]
        (left_u, left_v), (right_u, right_v) = maps
        left_map = np.stack([left_u, left_v], axis=2).astype(np.float32)
        right_map = np.stack([right_u, right_v], axis=2).astype(np.float32)
        return Rectification(left_map, right_map, np.asarray(left_turn), np.asarray(left_view), self.baseline_m)


@dataclass(frozen=True, eq=False)
class Rectification:
    """Pictures of a pair turned so that a point has the same row in both.

    Attributes:
        left_map, right_map: ``(H, W, 2)`` pixel of the picture that a pixel of the rectified one shows.
        left_turn: ``(3, 3)`` rotation from the left camera's coordinates to the rectified ones.
        left_view: ``(3, 4)`` projection of rectified coordinates.
    """

    left_map: Float32
    right_map: Float32
    left_turn: Float64
    left_view: Float64
    baseline_m: float

    @property
    def focal_px(self) -> float:
        """Returns the focal length of the rectified pictures."""
        return float(self.left_view[0, 0])

    def left(self, picture: Uint8) -> Uint8:
        """Returns the left picture, rectified."""
        return np.asarray(cv2.remap(picture, self.left_map, None, cv2.INTER_LINEAR), np.uint8)  # type: ignore[call-overload]

    def right(self, picture: Uint8) -> Uint8:
        """Returns the right picture, rectified."""
        return np.asarray(cv2.remap(picture, self.right_map, None, cv2.INTER_LINEAR), np.uint8)  # type: ignore[call-overload]


def _check(name: str, values: Float64, shape: tuple[int, ...]) -> None:
    if values.shape != shape or not np.isfinite(values).all():
        raise SiteError(f"stereo pair: {name} must be {shape} finite numbers, got {values.tolist()}")
