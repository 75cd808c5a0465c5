"""Control points that contradict each other, or are of another place, are named before a run."""

from dataclasses import replace

import numpy as np

from jobs.planning.camera_checks import warn_of_cameras
from schemas.values import CameraView
from tests.ops.ground_scene import ORIGIN_M, make_view

SIX_M = ((-3, 5), (3, 5), (-5, 14), (5, 14), (0, 9), (2, 12))


def moved(view: CameraView, camera: str, east_m: float) -> CameraView:
    points = tuple(replace(point, x_m=point.x_m + east_m) for point in view.control_points)
    return replace(view, camera=camera, control_points=points)


def test_good_cameras_give_no_warning():
    views = [moved(make_view(SIX_M, position_m=(*ORIGIN_M.tolist(), 5.0)), f"cam{n}", n) for n in range(3)]
    bare = CameraView("bare", "", "UTC", True)
    assert warn_of_cameras([*views, bare]) == []


def test_a_wrong_control_point_is_named_with_its_distance():
    view = make_view(SIX_M)
    points = list(view.control_points)
    points[3] = replace(points[3], u_px=points[3].u_px + 40)
    (said,) = warn_of_cameras([replace(view, control_points=tuple(points))])
    assert said.startswith("camera cam1: control point 4 is ")
    assert said.endswith("and is left out; check its u, v, x, y")


def test_control_points_in_another_city_are_named():
    views = [moved(make_view(SIX_M), f"cam{n}", 61_000.0 if n == 2 else n) for n in range(4)]
    (said,) = warn_of_cameras(views)
    assert said.startswith("camera cam2: its control points are 61 km from those of the other cameras")


def test_a_position_far_from_the_control_points_is_named():
    x, y = (ORIGIN_M + np.array([12_000.0, 0.0])).tolist()
    (said,) = warn_of_cameras([make_view(SIX_M, position_m=(x, y, None))])
    assert said.startswith("camera cam1: its position is 12 km from its control points")
