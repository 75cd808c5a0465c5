"""Radial distortion goes both ways, and its slopes are those of small steps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.ground.distortion import RadialDistortion

SIZE_PX = (1280, 720)
INSIDE = st.tuples(st.floats(0, SIZE_PX[0]), st.floats(0, SIZE_PX[1]))
SHARES = st.floats(-0.6, 0.6)


@given(SHARES, INSIDE)
def test_bending_undoes_straightening(share: float, pixel: tuple[float, float]) -> None:
    lens, pixels = RadialDistortion(SIZE_PX, share), np.array([pixel])
    assert lens.bend(lens.straighten(pixels)) == pytest.approx(pixels, abs=1e-6)


def test_a_barrel_draws_corners_in_by_what_it_says() -> None:
    lens = RadialDistortion(SIZE_PX, -0.1)
    corner, middle = np.array([[0.0, 0.0]]), np.array([[640.0, 360.0]])
    assert lens.straighten(middle) == pytest.approx(middle)
    moved = np.linalg.norm(corner - middle) - np.linalg.norm(lens.straighten(corner) - middle)
    assert moved == pytest.approx(lens.corner_px)
    assert moved < 0
    assert RadialDistortion(SIZE_PX, 0.1).corner_px > 0


def test_far_outside_there_is_no_ray() -> None:
    assert np.isnan(RadialDistortion(SIZE_PX, -0.5).straighten(np.array([[3000.0, 360.0]]))).all()
    assert np.isnan(RadialDistortion(SIZE_PX, 0.5).bend(np.array([[3000.0, 360.0]]))).all()


def test_slopes_are_those_of_small_steps() -> None:
    lens = RadialDistortion(SIZE_PX, -0.3)
    pixels = np.random.default_rng(0).uniform((0, 0), SIZE_PX, (50, 2))
    for axis, step in enumerate(np.eye(2) * 1e-3):
        slope = (lens.straighten(pixels + step) - lens.straighten(pixels - step)) / 2e-3
        assert lens.jacobian(pixels)[:, :, axis] == pytest.approx(slope, rel=1e-5, abs=1e-6)
    high, low = (RadialDistortion(SIZE_PX, -0.3 + sign * 1e-5).straighten(pixels) for sign in (1, -1))
    assert lens.by_share(pixels) == pytest.approx((high - low) / 2e-5, rel=1e-5, abs=1e-6)


def test_boxes_are_straightened_edge_by_edge() -> None:
    lens = RadialDistortion(SIZE_PX, -0.1)
    (x1, _, x2, y2), foot = lens.straighten_boxes(np.array([[100.0, 400, 140, 500]]))[0], np.array([[120.0, 500]])
    assert y2 == pytest.approx(lens.straighten(foot)[0, 1])
    assert x1 < x2
