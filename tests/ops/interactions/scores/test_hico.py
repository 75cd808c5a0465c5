import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ops.interactions.scores.hico import HicoScores, score_hico
from tests.ops.interactions.scores.pictures import true
from tests.support.golden import require
from tests.support.pair_scores_golden import hico_checks, scored_hico

BOXES = [[10, 10, 110, 210], [150, 60, 250, 160]]
RIGHT = {"labels": [0, 1], "boxes": BOXES, "verb_scores": [[0.9, 0.2]], "sub_ids": [0], "obj_ids": [1]}
TRUTH = {"boxes": BOXES, "labels": [0, 1], "hois": [[0, 1, 0]]}


@pytest.mark.assets
def test_every_number_is_that_of_the_original(assets: Path) -> None:
    checks = list(hico_checks(assets / "hoi/eval"))
    assert len([check for check in checks if check.name.endswith((" metrics", "stops"))]) == 26

    require(checks)


def one_case(predictions: dict[str, Any], truth: dict[str, Any], **changed: Any) -> HicoScores:
    case = {
        "preds": [predictions],
        "gts": [truth],
        "correct_mat": [[1, 1], [1, 1]],
        "rare_triplets": [[0, 1, 0]],
        "non_rare_triplets": [],
    }
    return scored_hico(case | changed)


def test_a_right_pair_is_perfect() -> None:
    found = one_case(RIGHT, TRUTH)

    assert (found.full, found.rare, found.max_recall) == pytest.approx((1, 1, 1))
    assert math.isnan(found.non_rare)


def test_boxes_of_another_class_do_not_match() -> None:
    assert one_case(RIGHT | {"labels": [0, 0]}, TRUTH).full == 0


def test_a_pair_that_cannot_be_ranks_last() -> None:
    second = {"boxes": [[300, 10, 400, 210], [450, 60, 550, 160]]}
    predictions = RIGHT | {
        "labels": [0, 1, 0, 1],
        "boxes": second["boxes"] + BOXES,
        "verb_scores": [[0.5, 0], [0.9, 0]],
        "sub_ids": [0, 2],
        "obj_ids": [1, 3],
    }

    assert one_case(predictions, TRUTH).full == pytest.approx(1)
    assert one_case(predictions, TRUTH, correct_mat=[[1, 0], [1, 1]]).full == pytest.approx(0.5)


def test_a_picture_without_a_prediction_misses() -> None:
    none = RIGHT | {"labels": [], "boxes": [], "verb_scores": [], "sub_ids": [], "obj_ids": []}

    assert one_case(none, TRUTH).max_recall == 0


def test_each_picture_needs_predictions() -> None:
    with pytest.raises(ValueError, match="argument 2 is longer"):
        score_hico([], [true(TRUTH)], np.ones((2, 2), bool), [], [])
