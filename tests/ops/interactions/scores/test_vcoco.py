import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ops.interactions.scores.vcoco import VcocoScores, score_vcoco
from tests.ops.interactions.scores.pictures import pictures

OBJECTS, VERBS, MISSING = 80, 29, 80
BOXES = [[10, 10, 110, 210], [150, 60, 250, 160]]


def scored(case: dict[str, Any]) -> VcocoScores:
    matrices = {"ones": np.ones((VERBS, OBJECTS), bool), "zeros": np.zeros((VERBS, OBJECTS), bool)}
    given = case["correct_mat"]
    return score_vcoco(*pictures(case, VERBS), matrices[given] if isinstance(given, str) else np.array(given, bool))


def check(found: VcocoScores, expected: dict[str, Any]) -> None:
    names = {each["verb"]: each["name"] for each in expected["per_verb"]}
    metrics = {f"AP_{names[verb]}": score.ap for verb, score in found.verbs.items() if score.pairs}
    metrics |= {"mAP_all": found.mean, "mAP_thesis": found.mean_thesis}
    assert metrics == pytest.approx(expected["metrics"], abs=1e-9)
    assert [(verb, each.pairs, each.detections, each.hits) for verb, each in found.verbs.items()] == [
        tuple(each[key] for key in ("verb", "n_gt", "n_det", "n_tp")) for each in expected["per_verb"]
    ]


@pytest.mark.assets
def test_thirty_pictures_score_as_in_the_original(assets: Path) -> None:
    case = json.loads((assets / "hoi/eval/vcoco_30.json").read_text())

    check(scored(case), case["expected"])


@pytest.mark.assets
def test_each_rule_is_that_of_the_original(assets: Path) -> None:
    cases = json.loads((assets / "hoi/eval/vcoco_small.json").read_text())["cases"]
    assert len(cases) == 11

    for case in cases:
        check(scored(case), case["expected"])


def one_case(label: int, hoi: list[int]) -> VcocoScores:
    score = np.zeros((1, VERBS))
    score[0, hoi[2]] = 0.9
    predictions = {"labels": [0, label], "boxes": BOXES, "verb_scores": score, "sub_ids": [0], "obj_ids": [1]}
    truth = {"boxes": BOXES, "labels": [0, 1], "hois": [hoi]}
    return scored({"preds": [predictions], "gts": [truth], "correct_mat": "ones"})


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
