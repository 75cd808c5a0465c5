"""Crossings of lines with hysteresis, by paths in a plane."""

from itertools import pairwise

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from ops.lines import crossings
from ops.trajectories import PlanarTrajectories
from tests.ops.planar_paths import along, planar

LINE = shapely.LineString([(0, 0), (0, 10)])  # drawn northwards: left is west
SQUARE = shapely.box(0, 0, 10, 10)
MARGIN = 0.5


def directions(line, path, margin=MARGIN):
    return crossings(line, planar(path), margin).rightwards.tolist()


def test_a_crossing_has_its_direction_time_and_place():
    found = crossings(LINE, planar([(-2, 4), (2, 6)], step_s=1.0), MARGIN)
    assert found.rightwards.tolist() == [True]
    assert found.at.tolist() == [[0, 5]]
    assert found.time_us.tolist() == [500_000]
    assert directions(LINE, [(2, 6), (-2, 4)]) == [False]
    assert directions(LINE.reverse(), [(-2, 4), (2, 6)]) == [False]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ([(-2, 5), (0.4, 5), (-2, 5)], []),  # within the margin, and back
        ([(-0.4, 5), (2, 5)], []),  # never seen clear of the line before
        ([(-2, 5), (0.4, 5)], []),  # not seen clear of it after
        ([(-2, 11), (2, 11)], []),  # past its end
        ([(-2, 5), (-2, 12), (2, 12), (2, 5)], []),  # round its end
        ([(-2, 5), (2, 5), (-2, 5), (2, 5)], [True, False, True]),
        ([(-2, 9.9), (0.2, 9.9), (0.1, 10.2), (-2, 11)], []),  # round its end, and back on the same side
        ([(-2, 0.1), (2, 0.1)], [True]),  # just within its end
        ([(0, -3), (0, 13)], []),  # along it
        ([(-2, 5), (0, 5), (0, 6), (0, 7), (2, 7)], [True]),  # on it for a while
    ],
)
def test_what_counts_as_a_crossing(path, expected):
    assert directions(LINE, path) == expected


@given(st.lists(st.tuples(st.floats(-0.49, 0.49), st.floats(0.01, 9.99)), min_size=1, max_size=40))
def test_jitter_within_the_margin_is_no_crossing(points):
    assert directions(LINE, points) == []
    assert directions(LINE, [(-3, 5), *points, (-3, 5)]) == []
    assert directions(LINE, [(-3, 5), *points, (3, 5)]) == [True]


@pytest.mark.slow
@given(
    st.lists(st.booleans(), min_size=2, max_size=6),
    st.lists(st.tuples(st.floats(-0.34, 0.34), st.floats(-0.34, 0.34)), min_size=200, max_size=200),
)
def test_jitter_below_the_margin_never_changes_a_count(sides, jitter):
    path = along(*((3.0 if side else -3.0, 5.0) for side in sides), step=0.25)
    shaken = path + np.array(jitter)[np.arange(len(path)) % 200]
    expected = [after for before, after in pairwise(sides) if before != after]
    assert directions(LINE, path) == expected
    assert directions(LINE, shaken) == expected


@given(
    st.lists(st.tuples(st.integers(-40, 40), st.integers(-30, 130)), min_size=2, max_size=12),
    st.lists(st.integers(0, 4), min_size=11, max_size=11),
)
def test_points_in_between_never_change_a_count(corners, more):
    # Off a grid that avoids the line itself: on it, rounding decides on which side a point lies.
    path = (np.array(corners) + 0.37) / 10
    finer = np.concatenate(
        [
            np.linspace(start, end, count + 1, endpoint=False)
            for start, end, count in zip(path, path[1:], more, strict=False)
        ]
        + [path[-1:]]
    )
    assert directions(LINE, finer) == directions(LINE, path)


def test_a_bent_line_is_crossed_once_at_its_corner_and_twice_through_its_arms():
    bent = shapely.LineString([(-5, 0), (0, 5), (5, 0)])
    assert directions(bent, along((0, 8), (0, 1))) == [True]
    assert directions(bent, along((-8, 2), (8, 2))) == [True, False]
    parts = shapely.MultiLineString([[(-1, 0), (-1, 10)], [(3, 0), (3, 10)]])
    assert directions(parts, along((-4, 5), (6, 5))) == [True, True]


def test_a_crossing_on_a_long_step_is_that_of_the_step():
    found = crossings(LINE, planar([(-9, 1), (-8, 1), (8, 1), (9, 1)]), MARGIN)
    assert found.point.tolist() == [2]


def test_paths_do_not_run_into_each_other():
    found = crossings(LINE, planar([(-2, 5), (-1, 5)], [(1, 5), (2, 5)]), MARGIN)
    assert len(found.point) == 0


@pytest.mark.parametrize("times", [1, 2, 9, 40])
def test_tracks_that_exchange_their_people_on_a_line_do_not_cross_it_each_time(times):
    """Two stand 0.6 m to each side of a line: a peer counted 97 and 95 crossings of 7 and 9 people."""
    sides = np.array([(-0.6, 5.0), (0.6, 5.0)])
    swaps = np.cumsum(np.arange(100) >= 100 - times) % 2  # an exchange in each of the last frames
    paths = [np.concatenate([sides[(swaps + number) % 2], np.tile(sides[(swaps[-1] + number) % 2], (9, 1))])
             for number in (0, 1)]  # fmt: skip
    assert len(crossings(LINE, planar(*paths), MARGIN).point) == 2 * times, "each one is beyond both margins"
    found = crossings(LINE, planar(*paths), MARGIN, min_stay_s=0.5)
    assert len(found.point) == 2 * (times % 2), "what remains is who ends on the other side"
    assert found.rightwards.sum() == times % 2


def test_two_who_exchange_their_ids_as_they_meet_on_a_line_are_not_counted_twice():
    over, back = along((-3, 5), (3, 5)), along((3, 5.3), (-3, 5.3))
    half = len(over) // 2
    swapped = [np.concatenate([over[:half], back[half:]]), np.concatenate([back[:half], over[half:]])]
    assert len(crossings(LINE, planar(over, back), MARGIN, 0.5).point) == 2
    assert len(crossings(LINE, planar(*swapped), MARGIN, 0.5).point) == 0


def test_who_turns_round_after_a_while_has_crossed_twice():
    path = [*along((-2, 5), (2, 5)), *[(2, 5)] * 6, *along((2, 5), (-2, 5))]
    assert crossings(LINE, planar(path), MARGIN, 0.5).rightwards.tolist() == [True, False]


@given(
    st.lists(
        st.lists(st.tuples(st.integers(-20, 30), st.integers(-20, 30)), min_size=1, max_size=25),
        min_size=1,
        max_size=4,
    )
)
def test_crossings_of_a_closed_line_inwards_less_outwards_are_the_change_of_who_is_within(paths):
    # Off a grid that avoids the line itself; the margin is smaller than the distance to it.
    tracks = planar(*(np.array(path) + 0.37 for path in paths))
    found = crossings(SQUARE.exterior, tracks, 0.01)
    within = shapely.contains_xy(SQUARE, tracks.at[:, 0], tracks.at[:, 1])
    inwards = 1 if shapely.is_ccw(SQUARE.exterior) else -1
    net = inwards * (len(found.point) - 2 * int(found.rightwards.sum()))
    assert net == within[tracks.last].sum() - within[tracks.first].sum()


def test_nobody_anywhere_crosses_nothing():
    nobody = PlanarTrajectories(np.zeros(0, int), np.zeros(0, int), np.zeros((0, 2)))
    assert crossings(LINE, nobody, MARGIN).point.tolist() == []
