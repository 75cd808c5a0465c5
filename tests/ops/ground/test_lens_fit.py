"""Lenses of known distortion: OpenCV bends the picture, points are clicked in it, and places must be right."""

import cv2
import numpy as np
import pytest

from ops.ground.distortion import RadialDistortion
from ops.ground.homography import GroundPlane, ground_plane
from ops.ground.pinhole import PinholeGround
from ops.ground.places import KnownGround
from ops.ground.project import covariance, jacobian, to_ground, to_pixels
from ops.ground.sight import sight_distances
from ops.ground.survey import survey_model
from schemas.values import CameraView, ControlPoint, Float64

SIZE_PX = (1280, 720)
FOCAL_PX, HEIGHT_M = 1280.0, 5.0
GROUND = PinholeGround(SIZE_PX, FOCAL_PX, float(np.radians(25)), 0.02, HEIGHT_M)
FAR_M = 8 * HEIGHT_M
ORIGIN_M = 1e5
CLICK_PX = 1.5
LENSES = (-0.3, -0.2, -0.1, 0.1)
"""OpenCV's k1, of the radius in focal lengths."""


def film(places_m: Float64, k1: float) -> Float64:
    """Returns pixels ``(N, 2)`` of places before the lens, through a lens that OpenCV bends."""
    straight = to_pixels(GROUND.ground_plane(""), places_m)
    rays = np.column_stack([(straight - np.array(SIZE_PX) / 2) / FOCAL_PX, np.ones(len(straight))])
    return cv2.projectPoints(rays, np.zeros(3), np.zeros(3), GROUND.intrinsics(), np.array([k1, 0, 0, 0]))[0][:, 0]


def floor(k1: float, count: int, seed: int) -> tuple[Float64, Float64]:
    """Returns places ``(N, 2)`` that a lens shows, all over the frame, and the first ``count`` far from each other."""
    random = np.random.default_rng(seed)
    straight = random.uniform(-0.2, 1.2, (2000, 2)) * SIZE_PX
    places = to_ground(GROUND.ground_plane(""), straight)
    places = places[np.isfinite(places).all(axis=1) & (np.hypot(*np.nan_to_num(places).T) < FAR_M)]
    pixels = film(places, k1)
    places = places[((pixels > 20) & (pixels < np.array(SIZE_PX) - 20)).all(axis=1)]
    pixels, chosen = film(places, k1), [0]
    while len(chosen) < count:
        away = np.linalg.norm(pixels[:, None] - pixels[chosen][None], axis=2).min(axis=1)
        chosen.append(int(away.argmax()))
    return places, places[chosen]


def survey(points_m: Float64, k1: float, seed: int, wrong_px: float = 0.0) -> GroundPlane:
    """Returns the ground of clicks on points; the last one may be wrong."""
    pixels = film(points_m, k1) + np.random.default_rng(seed + 100).normal(0, CLICK_PX, points_m.shape)
    pixels[-1] += [wrong_px, 0]
    return plane_of(pixels, points_m)


def view_of(pixels: Float64, points_m: Float64) -> CameraView:
    clicks = zip(pixels.tolist(), (points_m + ORIGIN_M).tolist(), strict=True)
    points = tuple(ControlPoint(u, v, x, y) for (u, v), (x, y) in clicks)
    return CameraView("cam1", "", "UTC", True, points, SIZE_PX)


def plane_of(pixels: Float64, points_m: Float64) -> GroundPlane:
    plane = ground_plane(view_of(pixels, points_m))
    assert plane is not None
    return plane


def errors_m(plane: GroundPlane, places_m: Float64, k1: float) -> Float64:
    return np.asarray(np.hypot(*(to_ground(plane, film(places_m, k1)) - ORIGIN_M - places_m).T))


@pytest.mark.parametrize("k1", LENSES)
@pytest.mark.parametrize("count", [8, 11])
def test_the_lens_is_found_and_places_are_where_they_are(k1: float, count: int) -> None:
    places, points = floor(k1, count, seed=1)
    plane = survey(points, k1, seed=1)
    assert plane.lens is not None
    assert plane.lens.share * k1 > 0
    assert plane.wrong_points == ()
    off = errors_m(plane, places, k1)
    assert np.median(off) < 0.04
    assert np.quantile(off, 0.9) < 0.2


