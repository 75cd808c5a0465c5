"""Points from depth and back, by the intrinsics of a pinhole camera.

Camera coordinates are x to the right, y down and z ahead, metres. Pixels count from the picture's corner, so that the
middle of the first one is 0.5; publications that count from its middle are read by ``Intrinsics.of_centres``.
"""

from dataclasses import dataclass

import numpy as np

from schemas.values import Float32, Float64


@dataclass(frozen=True)
class Intrinsics:
    """A pinhole camera without distortion: focal lengths and principal point, pixels."""

    fx_px: float
    fy_px: float
    cx_px: float
    cy_px: float

    @classmethod
    def middle(cls, size_px: tuple[int, int], focal_px: float) -> "Intrinsics":
        """Returns those of square pixels whose principal point is the middle of the frame (width, height)."""
        return cls(focal_px, focal_px, size_px[0] / 2, size_px[1] / 2)

    @classmethod
    def of_centres(cls, fx_px: float, fy_px: float, cx_px: float, cy_px: float) -> "Intrinsics":
        """Returns those that were published for pixels whose first one has its middle at 0, as in OpenCV and KITTI."""
        return cls(fx_px, fy_px, cx_px + 0.5, cy_px + 0.5)

    def scaled(self, across: float, down: float) -> "Intrinsics":
        """Returns those of the picture in another size: ``across`` times as wide and ``down`` times as high."""
        return Intrinsics(self.fx_px * across, self.fy_px * down, self.cx_px * across, self.cy_px * down)

    def rays(self, shape: tuple[int, int]) -> Float64:
        """Returns the line of sight ``(H, W, 3)`` through the middle of each pixel; z is 1."""
        height, width = shape
        x = (np.arange(width) + 0.5 - self.cx_px) / self.fx_px
        y = (np.arange(height) + 0.5 - self.cy_px) / self.fy_px
        return np.stack([*np.meshgrid(x, y), np.ones(shape)], axis=-1)

    def sight(self, pixels: Float64) -> Float64:
        """Returns the line of sight ``(N, 3)`` through pixels ``(N, 2)``; z is 1."""
        across, down = pixels.T
        x, y = (across - self.cx_px) / self.fx_px, (down - self.cy_px) / self.fy_px
        return np.column_stack([x, y, np.ones(len(pixels))])


def to_points(depth_m: Float32 | Float64, intrinsics: Intrinsics) -> Float64:
    """Returns the points ``(H, W, 3)`` that a depth map ``(H, W)`` shows; NaN where it is not finite and positive.

    They are exact: x is ``(u - cx) z / fx``, in this order.
    """
    with np.errstate(invalid="ignore"):
        z = np.where(np.isfinite(depth_m) & (depth_m > 0), depth_m, np.nan).astype(np.float64)
    height, width = depth_m.shape
    across = np.arange(width) + 0.5 - intrinsics.cx_px
    down = np.arange(height)[:, None] + 0.5 - intrinsics.cy_px
    return np.stack([across * z / intrinsics.fx_px, down * z / intrinsics.fy_px, z], axis=-1)


def to_pixels(points_m: Float64, intrinsics: Intrinsics) -> Float64:
    """Projects points ``(..., 3)`` to pixels ``(..., 2)``; NaN for those that are not ahead of the lens."""
    x, y, z = np.moveaxis(points_m, -1, 0)
    with np.errstate(invalid="ignore"):
        ahead = np.where(z > 0, z, np.nan)
    across = x * intrinsics.fx_px / ahead + intrinsics.cx_px
    down = y * intrinsics.fy_px / ahead + intrinsics.cy_px
    return np.stack([across, down], axis=-1)


@dataclass(frozen=True, eq=False)
class Pose:
    """Where a camera is.

    Attributes:
        rotation: ``(3, 3)``, from camera coordinates to the world's.
        place_m: ``(3,)``, the lens in the world.
    """

    rotation: Float64
    place_m: Float64

    @classmethod
    def of_quaternion(cls, place_m: Float64, quaternion: Float64) -> "Pose":
        """Returns the pose of a place ``(3,)`` and a quaternion ``(4,)`` x, y, z, w of any length but 0."""
        x, y, z, w = quaternion / np.linalg.norm(quaternion)
        crossed = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
        rotation = np.eye(3) + 2 * (w * crossed + crossed @ crossed)
        return cls(rotation, np.asarray(place_m, np.float64))

    def to_world(self, points_m: Float64) -> Float64:
        """Returns points ``(..., 3)`` of the camera's coordinates in the world's."""
        return np.asarray(points_m @ self.rotation.T + self.place_m)
