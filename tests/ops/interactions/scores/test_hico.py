import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ops.interactions.scores.hico import HicoScores, score_hico
from tests.ops.interactions.scores.pictures import pictures, true

BOXES = [[10, 10, 110, 210], [150, 60, 250, 160]]
RIGHT = {"labels": [0, 1], "boxes": BOXES, "verb_scores": [[0.9, 0.2]], "sub_ids": [0], "obj_ids": [1]}
TRUTH = {"boxes": BOXES, "labels": [0, 1], "hois": [[0, 1, 0]]}


def scored(case: dict[str, Any]) -> HicoScores:
    lists = [{tuple(triplet) for triplet in case[name]} for name in ("rare_triplets", "non_rare_triplets")]
    allowed = np.array(case["correct_mat"], bool)
    return score_hico(*pictures(case, len(allowed)), allowed, *lists)


def check(found: HicoScores, expected: dict[str, Any]) -> None:
    metrics = [found.full, found.rare, found.non_rare, found.max_recall]
    wanted = [expected["metrics"][name] for name in ("mAP", "mAP rare", "mAP non-rare", "mean max recall")]
    assert metrics == pytest.approx([math.nan if each is None else each for each in wanted], abs=1e-9, nan_ok=True)
    keys = ("n_gt", "n_det", "n_tp", "ap", "max_recall")
    assert {
        each.triplet: (each.pairs, each.detections, each.hits, each.ap, each.max_recall) for each in found.triplets
    } == {
        tuple(each["triplet"]): pytest.approx(tuple(each[key] for key in keys), abs=1e-9)
        for each in expected["per_triplet"]
    }


@pytest.mark.assets
def test_thirty_pictures_score_as_in_the_original(assets: Path) -> None:
    case = json.loads((assets / "hoi/eval/hico_30.json").read_text())

    check(scored(case), case["expected"])


@pytest.mark.assets
def test_each_rule_is_that_of_the_original(assets: Path) -> None:
    cases = json.loads((assets / "hoi/eval/hico_small.json").read_text())["cases"]
    assert len(cases) == 25

    for case in cases:
        if "error" in case["expected"]:
            assert scored(case).full == 0  # the original stops
        else:
            check(scored(case), case["expected"])


def one_case(predictions: dict[str, Any], truth: dict[str, Any], **changed: Any) -> HicoScores:
    case = {
        "preds": [predictions],
        "gts": [truth],
        "correct_mat": [[1, 1], [1, 1]],
        "rare_triplets": [[0, 1, 0]],
        "non_rare_triplets": [],
    }
    return scored(case | changed)


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
