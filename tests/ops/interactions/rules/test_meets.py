"""People who stand together meet, and those who pass do not."""

import pytest

from tests.ops.ground_scene import join, make_view, site
from tests.ops.interactions.rules.day import go, on_ground, run, seconds_of


def test_two_who_stand_together_on_the_ground_meet_for_as_long_as_they_do():
    left = on_ground([(-6, 9), (-0.5, 9), (-0.5, 9), (-6, 9)], (0, 8, 18, 26), "left")
    right = on_ground([(6, 9), (0.5, 9), (0.5, 9), (6, 9)], (0, 8, 18, 26), "right")
    (row,) = run(join(right, left), make_view())
    assert (row["verb"], row["subject"], row["object"], row["object_kind"]) == ("meets", "left", "right", "track")
    assert seconds_of(row) == pytest.approx([8, 18], abs=1)
    assert row["evidence"]["mean_distance_m"] == pytest.approx(1.0, abs=0.1)
    assert row["evidence"]["lasting_s"] == pytest.approx(10, abs=1.5)
    assert (row["x_m"], row["y_m"]) == pytest.approx(site(0, 9), abs=0.1)


@pytest.mark.parametrize(
    "other",
    [
        on_ground([(6, 9), (-6, 9)], (0, 10), "b"),  # walks by
        on_ground([(2, 9), (2, 9)], (0, 10), "b"),  # stands too far off
        on_ground([(0.6, 9), (0.6, 9)], (0, 2), "b"),  # for too short a time
        on_ground([(0, 9), (0, 9)], (0, 10), "b"),  # the same person, found twice
        on_ground([(0.6, 9), (0.6, 9)], (30, 40), "b"),  # at another time
    ],
)
def test_who_only_comes_near_does_not_meet(other):
    assert run(join(on_ground([(0, 9), (0, 9)], (0, 10), "a"), other), make_view()) == []


def test_two_who_walk_side_by_side_are_together_and_only_people_meet():
    a, b = (on_ground([(shift - 4, 9), (shift + 4, 9)], (0, 8), name) for shift, name in ((0, "a"), (0.8, "b")))
    assert [row["verb"] for row in run(join(a, b), make_view())] == ["meets"]
    dog = b.set_column(b.column_names.index("label"), b.schema.field("label"), [["dog"] * b.num_rows])
    assert run(join(a, dog), make_view()) == []


def test_a_short_break_does_not_end_a_meeting_and_a_long_one_does():
    def rows(gap_s):
        away = on_ground([(3, 9), (3, 9)], (10.1, 10 + gap_s - 0.1), "b")
        parts = [on_ground([(0.6, 9)] * 2, times_s, "b") for times_s in ((0, 10), (10 + gap_s, 20 + gap_s))]
        return run(join(on_ground([(0, 9)] * 2, (0, 30), "a"), away, *parts), make_view(), meet_speed_m_s=9)

    assert len(rows(0.6)) == 1
    assert len(rows(5)) == 2


def test_without_calibration_people_meet_by_their_heights():
    a = go([(300, 200), (300, 200)], (0, 10), "a")
    near = go([(340, 205), (340, 205)], (0, 10), "b")
    (row,) = run(join(a, near))
    assert row["evidence"]["mean_distance_heights"] == pytest.approx(0.5, abs=0.05)
    assert (row["x_m"], row["y_m"]) == (None, None)
    assert run(join(a, go([(380, 205), (380, 205)], (0, 10), "b"))) == []
    assert run(join(a, go([(340, 205), (340, 205)], (0, 10), "b", height_px=120))) == []  # far behind a
