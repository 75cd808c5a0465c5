"""Labels become what the losses compare with."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ops.interactions.qpic.names import MISSING_OBJECT
from ops.interactions.qpic.targets import target_of
from schemas.labelled_pictures import LabelledPair, LabelledPicture
from tests.ops.interactions.qpic.tiny import TINY

BOXES = np.array([[10.0, 20, 30, 80], [40, 20, 80, 40]])


def labels(*pairs: LabelledPair) -> LabelledPicture:
    return LabelledPicture(Path("a.png"), BOXES, np.array([0, 2]), pairs)


def test_a_pair_is_one_row_with_all_its_verbs_and_boxes_as_shares() -> None:
    target = target_of(labels(LabelledPair(0, 1, 1), LabelledPair(0, 1, 0), LabelledPair(0, 0, 1)), (100, 200), TINY)
    assert target.object_labels.tolist() == [2, 0]
    assert target.verb_labels.tolist() == [[1, 1], [0, 1]]
    assert np.allclose(target.subject_boxes, [[0.2, 0.25, 0.2, 0.3]] * 2)
    assert np.allclose(target.object_boxes[0], [0.6, 0.15, 0.4, 0.1])


def test_a_missing_object_is_four_zeros_of_its_own_class() -> None:
    settings = replace(TINY, objects=(*TINY.objects, MISSING_OBJECT))
    target = target_of(labels(LabelledPair(0, None, 0)), (100, 200), settings)
    assert target.object_labels.tolist() == [3]
    assert target.object_boxes.tolist() == [[0, 0, 0, 0]]
    with pytest.raises(ValueError, match=r"a\.png: a pair has no object"):
        target_of(labels(LabelledPair(0, None, 0)), (100, 200), TINY)


def test_no_pairs_give_no_rows() -> None:
    target = target_of(labels(), (100, 200), TINY)
    assert [tuple(part.shape) for part in target] == [(0,), (0, 2), (0, 4), (0, 4)]
