"""A shadow, a part and a copy of a thing are not things of their own."""

import numpy as np

from ops.static_objects.choice import without_parts
from ops.static_objects.edges import Edge
from ops.static_objects.evidence import Sighting
from ops.static_objects.stays import Stay

CAR = (100.0, 60.0, 180.0, 100.0)
SECOND = 1_000_000


def stay(
    box: tuple[float, ...],
    label: str | None = None,
    came_s: float | None = 20,
    left_s: float | None = 90,
) -> Stay:
    at = np.array(box)
    seen = (Sighting(0, label, 0, 1, at, 5, 0.5),) if label else ()
    start = Edge(0, "unseen") if came_s is None else Edge(round(came_s * SECOND), "region", 2.0)
    end = Edge(100 * SECOND, "unseen") if left_s is None else Edge(round(left_s * SECOND), "region", 2.0)
    return Stay(0, start, end, at, at, frozenset({0}), seen, 40.0, 0.6)


def test_a_shadow_comes_with_the_car_beside_it() -> None:
    car = stay(CAR, "car")
    assert without_parts([stay((90.0, 100.0, 170.0, 110.0), came_s=23, left_s=60), car]) == [car]
    assert without_parts([stay((90.0, 100.0, 170.0, 110.0), came_s=None, left_s=92), car]) == [car], "it goes with it"


def test_a_bag_beside_a_car_that_parked_before_is_its_own_thing() -> None:
    car, bag = stay(CAR, "car"), stay((182.0, 90.0, 196.0, 100.0), came_s=50, left_s=70)
    assert without_parts([bag, car]) == [car, bag]


def test_two_bags_that_come_together_are_two() -> None:
    bags = [stay((10.0, 10.0, 24.0, 20.0)), stay((26.0, 10.0, 40.0, 20.0))]
    assert without_parts(bags) == bags


def test_a_part_is_dropped_but_not_what_was_there_at_another_time() -> None:
    car, window = stay(CAR, "car"), stay((120.0, 70.0, 150.0, 90.0), came_s=40, left_s=50)
    assert without_parts([window, car]) == [car]
    later = stay((120.0, 70.0, 150.0, 90.0), came_s=92, left_s=None)
    assert without_parts([later, car]) == [car, later]
