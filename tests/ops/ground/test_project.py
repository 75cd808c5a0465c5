"""Pixels and metres agree with a pinhole camera that is known exactly, and covariances with what noise becomes."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.ground.homography import calibration_error_m
from ops.ground.lens import lens_position
from ops.ground.project import covariance, jacobian, largest_sigma_m, to_ground, to_pixels
from schemas.values import CameraView, ControlPoint
from tests.ops.ground_scene import ORIGIN_M, SIZE_PX, make_view, plane_of, project, site


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
