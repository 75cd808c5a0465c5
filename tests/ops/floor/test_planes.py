"""RANSAC finds planes among other points, the same ones again, with the doubt that is left."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ops.floor.alike import AlikeErrors
from ops.floor.plane_fit import Tolerance, fit_least_squares, height_over, near_plane
from ops.floor.planes import Ransac, fit_plane, fit_planes
from schemas.values import Float64
from tests.ops.floor.rooms import angle_deg

UP = np.array([0.1, -0.9, -0.3]) / np.linalg.norm([0.1, -0.9, -0.3])
SEARCH = Ransac(Tolerance(0.02))


def on_plane(normal: Float64, offset_m: float, count: int, seed: int = 0, noise_m: float = 0.005) -> Float64:
    """Points near a plane, within 4 m of the place on it that is nearest to the lens."""
    random = np.random.default_rng(seed)
    away = random.uniform(-4, 4, (count, 3))
    flat = away - (away @ normal)[:, None] * normal
    return flat - normal * (offset_m + random.normal(0, noise_m, count))[:, None]


def clutter(count: int, seed: int = 9) -> Float64:
    return np.random.default_rng(seed).uniform(-4, 4, (count, 3))


def test_a_plane_is_found_among_three_times_as_many_other_points() -> None:
    points = np.concatenate([on_plane(UP, 2.0, 1000), clutter(3000)])
    plane = fit_plane(points, SEARCH)
    assert plane is not None
    assert angle_deg(plane.normal, UP) < 0.2
    assert plane.offset_m == pytest.approx(2.0, abs=0.01)
    assert plane.inliers[:1000].all()
    assert plane.inliers[1000:].mean() < 0.02
    assert 0.005 < plane.rms_m < 0.008  # other points are within the tolerance, too


def test_the_same_seed_gives_the_same_plane_and_another_one_nearly() -> None:
    points = np.concatenate([on_plane(UP, 2.0, 1000, noise_m=0.01), clutter(2000)])
    first, again = fit_plane(points, SEARCH), fit_plane(points, SEARCH)
    other = fit_plane(points, Ransac(Tolerance(0.02), seed=5))
    assert first is not None
    assert again is not None
    assert other is not None
    assert first.normal.tobytes() == again.normal.tobytes()
    assert angle_deg(first.normal, other.normal) < 0.2


def test_planes_are_found_one_after_another() -> None:
    wall = np.array([0.0, 0.0, -1.0])
    points = np.concatenate([on_plane(UP, 2.0, 2000), on_plane(wall, 4.0, 1200, seed=1), clutter(500)])
    planes = fit_planes(points, SEARCH, most=5, least_share=0.1)
    assert [round(angle_deg(p.normal, n), 0) for p, n in zip(planes, (UP, wall), strict=True)] == [0, 0]
    assert not (planes[0].inliers & planes[1].inliers).any()
    assert len(planes[0].inliers) == len(points)


def test_only_accepted_planes_are_found() -> None:
    wall = np.array([0.0, 0.0, -1.0])
    points = np.concatenate([on_plane(UP, 2.0, 500), on_plane(wall, 4.0, 3000, seed=1)])
    plane = fit_plane(points, SEARCH, lambda normals, _: normals @ UP > 0.9)
    assert plane is not None
    assert angle_deg(plane.normal, UP) < 0.3
    assert fit_plane(points, SEARCH, lambda normals, _: normals[:, 1] > 2) is None


@pytest.mark.parametrize("points", [np.empty((0, 3)), np.ones((2, 3)), np.ones((50, 3)), np.outer(np.arange(9.0), UP)])
def test_what_fixes_no_plane_gives_none(points: Float64) -> None:
    assert fit_plane(points, SEARCH) is None
    assert fit_planes(points, SEARCH, 3, 0.1) == []


def test_the_tolerance_grows_with_the_distance_of_the_plane() -> None:
    tolerance = Tolerance(0.01, 0.02)
    points = np.array([[0.0, -3.04, 0], [0, -3.08, 0], [5, -3.06, 9]])
    assert near_plane(points, np.array([0.0, 1, 0]), 3.0, tolerance).tolist() == [True, False, True]


@settings(max_examples=20)
@given(seed=st.integers(0, 1000), x=st.floats(-0.5, 0.5), z=st.floats(-0.9, -0.1))
def test_least_squares_meets_a_plane_without_noise(seed: int, x: float, z: float) -> None:
    normal = np.array([x, -1.0, z]) / np.linalg.norm([x, -1.0, z])
    points = on_plane(normal, 3.0, 60, seed, noise_m=0.0)
    fit = fit_least_squares(points, np.ones(60))
    assert fit is not None
    np.testing.assert_allclose(fit[0], normal, atol=1e-9)
    assert fit[1] == pytest.approx(3.0)
    assert np.abs(height_over(points, fit[0], fit[1])).max() < 1e-9


def test_the_covariance_says_how_far_off_planes_are() -> None:
    errors, doubts = [], []
    for seed in range(200):
        fit = fit_least_squares(on_plane(UP, 2.0, 100, seed, noise_m=0.05), np.ones(100))
        assert fit is not None
        errors.append(np.append(fit[0] - UP, fit[1] - 2.0))
        doubts.append(fit[2])
    measured = np.mean([np.outer(e, e) for e in errors], axis=0)
    expected = np.mean(doubts, axis=0)
    assert np.trace(measured[:3, :3]) == pytest.approx(np.trace(expected[:3, :3]), rel=0.25)
    assert measured[3, 3] == pytest.approx(expected[3, 3], rel=0.25)


def test_errors_that_are_alike_leave_more_doubt() -> None:
    known = np.ones((60, 80), np.bool_)
    points = on_plane(UP, 2.0, known.sum(), noise_m=0.05)
    alone, together = (fit_least_squares(points, np.ones(len(points)), a) for a in (None, AlikeErrors.of_map(known)))
    assert alone is not None
    assert together is not None
    assert together[2][3, 3] > 50 * alone[2][3, 3]
