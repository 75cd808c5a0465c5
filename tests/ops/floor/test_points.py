"""Depth becomes points and pixels again, exactly as the published intrinsics say."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.floor.points import Intrinsics, Pose, to_pixels, to_points

SLAMBOOK = Intrinsics.of_centres(518.0, 519.0, 325.5, 253.5)


def test_points_are_those_of_the_published_formula() -> None:
    depth = np.random.default_rng(1).uniform(0.5, 8, (480, 640))
    points = to_points(depth, SLAMBOOK)
    row, column = np.mgrid[:480, :640]
    np.testing.assert_array_equal(points[..., 0], (column - 325.5) * depth / 518.0)
    np.testing.assert_array_equal(points[..., 1], (row - 253.5) * depth / 519.0)
    np.testing.assert_array_equal(points[..., 2], depth)


def test_points_come_back_to_the_middle_of_their_pixels() -> None:
    points = to_points(np.full((20, 30), 3.0), Intrinsics.middle((30, 20), 25.0))
    pixels = to_pixels(points, Intrinsics.middle((30, 20), 25.0))
    row, column = np.mgrid[:20, :30]
    np.testing.assert_allclose(pixels, np.stack([column + 0.5, row + 0.5], axis=-1), atol=1e-12)


def test_what_has_no_depth_has_no_point() -> None:
    points = to_points(np.array([[np.nan, 0.0, -1.0, np.inf, 2.0]]), Intrinsics.middle((5, 1), 5.0))
    assert np.isnan(points[0, :4]).all()
    assert np.isfinite(points[0, 4]).all()
    assert np.isnan(to_pixels(np.array([[1.0, 1.0, -2.0], [0, 0, 0]]), SLAMBOOK)).all()


@given(scale=st.floats(0.2, 4), depth=st.floats(0.1, 100))
def test_a_picture_of_another_size_shows_the_same_points(scale: float, depth: float) -> None:
    pixels = np.array([[17.0, 5.5], [300, 200]])
    small = SLAMBOOK.scaled(scale, scale)
    np.testing.assert_allclose(SLAMBOOK.sight(pixels) * depth, small.sight(pixels * scale) * depth, atol=1e-9)


def test_rays_are_lines_of_sight() -> None:
    rays = SLAMBOOK.rays((4, 6))
    row, column = np.mgrid[:4, :6] + 0.5
    sight = SLAMBOOK.sight(np.column_stack([column.ravel(), row.ravel()]))
    np.testing.assert_allclose(rays.reshape(-1, 3), sight)


def test_a_pose_turns_by_its_quaternion() -> None:
    quarter = Pose.of_quaternion(
        np.array([1.0, 2, 3]), np.array([0, 0, 1, 1.0])
    )  # a quarter turn about z, unnormalised
    np.testing.assert_allclose(quarter.to_world(np.array([[1.0, 0, 0], [0, 1, 0]])), [[1, 3, 3], [0, 2, 3]], atol=1e-12)
    turned = Pose.of_quaternion(np.zeros(3), np.array([0.1, -0.5, 0.3, 0.8]))
    np.testing.assert_allclose(turned.rotation @ turned.rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(turned.rotation) == pytest.approx(1)


@pytest.mark.assets
def test_frames_of_slambook_overlap_in_the_world(assets: Path) -> None:
    folder = assets / "depth" / "rgbd_slambook"
    poses = [Pose.of_quaternion(row[:3], row[3:]) for row in np.loadtxt(folder / "pose.txt")]
    depths = [cv2.imread(str(folder / "depth" / f"{n}.pgm"), cv2.IMREAD_UNCHANGED) / 1000 for n in range(1, 6)]
    # Points of frame 4, seen from frame 5, are where frame 5 measures them.
    world = poses[3].to_world(to_points(depths[3], SLAMBOOK)[::4, ::4].reshape(-1, 3))
    local = (world - poses[4].place_m) @ poses[4].rotation
    pixels = to_pixels(local, SLAMBOOK)
    with np.errstate(invalid="ignore"):
        inside = ((pixels >= 0) & (pixels < (640, 480))).all(axis=1)
    column, row = pixels[inside].astype(int).T
    measured = depths[4][row, column]
    gap = np.abs(local[inside, 2] / np.where(measured > 0, measured, np.nan) - 1)
    assert inside.sum() > 5000
    assert np.nanmedian(gap) < 0.02
