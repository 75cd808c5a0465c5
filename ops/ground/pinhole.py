"""A camera above level ground, described by what people can check: focal length, tilt, roll and height.

Pixels are square, and the principal point is the middle of the frame. Camera coordinates are x to the right, y down and
z ahead, along the optical axis. The local frame has its origin on the ground below the lens: x to the right, y ahead
and z up, metres; it needs no survey.
"""

from dataclasses import dataclass

import numpy as np

from ops.ground.homography import GroundPlane
from schemas.values import Float64

STRAIGHT_DOWN = 1e-9
"""Cosine of the tilt below which a camera looks straight down: ahead is then where the picture's upper edge is."""


@dataclass(frozen=True)
class PinholeGround:
    """The ground as one camera sees it, without a place on the map.

    Attributes:
        size_px: (width, height) of the frames.
        focal_px: focal length, pixels.
        tilt_rad: angle of the optical axis below the horizontal, -pi/2..pi/2.
        roll_rad: angle by which the picture's right side dips below the horizontal, -pi..pi.
        height_m: height of the lens above the ground, metres.
    """

    size_px: tuple[int, int]
    focal_px: float
    tilt_rad: float
    roll_rad: float
    height_m: float

    @classmethod
    def from_up(cls, size_px: tuple[int, int], focal_px: float, up: Float64, height_m: float) -> "PinholeGround":
        """Returns the camera in whose coordinates ``up`` ``(3,)``, of any length, points away from the ground."""
        x, y, z = up / np.linalg.norm(up)
        return cls(size_px, focal_px, float(np.arcsin(np.clip(-z, -1, 1))), float(np.arctan2(-x, -y)), height_m)

    def up(self) -> Float64:
        """Returns the unit vector ``(3,)`` away from the ground, in camera coordinates."""
        level = np.cos(self.tilt_rad)
        x, y = -np.sin(self.roll_rad) * level, -np.cos(self.roll_rad) * level
        return np.array([x, y, -np.sin(self.tilt_rad)])

    def intrinsics(self) -> Float64:
        """Returns the matrix ``(3, 3)`` from camera coordinates to pixels."""
        width, height = self.size_px
        return np.array([[self.focal_px, 0, width / 2], [0, self.focal_px, height / 2], [0, 0, 1.0]])

    def local_from_camera(self) -> Float64:
        """Returns the rotation ``(3, 3)``: its rows are the local frame's right, ahead and up in camera coordinates."""
        up = self.up()
        straight_down = np.cos(self.tilt_rad) < STRAIGHT_DOWN
        axis = np.array([0.0, -1.0, 0.0] if straight_down else [0.0, 0.0, 1.0])
        ahead = axis - (axis @ up) * up
        ahead = ahead / np.linalg.norm(ahead)
        return np.stack([np.cross(ahead, up), ahead, up])

    def ground_plane(self, camera: str) -> GroundPlane:
        """Returns the homography between pixels and the local frame; it has no control points, and no residuals."""
        right, ahead, up = self.local_from_camera()
        image_from_ground = self.intrinsics() @ np.column_stack([right, ahead, -self.height_m * up])
        ground_from_image = np.linalg.inv(image_from_ground)
        return GroundPlane(camera, self.size_px, image_from_ground, ground_from_image, np.zeros(2), np.zeros(0))

    def project(self, points_m: Float64) -> Float64:
        """Projects points ``(N, 3)`` of the local frame to pixels ``(N, 2)``; NaN for points not ahead of the lens."""
        in_camera = (points_m - np.array([0, 0, self.height_m])) @ self.local_from_camera()
        depth = np.where(in_camera[:, 2:] > 0, in_camera[:, 2:], np.nan)
        return np.asarray(in_camera[:, :2] / depth * self.focal_px + np.array(self.size_px) / 2)

    def ground_depth_m(self, pixels: Float64) -> Float64:
        """Returns the depth ``(N,)`` along the optical axis of the ground that pixels ``(N, 2)`` show.

        NaN at the horizon and above.
        """
        sinking = -(self.horizon()[:2] @ pixels.T + self.horizon()[2])
        return np.asarray(self.height_m / np.where(sinking > 0, sinking, np.nan))

    def horizon(self) -> Float64:
        """Returns the line ``(3,)`` ``a u + b v + c = 0`` of the horizon; the sum is positive above it.

        The sum is the rise of the line of sight per metre along the optical axis.
        """
        return np.asarray(self.up() @ np.linalg.inv(self.intrinsics()))
