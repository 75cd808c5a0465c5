"""Control points fix a ground plane, or are refused by the camera's name."""

from dataclasses import replace

import numpy as np
import pytest

from ops.ground.homography import calibration_error_m, ground_plane
from ops.ground.project import to_ground
from schemas.errors import SiteError
from schemas.values import CameraView, ControlPoint
from tests.ops.ground_scene import make_view, plane_of, project, site


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


SIX_M = ((-3, 5), (3, 5), (-5, 14), (5, 14), (0, 9), (2, 12))
EIGHT_M = (*SIX_M, (-2, 7), (-3, 11))


@pytest.mark.parametrize("points_m", [SIX_M, EIGHT_M])
@pytest.mark.parametrize("wrong", range(6))
def test_one_wrong_point_among_six_or_more_is_left_out_and_named(points_m, wrong):
    good = make_view(points_m, noise_px=np.random.default_rng(wrong).normal(size=(len(points_m), 2)))
    assert plane_of(good).wrong_points == ()
    points = list(good.control_points)
    points[wrong] = replace(points[wrong], x_m=points[wrong].x_m + 2.0, y_m=points[wrong].y_m + 2.0)
    plane = plane_of(replace(good, control_points=tuple(points)))
    assert plane.wrong_points == (wrong + 1,)
    assert plane.residual_m[wrong] > 1.5
    place = np.array([site(1.0, 10.0)])
    assert np.linalg.norm(to_ground(plane, project(place)) - place) < 0.3


def test_two_wrong_points_of_ten_are_named_and_of_five_none_can_be():
    ten = make_view((*EIGHT_M, (4, 8), (0, 16)))
    points = [replace(p, u_px=p.u_px + 60) if n in (2, 7) else p for n, p in enumerate(ten.control_points)]
    assert plane_of(replace(ten, control_points=tuple(points))).wrong_points == (3, 8)
    five = [replace(p, u_px=p.u_px + 20) if n == 2 else p for n, p in enumerate(make_view().control_points)]
    plane = plane_of(replace(make_view(), control_points=tuple(five)))
    assert plane.wrong_points == ()
    assert plane.residual_m.max() > 0.1


@pytest.mark.parametrize(
    "mirror",
    [
        lambda p: replace(p, x_m=p.y_m, y_m=p.x_m),
        lambda p: replace(p, x_m=-p.x_m),
        lambda p: replace(p, u_px=p.v_px, v_px=p.u_px),
    ],
)
def test_exchanged_axes_are_seen_and_said(mirror):
    view = make_view(SIX_M)
    with pytest.raises(SiteError, match=r"cam1: its control points show the ground from below, or mirrored"):
        ground_plane(replace(view, control_points=tuple(mirror(point) for point in view.control_points)))


@pytest.mark.parametrize("swapped", [False, True])
def test_control_points_in_degrees_are_refused(swapped):
    view = make_view(SIX_M)
    degrees = [(4.9 + (p.x_m - 121000) / 70000, 52.3 + (p.y_m - 486000) / 111000) for p in view.control_points]
    points = [
        replace(p, x_m=x, y_m=y)
        for p, (x, y) in zip(view.control_points, [d[::-1] if swapped else d for d in degrees], strict=True)
    ]
    with pytest.raises(SiteError, match="look like degrees"):
        ground_plane(replace(view, control_points=tuple(points)))
