"""Features that a camera cannot see are named."""

import shapely

from ops.ground.view import zones_outside_view
from schemas.values import CameraView, Feature, FeatureKind
from tests.ops.ground_scene import make_view, site


def feature(geometry, space="map", camera=None, name="z"):
    kind = FeatureKind.LINE if "Line" in geometry.geom_type else FeatureKind.ZONE
    return Feature(name, "layer", kind, space, camera, geometry)


def ground_box(east, north, half=0.5):
    x, y = site(east, north)
    return shapely.box(x - half, y - half, x + half, y + half)


def test_features_that_no_pixel_sees_are_told():
    seen = [
        feature(ground_box(0, 8)),
        feature(ground_box(0, 8, 0.001)),
        feature(ground_box(0, 0, 500)),  # reaches behind the camera and to the horizon
        feature(shapely.LineString([site(-30, 8), site(30, 8)])),
        feature(shapely.box(10, 10, 11, 11), "pixel", "cam1"),
    ]
    hidden = [
        feature(ground_box(0, -8)),  # behind
        feature(ground_box(40, 8)),  # beside
        feature(shapely.LineString([site(20, -5), site(20, 9)])),
        feature(shapely.box(700, 10, 710, 20), "pixel", "cam1"),
    ]
    nobodys = [feature(shapely.box(700, 10, 710, 20), "pixel", "another")]
    assert zones_outside_view(make_view(), [*seen, *hidden, *nobodys], (1280, 960)) == hidden


def test_map_features_are_no_mistake_of_an_uncalibrated_camera():
    view = CameraView("cam1", "", "UTC", True)
    inside, outside = (feature(shapely.box(u, 0, u + 1, 1), "pixel", "cam1") for u in (50, 350))
    assert zones_outside_view(view, [feature(ground_box(0, 8)), inside, outside], (320, 240)) == [outside]
