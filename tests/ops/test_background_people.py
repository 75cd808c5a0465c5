"""A background that shows a person is noticed, and one that people walk through is not suspected."""

import numpy as np

from ops.background_people import people_of, shown_people
from tests.ops.people import TimedBox, detected
from tests.ops.walkabout import box_at, film, street, walker
from tests.support.fakes import make_segment

SEGMENT = make_segment(duration_s=20)
START_US = round(SEGMENT.start.timestamp() * 1e6)
TIMES_S = [number / 2 for number in range(40)]
TIMES_US = [START_US + round(each * 1e6) for each in TIMES_S]


def found(boxes: list[TimedBox]) -> np.ndarray:
    standing = film(40, [walker((160, 200), 0)])
    return shown_people(standing[0], standing, TIMES_US, detected(SEGMENT, boxes))


def test_a_person_who_stands_in_the_background_is_marked_though_found_once_and_weakly() -> None:
    x1, y1, x2, y2 = box_at((160, 200), 0, 0)
    marked = found([TimedBox(7.5, (x1, y1, x2, y2), 0.12)])
    assert marked[y1:y2, x1:x2].all()
    assert not marked[:, : x1 - 10].any()


def test_people_who_walk_past_leave_no_mark() -> None:
    walking = film(40, [walker((20, 200), 6)])
    boxes = [TimedBox(time_s, box_at((20, 200), 6, number)) for number, time_s in enumerate(TIMES_S)]
    marked = shown_people(street(), walking, TIMES_US, detected(SEGMENT, boxes))
    assert not marked.any()


def test_a_box_at_the_time_of_no_sample_says_nothing() -> None:
    assert not found([TimedBox(7.75, box_at((160, 200), 0, 0))]).any()
    assert not found([]).any()


def test_boxes_beyond_the_picture_are_cut() -> None:
    assert not found([TimedBox(7.5, (-90.0, -90.0, -20.0, -10.0))]).any()


def test_only_people_count_and_only_from_a_confidence_on() -> None:
    rows = detected(
        SEGMENT,
        [TimedBox(1, (0, 0, 5, 9), 0.3, "car"), TimedBox(1, (0, 0, 5, 9), 0.05), TimedBox(1, (0, 0, 5, 9), 0.1)],
    )
    assert people_of(rows, 0.1)["detection"].to_pylist() == [2]
