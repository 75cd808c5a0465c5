"""Pixels and metres agree with a pinhole camera that is known exactly, and covariances with what noise becomes."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.ground.homography import calibration_error_m
from ops.ground.lens import lens_position
from ops.ground.point_fit import apply, fit_points, homography
from ops.ground.project import covariance, jacobian, largest_sigma_m, to_ground, to_pixels
from schemas.values import CameraView, ControlPoint
from tests.ops.ground_scene import ORIGIN_M, SIZE_PX, make_view, plane_of, project, site

POINTS_M = ((-3, 5), (3, 5), (-5, 14), (5, 14), (0, 9), (-2, 11), (4, 8), (2, 17))


def metres_of(view):
    return np.array([(point.x_m, point.y_m) for point in view.control_points])


def pixels_of(view):
    return np.array([(point.u_px, point.v_px) for point in view.control_points])


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
    plane = replace(plane_of(make_view()), matrix_covariance=None)
    pixel, sigma = np.array([[400.0, 300.0]]), np.array([[3.0, 2.0]])
    noise = np.random.default_rng(1).normal(size=(100_000, 2)) * sigma
    measured = np.cov(to_ground(plane, pixel + noise).T)
    predicted = covariance(plane, pixel, sigma)[0]
    assert np.allclose(predicted, measured, rtol=0.03)
    assert largest_sigma_m(predicted[None])[0] == pytest.approx(np.sqrt(np.linalg.eigvalsh(predicted)[1]))


@pytest.mark.parametrize("pixel", [(400.0, 300.0), (60.0, 120.0), (320.0, 470.0)])
def test_a_covariance_is_what_clicks_and_feet_that_are_off_become(pixel):
    view, pixels = make_view(POINTS_M), np.array([pixel])
    plane, sigma = plane_of(view), np.array([[3.0, 2.0]])
    click_px = fit_points(metres_of(view) - plane.origin_m, pixels_of(view), SIZE_PX[0], "cam1").sigma_px
    random, found = np.random.default_rng(5), []
    for noise_px in random.normal(size=(4000, len(POINTS_M), 2)) * click_px:
        matrix = homography(metres_of(view) - plane.origin_m, pixels_of(view) + noise_px, "cam1")
        found.append(apply(np.linalg.inv(matrix), pixels + random.normal(size=(1, 2)) * sigma)[0])
    measured = np.sqrt(np.linalg.eigvalsh(np.cov(np.array(found).T)))
    predicted = np.sqrt(np.linalg.eigvalsh(covariance(plane, pixels, sigma)[0]))
    assert np.allclose(predicted, measured, rtol=0.06)


def test_ground_beyond_the_control_points_is_less_sure_and_rough_points_make_all_of_it_so():
    plane = plane_of(make_view(POINTS_M))
    exact = np.zeros((1, 2))
    middle, beyond = (to_pixels(plane, np.array([site(*each)])) for each in ((0, 9), (0, 40)))
    assert largest_sigma_m(covariance(plane, beyond, exact)) > 10 * largest_sigma_m(covariance(plane, middle, exact))
    rough = plane_of(make_view(POINTS_M, noise_px=np.random.default_rng(2).normal(size=(8, 2)) * 4))
    assert largest_sigma_m(covariance(rough, middle, exact)) > 1.3 * largest_sigma_m(covariance(plane, middle, exact))
    assert calibration_error_m(make_view(POINTS_M)) < 1e-3


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
