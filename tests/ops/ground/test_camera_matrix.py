"""The whole camera: what it shows above the ground, and its levelled coordinates."""

import numpy as np
import pytest

from ops.ground.camera_matrix import CameraMatrix, camera_matrix, observation_angle
from ops.ground.pinhole import PinholeGround
from ops.ground.project import to_pixels
from tests.ops.ground_scene import FOCAL_PX, LENS_M, ORIGIN_M, TILT, make_view, plane_of


def surveyed() -> CameraMatrix:
    camera = camera_matrix(plane_of(make_view()))
    assert camera is not None
    return camera


def test_the_ground_is_shown_as_by_the_homography_and_posts_as_by_the_lens() -> None:
    camera = surveyed()
    places = ORIGIN_M + np.array([[-2.0, 6], [0, 9], [3, 15]])
    pixels, depth = camera.project(np.column_stack([places, np.zeros(3)]))
    np.testing.assert_allclose(pixels, to_pixels(plane_of(make_view()), places), atol=1e-6)
    assert (depth > 0).all()
    # 1.7 m above (0, 9), by the pinhole camera itself.
    down, north = LENS_M[2] - 1.7, 9.0
    ahead = north * np.cos(TILT) + down * np.sin(TILT)
    v = FOCAL_PX * (down * np.cos(TILT) - north * np.sin(TILT)) / ahead + 240
    (top,), _ = camera.project(np.array([[ORIGIN_M[0], ORIGIN_M[1] + 9, 1.7]]))
    assert top == pytest.approx([320, v], abs=0.01)


@pytest.mark.parametrize("roll", [0.0, 0.2, -0.3])
def test_a_rolled_camera_shows_points_above_its_ground(roll: float) -> None:
    made = PinholeGround((640, 480), 500.0, 0.4, roll, 4.0)
    camera = camera_matrix(made.ground_plane("cam"))
    assert camera is not None
    points = np.array([[-1.0, 6, 0], [1, 9, 1.8], [3, 12, 3.0]])
    np.testing.assert_allclose(camera.project(points)[0], made.project(points), atol=1e-6)
    level = np.column_stack([points[:, 0], 4.0 - points[:, 2], points[:, 1]])
    np.testing.assert_allclose(camera.to_level(points[:1, :2]), [[-1, 4, 6]], atol=1e-9)
    mapped = level @ camera.image_from_level[:, :3].T
    np.testing.assert_allclose(mapped[:, :2] / mapped[:, 2:], made.project(points), atol=1e-6)


def test_rotations_are_kittis() -> None:
    """The camera looks north: what faces east faces to the picture's right, which KITTI calls 0; away is -pi/2."""
    camera = surveyed()
    headings = np.radians([90.0, 0.0, 180.0, 225.0])
    rotation = camera.rotation_y(headings)
    assert rotation == pytest.approx([0, -np.pi / 2, np.pi / 2, 3 * np.pi / 4])
    turned = camera.heading_rad(rotation)
    assert np.cos(turned - headings) == pytest.approx(np.ones(4))
    location = camera.to_level(ORIGIN_M + np.array([[5.0, 5.0]]))
    assert location[0] == pytest.approx([5, 5, 5], abs=1e-4)
    assert observation_angle(np.zeros(1), location) == pytest.approx([-np.pi / 4])
