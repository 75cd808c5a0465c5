"""The size of a person in each place of a picture, learned from tracks."""

import numpy as np
import pytest

from ops.anonymize.locate.person_heights import learn_heights, least_height
from ops.anonymize.locate.spans import NOBODY, Spans
from schemas.values import Float64


def spans(boxes: Float64, owners: list[int] | None = None, sure: bool = True) -> Spans:
    count = len(boxes)
    times = np.zeros(count, np.int64)
    owner = np.arange(count) % 3 if owners is None else np.array(owners)
    return Spans(times, times, boxes, boxes, np.full(count, sure), owner)


def standing(feet: Float64, slope: float = 0.4, offset: float = -20.0) -> Float64:
    """Returns boxes of people whose height is ``slope`` times the row of their feet plus ``offset``."""
    heights = slope * feet + offset
    return np.stack([100 - heights / 5, feet - heights, 100 + heights / 5, feet], axis=1)


FEET = np.linspace(100, 400, 30)


def test_heights_follow_perspective_although_some_people_are_half_hidden() -> None:
    boxes = standing(FEET)
    boxes[::7, 1] = boxes[::7, 3] - 0.3 * (boxes[::7, 3] - boxes[::7, 1])
    learned = learn_heights(spans(boxes))
    assert learned is not None
    assert learned.slope == pytest.approx(0.4, abs=0.02) and learned.offset == pytest.approx(-20, abs=5)


def test_where_all_stand_at_one_distance_one_height_holds_for_all_rows() -> None:
    learned = learn_heights(spans(standing(np.full(30, 200.0))))
    assert learned is not None and learned.slope == 0 and learned.offset == pytest.approx(60)


def test_a_box_fits_by_its_height_in_its_place_and_by_its_shape() -> None:
    learned = learn_heights(spans(standing(FEET)))
    assert learned is not None
    near, far = standing(np.array([350.0, 120.0]))
    assert learned.fits(np.stack([near, far])).tolist() == [True, True]
    misplaced = near + np.array([0, -230, 0, -230])  # a near person's size far away
    wide = np.array([40.0, 240.0, 240.0, 350.0])
    thin = np.array([99.0, 240.0, 101.0, 350.0])
    part = np.array([90.0, 330.0, 110.0, 350.0])  # a fifth of a person
    assert learned.fits(np.stack([misplaced, wide, thin, part])).tolist() == [False] * 4


def test_nothing_is_learned_from_few_boxes_from_one_person_or_from_the_unsure() -> None:
    boxes = standing(FEET)
    assert learn_heights(spans(boxes[:9])) is None
    assert learn_heights(spans(boxes, [0] * 30)) is None
    assert learn_heights(spans(boxes, [NOBODY] * 30)) is None
    assert learn_heights(spans(boxes, sure=False)) is None


def test_the_smallest_people_are_those_that_few_boxes_are_smaller_than() -> None:
    boxes = standing(FEET)
    boxes[3, 1] = boxes[3, 3] - 2  # one that is surely wrong
    assert least_height(spans(boxes)) == pytest.approx(24, abs=4)
    assert least_height(spans(boxes, sure=False)) is None
