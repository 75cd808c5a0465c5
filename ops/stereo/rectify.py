"""The rectification of a stereo pair: its pictures turned so that a point has the same row in both."""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from schemas.errors import SiteError
from schemas.stereo import Side, StereoPair
from schemas.values import Float32, Float64, Uint8


@dataclass(frozen=True, eq=False)
class RectifiedView:
    """One camera of a pair, turned.

    Attributes:
        size_px: (width, height) of its pictures.
        matrix: ``(3, 3)`` intrinsics.
        distortion: ``(N,)`` coefficients.
        turn: ``(3, 3)`` rotation from the camera's coordinates to the rectified ones.
        projection: ``(3, 4)`` of rectified coordinates.
    """

    size_px: tuple[int, int]
    matrix: Float64
    distortion: Float64
    turn: Float64
    projection: Float64

    @cached_property
    def _map(self) -> Float32:
        u, v = cv2.initUndistortRectifyMap(
            self.matrix, self.distortion, self.turn, self.projection, self.size_px, cv2.CV_32FC1
        )
        return np.stack([u, v], axis=2).astype(np.float32)

    def rectified(self, picture: Uint8) -> Uint8:
        """Returns a picture of this camera, rectified."""
        return np.asarray(cv2.remap(picture, self._map, None, cv2.INTER_LINEAR), np.uint8)  # type: ignore[call-overload]

    def as_seen(self, depth_m: Float32) -> Float32:
        """Returns rectified depth ``(H, W)`` in the pixels, and along the axis, of the camera itself."""
        height, width = depth_m.shape
        grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=2).reshape(-1, 1, 2).astype(np.float64)
        seen = cv2.undistortPoints(grid, self.matrix, self.distortion, R=self.turn, P=self.projection)
        seen = seen.reshape(height, width, 2)
        columns, rows = np.rint(seen[:, :, 0]), np.rint(seen[:, :, 1])
        inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
        at = (np.clip(rows, 0, height - 1).astype(np.intp), np.clip(columns, 0, width - 1).astype(np.intp))
        z_m = np.where(inside, depth_m[at], np.nan)
        focal_px, middle = self.projection[0, 0], self.projection[:2, 2]
        rays = np.dstack([(seen - middle) / focal_px, np.ones((height, width))])
        along = rays @ self.turn[:, 2]  # the camera's own axis, in rectified coordinates
        return np.asarray(z_m * along, np.float32)


@dataclass(frozen=True, eq=False)
class Rectification:
    """Both cameras, turned."""

    left: RectifiedView
    right: RectifiedView

    @property
    def focal_px(self) -> float:
        """Returns the focal length of the rectified pictures."""
        return float(self.left.projection[0, 0])

    def view(self, side: Side) -> RectifiedView:
        """Returns one of the cameras."""
        return self.left if side == "left" else self.right


def rectify(pair: StereoPair) -> Rectification:
    """Returns how the pictures of a pair become rectified.

    Raises:
        SiteError: the right camera is not to the right of the left one.
    """
    left_turn, right_turn, left_view, right_view, *_ = cv2.stereoRectify(
        pair.left_matrix,
        pair.left_distortion,
        pair.right_matrix,
        pair.right_distortion,
        pair.size_px,
        pair.rotation,
        pair.translation_m,
        flags=cv2.CALIB_ZERO_DISPARITY,
        alpha=0,
    )
    if right_view[1, 3] != 0:
        raise SiteError("one camera is above the other; they must be side by side")
    if right_view[0, 3] >= 0:
        raise SiteError("the right camera is not to the right of the left one; exchange the two")
    views = [
        RectifiedView(pair.size_px, matrix, distortion, np.asarray(turn), np.asarray(projection))
        for matrix, distortion, turn, projection in (
            (pair.left_matrix, pair.left_distortion, left_turn, left_view),
            (pair.right_matrix, pair.right_distortion, right_turn, right_view),
        )
    ]
    return Rectification(*views)
