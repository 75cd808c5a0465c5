"""Detectors agree as far as each finds the sure boxes of the other, of the same class and place."""

import numpy as np
import pytest

from ops.conversion.agreement import Agreement, Comparison
from tests.ops.known_people import constant_detector

LEFT, RIGHT = (0, 0, 100, 200), (500, 0, 600, 200)
PICTURE = np.zeros((1080, 810, 3), np.uint8)


def compare(tmp_path, mine, theirs, my_score=0.9, their_score=0.9):
    models = [
        constant_detector(tmp_path / f"{name}.onnx", np.array(boxes, float).reshape(-1, 4), score=score)
        for name, boxes, score in (("mine", mine, my_score), ("theirs", theirs, their_score))
    ]
    comparison = Comparison(*models)
    comparison.add("here", PICTURE)
    return comparison.by_group["here"]


def test_the_lower_share_counts(tmp_path):
    assert compare(tmp_path, [LEFT, RIGHT], [LEFT, RIGHT]) == Agreement(1, 2, 2, 2, 2)
    lost = compare(tmp_path, [LEFT, RIGHT], [LEFT])
    assert lost == Agreement(1, 2, 1, 1, 1) and lost.share == 0.5
    invented = compare(tmp_path, [LEFT], [LEFT, RIGHT])
    assert invented == Agreement(1, 1, 1, 2, 1) and invented.share == 0.5
    elsewhere = compare(tmp_path, [LEFT], [(0, 150, 100, 350)])
    assert elsewhere.share == 0


@pytest.mark.parametrize(("score", "found"), [(0.15, 1), (0.05, 0)])
def test_a_weak_box_is_found_but_none_that_detect_drops(tmp_path, score, found):
    agreement = compare(tmp_path, [LEFT], [LEFT], their_score=score)
    assert (agreement.found, agreement.converted_boxes) == (found, 0)


def test_agreements_add_up_and_nothing_is_agreed_on():
    assert Agreement(1, 2, 1, 1, 1) + Agreement(2, 3, 3, 4, 3) == Agreement(3, 5, 4, 5, 4)
    assert Agreement(1).share == 1 and Agreement(1, 2, 2, 5, 5).most_boxes == 5


def test_boxes_outside_the_picture_count_for_nothing(tmp_path):
    assert compare(tmp_path, [LEFT, (0, 1100, 100, 1200)], [LEFT]) == Agreement(1, 1, 1, 1, 1)
