"""Tracks of several cameras joined into people."""

import numpy as np

from ops.ground.handovers import find_handovers
from ops.ground.one_person import find_people
from ops.ground.shared_paths import SamePlaceParams, compare_paths
from tests.ops.ground.paths import Seen, paths_of

PARAMS = SamePlaceParams()


def people(*tracks: Seen):
    paths = paths_of(tracks)
    agreement = compare_paths(paths, PARAMS)
    return find_people(paths, agreement + find_handovers(paths, agreement, PARAMS))


def test_two_who_walk_side_by_side_are_two_people_in_both_cameras():
    """Each camera puts both .3 m to another side, so that one's place is as near to the other's as to its own."""
    walks = [(0.0, 0.0), (0.0, 0.7)]
    left = [Seen(0, 0, 8, walk, shift_m=(0, 0.15)) for walk in walks]
    right = [Seen(1, 0, 8, walk, shift_m=(0, -0.15)) for walk in walks]
    found = people(*left, *right)
    assert found.groups == ((0, 2), (1, 3))
    assert (found.probability > 0.6).all()


def test_three_cameras_make_one_person_and_the_one_who_walks_apart_stays_alone():
    found = people(*(Seen(camera, camera, 9, (0, 0)) for camera in range(3)), Seen(1, 0, 9, (0, 3)))
    assert found.groups == ((0, 1, 2), (3,))
    assert np.isnan(found.probability[3]) and (found.probability[:3] > 0.9).all()


def test_another_cameras_track_joins_two_halves_of_a_track_that_broke():
    found = people(Seen(0, 0, 4, (0, 0)), Seen(0, 6, 12, (0, 0)), Seen(1, 0, 12, (0, 0)))
    assert found.groups == ((0, 1, 2),)


def test_two_tracks_that_one_camera_sees_at_once_are_two_people_whatever_another_says():
    found = people(Seen(0, 0, 8, (0, 0)), Seen(0, 2, 8, (0, 0.5)), Seen(1, 0, 8, (0, 0.2)))
    assert sorted(map(len, found.groups)) == [1, 2]


def test_nobody_is_in_two_places_even_if_a_third_camera_says_so():
    """Tracks 0 and 1 are far apart at one time; track 2 is near each of them at another."""
    first = Seen(0, 0, 20, (0, 0), (1.0, 0.0))
    second = Seen(1, 8, 30, (-20, 12), (1.0, 0.0))
    jumping = Seen(2, 0, 6, (0, 0), (1.0, 0.0)), Seen(2, 22, 30, (-20, 12), (1.0, 0.0))
    found = people(first, second, *jumping)
    assert found.groups == ((0, 2), (1, 3))


def test_a_person_who_goes_behind_something_is_handed_over_to_the_other_camera():
    handed = people(Seen(0, 0, 5, (0, 0)), Seen(1, 5.4, 10, (0, 0)))
    assert handed.groups == ((0, 1),)
    assert 0.5 < handed.probability[0] < 0.95, "less sure than where both see the person"
    assert people(Seen(0, 0, 5, (0, 0)), Seen(1, 7, 10, (0, 0))).groups == ((0,), (1,)), "too long"
    assert people(Seen(0, 0, 5, (0, 0)), Seen(1, 5.4, 10, (0, 2.0))).groups == ((0,), (1,)), "too far"
    assert people(Seen(0, 0, 5, (0, 0)), Seen(0, 5.4, 10, (0, 0))).groups == ((0,), (1,)), "one camera: op track"


def test_the_order_of_tracks_changes_nothing():
    rng = np.random.default_rng(3)
    tracks = [
        Seen(camera, number % 3, 9 + number % 2, (0.0, 1.1 * number), shift_m=tuple(rng.normal(0, 0.15, 2)))
        for number in range(6)
        for camera in range(3)
    ]
    expected = {frozenset(group) for group in people(*tracks).groups}
    order = rng.permutation(len(tracks)).tolist()
    shuffled = people(*(tracks[number] for number in order))
    assert {frozenset(order[track] for track in group) for group in shuffled.groups} == expected
