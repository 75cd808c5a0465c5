"""Zones that count nobody are named: out of view, in another city, on a storey without a camera."""

from dataclasses import replace

from shapely.geometry import box

from jobs.planning.unseen_features import unseen_features
from schemas.values import Feature, FeatureKind
from tests.ops.ground_scene import make_view

VIEW = make_view()
AT = VIEW.control_points[0].x_m, VIEW.control_points[0].y_m


def zone(name: str, east_m: float, storey: int = 0) -> Feature:
    x, y = AT
    shape = box(x + east_m, y, x + east_m + 1, y + 1)
    return Feature(name, "zones", FeatureKind.ZONE, "map", None, shape, storey)


def test_a_zone_in_another_city_is_told_with_its_distance():
    (warning,) = unseen_features([VIEW], [zone("shop", 0), zone("far", 57_000), zone("farther", 90_000)])
    assert warning == (
        "2 zones (far, farther) of layer zones are 57 km or more from every camera: another place, or another CRS than "
        "the file names"
    )


def test_a_floor_without_a_camera_is_told():
    upstairs = zone("attic", 0, storey=2)
    (warning,) = unseen_features([VIEW], [zone("shop", 0), upstairs])
    assert warning.startswith("zone attic of layer zones is on a storey that no camera sees: set storey")
    assert unseen_features([VIEW, replace(VIEW, camera="up", storey=2)], [zone("shop", 0), upstairs]) == []


def test_without_a_camera_on_the_map_there_is_nothing_to_compare_with():
    assert unseen_features([replace(VIEW, control_points=(), position_m=None)], [zone("far", 57_000)]) == []
    assert unseen_features([], [zone("far", 57_000)]) == []
