"""Zones with hysteresis, and paths in a plane."""

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from ops.trajectories import PlanarTrajectories
from ops.zones import find_visits, settled
from tests.ops.planar_paths import along, planar

SQUARE = shapely.box(0, 0, 10, 10)
MARGIN = 0.5


def inside(zone, tracks, margin, min_stay_s):
    """Marks all points of tracks that count as inside a zone."""
    there = np.zeros(len(tracks.track), dtype=bool)
    (visits,) = find_visits([zone], tracks, margin, min_stay_s)
    there[visits.point] = visits.inside
    return there


def changes(zone, path, margin=MARGIN, min_stay_s=0.3):
    there = inside(zone, planar(path), margin, min_stay_s)
    return np.flatnonzero(np.diff(there.astype(int))).tolist(), there


def test_a_stay_begins_and_ends_at_the_border_itself():
    path = along((-3, 5), (5, 5), (-3, 5), step=0.2)
    _, there = changes(SQUARE, path)
    assert there.tolist() == (path[:, 0] > 0).tolist()


@given(st.lists(st.tuples(st.floats(-0.49, 0.49), st.floats(1, 9)), min_size=1, max_size=40))
def test_jitter_on_a_border_changes_nothing(points):
    assert changes(SQUARE, points)[0] == []
    assert changes(SQUARE, [*[(-3, 5)] * 5, *points, *[(-3, 5)] * 5])[0] == []
    assert changes(SQUARE, [*[(5, 5)] * 5, *points, *[(5, 5)] * 5])[0] == []
    assert len(changes(SQUARE, [*[(-3, 5)] * 5, *points, *[(5, 5)] * 5])[0]) == 1


def test_stays_that_are_too_short_are_passed_over():
    out, brief, long = [(-3, 5)] * 10, [(5, 5)] * 2, [(5, 5)] * 4
    assert changes(SQUARE, [*out, *brief, *out])[0] == []
    assert changes(SQUARE, [*out, *long, *out])[0] == [9, 13]
    assert changes(SQUARE, [*brief, *out])[0] == []
    assert changes(SQUARE, [*out, *brief])[0] == []
    inward = [(5, 5)] * 10
    assert changes(SQUARE, [*inward, *[(-3, 5)] * 2, *inward])[1].all()


def test_a_path_that_never_leaves_the_margin_is_where_it_mostly_is():
    assert changes(SQUARE, [(0.1, 5), (-0.1, 5), (0.2, 5)])[1].all()
    assert not changes(SQUARE, [(-0.1, 5), (0.1, 5), (-0.2, 5)])[1].any()
    assert changes(SQUARE, [(0.1, 5)])[1].tolist() == [True]


@pytest.mark.parametrize(
    "zone",
    [
        shapely.box(5, 5, 5.1, 5.1),  # smaller than the margin
        shapely.Polygon([(0, 0), (10, 10), (10, 0), (0, 10)]),  # a bow tie
        shapely.MultiPolygon([shapely.box(4, 4, 6, 6), shapely.box(20, 20, 21, 21)]),
        shapely.box(4, 4, 6, 6).difference(shapely.box(4.5, 4.5, 4.7, 4.7)),
    ],
)
def test_odd_zones_hold_who_stands_in_them(zone):
    middle = zone if zone.is_valid else shapely.make_valid(zone)
    x, y = shapely.get_coordinates(middle.representative_point())[0]
    marks, there = changes(zone, [*[(-30, -30)] * 5, *[(x, y)] * 5, *[(-30, -30)] * 5])
    assert marks == [4, 9]
    assert there.sum() == 5


def test_nobody_anywhere_is_no_trouble():
    nobody = PlanarTrajectories(np.zeros(0, int), np.zeros(0, int), np.zeros((0, 2)))
    assert inside(SQUARE, nobody, MARGIN, 0.3).tolist() == []


@given(
    st.lists(
        st.lists(st.tuples(st.floats(-20, 30), st.floats(-20, 30)), min_size=1, max_size=25), min_size=1, max_size=4
    ),
    st.floats(0, 2),
    st.floats(0, 1),
)
def test_entries_less_exits_are_the_change_of_occupancy(paths, margin, min_stay_s):
    tracks = planar(*paths)
    there = inside(SQUARE, tracks, margin, min_stay_s)
    changed = np.flatnonzero(~tracks.first & (there != np.roll(there, 1)))
    entries, exits = there[changed].sum(), (~there[changed]).sum()
    assert entries - exits == there[tracks.last].sum() - there[tracks.first].sum()


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.5, 3.0]), st.sampled_from([0.0, 0.3]), st.integers(1, 40))
def test_all_zones_at_once_are_as_each_zone_with_every_point(seed, margin, min_stay_s, points_at_once):
    random = np.random.default_rng(seed)
    paths = [random.uniform(-15, 25, 2) + random.normal(0, 2, (length, 2)).cumsum(axis=0)
             for length in random.integers(1, 20, 5)]  # fmt: skip
    tracks = planar(*paths)
    circles = random.uniform((-15, -15, 0.1), (25, 25, 8), (random.integers(0, 5), 3))
    zones = [shapely.Point(x, y).buffer(radius, 3) for x, y, radius in circles]
    found = {number: np.zeros(len(tracks.track), dtype=bool) for number in range(len(zones))}
    looked_at = []
    for visits in find_visits(zones, tracks, margin, min_stay_s, points_at_once):
        looked_at += visits.zones
        for number in visits.zones:
            mine = visits.zone == number
            found[number][visits.point[mine]] = visits.inside[mine]
    assert looked_at == list(range(len(zones)))
    for number, zone in enumerate(zones):
        reach = min(margin, shapely.maximum_inscribed_circle(zone).length / 2)
        within, sure, near = (
            shapely.contains_xy(shape, tracks.at[:, 0], tracks.at[:, 1])
            for shape in (zone, zone.buffer(-reach), zone.buffer(margin))
        )
        assert found[number].tolist() == settled(within, sure, ~near, tracks, min_stay_s).tolist()


def test_a_zone_that_nobody_comes_near_has_no_visit():
    (visits,) = find_visits([SQUARE, shapely.box(50, 50, 51, 51)], planar([(1, 1), (2, 2)], [(-5, 5)]), MARGIN, 0.0)
    assert list(visits.zones) == [0, 1]
    assert (visits.zone.tolist(), visits.point.tolist()) == ([0, 0], [0, 1])
