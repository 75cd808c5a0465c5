"""The interactions that conditions declare, among people and things that move on the ground."""

import pytest

from tests.ops.ground_scene import join, make_view, site
from tests.ops.interactions.rules.day import boxed, go, labelled, on_ground, only, person, run, seconds_of

VIEW = make_view()
WALKERS = join(*(person([(-5, 9), (5, 9)], (40, 48), name) for name in ("w1", "w2")))
"""People on foot, later, who show how tall people are."""


def test_two_who_stand_together_on_the_ground_meet_for_as_long_as_they_do():
    left = on_ground([(-6, 9), (-0.5, 9), (-0.5, 9), (-6, 9)], (0, 8, 18, 26), "left")
    right = on_ground([(6, 9), (0.5, 9), (0.5, 9), (6, 9)], (0, 8, 18, 26), "right")
    (row,) = run(join(right, left), VIEW)
    assert (row["verb"], row["subject"], row["object"], row["object_kind"]) == ("meets", "left", "right", "track")
    assert seconds_of(row) == pytest.approx([8, 18], abs=1)
    least, mean, most = row["evidence"]["distance_m"]
    assert least <= mean <= most
    assert mean == pytest.approx(1.0, abs=0.1)
    assert row["evidence"]["lasting_s"] == pytest.approx(10, abs=1.5)
    ((held_from, held_to),) = row["evidence"]["held_s"]
    assert held_to - held_from == pytest.approx(10, abs=1.5)
    assert (row["x_m"], row["y_m"]) == pytest.approx(site(0, 9), abs=0.1)


@pytest.mark.parametrize(
    "other",
    [
        on_ground([(6, 9), (-6, 9)], (0, 10), "b"),  # walks by
        on_ground([(2.5, 9), (2.5, 9)], (0, 10), "b"),  # stands too far off
        on_ground([(0.6, 9), (0.6, 9)], (0, 2), "b"),  # for too short a time
        on_ground([(0, 9), (0, 9)], (0, 10), "b"),  # the same person, found twice
        on_ground([(0.6, 9), (0.6, 9)], (30, 40), "b"),  # at another time
        labelled(on_ground([(0.6, 9), (0.6, 9)], (0, 10), "b"), "dog"),
    ],
)
def test_who_only_comes_near_does_not_meet(other):
    assert run(join(on_ground([(0, 9), (0, 9)], (0, 10), "a"), other), VIEW) == []


def test_a_short_break_does_not_end_a_meeting_and_a_long_one_does():
    def rows(gap_s):
        parts = [on_ground([(0.6, 9)] * 2, times_s, "b") for times_s in ((0, 10), (10 + gap_s, 20 + gap_s))]
        return only("meets", join(on_ground([(0, 9)] * 2, (0, 30), "a"), *parts), VIEW)

    assert len(rows(0.6)) == 1
    assert len(rows(5)) == 2


def test_without_calibration_people_meet_by_their_heights():
    a = go([(300, 200), (300, 200)], (0, 10), "a")
    (row,) = run(join(a, go([(340, 205), (340, 205)], (0, 10), "b")))
    assert row["evidence"]["distance_m"][1] == pytest.approx(0.86, abs=0.1), "half a body height of 1.7 m"
    assert (row["x_m"], row["y_m"]) == (None, None)
    assert run(join(a, go([(390, 205), (390, 205)], (0, 10), "b"))) == []
    assert run(join(a, go([(340, 205), (340, 205)], (0, 10), "b", height_px=120))) == []  # far behind a


def test_two_side_by_side_walk_together_and_one_behind_another_follows():
    def two(ahead_m, side_m):
        return join(*(on_ground([(-5 + a, 9 + s), (5 + a, 9 + s)], (0, 9), n)
                      for n, a, s in (("a", 0, 0), ("b", ahead_m, side_m))))  # fmt: skip

    (together,) = run(two(0.1, 0.8), VIEW)
    assert (together["verb"], together["subject"], together["object"]) == ("walks_with", "a", "b")
    (behind,) = run(two(2.5, 0.0), VIEW)
    assert (behind["verb"], behind["subject"], behind["object"]) == ("follows", "a", "b")
    assert behind["evidence"]["ahead_m"][1] == pytest.approx(2.5, abs=0.2)
    assert run(two(2.5, 1.5), VIEW) == [], "not where the other went"
    assert run(two(6.0, 0.0), VIEW) == [], "far behind"


