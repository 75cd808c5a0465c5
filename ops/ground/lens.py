"""Computes the place of a camera's lens from its ground plane, where nobody has measured its height."""

from dataclasses import dataclass

import numpy as np

from ops.ground.homography import GroundPlane
from schemas.values import CameraView, Float64


@dataclass(frozen=True, eq=False)
class SurveyedCamera:
    """A camera as its ground plane shows it, for square pixels and a principal point in the middle of the frame.

    Attributes:
        focal_px: focal length, pixels.
        site_from_camera: ``(3, 3)``, its columns are the camera's right, down and ahead in the site's east, north, up.
        place_m: ``(3,)`` of the lens: x, y in the site's CRS, height above the ground, metres.
    """

    focal_px: float
    site_from_camera: Float64
    place_m: Float64


def lens_position(view: CameraView, plane: GroundPlane) -> Float64 | None:
    """Returns the lens ``(3,)``: x, y, height above the ground, metres in the site's CRS.

    As in site.toml if it gives a height; else from the homography, with site.toml's x and y if they are given. None for
    a camera that looks straight down, whose picture has no perspective to measure its height by.
    """
    given = view.position_m
    if given is not None and given[2] is not None:
        return np.array(given, dtype=np.float64)
    camera = surveyed_camera(plane)
    computed = None if camera is None else camera.place_m
    if computed is not None and given is not None:
        computed[:2] = given[:2]
    return computed


def surveyed_camera(plane: GroundPlane) -> SurveyedCamera | None:
    """Returns the camera of a ground plane, from H = K [r1 r2 t]; None for one that looks straight down.

    That r1 and r2 are orthogonal and of one length gives two equations for the focal length (Zhang, "A flexible new
    technique for camera calibration", PAMI 2000), solved here in the least squares sense.
    """
    width, height = plane.size_px
    centred = np.array([[1.0, 0, -width / 2], [0, 1, -height / 2], [0, 0, 1]]) @ plane.image_from_ground
    (a1, b1, c1), (a2, b2, c2) = centred[:, 0], centred[:, 1]
    flat = np.array([a1 * a2 + b1 * b2, (a1 * a1 + b1 * b1 - a2 * a2 - b2 * b2) / 2])
    deep = np.array([c1 * c2, (c1 * c1 - c2 * c2) / 2])
    if not flat @ flat > 0:
        return None
    inverse_square_px = -(flat @ deep) / (flat @ flat)
    if not inverse_square_px > (0.01 / max(width, height)) ** 2:
        return None  # a focal length of over a hundred frame widths: hardly any perspective
    focal_px = 1 / np.sqrt(inverse_square_px)
    columns = np.diag([1 / focal_px, 1 / focal_px, 1]) @ centred
    length = (np.linalg.norm(columns[:, 0]) + np.linalg.norm(columns[:, 1])) / 2
    right, forth, shift = (columns / length).T
    turned = np.column_stack([right, forth, np.cross(right, forth)])
    left, _, other = np.linalg.svd(turned)
    camera_from_site = left @ other
    x, y, height = -camera_from_site.T @ shift
    # Mirrored at the ground, the lens would see the same: of the two solutions, the one above the ground is real.
    if height < 0:
        camera_from_site = camera_from_site * [1, 1, -1]
    place = np.array([x + plane.origin_m[0], y + plane.origin_m[1], abs(height)])
    return SurveyedCamera(float(focal_px), camera_from_site.T, place)
