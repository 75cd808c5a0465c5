from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ops.interactions.scores.vcoco_layout import predicted_roles, true_roles
from ops.interactions.scores.vcoco_roles import Scenario, score_agents, score_roles
from tests.support.golden import require
from tests.support.pair_scores_golden import role_checks


@pytest.mark.assets
def test_agents_and_roles_score_as_in_the_original(assets: Path) -> None:
    require(list(role_checks(assets / "hoi/eval")))


BOTTLE, MAN, STRANGER = 1, 2, 3
COCO = {
    "images": [{"id": 7, "width": 640, "height": 480}],
    "annotations": [
        {"id": BOTTLE, "image_id": 7, "category_id": 44, "bbox": [200, 100, 20, 60], "area": 1200},
        {"id": MAN, "image_id": 7, "category_id": 1, "bbox": [100, 50, 101, 301], "area": 30401},
        {"id": STRANGER, "image_id": 7, "category_id": 1, "bbox": [400, 50, 101, 301], "area": 30401},
    ],
}
ROLES = {"hold": ("obj",)}


def hold(thing: int) -> list[dict[str, Any]]:
    """The man holds this; 0 for something that is not in the picture."""
    return [
        {
            "action_name": "hold",
            "role_name": ["agent", "obj"],
            "ann_id": [MAN],
            "label": [1],
            "role_object_id": [MAN, thing],
        }
    ]


def ap(truth: list[dict[str, Any]], found: list[tuple[list[float], list[float | None]]], scenario: Scenario) -> float:
    """Scores detections, each a person's box and its object with score."""
    detections = [
        {"image_id": 7, "person_box": person, "hold_agent": thing[-1], "hold_obj": thing} for person, thing in found
    ]
    true = true_roles(truth, COCO, [7])
    return score_roles(predicted_roles(detections, ROLES, [7]), true, ROLES, scenario).by_name["hold-obj"]


HIM, HER = [100.0, 50.0, 200.0, 350.0], [400.0, 50.0, 500.0, 350.0]
HIS_BOTTLE, ELSEWHERE = [200.0, 100.0, 219.0, 159.0], [300.0, 100.0, 319.0, 159.0]
NONE = [None] * 4


@pytest.mark.parametrize(
    ("thing", "found", "aps"),
    [
        (BOTTLE, HIS_BOTTLE, (1, 1)),
        (BOTTLE, ELSEWHERE, (0, 0)),
        (BOTTLE, NONE, (0, 0)),
        (0, NONE, (1, 1)),
        (0, [0, 0, 0, 0], (1, 1)),
        (0, HIS_BOTTLE, (0, 1)),
    ],
)
def test_an_object_that_the_truth_lacks_counts_by_scenario(
    thing: int, found: list[float | None], aps: tuple[float, float]
) -> None:
    assert (ap(hold(thing), [(HIM, [*found, 0.9])], 1), ap(hold(thing), [(HIM, [*found, 0.9])], 2)) == aps


def test_detections_of_people_whom_nobody_labelled_are_dropped() -> None:
    both = [(HER, [*HIS_BOTTLE, 0.99]), (HIM, [*HIS_BOTTLE, 0.9])]

    assert ap(hold(BOTTLE), both, 1) == 1
    assert ap(hold(BOTTLE), [(HIM, [*ELSEWHERE, 0.95]), *both], 1) == 0.5


def test_a_person_is_right_once() -> None:
    found = [(HIM, [*HIS_BOTTLE, 0.9]), (HIM, [*HIS_BOTTLE, 0.8])]
    true = true_roles(hold(BOTTLE), COCO, [7])
    detections = [
        {"image_id": 7, "person_box": box, "hold_agent": thing[-1], "hold_obj": thing} for box, thing in found
    ]

    agents = score_agents(predicted_roles(detections, ROLES, [7]), true, ["hold"])

    assert agents.by_name["hold"] == 1  # the second comes after all are found


def test_a_picture_without_people_adds_false_positives() -> None:
    empty = COCO | {"images": [*COCO["images"], {"id": 8, "width": 640, "height": 480}]}
    true = true_roles(hold(BOTTLE), empty, [8, 7])
    detections = [
        {"image_id": image, "person_box": HIM, "hold_agent": score, "hold_obj": [*HIS_BOTTLE, score]}
        for image, score in ((8, 0.99), (7, 0.9))
    ]

    found = score_roles(predicted_roles(detections, ROLES, [8, 7]), true, ROLES, 1)

    assert found.by_name["hold-obj"] == 0.5
    assert np.isnan(score_agents([], [], ["hold"]).by_name["hold"])
