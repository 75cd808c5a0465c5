"""The ground plane against a pinhole camera that is known exactly, and against the ground truth of PETS."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from ops.ground.homography import calibration_error_m, ground_plane
from ops.ground.lens import lens_position
from ops.ground.project import covariance, jacobian, largest_sigma_m, to_ground, to_pixels
from ops.ground.smooth import local_line
from ops.ground.view import zones_outside_view
from schemas.errors import SiteError
from schemas.values import CameraView, ControlPoint, Feature, FeatureKind
from tests.ops.ground_scene import LENS_M, ORIGIN_M, SIZE_PX, make_view, project, site


def plane_of(view: CameraView):
    plane = ground_plane(view)
    assert plane is not None
    return plane


def test_an_uncalibrated_camera_has_no_ground_plane():
    view = CameraView("cam1", "", "UTC", True)
    assert ground_plane(view) is None
    assert calibration_error_m(view) is None


@given(st.floats(-6, 6), st.floats(3, 60))
def test_pixels_and_metres_agree_with_the_pinhole_camera(east, north):
    plane = plane_of(make_view())
    place = np.array([[east, north]]) + ORIGIN_M
    assert np.allclose(to_pixels(plane, place), project(place), atol=1e-4)
    assert np.allclose(to_ground(plane, project(place)), place, atol=1e-3)


def test_nothing_is_on_the_ground_above_the_horizon_or_in_the_picture_behind_the_camera():
    plane = plane_of(make_view())
    horizon_v = SIZE_PX[1] / 2 - 600 * np.tan(np.radians(30))
    seen = to_ground(plane, np.array([[320.0, horizon_v - 1], [320.0, horizon_v + 1], [100.0, horizon_v - 500]]))
    assert np.isnan(seen[[0, 2]]).all()
    assert seen[1, 1] - ORIGIN_M[1] > 1000
    assert np.isnan(to_pixels(plane, np.array([site(0, -20)]))).all()
    assert np.isnan(jacobian(plane, np.array([[320.0, horizon_v - 1]]))).all()


def test_a_covariance_is_what_noise_in_the_picture_becomes():
    plane = plane_of(make_view())
    pixel, sigma = np.array([[400.0, 300.0]]), np.array([[3.0, 2.0]])
    noise = np.random.default_rng(1).normal(size=(100_000, 2)) * sigma
    measured = np.cov(to_ground(plane, pixel + noise).T)
    predicted = covariance(plane, pixel, sigma)[0]
    assert np.allclose(predicted, measured, rtol=0.03)
    assert largest_sigma_m(predicted[None])[0] == pytest.approx(np.sqrt(np.linalg.eigvalsh(predicted)[1]))


def test_control_points_that_do_not_fit_add_to_the_covariance():
    noise_px = np.random.default_rng(2).normal(size=(5, 2)) * 2
    rough, exact = make_view(noise_px=noise_px), make_view()
    assert calibration_error_m(exact) < 1e-3 < calibration_error_m(rough)
    pixel, sigma = np.array([[400.0, 300.0]]), np.array([[1e-6, 1e-6]])
    assert covariance(plane_of(exact), pixel, sigma)[0, 0, 0] < 1e-6
    assert covariance(plane_of(rough), pixel, sigma)[0, 0, 0] == pytest.approx(plane_of(rough).calibration_var_m2)


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
    with pytest.raises(SiteError, match="at least 4"):
        ground_plane(replace(make_view(), control_points=make_view().control_points[:3]))


def test_the_lens_is_found_from_the_homography_alone():
    view = make_view()
    assert lens_position(view, plane_of(view)) == pytest.approx(LENS_M, abs=1e-3)


def test_what_is_known_of_the_lens_goes_before_what_is_computed():
    measured = make_view(position_m=(1.0, 2.0, 3.0))
    assert lens_position(measured, plane_of(measured)) == pytest.approx([1, 2, 3])
    no_height = make_view(position_m=(121000.5, 486000.5, None))
    assert lens_position(no_height, plane_of(no_height)) == pytest.approx([121000.5, 486000.5, 5.0], abs=1e-3)


def test_a_camera_that_looks_straight_down_tells_nothing_of_its_height():
    corners = ((0, 0, -4, 3), (640, 0, 4, 3), (640, 480, 4, -3), (0, 480, -4, -3))
    view = CameraView("top", "", "UTC", True, tuple(ControlPoint(*map(float, c)) for c in corners), SIZE_PX)
    assert lens_position(view, plane_of(view)) is None


def feature(geometry, space="map", camera=None, name="z"):
    kind = FeatureKind.LINE if "Line" in geometry.geom_type else FeatureKind.ZONE
    return Feature(name, "layer", kind, space, camera, geometry)


def ground_box(east, north, half=0.5):
    x, y = site(east, north)
    return shapely.box(x - half, y - half, x + half, y + half)


def test_features_that_no_pixel_sees_are_told():
    seen = [
        feature(ground_box(0, 8)),
        feature(ground_box(0, 8, 0.001)),
        feature(ground_box(0, 0, 500)),  # reaches behind the camera and to the horizon
        feature(shapely.LineString([site(-30, 8), site(30, 8)])),
        feature(shapely.box(10, 10, 11, 11), "pixel", "cam1"),
    ]
    hidden = [
        feature(ground_box(0, -8)),  # behind
        feature(ground_box(40, 8)),  # beside
        feature(shapely.LineString([site(20, -5), site(20, 9)])),
        feature(shapely.box(700, 10, 710, 20), "pixel", "cam1"),
    ]
    nobodys = [feature(shapely.box(700, 10, 710, 20), "pixel", "another")]
    assert zones_outside_view(make_view(), [*seen, *hidden, *nobodys], (1280, 960)) == hidden


def test_map_features_are_no_mistake_of_an_uncalibrated_camera():
    view = CameraView("cam1", "", "UTC", True)
    inside, outside = (feature(shapely.box(u, 0, u + 1, 1), "pixel", "cam1") for u in (50, 350))
    assert zones_outside_view(view, [feature(ground_box(0, 8)), inside, outside], (320, 240)) == [outside]


def test_a_line_through_points_has_no_lag_and_does_not_mix_tracks():
    time_us = np.cumsum(np.random.default_rng(0).integers(20_000, 200_000, size=200))  # an uneven frame rate
    track = np.repeat([0, 1], 100)
    speeds = np.where(track[:, None] == 0, [[1.5, -2.0]], [[-4.0, 0.5]])
    values = speeds * time_us[:, None] / 1e6 + 100.0 * track[:, None]
    fitted, slope = local_line(time_us, values, np.ones(200), track, 0.5)
    assert np.allclose(fitted, values, atol=1e-6)
    assert np.allclose(slope, speeds, atol=1e-6)


def test_a_lone_point_stays_where_it_is_and_has_no_slope():
    fitted, slope = local_line(np.array([0, 10_000_000]), np.array([[1.0], [5.0]]), np.ones(2), np.zeros(2, int), 0.5)
    assert fitted.ravel().tolist() == [1, 5]
    assert np.isnan(slope).all()


def test_a_day_long_track_keeps_its_precision():
    time_us = np.arange(0, 86_400_000_000, 2_000_000)
    values = np.full((len(time_us), 1), 486_000.25)
    fitted, slope = local_line(time_us, values, np.ones(len(values)), np.zeros(len(values), int), 5.0)
    assert np.abs(fitted - 486_000.25).max() < 1e-6
    assert np.abs(slope).max() < 1e-6


@pytest.mark.assets
def test_feet_of_pets_ground_truth_are_where_its_truth_says(assets: Path):
    written = json.loads((assets / "gt/PETS09-S2L1/ground_control_points.json").read_text())
    control = tuple(ControlPoint(p["u_px"], p["v_px"], p["x_m"], p["y_m"]) for p in written["points"])
    view = CameraView("pets", "", "UTC", True, control, tuple(written["image_size_px"]))
    rows = np.loadtxt(assets / "gt/PETS09-S2L1/gt.txt", delimiter=",")
    rows = rows[rows[:, 6] > 0]
    foot_px = np.column_stack([rows[:, 2] + rows[:, 4] / 2, rows[:, 3] + rows[:, 5]]) * 0.625
    error_m = np.hypot(*(to_ground(plane_of(view), foot_px) - rows[:, 7:9]).T)
    assert np.median(error_m) < 0.05
    assert np.percentile(error_m, 90) < 0.15
    lens_m = lens_position(view, plane_of(view))
    assert lens_m is not None
    assert 4 < lens_m[2] < 12