def test_a_bag_that_moves_at_a_hand_is_carried_by_the_nearest():
    bag = boxed([(-4.7, 9), (4.3, 9)], (0, 9), "bag", "suitcase", 0.4, 0.5, 0.3)
    owner, other = (person([(-5 + shift, 9), (4 + shift, 9)], (0, 9), name) for name, shift in (("a", 0), ("b", -1.5)))
    (row,) = only("carries", join(bag, owner, other), VIEW)
    assert (row["subject"], row["object"], row["object_label"]) == ("a", "bag", "suitcase")
    assert seconds_of(row) == pytest.approx([0, 9], abs=0.6)
    still = boxed([(0, 9), (0, 9)], (0, 9), "bag", "suitcase", 0.4, 0.5)
    assert only("carries", join(still, owner), VIEW) == [], "walks past it"


def test_who_sits_above_a_moving_bicycle_rides_it_and_who_walks_beside_it_pushes_it():
    bicycle = boxed([(-5, 9), (5, 9)], (0, 4), "bike", "bicycle", 1.7, 1.0)
    rider = person([(-5, 9), (5, 9)], (0, 4), "rider", 1.5, 0.3)
    (row,) = only("rides", join(bicycle, rider), VIEW)
    assert (row["subject"], row["object"]) == ("rider", "bike")
    assert only("runs", join(bicycle, rider, WALKERS), VIEW, run_m_s=2.0) == [], "a rider is fast"
    slow = boxed([(-4, 9), (4, 9)], (0, 8), "bike", "bicycle", 1.7, 1.0)
    walker = person([(-4, 9.1), (4, 9.1)], (0, 8), "walker")
    (row,) = only("pushes", join(slow, walker), VIEW)
    assert (row["subject"], row["object"], row["object_label"]) == ("walker", "bike", "bicycle")
    assert only("rides", join(slow, walker), VIEW) == []
    passer = person([(4, 9), (-4, 9)], (0, 6), "passer")
    assert only("pushes", join(slow, passer), VIEW) == only("rides", join(slow, passer), VIEW) == []


def test_who_becomes_short_and_stays_in_place_sits_and_who_lies_wide_fell():
    walks = person([(-4, 9), (0, 9)], (0, 4), "a")
    (row,) = only("sits_on", join(walks, person([(0, 9), (0, 9)], (4.1, 16), "a", 1.15), WALKERS), VIEW)
    assert row["subject"] == "a"
    assert row["object"] is None
    assert seconds_of(row) == pytest.approx([4.5, 16], abs=1.2)
    lies = boxed([(0, 9), (0, 9)], (4.1, 16), "a", "person", 1.7, 0.6)
    rows = run(join(walks, lies, WALKERS), VIEW)
    assert [row["verb"] for row in rows if row["subject"] == "a"] == ["falls"]
    assert only("falls", join(walks, person([(0, 9), (4, 9)], (4.1, 8), "a"), WALKERS), VIEW) == []


def test_motion_tells_no_posture():
    sits = join(person([(-4, 9), (0, 9)], (0, 4), "a"), person([(0, 9), (0, 9)], (4.1, 16), "a", 1.15), WALKERS)
    assert only("sits_on", sits, VIEW)
    assert only("sits_on", sits, VIEW, source="motion") == []


def test_who_stays_around_one_place_loiters_from_coming_to_going():
    stays = on_ground([(-6, 9), (0, 9), (0.8, 9), (0, 9), (6, 9)], (0, 5, 20, 40, 45), "a")
    (row,) = only("loiters", stays, VIEW, loiter_s=30.0)
    assert seconds_of(row) == pytest.approx([2.5, 42.5], abs=2.5)
    assert only("loiters", stays, VIEW) == [], "less than a minute"


def test_who_is_fast_runs():
    assert [row["verb"] for row in run(on_ground([(-6, 9), (6, 9)], (0, 3), "a"), VIEW)] == ["runs"]
    assert run(on_ground([(-6, 9), (6, 9)], (0, 6), "a"), VIEW) == [], "jogs at 2 m/s"


def test_who_works_at_a_standing_vehicle_loads_it_and_who_passes_does_not():
    car = boxed([(0, 10), (0, 10)], (0, 30), "car", "car", 4.0, 1.5)
    works = person([(-6, 9.8), (-2.2, 9.8), (-2.4, 9.6), (-2.2, 9.8), (-6, 9.8)], (0, 5, 10, 16, 20), "works")
    (row,) = only("loads_unloads", join(car, works), VIEW)
    assert (row["subject"], row["object"]) == ("works", "car")
    passes = person([(-6, 9), (6, 9)], (0, 9), "passes")
    assert only("loads_unloads", join(car, passes), VIEW) == []


def test_a_camera_that_moves_tells_nothing_of_speeds():
    moving = VIEW.__class__(**{**vars(VIEW), "fixed": False})
    stands = join(on_ground([(0, 9), (0, 9)], (0, 10), "a"), on_ground([(0.8, 9), (0.8, 9)], (0, 10), "b"))
    assert len(run(stands, VIEW)) == 1
    assert run(stands, moving) == []
