"""Distances from the lens to the ground along the line of sight, and how sure they are."""

from dataclasses import replace

import numpy as np

from ops.ground.homography import GroundPlane
from ops.ground.lens import SurveyedCamera, surveyed_camera
from ops.ground.places import KnownGround
from ops.ground.project import covariance, to_ground
from schemas.values import CameraView, Float64

_STEP = 1e-3
"""Standard deviations by which the plane is moved to measure how distances depend on it."""

_STEEP = 0.985
"""Sine of the tilt, 80 degrees, from which the picture has too little perspective to move the lens by the plane."""

_LEAST_SHARE = 1e-12
"""Share of the largest variance below which a direction of the covariance is rounding."""


def sight_distances(
    ground: KnownGround, view: CameraView, pixels: Float64, sigma_px: Float64
) -> tuple[Float64, Float64] | None:
    """Returns distances ``(N,)`` from the lens and their standard deviations ``(N,)``, metres.

    NaN on the horizon and above. None where nobody can place the lens.

    Args:
        ground: of the camera.
        view: the camera.
        pixels: ``(N, 2)`` of ``ground.plane``, that show the ground.
        sigma_px: ``(N, 2)``, standard deviations of u and v.
    """
    lens_m = ground.lens_m(view)
    if lens_m is None:
        return None
    away_m, distance_m = _away(ground.plane, lens_m, pixels)
    slope = away_m / distance_m[:, None]
    spread = covariance(replace(ground.plane, matrix_covariance=None), pixels, sigma_px)
    variance = np.einsum("ni,nij,nj->n", slope, spread, slope)
    return distance_m, np.sqrt(variance + _plane_variance(ground, pixels, lens_m))


def _away(plane: GroundPlane, lens_m: Float64, pixels: Float64) -> tuple[Float64, Float64]:
    away_m = to_ground(plane, pixels) - lens_m[:2]
    return away_m, np.sqrt((away_m**2).sum(axis=1) + lens_m[2] ** 2)


def _plane_variance(ground: KnownGround, pixels: Float64, lens_m: Float64) -> Float64:
    """Returns the variance ``(N,)`` of distances by the doubt about the plane.

    A measured ground moves its lens as well: a scale that is too large makes the lens too high, and a wrong place on
    the map moves both by as much. So the whole distance is taken again for each direction of the covariance. The lens
    of a camera that looks down steeply stays where it is, and its height is unsure by itself.
    """
    plane, found = ground.plane, np.zeros(len(pixels))
    if plane.matrix_covariance is None:
        return found
    moves = ground.measured and not _is_steep(surveyed_camera(plane))
    if ground.measured and not moves:
        found = (lens_m[2] / _away(plane, lens_m, pixels)[1] * ground.height_sigma_m) ** 2
    # In shares of the frame, elements of the matrix are alike in size.
    share = np.append(np.tile([*plane.size_px, 1.0], 3), np.ones(len(plane.matrix_covariance) - 9))
    values, vectors = np.linalg.eigh(share[:, None] * plane.matrix_covariance * share)
    for value, vector in zip(values, vectors.T, strict=True):
        if value <= _LEAST_SHARE * values[-1]:
            continue
        step = _STEP * np.sqrt(value) * vector / share
        high, low = (_moved_distance(plane, sign * step, pixels, None if moves else lens_m) for sign in (1, -1))
        found = found + ((high - low) / (2 * _STEP)) ** 2
    return found


def _is_steep(camera: SurveyedCamera | None) -> bool:
    return camera is None or abs(float(camera.site_from_camera[2, 2])) > _STEEP


def _moved_distance(plane: GroundPlane, step: Float64, pixels: Float64, lens_m: Float64 | None) -> Float64:
    """Returns distances from a lens, or from that of the moved plane."""
    moved = plane.moved(step)
    if lens_m is None:
        camera = surveyed_camera(moved)
        assert camera is not None, "it looked at the ground at an angle before this small step"
        lens_m = camera.place_m
    return _away(moved, lens_m, pixels)[1]
