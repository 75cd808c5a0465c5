"""People who stand one behind another queue; a group that talks, two people, and people who walk do not."""

import pytest

from tests.ops.ground_scene import join, make_view
from tests.ops.interactions.rules.day import on_ground, only, seconds_of

VIEW = make_view()


def stand(places, times_s=(0, 20), away_m=0.0):
    return join(
        *(on_ground([place, (place[0] + away_m, place[1])], times_s, f"p{n}") for n, place in enumerate(places))
    )


def test_three_in_a_line_queue():
    rows = only("queues", stand([(-1, 9), (0, 9), (1, 9)]), VIEW)
    assert [row["subject"] for row in rows] == ["p0", "p1", "p2"]
    assert seconds_of(rows[0]) == pytest.approx([0, 20], abs=0.5)
    assert rows[0]["evidence"]["people"] == 3
    assert only("meets", stand([(-1, 9), (0, 9), (1, 9)]), VIEW) == [], "people in a queue stand near each other"


@pytest.mark.parametrize(
    "people",
    [
        stand([(-0.5, 9), (0.5, 9)]),  # two
        stand([(-0.5, 9), (0.5, 9), (0, 9.9)]),  # a triangle
        stand([(-3, 9), (0, 9), (3, 9)]),  # far apart
        stand([(-5, 9), (-4, 9), (-3, 9)], (0, 8), 8.0),  # they walk
        stand([(-1, 9), (0, 9), (1, 9)], (0, 4)),  # for too short a time
    ],
)
def test_what_is_no_queue(people):
    assert only("queues", people, VIEW) == []


def test_sixty_people_are_compared_in_parts(monkeypatch):
    crowd = stand([(-4.5 + column, 7.0 + row) for column in range(10) for row in range(6)], (0, 8))
    whole = only("queues", crowd, VIEW)
    monkeypatch.setattr("ops.interactions.rules.pairs.PART", 100)
    assert only("queues", crowd, VIEW) == whole
