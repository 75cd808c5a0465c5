"""Groups of cameras that see the same ground."""

from dataclasses import replace

from ops.ground.groups import REACH_M, camera_groups
from schemas.values import CameraView
from tests.ops.ground_scene import make_view


def camera(name: str, east_m: float, calibrated: bool = True) -> CameraView:
    """The made-up camera, so far to the east."""
    view = make_view()
    moved = tuple(replace(point, x_m=point.x_m + east_m) for point in view.control_points)
    return replace(view, camera=name, control_points=moved if calibrated else ())


def placed(name: str, east_m: float) -> CameraView:
    """The same camera with two control points only: people measure its ground, after the groups are known."""
    view = camera(name, east_m)
    return replace(view, control_points=view.control_points[:2])


def test_cameras_that_see_the_same_ground_are_a_group_also_through_others():
    first, second, third = camera("c", 0), camera("a", 30), camera("b", 60)
    assert camera_groups([first, second, third]) == (("a", "b", "c"),)


def test_cameras_far_from_each_other_and_uncalibrated_ones_are_in_no_group():
    apart = 2 * (REACH_M + 6)
    assert camera_groups([camera("a", 0), camera("b", apart)]) == ()
    assert camera_groups([camera("a", 0), camera("b", 0, calibrated=False)]) == ()
    assert camera_groups([camera("a", 0), placed("b", apart)]) == ()
    assert camera_groups([]) == camera_groups([camera("a", 0)]) == ()
    pairs = [camera("d", 1000), camera("b", 5), camera("c", 1005), camera("a", 0)]
    assert camera_groups(pairs) == (("a", "b"), ("c", "d"))


def test_cameras_one_above_the_other_are_in_no_group():
    upstairs = replace(camera("b", 0), storey=1)
    assert camera_groups([camera("a", 0), upstairs]) == ()
    assert camera_groups([camera("a", 0), upstairs, replace(camera("c", 5), storey=1)]) == (("b", "c"),)


def test_a_camera_that_two_points_place_is_in_the_group_of_those_around_its_points():
    assert camera_groups([camera("a", 0), placed("b", 30), camera("c", 1000)]) == (("a", "b"),)
    assert camera_groups([placed("a", 0), placed("b", 10)]) == (("a", "b"),)
