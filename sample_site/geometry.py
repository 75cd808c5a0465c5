"""A pinhole camera above the floor: projects points of the hall to pixels and back."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from schemas.values import Float64

Point = tuple[float, float]


@dataclass(frozen=True)
class Pinhole:
    """A fixed camera without lens distortion; the horizon is level.

    Attributes:
        size_px: (width, height) of the picture.
        focal_px: focal length in pixels; pixels are square, the principal point is the middle of the picture.
        place_m: where the lens is: east, north, height, in the floor plan's metres.
        target_m: a point in the middle of the picture.
    """

    size_px: tuple[int, int]
    focal_px: float
    place_m: tuple[float, float, float]
    target_m: tuple[float, float, float]

    @cached_property
    def rotation(self) -> Float64:
        """``(3, 3)``: rows are the camera's right, down and forward in the floor plan's axes."""
        forward = np.subtract(self.target_m, self.place_m)
        forward = forward / np.linalg.norm(forward)
        right = np.cross(forward, (0.0, 0.0, 1.0))
        right = right / np.linalg.norm(right)
        return np.stack([right, np.cross(forward, right), forward])

    def project(self, points_m: Float64) -> tuple[Float64, Float64]:
        """Projects points ``(N, 3)`` in metres to pixels ``(N, 2)`` and their depths ``(N,)``, metres."""
        in_camera = (np.asarray(points_m, np.float64) - self.place_m) @ self.rotation.T
        depth = in_camera[:, 2]
        middle = np.array(self.size_px) / 2
        with np.errstate(divide="ignore", invalid="ignore"):
            pixels: Float64 = in_camera[:, :2] / depth[:, None] * self.focal_px + middle
        return pixels, depth

    def rays(self, supersample: int) -> Float64:
        """Returns ray directions ``(H, W, 3)`` through the centres of a finer grid; their forward component is 1."""
        width, height = (n * supersample for n in self.size_px)
        u = (np.arange(width) + 0.5) / supersample - self.size_px[0] / 2
        v = (np.arange(height) + 0.5) / supersample - self.size_px[1] / 2
        right, down, forward = self.rotation
        # Sums, not a matrix product: the way BLAS splits that among threads changes the last digits.
        rays = (u / self.focal_px)[None, :, None] * right + (v / self.focal_px)[:, None, None] * down + forward
        return np.asarray(rays, np.float64)

    def to_ground(self, pixels: Float64) -> Float64:
        """Projects pixels ``(N, 2)`` below the horizon to the floor ``(N, 2)``, metres."""
        middle = np.array(self.size_px) / 2
        rays = np.column_stack([(pixels - middle) / self.focal_px, np.ones(len(pixels))]) @ self.rotation
        reach = -self.place_m[2] / rays[:, 2]
        return np.array(self.place_m[:2]) + rays[:, :2] * reach[:, None]
