"""Calibration of a picture of KITTI's object benchmark (Geiger, Lenz and Urtasun, CVPR 2012)."""

from dataclasses import dataclass

import numpy as np

from schemas.values import Float64


@dataclass(frozen=True, eq=False)
class KittiCalibration:
    """The matrices of one picture, as the file names them.

    KITTI's rectified camera coordinates are ours: x to the right, y down, z ahead, metres. It counts pixels by their
    centres: the first one's is 0.

    Attributes:
        image_from_camera: ``(3, 4)``, P2: from rectified coordinates to pixels of the left colour camera.
        right_from_camera: ``(3, 4)``, P3: to pixels of the right colour camera; None where the file has zeros.
        rectification: ``(3, 3)``, R0_rect: from the reference camera's coordinates to rectified ones.
        camera_from_lidar: ``(3, 4)``, Tr_velo_to_cam: from the scanner's coordinates to the reference camera's.
    """

    image_from_camera: Float64
    right_from_camera: Float64 | None
    rectification: Float64
    camera_from_lidar: Float64

    def lidar_to_camera(self, points_m: Float64) -> Float64:
        """Returns points of the scanner ``(N, 3)`` in rectified camera coordinates ``(N, 3)``, metres."""
        in_reference = points_m @ self.camera_from_lidar[:, :3].T + self.camera_from_lidar[:, 3]
        return in_reference @ self.rectification.T

    def to_pixels(self, points_m: Float64) -> tuple[Float64, Float64]:
        """Projects points ``(N, 3)`` in rectified coordinates.

        Returns:
            Pixels ``(N, 2)`` of the left colour camera, NaN for points that are not in front of it, and the points'
            depth ``(N,)``, metres ahead.
        """
        matrix = self.image_from_camera
        mapped = points_m @ matrix[:, :3].T + matrix[:, 3]
        depth_m = mapped[:, 2]
        ahead = depth_m > 0
        pixels = np.full((len(points_m), 2), np.nan)
        pixels[ahead] = mapped[ahead, :2] / depth_m[ahead, None]
        return pixels, depth_m
