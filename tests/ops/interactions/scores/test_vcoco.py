from pathlib import Path

import numpy as np
import pytest

from ops.interactions.scores.vcoco import VcocoScores
from tests.support.golden import require
from tests.support.pair_scores_golden import scored_vcoco, vcoco_checks

OBJECTS, VERBS, MISSING = 80, 29, 80
BOXES = [[10, 10, 110, 210], [150, 60, 250, 160]]


@pytest.mark.assets
def test_every_number_is_that_of_the_original(assets: Path) -> None:
    checks = list(vcoco_checks(assets / "hoi/eval"))
    assert len([check for check in checks if check.name.endswith("metrics")]) == 12

    require(checks)


def one_case(label: int, hoi: list[int]) -> VcocoScores:
    score = np.zeros((1, VERBS))
    score[0, hoi[2]] = 0.9
    predictions = {"labels": [0, label], "boxes": BOXES, "verb_scores": score, "sub_ids": [0], "obj_ids": [1]}
    truth = {"boxes": BOXES, "labels": [0, 1], "hois": [hoi]}
    return scored_vcoco({"preds": [predictions], "gts": [truth], "correct_mat": "ones"})


def test_a_true_person_without_object_needs_the_subject_only() -> None:
    assert one_case(1, [0, -1, 0]).mean == pytest.approx(1)
    assert one_case(MISSING, [0, -1, 0]).mean == pytest.approx(1)


def test_a_missing_object_does_not_match_one() -> None:
    assert one_case(1, [0, 1, 0]).mean == pytest.approx(1)
    assert one_case(MISSING, [0, 1, 0]).mean == 0


def test_the_mean_of_the_thesis_leaves_verbs_without_object_out() -> None:
    standing = 1

    assert one_case(MISSING, [0, -1, standing]).mean == pytest.approx(1)
    assert one_case(MISSING, [0, -1, standing]).mean_thesis == 0
    assert one_case(1, [0, 1, 0]).mean_thesis == pytest.approx(1 / 24)
