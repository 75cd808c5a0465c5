"""A camera above level ground projects, measures depth and finds its horizon as geometry says."""

import numpy as np
import pytest

from ops.ground.lens import lens_position, surveyed_camera
from ops.ground.pinhole import PinholeGround
from ops.ground.project import to_ground, to_pixels
from schemas.values import CameraView

CAMERA = PinholeGround((640, 480), 600.0, np.radians(30), np.radians(4), 5.0)


def test_up_gives_back_tilt_and_roll():
    again = PinholeGround.from_up(CAMERA.size_px, CAMERA.focal_px, 3 * CAMERA.up(), CAMERA.height_m)
    assert (again.tilt_rad, again.roll_rad) == pytest.approx((CAMERA.tilt_rad, CAMERA.roll_rad))


def test_the_picture_shows_what_is_right_ahead_and_up_where_it_should_be():
    level = PinholeGround((640, 480), 600.0, np.radians(30), 0.0, 5.0)
    middle = 5.0 / np.tan(np.radians(30))
    points = np.array([[0, middle, 0], [1, middle, 0], [0, middle + 1, 0], [0, middle, 1], [0, -20, 0]])
    centre, right, ahead, above, behind = level.project(points)
    assert centre == pytest.approx([320, 240])
    assert right[0] > 320 and right[1] == pytest.approx(240)
    assert ahead == pytest.approx([320, ahead[1]]) and ahead[1] < 240
    assert above[1] < 240
    assert np.isnan(behind).all()


def test_the_right_side_dips_by_the_roll():
    left, right = CAMERA.project(np.array([[-1.0, 9, 0], [1.0, 9, 0]]))
    unrolled = PinholeGround((640, 480), 600.0, np.radians(30), 0.0, 5.0)
    flat = unrolled.project(np.array([[-1.0, 9, 0], [1.0, 9, 0]]))
    assert flat[0, 1] == pytest.approx(flat[1, 1])
    # What dips to the right in the camera rises to the right in its picture.
    assert right[1] < left[1]
    assert np.degrees(np.arctan2(left[1] - right[1], right[0] - left[0])) == pytest.approx(4, abs=0.05)


def test_the_homography_agrees_with_the_projection():
    plane = CAMERA.ground_plane("a")
    places = np.array([[-3.0, 4.0], [2.0, 25.0], [0.0, 8.7]])
    pixels = to_pixels(plane, places)
    assert pixels == pytest.approx(CAMERA.project(np.column_stack([places, np.zeros(3)])))
    assert to_ground(plane, pixels) == pytest.approx(places)
    assert plane.median_residual_m is None


def test_depth_is_along_the_axis_and_ends_at_the_horizon():
    a, b, c = CAMERA.horizon()
    at_horizon = -(a * 100 + c) / b
    depth = CAMERA.ground_depth_m(np.array([[320.0, 240.0], [100.0, at_horizon - 1], [100.0, at_horizon + 1]]))
    assert depth[0] == pytest.approx(5.0 / np.sin(np.radians(30)))
    assert np.isnan(depth[1]) and depth[2] > 500


def test_a_camera_that_looks_straight_down_sees_ahead_at_its_upper_edge():
    down = PinholeGround((640, 480), 600.0, np.pi / 2, 0.0, 5.0)
    assert to_ground(down.ground_plane("top"), np.array([[320.0, 0.0]])) == pytest.approx(np.array([[0, 2.0]]))


def test_a_surveyed_camera_is_the_camera_itself():
    found = surveyed_camera(CAMERA.ground_plane("a"))
    assert found is not None
    assert found.focal_px == pytest.approx(600)
    assert found.place_m == pytest.approx([0, 0, 5])
    assert found.site_from_camera == pytest.approx(CAMERA.local_from_camera())
    view = CameraView("a", "", "UTC", True)
    assert lens_position(view, CAMERA.ground_plane("a")) == pytest.approx([0, 0, 5])
