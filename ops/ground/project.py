"""Projects between pixels and metres on the ground, and carries a pixel's uncertainty over.

Pixels are those of the frames, as the lens bends them.
"""

import numpy as np

from ops.ground.homography import GroundPlane
from schemas.values import Float64


def to_ground(plane: GroundPlane, pixels: Float64) -> Float64:
    """Returns places on the ground ``(N, 2)`` of pixels ``(N, 2)``, metres in the site's CRS; NaN above the horizon."""
    return _through(plane.ground_from_image, straight_pixels(plane, pixels))[0] + plane.origin_m


def to_pixels(plane: GroundPlane, points_m: Float64) -> Float64:
    """Returns pixels ``(N, 2)`` of places on the ground ``(N, 2)``; NaN for places beside or behind the camera."""
    straight = _through(plane.image_from_ground, points_m - plane.origin_m)[0]
    return straight if plane.lens is None else plane.lens.bend(straight)


def straight_pixels(plane: GroundPlane, pixels: Float64) -> Float64:
    """Returns where a picture without distortion has pixels ``(N, 2)``."""
    return pixels if plane.lens is None else plane.lens.straighten(pixels)


def jacobian(plane: GroundPlane, pixels: Float64) -> Float64:
    """Returns metres per pixel: ``(N, 2, 2)``, rows x and y, columns u and v; NaN on and above the horizon.

    It also turns a velocity in pixels per second into one in metres per second.
    """
    found = _straight_jacobian(plane, straight_pixels(plane, pixels))
    return found if plane.lens is None else found @ plane.lens.jacobian(pixels)


def _straight_jacobian(plane: GroundPlane, straight: Float64) -> Float64:
    matrix = plane.ground_from_image
    place, depth = _through(matrix, straight)
    return np.asarray((matrix[None, :2, :2] - place[:, :, None] * matrix[None, 2:, :2]) / depth[:, :, None])


def covariance(plane: GroundPlane, pixels: Float64, sigma_px: Float64) -> Float64:
    """Returns the covariance ``(N, 2, 2)`` of the places of pixels, m2: the pixel's error, and the calibration's.

    Args:
        plane: the camera's ground plane.
        pixels: ``(N, 2)``.
        sigma_px: ``(N, 2)``, standard deviations of u and v, taken as independent.
    """
    slope = jacobian(plane, pixels) * sigma_px[:, None, :]
    carried: Float64 = slope @ slope.transpose(0, 2, 1)
    if plane.matrix_covariance is not None:
        by_matrix = matrix_jacobian(plane, pixels)
        carried = carried + by_matrix @ plane.matrix_covariance @ by_matrix.transpose(0, 2, 1)
    return carried


def matrix_jacobian(plane: GroundPlane, pixels: Float64) -> Float64:
    """Returns how places move with the elements of ``ground_from_image``: ``(N, 2, 9)``, rows x and y.

    ``(N, 2, 10)`` of a plane with a lens: the last is its distortion.
    """
    straight = straight_pixels(plane, pixels)
    place, depth = _through(plane.ground_from_image, straight)
    sight = np.column_stack([straight, np.ones(len(pixels))]) / depth
    nothing = np.zeros_like(sight)
    rows = [
        np.hstack([*pair, -place[:, axis : axis + 1] * sight])
        for axis, pair in enumerate(((sight, nothing), (nothing, sight)))
    ]
    by_matrix = np.stack(rows, axis=1)
    if plane.lens is None:
        return by_matrix
    by_lens = _straight_jacobian(plane, straight) @ plane.lens.by_share(pixels)[:, :, None]
    return np.concatenate([by_matrix, by_lens], axis=2)


def largest_sigma_m(covariances: Float64) -> Float64:
    """Returns the standard deviation ``(N,)`` along the longest axis of each covariance ``(N, 2, 2)``."""
    mean = (covariances[:, 0, 0] + covariances[:, 1, 1]) / 2
    half = (covariances[:, 0, 0] - covariances[:, 1, 1]) / 2
    return np.asarray(np.sqrt(mean + np.hypot(half, covariances[:, 0, 1])))


def _through(matrix: Float64, points: Float64) -> tuple[Float64, Float64]:
    """Maps points ``(N, 2)`` by a homography; also returns their depth ``(N, 1)``, NaN where it is not positive."""
    mapped = points @ matrix[:, :2].T + matrix[:, 2]
    depth = np.where(mapped[:, 2:] > 0, mapped[:, 2:], np.nan)
    return mapped[:, :2] / depth, depth
