"""Features that a camera cannot see are named."""

from dataclasses import replace
from unittest.mock import Mock

import numpy as np
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from ops.ground.distortion import RadialDistortion
from ops.ground.project import to_pixels
from ops.ground.view import concerns, features_near_view, in_picture, seen_ground, zones_outside_view
from schemas.values import CameraView, Feature, FeatureKind
from tests.ops.ground_scene import ORIGIN_M, SIZE_PX, depth_m, make_view, plane_of, project, site

PLANE = plane_of(make_view())


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
    assert zones_outside_view(make_view(), [*seen, *hidden, *nobodys], (1280, 960), PLANE) == hidden


def test_map_features_are_no_mistake_of_an_uncalibrated_camera():
    view = CameraView("cam1", "", "UTC", True)
    inside, outside = (feature(shapely.box(u, 0, u + 1, 1), "pixel", "cam1") for u in (50, 350))
    assert zones_outside_view(view, [feature(ground_box(0, 8)), inside, outside], (320, 240), None) == [outside]


def test_a_lens_bends_edges_and_shows_more_of_the_ground():
    lens = RadialDistortion(SIZE_PX, -0.15)
    bent = replace(PLANE, lens=lens)
    wide = ground_box(0, 8, 30)
    seen, seen_straight = (in_picture(each, wide, SIZE_PX) for each in (bent, PLANE))
    frame = shapely.box(0, 0, *SIZE_PX)
    assert shapely.difference(seen, frame.buffer(0.5)).area < 1
    straight = shapely.transform(shapely.segmentize(seen_straight, 4), lens.bend)
    assert shapely.difference(straight, seen.buffer(0.5)).area < 1, "what a straight lens shows, this one shows as well"
    assert seen_ground(bent, np.array(wide.bounds)).area > 1.1 * seen_ground(PLANE, np.array(wide.bounds)).area
    random = np.random.default_rng(0)
    places = ORIGIN_M + random.uniform((-30, -22), (30, 38), (4000, 2))
    pixels = to_pixels(bent, places)
    shown = ((pixels > 1) & (pixels < np.array(SIZE_PX) - 1)).all(axis=1)
    assert shapely.contains_xy(seen_ground(bent, np.array(wide.bounds)), *places[shown].T).all()


PLACES = st.tuples(st.integers(-60_000, 60_000), st.integers(-20_000, 90_000))  # millimetres


@settings(max_examples=200, deadline=None)
@given(st.lists(PLACES, min_size=2, max_size=4, unique=True))
def test_a_line_is_seen_if_a_pixel_shows_a_point_of_it(places):
    line = shapely.LineString([site(east / 1000, north / 1000) for east, north in places])
    points = shapely.get_coordinates(shapely.segmentize(line, 0.02))
    runs = np.split(points, np.flatnonzero(np.diff(depth_m(points) > 0.05)) + 1)
    shown = [project(run) for run in runs if depth_m(run)[0] > 0.05 and len(run) > 1]
    drawn = shapely.MultiLineString(shown) if shown else shapely.MultiLineString()
    frame = shapely.box(0, 0, *SIZE_PX)
    seen = zones_outside_view(make_view(), [feature(line)], SIZE_PX, PLANE) == []
    # Within a pixel of the frame's edge it may be either.
    assert seen or not drawn.intersects(frame.buffer(-1))
    assert not seen or drawn.distance(frame) < 1 or drawn.is_empty


def test_thousands_of_lines_are_compared_with_the_view_at_once(monkeypatch):
    rng = np.random.default_rng(0)
    starts = ORIGIN_M + rng.uniform(-5000, 5000, (20_000, 1, 2))
    lines = shapely.linestrings(starts + np.cumsum(rng.normal(0, 20, (20_000, 5, 2)), axis=1))
    features = [feature(line, name=str(number)) for number, line in enumerate(lines)]
    compared = Mock(side_effect=shapely.intersects)
    monkeypatch.setattr(shapely, "intersects", compared)
    hidden = zones_outside_view(make_view(), features, SIZE_PX, PLANE)
    assert compared.call_count == 2
    assert 19_000 < len(hidden) < 20_000


def test_a_zone_on_the_ground_is_where_its_corners_are_in_the_picture():
    box = ground_box(0, 8)
    corners = project(shapely.get_coordinates(box))
    assert shapely.hausdorff_distance(in_picture(PLANE, box, SIZE_PX), shapely.Polygon(corners)) < 0.5


def test_only_the_part_of_a_zone_before_the_camera_is_in_the_picture():
    wide = in_picture(PLANE, ground_box(0, 0, 500), SIZE_PX)
    assert np.all(np.array(wide.bounds) >= -1) and np.all(np.array(wide.bounds[2:]) <= np.array(SIZE_PX) + 1)
    assert in_picture(PLANE, ground_box(0, -8), SIZE_PX).is_empty
    line = in_picture(PLANE, shapely.LineString([site(-30, 8), site(30, 8)]), SIZE_PX)
    assert line.geom_type == "LineString" and not line.is_empty


def test_a_camera_counts_on_its_own_floor_only():
    camera, above = make_view(), replace(make_view(), storey=1)
    shop = feature(ground_box(0.0, 0.0))
    assert concerns(camera, shop, PLANE) and not concerns(above, shop, PLANE)
    assert concerns(above, replace(shop, storey=1), PLANE) and not concerns(camera, replace(shop, storey=1), PLANE)
    in_picture_of = feature(shapely.box(0, 0, 9, 9), "pixel", camera.camera)
    assert concerns(above, in_picture_of, None)


def test_features_near_the_view_are_kept():
    behind, far = feature(ground_box(0.0, -50.0), name="behind"), feature(ground_box(0.0, -500.0), name="far")
    own = feature(shapely.box(0, 0, 9, 9), "pixel", make_view().camera)
    seen = feature(ground_box(0.0, 0.0), name="seen")
    assert features_near_view(PLANE, [far, own, behind, seen]) == [own, behind, seen]
    alone = [features_near_view(PLANE, [each]) for each in (far, own, behind, seen)]
    assert alone == [[], [own], [behind], [seen]]  # whatever else the layer has
    assert features_near_view(None, [far, own]) == [far, own]
