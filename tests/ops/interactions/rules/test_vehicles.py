"""People whose tracks end or begin at a standing vehicle get in or out."""

import pytest

from tests.ops.ground_scene import join, make_view
from tests.ops.interactions.rules.day import BAG, boxed, person, run, seconds_of

VIEW = make_view()
CAR = boxed([(0, 10), (0, 10)], (0, 50), "car", "car", 4.0, 1.5)
SIDE = (-2.2, 9.8)


def boardings(points, **more):
    kept = ("enters_vehicle", "exits_vehicle")
    return [row for row in run(points, VIEW, **more) if row["verb"] in kept]


def test_who_stops_at_a_car_and_is_not_seen_again_got_in():
    (row,) = boardings(join(CAR, person([(-6, 9.8), SIDE, SIDE], (5, 9, 11), "a")))
    assert (row["verb"], row["subject"], row["object"], row["object_label"]) == ("enters_vehicle", "a", "car", "car")
    assert seconds_of(row)[1] == pytest.approx(11, abs=0.3)


def test_who_first_appears_at_a_car_got_out():
    (row,) = boardings(join(CAR, person([SIDE, SIDE, (-6, 9.8)], (20, 22, 26), "a")))
    assert (row["verb"], row["subject"], row["object"]) == ("exits_vehicle", "a", "car")
    assert seconds_of(row)[0] == pytest.approx(20, abs=0.3)


@pytest.mark.parametrize(
    "people",
    [
        person([(-6, 10.2), (-1, 10.2)], (5, 9), "a"),  # walks on behind it
        person([(-6, 9.8), (-4.5, 9.8), (-4.5, 9.8)], (5, 9, 11), "a"),  # is lost elsewhere
        person([(-6, 9.8), SIDE, SIDE], (50, 54, 59.9), "a"),  # the recording ends
        join(person([(-6, 9.8), SIDE, SIDE], (5, 9, 11), "a"), person([SIDE, SIDE, (-6, 9.8)], (13, 15, 19), "b")),
    ],
)
def test_who_did_not_get_in(people):
    assert boardings(join(CAR, people)) == []


def test_a_parked_car_is_known_as_a_thing_at_rest():
    x1, y1, x2, y2 = (CAR[side][0].as_py() for side in ("x1", "y1", "x2", "y2"))
    (row,) = boardings(person([(-6, 9.8), SIDE, SIDE], (5, 9, 11), "a"), things=[(None, None, (x1, y1, x2, y2), "car")])
    assert (row["object"], row["object_kind"]) == ("thing-0", "static_object")
    assert boardings(person([(-6, 9.8), SIDE, SIDE], (5, 9, 11), "a"), things=[(None, None, BAG, "suitcase")]) == []
