"""The whole camera of a ground plane: where it shows points above the ground, and its levelled coordinates.

Levelled coordinates are KITTI's camera coordinates for a camera that looks down: x to the right, y down along gravity,
z ahead, horizontally; the origin is the lens. KITTI's cameras are level, so that its boxes turn about y alone and stand
on the ground. For a tilted camera only levelled coordinates allow that.
"""

from dataclasses import dataclass

import numpy as np

from ops.ground.homography import GroundPlane
from ops.ground.lens import surveyed_camera
from schemas.values import Float64


@dataclass(frozen=True, eq=False)
class CameraMatrix:
    """A camera above level ground.

    Attributes:
        size_px: (width, height) of the frames.
        image_from_site: ``(3, 4)`` from east, north and up of ``origin_m`` to pixels: of the ground exactly the
            homography, of what is above it with the vertical of the camera that explains it.
        origin_m: ``(2,)`` in the site's CRS.
        lens_m: ``(3,)`` x, y and height of the lens.
        focal_px: focal length, pixels.
        ahead_rad: direction of the optical axis on the ground, clockwise from north.
        level_from_camera: ``(3, 3)`` from coordinates along the camera's right, down and optical axis to levelled ones.
    """

    size_px: tuple[int, int]
    image_from_site: Float64
    origin_m: Float64
    lens_m: Float64
    focal_px: float
    ahead_rad: float
    level_from_camera: Float64

    @property
    def image_from_level(self) -> Float64:
        """Returns KITTI's matrix P ``(3, 4)`` from levelled coordinates to pixels."""
        width, height = self.size_px
        intrinsics = np.array([[self.focal_px, 0, width / 2], [0, self.focal_px, height / 2], [0, 0, 1.0]])
        return np.column_stack([intrinsics @ self.level_from_camera.T, np.zeros(3)])

    def project(self, points_m: Float64) -> tuple[Float64, Float64]:
        """Returns the pixels ``(..., 2)`` and depths ``(...,)`` of points ``(..., 3)`` in the site's CRS.

        The depth is positive in front of the camera, in a unit of its own.
        """
        origin = np.array([*self.origin_m, 0.0])
        mapped = (points_m - origin) @ self.image_from_site[:, :3].T + self.image_from_site[:, 3]
        depth = mapped[..., 2]
        with np.errstate(divide="ignore", invalid="ignore"):
            return mapped[..., :2] / depth[..., None], depth

    def to_level(self, places_m: Float64) -> Float64:
        """Returns the levelled coordinates ``(N, 3)`` of places on the ground ``(N, 2)``."""
        east, north = (places_m - self.lens_m[:2]).T
        sin, cos = np.sin(self.ahead_rad), np.cos(self.ahead_rad)
        return np.column_stack(
            [east * cos - north * sin, np.full(len(places_m), self.lens_m[2]), east * sin + north * cos]
        )

    def rotation_y(self, heading_rad: Float64) -> Float64:
        """Returns KITTI's rotations ``(N,)``, in [-pi, pi), of headings clockwise from north: 0 faces to the right."""
        return wrapped(heading_rad - self.ahead_rad - np.pi / 2)

    def heading_rad(self, rotation_y: Float64) -> Float64:
        """Returns the headings ``(N,)`` of KITTI's rotations: the inverse."""
        return wrapped(rotation_y + self.ahead_rad + np.pi / 2)


def wrapped(angle_rad: Float64) -> Float64:
    """Returns angles in [-pi, pi)."""
    return np.asarray((angle_rad + np.pi) % (2 * np.pi) - np.pi)


def observation_angle(rotation_y: Float64, location_m: Float64) -> Float64:
    """Returns KITTI's alpha ``(N,)``: the rotation as it looks from the lens.

    Args:
        rotation_y: ``(N,)``.
        location_m: ``(N, 3)`` in levelled coordinates.
    """
    return wrapped(rotation_y - np.arctan2(location_m[:, 0], location_m[:, 2]))


def camera_matrix(plane: GroundPlane) -> CameraMatrix | None:
    """Returns the camera of a ground plane; None for one that looks straight down, whose height nothing tells."""
    camera = surveyed_camera(plane)
    if camera is None:
        return None
    width, height = plane.size_px
    intrinsics = np.array([[camera.focal_px, 0, width / 2], [0, camera.focal_px, height / 2], [0, 0, 1.0]])
    seen = np.linalg.solve(intrinsics, plane.image_from_ground[:, :2])
    scale = np.linalg.norm(seen, axis=0).mean()
    up = scale * intrinsics @ camera.site_from_camera[2]
    ground = plane.image_from_ground
    east, north, _ = camera.site_from_camera[:, 2]
    ahead = float(np.arctan2(east, north))
    sin, cos = np.sin(ahead), np.cos(ahead)
    level_from_site = np.array([[cos, -sin, 0], [0, 0, -1], [sin, cos, 0]])
    return CameraMatrix(
        plane.size_px,
        np.column_stack([ground[:, 0], ground[:, 1], up, ground[:, 2]]),
        plane.origin_m,
        camera.place_m,
        camera.focal_px,
        ahead,
        level_from_site @ camera.site_from_camera,
    )
