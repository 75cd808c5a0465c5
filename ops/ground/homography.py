"""A camera's ground plane from its control points: the homography between pixels and metres on the ground."""

from dataclasses import dataclass, replace

import numpy as np

from ops.ground.distortion import RadialDistortion
from ops.ground.lens_fit import fit_lens
from ops.ground.point_fit import PointFit, apply, fit_points
from schemas.errors import SiteError
from schemas.values import Bools, CameraView, Float64

LEAST_EXTENT_M = 0.2
"""Least distance of a control point from the others' middle: what lies closer together is in degrees, not metres."""


@dataclass(frozen=True, eq=False)
class GroundPlane:
    """The homography of one camera, for frames of one size.

    Attributes:
        camera: id, for messages.
        size_px: (width, height) of the frames whose pixels it takes.
        image_from_ground: ``(3, 3)``, from metres east and north of ``origin_m`` to pixels; the third coordinate is
            positive for ground in front of the camera. With a lens, the pixels are those of a straight picture.
        ground_from_image: ``(3, 3)``, its inverse; the third coordinate is positive for pixels below the horizon.
        origin_m: ``(2,)``, centre of the control points in the site's CRS: keeps the matrices well conditioned.
        residual_m: ``(K,)``, distance of each control point from the projection of its pixel.
        matrix_covariance: ``(9, 9)``, of the elements of ``ground_from_image``, row by row; ``(10, 10)`` with a lens,
            whose distortion is the last; None: taken as exact.
        used_points: ``(K,)``, False for control points that contradict the others and are left out; None: all used.
        lens: how the lens bends the picture; None: straight, as far as anybody knows.
    """

    camera: str
    size_px: tuple[int, int]
    image_from_ground: Float64
    ground_from_image: Float64
    origin_m: Float64
    residual_m: Float64
    matrix_covariance: Float64 | None = None
    used_points: Bools | None = None
    lens: RadialDistortion | None = None

    @property
    def wrong_points(self) -> tuple[int, ...]:
        """Returns the numbers of the control points that contradict the others; the first point is 1."""
        if self.used_points is None:
            return ()
        return tuple((np.flatnonzero(~self.used_points) + 1).tolist())

    @property
    def lens_sigma(self) -> float | None:
        """Returns the standard deviation of the distortion; None without a lens."""
        if self.lens is None or self.matrix_covariance is None:
            return None
        return float(np.sqrt(self.matrix_covariance[9, 9]))

    def moved(self, step: Float64) -> "GroundPlane":
        """Returns the plane with other parameters: those of ``matrix_covariance``, changed by ``step``."""
        matrix = self.ground_from_image + step[:9].reshape(3, 3)
        lens = None if self.lens is None else replace(self.lens, share=self.lens.share + float(step[9]))
        return replace(self, ground_from_image=matrix, image_from_ground=np.asarray(np.linalg.inv(matrix)), lens=lens)

    @property
    def median_residual_m(self) -> float | None:
        """Returns the median residual of the control points that are used; None without any."""
        used = self.residual_m if self.used_points is None else self.residual_m[self.used_points]
        return float(np.median(used)) if len(used) else None


def ground_plane(view: CameraView) -> GroundPlane | None:
    """Returns the ground plane of a camera at ``image_size_px``; None for a camera without four control points.

    Eight or more also show whether the lens bends the picture.

    Two or three fix no plane; they place one that people or depth measure: see ``ops.ground.placing``. Of six or more,
    those that contradict the others are left out, and ``wrong_points`` names them.

    Raises:
        SiteError: points that do not fix a plane: on one line, on both sides of the horizon that they imply, in
            degrees, or as they are seen from below the ground.
    """
    if not view.calibrated:
        return None
    if view.image_size_px is None:
        raise SiteError(f"camera {view.camera}: control points need the image_size that they were read in")
    pixels = np.array([(p.u_px, p.v_px) for p in view.control_points], dtype=np.float64)
    metres = np.array([(p.x_m, p.y_m) for p in view.control_points], dtype=np.float64)
    origin = metres.mean(axis=0)
    _require_metres(metres, view.camera)
    fit = fit_points(metres - origin, pixels, view.image_size_px[0], view.camera)
    bent = fit_lens(metres - origin, pixels, view.image_size_px, fit, view.camera)
    lens = None if bent is None else bent.lens
    fit = fit if bent is None else bent.points
    image_from_ground = _facing(fit, metres - origin, view.camera)
    ground_from_image = np.asarray(np.linalg.inv(image_from_ground), np.float64)
    seen = apply(ground_from_image, pixels if lens is None else lens.straighten(pixels))
    residual = np.hypot(*(seen - (metres - origin)).T)
    # The inverse changes by -G dH G; the distortion is the same both ways.
    slope = np.eye(len(fit.covariance))
    turned = np.sign((image_from_ground * fit.image_from_ground).sum())
    slope[:9, :9] = -turned * np.kron(ground_from_image, ground_from_image.T)
    spread = slope @ fit.covariance @ slope.T
    return GroundPlane(
        view.camera, view.image_size_px, image_from_ground, ground_from_image, origin, residual, spread, fit.used, lens
    )


def calibration_error_m(view: CameraView) -> float | None:
    """Returns the median residual of the control points, metres; None for an uncalibrated camera."""
    plane = ground_plane(view)
    return None if plane is None else plane.median_residual_m


def _facing(fit: PointFit, metres: Float64, camera: str) -> Float64:
    """Returns the homography with the sign that makes depth positive, if a camera above the ground has it."""
    matrix = fit.image_from_ground
    depth = metres[fit.used] @ matrix[2, :2] + matrix[2, 2]
    if (depth > 0).any() and (depth < 0).any():
        raise SiteError(
            f"camera {camera}: its control points contradict each other: no flat ground shows them like that; "
            "check u, v, x, y of each, two may be exchanged"
        )
    matrix = matrix * np.sign(depth[0])
    # Rows grow downwards and north is upwards, so a camera above the ground turns the plane over.
    if np.linalg.det(matrix) > 0:
        raise SiteError(
            f"camera {camera}: its control points show the ground from below, or mirrored: x is east and y is north; "
            "check that x and y (longitude and latitude) are not exchanged, and that u, v are column and row"
        )
    return np.asarray(matrix)


def _require_metres(metres: Float64, camera: str) -> None:
    reach = np.hypot(*(metres - metres.mean(axis=0)).T).max()
    degrees = (np.abs(metres) <= (360, 90)).all() or (np.abs(metres) <= (90, 360)).all()
    if 0 < reach < LEAST_EXTENT_M and degrees:
        raise SiteError(
            f"camera {camera}: its control points lie within {reach:.2g} m of each other and look like degrees; give x "
            "and y in metres of the site's crs, x east and y north"
        )
