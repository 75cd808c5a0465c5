"""Control points fix a ground plane, or are refused by the camera's name."""

from dataclasses import replace

import numpy as np
import pytest

from ops.ground.homography import calibration_error_m, ground_plane
from schemas.errors import SiteError
from schemas.values import CameraView, ControlPoint
from tests.ops.ground_scene import make_view


def test_an_uncalibrated_camera_has_no_ground_plane():
    view = CameraView("cam1", "", "UTC", True)
    assert ground_plane(view) is None
    assert calibration_error_m(view) is None


@pytest.mark.parametrize(
    "points_m",
    [
        ((-3, 5), (-1, 7), (1, 9), (3, 11)),  # one line
        ((-3, 5), (-1, 7), (1, 9), (3, 5)),  # three of four on one line
        ((0, 5), (0, 5), (3, 9), (-3, 9)),  # one twice
        ((0, 5), (0, 5), (0, 5), (0, 5)),
    ],
)
def test_points_that_fix_no_plane_are_refused_by_the_cameras_name(points_m):
    with pytest.raises(SiteError, match=r"camera cam1: .*control points do not fix a ground plane"):
        ground_plane(make_view(points_m))


def test_points_on_a_line_are_refused_though_clicked_to_a_pixel_only():
    points_m = tuple((0.5 * step, 5.0 + step) for step in range(6))
    for seed in range(20):
        noise_px = np.random.default_rng(seed).normal(size=(6, 2))
        with pytest.raises(SiteError, match="cam1"):
            ground_plane(make_view(points_m, noise_px=noise_px))


def test_the_corners_of_a_long_corridor_will_do():
    assert calibration_error_m(make_view(((-0.5, 5), (0.5, 5), (-0.5, 60), (0.5, 60)))) < 1e-3


def test_points_on_the_ground_in_another_order_than_in_the_picture_are_refused():
    good = make_view().control_points[:4]
    crossed = tuple(
        ControlPoint(point.u_px, point.v_px, other.x_m, other.y_m)
        for point, other in zip(good, (good[1], good[0], good[2], good[3]), strict=True)
    )
    with pytest.raises(SiteError, match=r"cam1: its control points contradict each other"):
        ground_plane(replace(make_view(), control_points=crossed))


def test_a_camera_needs_an_image_size_and_four_points():
    with pytest.raises(SiteError, match="image_size"):
        ground_plane(replace(make_view(), image_size_px=None))
    assert ground_plane(replace(make_view(), control_points=make_view().control_points[:3])) is None
