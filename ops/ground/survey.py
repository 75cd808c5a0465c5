"""The ground of a surveyed camera in the parameters of other sources, with what clicks of a pixel or two leave open."""

from dataclasses import replace

import numpy as np

from ops.ground.ground_model import GroundModel, to_vector
from ops.ground.homography import GroundPlane, ground_plane
from ops.ground.lens import surveyed_camera
from ops.ground.lens_fit import refit_lens
from ops.ground.pinhole import PinholeGround
from ops.ground.point_fit import click_sigma_px, homography
from schemas.errors import SiteError
from schemas.values import CameraView, Float64

TRIALS = 48
"""Surveys with other clicks, for the covariance."""


def survey_model(view: CameraView) -> GroundModel | None:
    """Returns what four or more control points say; None without them, or for a camera that looks straight down.

    The covariance is that of surveys whose clicks are a little off, as control points of a homography are free to bend
    it in ways that no lens does.
    """
    plane = ground_plane(view)
    pinhole = None if plane is None else _pinhole(plane)
    if plane is None or pinhole is None:
        return None
    # The same points in each trial: one that a trial leaves out makes the survey look unsure.
    used = np.flatnonzero(np.ones(len(view.control_points)) if plane.used_points is None else plane.used_points)
    points = [view.control_points[number] for number in used]
    pixels = np.array([(point.u_px, point.v_px) for point in points])
    metres = np.array([(point.x_m, point.y_m) for point in points]) - plane.origin_m
    random, found = np.random.default_rng([len(points), 0xC11C]), []
    sigma_px = click_sigma_px(plane.size_px[0])
    for _ in range(TRIALS):
        moved = pixels + random.normal(0, sigma_px, pixels.shape)
        try:
            matrix = _matrix(plane, metres, moved)
        except SiteError:  # these clicks fix no plane: a sign of how weak the survey is, as the others show
            continue
        other = _pinhole(replace(plane, image_from_ground=matrix))
        if other is not None:
            found.append(to_vector(other) - to_vector(pinhole))
    if len(found) < TRIALS // 2:
        return None
    off = np.array(found)
    return GroundModel("control_points", pinhole, off.T @ off / len(off))


def _matrix(plane: GroundPlane, metres: Float64, pixels: Float64) -> Float64:
    """Returns the homography of points, to a straight picture if the plane has a lens."""
    if plane.lens is None:
        return homography(metres, pixels, plane.camera)
    return refit_lens(metres, pixels, plane.lens, plane.camera).points.image_from_ground


def _pinhole(plane: GroundPlane) -> PinholeGround | None:
    """Returns the camera above a plane, of which only ``image_from_ground`` is asked."""
    camera = surveyed_camera(plane)
    if camera is None:
        return None
    up = camera.site_from_camera.T @ np.array([0.0, 0.0, 1.0])
    return PinholeGround.from_up(plane.size_px, camera.focal_px, up, float(camera.place_m[2]))