@pytest.mark.parametrize("count", [6, 7])
def test_few_points_fit_a_plane_only(count: int) -> None:
    _, points = floor(-0.2, count, seed=1)
    assert survey(points, -0.2, seed=1).lens is None


def test_a_straight_lens_stays_straight() -> None:
    """One more number suits any clicks better; it must not be taken for a lens."""
    found = 0
    for seed in range(16):
        _, points = floor(0.0, 8 + seed % 2, seed)
        found += survey(points, 0.0, seed).lens is not None
    assert found <= 1


def test_a_wrong_click_is_no_lens() -> None:
    for seed, count in ((0, 8), (1, 8), (2, 9)):
        _, points = floor(0.0, count, seed)
        plane = survey(points, 0.0, seed, wrong_px=60.0)
        assert plane.lens is None
        assert plane.wrong_points == (count,)


def test_a_wrong_click_is_found_beside_a_lens() -> None:
    places, points = floor(-0.2, 12, seed=2)
    plane = survey(points, -0.2, seed=2, wrong_px=60.0)
    assert plane.lens is not None
    assert plane.wrong_points == (12,)
    assert np.median(errors_m(plane, places, -0.2)) < 0.04


def test_places_are_as_sure_as_their_covariance_says() -> None:
    """Clicks vary, the lens does not: the same lens as the fit's, so that no difference of models is in it."""
    places, points = floor(-0.2, 10, seed=3)
    straight = to_pixels(GROUND.ground_plane(""), points)
    lens = RadialDistortion(SIZE_PX, -0.08)
    shown = lens.bend(to_pixels(GROUND.ground_plane(""), places[:40]))
    away = []
    for seed in range(16):
        clicks = lens.bend(straight) + np.random.default_rng(seed).normal(0, 2.56, straight.shape)
        plane = plane_of(clicks, points)
        assert plane.lens is not None
        off = to_ground(plane, shown) - ORIGIN_M - places[:40]
        spread = covariance(plane, shown, np.zeros_like(shown))
        away.append(np.einsum("ni,nij,nj->n", off, np.linalg.inv(spread), off))
    # Two dimensions, by a deviation of clicks that is itself estimated from 15 numbers: 2 * 15 / 13, and 92 %.
    assert np.mean(away) == pytest.approx(2.3, rel=0.3)
    assert 0.86 < np.mean(np.array(away) < 5.99) < 0.98


def test_back_and_forth_and_slopes_agree() -> None:
    _, points = floor(-0.3, 12, seed=4)
    plane = survey(points, -0.3, seed=4)
    pixels = film(points, -0.3)
    assert to_pixels(plane, to_ground(plane, pixels)) == pytest.approx(pixels, abs=1e-6)
    for axis in (0, 1):
        step = np.zeros(2)
        step[axis] = 1e-4
        slope = (to_ground(plane, pixels + step) - to_ground(plane, pixels - step)) / 2e-4
        assert jacobian(plane, pixels)[:, :, axis] == pytest.approx(slope, rel=1e-4, abs=1e-7)


def test_the_camera_above_a_bent_ground_is_found_and_so_are_distances_from_it() -> None:
    _, points = floor(-0.2, 10, seed=5)
    view = view_of(film(points, -0.2), points)
    model, plane = survey_model(view), ground_plane(view)
    assert model is not None and plane is not None and plane.matrix_covariance is not None
    assert model.pinhole.focal_px == pytest.approx(FOCAL_PX, rel=0.04)
    assert model.pinhole.height_m == pytest.approx(HEIGHT_M, rel=0.04)
    pixels = film(points, -0.2)
    sight = sight_distances(KnownGround(plane, True), view, pixels, np.ones_like(pixels))
    assert sight is not None
    true = np.sqrt((points**2).sum(axis=1) + HEIGHT_M**2)  # the local origin is below the lens
    assert sight[0] == pytest.approx(true, rel=0.05)
    assert (np.abs(sight[0] - true) < 4 * sight[1]).all()
