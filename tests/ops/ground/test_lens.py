"""The lens is where it was measured, or where the homography says."""

import pytest

from ops.ground.lens import lens_position
from schemas.values import CameraView, ControlPoint
from tests.ops.ground_scene import LENS_M, SIZE_PX, make_view, plane_of


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
