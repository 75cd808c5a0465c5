"""The known picture shows what it is said to show, where it is said."""

import numpy as np
import pytest

from ops.known_picture import PEOPLE, PHOTOGRAPH, PHOTOGRAPH_PX, draw_known_picture, known_boxes
from storage.photographs import read_photograph

CLEAR = 4
"""Pixels that one picture of a person is inset by, so that reduction mixes in nothing of its surroundings."""


def test_every_known_box_shows_the_same_person_as_in_the_photograph():
    photograph = read_photograph(PHOTOGRAPH, PHOTOGRAPH_PX)
    picture = draw_known_picture(photograph)
    assert picture.shape == photograph.shape
    boxes = known_boxes(PEOPLE.whole)
    assert boxes.shape == (18, 4) and (boxes[:, :2] >= 0).all() and (boxes[:, 2:] <= PHOTOGRAPH_PX).all()
    for number, box in enumerate(boxes):
        x1, y1, x2, y2 = np.rint(box).astype(int)
        whole = PEOPLE.whole[number % 2]
        expected = photograph[whole[1] : whole[3], whole[0] : whole[2]].mean(axis=(0, 1))
        assert picture[y1:y2, x1:x2].mean(axis=(0, 1)) == pytest.approx(expected, abs=CLEAR)


def test_a_mirrored_person_has_the_mirrored_box():
    first, second = known_boxes(((52, 399, 244, 901),))[:2] * 3
    assert first.tolist() == [52, 399, 244, 901]
    assert second.tolist() == [2 * 810 - 244, 399, 2 * 810 - 52, 901]
