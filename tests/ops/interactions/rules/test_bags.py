"""Bags that a detector follows: from hand to ground and from hand to hand."""

import pytest

from tests.ops.ground_scene import join, make_view
from tests.ops.interactions.rules.day import boxed, labelled, person, run, seconds_of

VIEW = make_view()
HAND_M, SIDE_M = 0.4, 0.35


def bag(corners, times_s, track="bag", lift_m=0.0):
    return boxed(corners, times_s, track, "suitcase", 0.4, 0.5, lift_m)


def handled(points):
    """Verb, subject and object of what happens to bags, by time."""
    kept = ("carries", "puts_down", "picks_up", "removes", "hands_over")
    rows = [row for row in run(points, VIEW) if row["verb"] in kept]
    return sorted((round(seconds_of(row)[0]), row["verb"], row["subject"], row["object"]) for row in rows)


def left_by(name, goes_to=(-6, 9), stays_s=13.1):
    """Somebody who comes with a bag, puts it down after 6 s at (0, 9), and goes."""
    return join(
        person([(-6, 9), (0, 9), (0, 9), goes_to, goes_to], (0, 5, 8, 13, stays_s), name),
        bag([(-6 + SIDE_M, 9), (SIDE_M, 9), (SIDE_M, 9)], (0, 5, 6), lift_m=HAND_M),
        bag([(SIDE_M, 9), (SIDE_M, 9)], (6.1, 30)),
    )


def test_a_bag_that_is_left_on_the_ground_was_put_down():
    rows = handled(left_by("a"))
    assert [row[1:] for row in rows] == [("carries", "a", "bag"), ("puts_down", "a", "bag")]
    assert rows[1][0] == pytest.approx(6, abs=2)


def test_a_bag_whose_owner_stays_away_is_abandoned_until_the_owner_returns():
    def abandoned(points):
        return [seconds_of(row) for row in run(points, VIEW) if row["verb"] == "abandons"]

    ((start_s, end_s),) = abandoned(left_by("a"))
    assert start_s == pytest.approx(10, abs=1.5), "2.5 m off"
    assert end_s == pytest.approx(30, abs=1)
    assert abandoned(left_by("a", goes_to=(-1.5, 9), stays_s=30)) == [], "1.5 m off"


def test_who_stands_with_a_bag_in_the_hand_has_not_put_it_down():
    walker = person([(-6, 9), (0, 9), (0, 9), (6, 9)], (0, 5, 12, 17), "a")
    case = bag([(-6 + SIDE_M, 9), (SIDE_M, 9), (SIDE_M, 9), (6 + SIDE_M, 9)], (0, 5, 12, 17), lift_m=HAND_M)
    assert [row[1:] for row in handled(join(walker, case))] == [("carries", "a", "bag")]


def test_a_carriage_does_not_last_while_a_recording_pauses():
    parts = [
        join(person([(-5, 9), (0, 9)], times_s, "a"), bag([(-5 + SIDE_M, 9), (SIDE_M, 9)], times_s, lift_m=HAND_M))
        for times_s in ((0, 5), (30, 35))
    ]
    assert [row[1] for row in handled(join(*parts))] == ["carries", "carries"]


def test_who_takes_a_bag_that_somebody_else_put_down_removes_it():
    thief = person([(6, 9), (0.7, 9), (0.7, 9), (6, 9)], (24, 29, 30, 35), "thief")
    taken = bag([(SIDE_M, 9), (6 - SIDE_M, 9)], (30.1, 35), "lifted", HAND_M)
    rows = [row[1:] for row in handled(join(left_by("a"), thief, taken))]
    assert ("puts_down", "a", "bag") in rows
    assert ("picks_up", "thief", "bag") in rows, "its track broke as it was lifted, and is one bag"
    assert ("removes", "thief", "bag") in rows
    assert not [row for row in rows if row[0] == "hands_over"]


def test_who_is_at_a_bag_as_it_goes_took_it_though_nobody_sees_it_in_the_hand():
    thief = person([(6, 9), (0.7, 9), (0.7, 9), (6, 9)], (24, 29, 30.2, 33), "thief")
    later = person([(-6, 12), (6, 12)], (30, 42), "later")
    gone = left_by("a")
    taken = [row[1:] for row in handled(join(gone, thief, later))]
    assert ("removes", "thief", "bag") in taken and ("picks_up", "thief", "bag") in taken
    lost = join(gone, bag([(SIDE_M, 9), (SIDE_M, 9)], (34, 42), "again"), thief, later)
    assert not [row for row in handled(lost) if row[1] in ("picks_up", "removes")], "it was only out of sight"
    over = [row for row in handled(join(gone, thief)) if row[1] in ("picks_up", "removes")]
    assert over == [], "the recording ends"


def test_a_bag_that_goes_from_hand_to_hand_is_handed_over():
    giver = person([(-6, 9), (-SIDE_M, 9), (-SIDE_M, 9), (-6, 9)], (0, 5, 10, 15), "giver")
    taker = person([(6, 9), (SIDE_M, 9), (SIDE_M, 9), (6, 9)], (0, 5, 10, 15), "taker")
    case = bag([(-6, 9), (0, 9), (0, 9), (6, 9)], (0, 5, 10, 15), lift_m=HAND_M)
    rows = handled(join(giver, taker, case))
    assert [row[1:] for row in rows] == [
        ("carries", "giver", "bag"),
        ("hands_over", "giver", "taker"),
        ("carries", "taker", "bag"),
    ]
    assert rows[1][0] == pytest.approx(9, abs=1.5)


def test_who_passes_a_bag_of_somebody_else_does_nothing_with_it():
    passer = person([(6, 8.7), (-6, 8.7)], (18, 28), "passer")
    assert [row[2] for row in handled(join(left_by("a"), passer))] == ["a", "a"]


def test_a_dog_is_no_bag():
    walker, dog = left_by("a"), labelled(bag([(-6, 9), (0, 9)], (0, 5), "dog"), "dog")
    assert handled(join(walker, dog)) == handled(walker)
