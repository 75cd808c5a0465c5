"""Cuboids of known place, yaw and size are found again from the boxes around them."""

from dataclasses import replace

import numpy as np
import pytest

from ops.boxes3d.fit import PARKED_SIGMA_RAD, fit_cuboids, fit_parked
from ops.boxes3d.shapes import image_boxes, silhouette, slopes
from ops.ground.camera_matrix import wrapped
from ops.ground.class_sizes import CLASS_SIZES
from ops.ground.feet import GROUND_LABELS
from tests.ops.boxes3d.made import make_camera, make_tracks


def test_every_class_that_stands_on_the_ground_has_a_size() -> None:
    assert set(CLASS_SIZES) == set(GROUND_LABELS)
    for size in CLASS_SIZES.values():
        assert (np.array(size.spread) < 0.4 * size.mean).all() and size.origin


@pytest.mark.parametrize("label", ["car", "person", "suitcase"])
def test_slopes_are_those_of_small_steps(label: str) -> None:
    camera, made = make_camera(), make_tracks(label, tracks=9, points=3)
    points = silhouette(label)
    _, change = slopes(camera, made.centre_m, made.yaw_rad, made.size_m, points)
    state = np.column_stack([made.centre_m, made.yaw_rad, made.size_m])
    for unknown in range(6):
        step = np.eye(6)[unknown] * 1e-5
        there, back = (
            image_boxes(camera, each[:, :2], each[:, 2], each[:, 3:], points)[0]
            for each in (state + step, state - step)
        )
        np.testing.assert_allclose(change[..., unknown], (there - back) / 2e-5, atol=0.05)


@pytest.mark.parametrize(
    ("label", "centre_m", "size_gain"), [("car", 0.15, 0.85), ("person", 0.08, 0.8), ("bicycle", 0.12, 0.8)]
)
def test_place_and_size_are_found_with_honest_sigmas(label: str, centre_m: float, size_gain: float) -> None:
    made, prior = make_tracks(label), CLASS_SIZES[label]
    found = fit_cuboids(make_camera(), made.looks, label, prior)
    off = found.centre_m - made.centre_m
    assert np.median(np.hypot(*off.T)) < centre_m
    spread = found.covariance[:, :2, :2]
    inside = np.einsum("ni,nij,nj->n", off, np.linalg.inv(spread), off) < 5.99  # 95 % of a 2-d Gaussian
    assert 0.85 < inside.mean() <= 1
    turned = wrapped(found.yaw_rad - made.yaw_rad)
    assert 0.85 < (np.abs(turned) < 1.96 * np.sqrt(found.covariance[:, 2, 2])).mean() <= 1
    error = found.size_m - made.size_m
    assert np.sqrt((error**2).mean(axis=0)) @ (1 / np.array(prior.spread)) / 3 < size_gain, "better than the prior"
    assert 0.85 < (np.abs(error) < 1.96 * found.size_sigma_m).mean() <= 1
    np.testing.assert_array_equal(found.size_m[0], found.size_m[14])


def test_the_middle_of_a_car_is_not_at_the_lower_edge_of_its_box() -> None:
    made = make_tracks("car")
    found = fit_cuboids(make_camera(), made.looks, "car", CLASS_SIZES["car"])
    by_foot = np.hypot(*(made.looks.foot_m - made.centre_m).T)
    assert np.median(np.hypot(*(found.centre_m - made.centre_m).T)) < 0.1 * np.median(by_foot)


def test_an_edge_that_the_frame_cuts_says_nothing() -> None:
    """Feet below the frame: stature and the upper edge tell how far away a person is, less surely."""
    made = make_tracks("person")
    hidden = made.looks.box.copy()
    hidden[:, 3] -= 0.4 * (hidden[:, 3] - hidden[:, 1])
    foot = made.looks.foot_m + 1.0
    sigma = made.looks.sigma_px * [1, 1, 1, np.inf]
    looks = replace(made.looks, box=hidden, sigma_px=sigma, foot_m=foot)
    found = fit_cuboids(make_camera(), looks, "person", CLASS_SIZES["person"])
    off = np.hypot(*(found.centre_m - made.centre_m).T)
    assert np.median(off) < 0.5 < np.median(np.hypot(*(foot - made.centre_m).T))
    assert np.median(np.sqrt(found.covariance[:, 1, 1])) > 0.2


def test_the_heading_of_a_parked_car_is_read_from_its_box() -> None:
    made = make_tracks("car", noise_px=1.0, speed_m=0.0, tracks=60, points=3)
    found = fit_parked(make_camera(), made.looks, "car", CLASS_SIZES["car"])
    axis = (found.yaw_rad - made.yaw_rad + np.pi / 2) % np.pi - np.pi / 2  # front and back look alike
    assert np.median(np.abs(axis)) < np.radians(20)
    assert (found.covariance[:, 2, 2] >= PARKED_SIGMA_RAD**2).all()
    assert np.median(np.hypot(*(found.centre_m - made.centre_m).T)) < 0.4


def test_what_is_beside_the_lens_does_not_break_the_others() -> None:
    made = make_tracks("bus", tracks=20)
    foot = made.looks.foot_m.copy()
    foot[:15] = make_camera().lens_m[:2]
    found = fit_cuboids(make_camera(), replace(made.looks, foot_m=foot), "bus", CLASS_SIZES["bus"])
    for name in ("centre_m", "yaw_rad", "size_m", "covariance", "size_sigma_m"):
        assert np.isfinite(getattr(found, name)).all(), name
