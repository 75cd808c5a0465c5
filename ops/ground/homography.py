"""A camera's ground plane from its control points: the homography between pixels and metres on the ground.

Hartley and Zisserman, Multiple View Geometry, chapter 4: points are centred and scaled, the direct linear transform is
solved by OpenCV and refined on the reprojection error in pixels, which is where a user's clicks are inexact.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from schemas.errors import SiteError
from schemas.values import CameraView, Float64

RANK_LIMIT = 0.004
"""Share of the largest singular value below which the points (or the homography itself) count as degenerate.

Points on one line, read to a pixel and two centimetres, stay below it; four at the corners of a corridor a metre wide
and 55 m long give 0.011, points that are well spread 0.02 to 0.3.
"""


@dataclass(frozen=True, eq=False)
class GroundPlane:
    """The homography of one camera, for frames of one size.

    Attributes:
        camera: id, for messages.
        size_px: (width, height) of the frames whose pixels it takes.
        image_from_ground: ``(3, 3)``, from metres east and north of ``origin_m`` to pixels; the third coordinate is
            positive for ground in front of the camera.
        ground_from_image: ``(3, 3)``, its inverse; the third coordinate is positive for pixels below the horizon.
        origin_m: ``(2,)``, centre of the control points in the site's CRS: keeps the matrices well conditioned.
        residual_m: ``(K,)``, distance of each control point from the projection of its pixel.
        matrix_covariance: ``(9, 9)``, of the elements of ``ground_from_image``, row by row; None where residuals tell
            how sure the plane is.
    """

    camera: str
    size_px: tuple[int, int]
    image_from_ground: Float64
    ground_from_image: Float64
    origin_m: Float64
    residual_m: Float64
    matrix_covariance: Float64 | None = None

    @property
    def calibration_var_m2(self) -> float:
        """Variance of a coordinate, from the control points' residuals; 0 for four points, which leave none."""
        spare = 2 * len(self.residual_m) - 8
        return float(np.sum(self.residual_m**2) / spare) if spare > 0 else 0.0


def ground_plane(view: CameraView) -> GroundPlane | None:
    """Returns the ground plane of a camera at ``image_size_px``; None for a camera without four control points.

    Two or three fix no plane; they place one that people or depth measure: see ``ops.ground.placing``.

    Raises:
        SiteError: points that do not fix a plane: on one line, or on both sides of the horizon that they imply.
    """
    if not view.calibrated:
        return None
    if view.image_size_px is None:
        raise SiteError(f"camera {view.camera}: control points need the image_size that they were read in")
    pixels = np.array([(p.u_px, p.v_px) for p in view.control_points], dtype=np.float64)
    metres = np.array([(p.x_m, p.y_m) for p in view.control_points], dtype=np.float64)
    origin = metres.mean(axis=0)
    image_from_ground = _fit(metres - origin, pixels, view.camera)
    depth = (metres - origin) @ image_from_ground[2, :2] + image_from_ground[2, 2]
    if (depth > 0).any() and (depth < 0).any():
        raise SiteError(
            f"camera {view.camera}: its control points contradict each other: no flat ground shows them like that; "
            "check u, v, x, y of each, two may be exchanged"
        )
    # A homography has no sign of its own; depth is positive in front of the camera by convention.
    image_from_ground = image_from_ground * np.sign(depth[0])
    ground_from_image = np.linalg.inv(image_from_ground)
    seen = _apply(ground_from_image, pixels)
    residual = np.hypot(*(seen - (metres - origin)).T)
    return GroundPlane(view.camera, view.image_size_px, image_from_ground, ground_from_image, origin, residual)


def calibration_error_m(view: CameraView) -> float | None:
    """Returns the median residual of the control points, metres; None for an uncalibrated camera."""
    plane = ground_plane(view)
    return None if plane is None else float(np.median(plane.residual_m))


def _fit(metres: Float64, pixels: Float64, camera: str) -> Float64:
    """Fits the homography from centred metres to pixels, of unit Frobenius norm in normalised coordinates."""
    from_m, from_px = _normaliser(metres, camera), _normaliser(pixels, camera)
    source, target = _apply(from_m, metres), _apply(from_px, pixels)
    # Eight equations fix a homography: an eighth singular value near 0 shows that some repeat others.
    spread = np.linalg.svd(_dlt_rows(source, target), compute_uv=False)
    if spread[7] < RANK_LIMIT * spread[0]:
        raise _degenerate(camera)
    matrix, _ = cv2.findHomography(source, target, 0)
    if matrix is None:
        raise _degenerate(camera)
    matrix = matrix / np.linalg.norm(matrix)
    if np.linalg.svd(matrix, compute_uv=False)[2] < RANK_LIMIT:
        raise _degenerate(camera)
    return np.asarray(np.linalg.inv(from_px) @ matrix @ from_m)


def _degenerate(camera: str) -> SiteError:
    return SiteError(
        f"camera {camera}: its control points do not fix a ground plane: too many of them lie on one line, or are the "
        "same; give four or more that are spread over the ground, no three of four on one line"
    )


def _normaliser(points: Float64, camera: str) -> Float64:
    """Returns the similarity that centres points and brings their mean distance from the centre to sqrt(2)."""
    centre = points.mean(axis=0)
    reach = float(np.hypot(*(points - centre).T).mean())
    if reach == 0:
        raise _degenerate(camera)
    scale = np.sqrt(2) / reach
    return np.array([[scale, 0, -scale * centre[0]], [0, scale, -scale * centre[1]], [0, 0, 1]])


def _dlt_rows(source: Float64, target: Float64) -> Float64:
    """Returns the ``(2K, 9)`` equations of the direct linear transform; rank 8 fixes a homography."""
    ones, zeros = np.ones((len(source), 1)), np.zeros((len(source), 3))
    plain = np.hstack([source, ones])
    upper = np.hstack([plain, zeros, -target[:, :1] * plain])
    lower = np.hstack([zeros, plain, -target[:, 1:] * plain])
    return np.vstack([upper, lower])


def _apply(matrix: Float64, points: Float64) -> Float64:
    mapped = points @ matrix[:, :2].T + matrix[:, 2]
    return np.asarray(mapped[:, :2] / mapped[:, 2:])
