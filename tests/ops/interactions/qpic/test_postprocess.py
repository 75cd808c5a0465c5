"""Pairs in pixels, and the list for the V-COCO role AP."""

import math

import numpy as np
import pytest
import torch

from ops.interactions.qpic.names import VCOCO_VERBS
from ops.interactions.qpic.network import Outputs
from ops.interactions.qpic.postprocess import Pairs, postprocess, vcoco_detections

VERBS = len(VCOCO_VERBS)


def test_scores_are_of_verb_and_object_together_and_boxes_in_pixels() -> None:
    outputs = Outputs(
        torch.tensor([[[0.0, math.log(2), math.log(5)]]]),  # 1/8, 2/8, and 5/8 that there is no pair
        torch.tensor([[[0.0, math.log(3)]]]),
        torch.tensor([[[0.5, 0.5, 0.2, 0.4]]]),
        torch.tensor([[[0.0, 0.1, 0.2, 0.2]]]),
    )
    (pairs,) = postprocess(outputs, torch.tensor([[100, 200]]))
    assert pairs.object_labels.tolist() == [1], "no pair is never the label"
    assert pairs.verb_scores[0].tolist() == pytest.approx([0.25 * 0.5, 0.25 * 0.75])
    assert pairs.subject_boxes[0].tolist() == pytest.approx([80, 30, 120, 70])
    assert pairs.object_boxes[0].tolist() == pytest.approx([-20, 0, 20, 20]), "not clipped to the picture"
    prediction = pairs.as_prediction()
    assert prediction["labels"].tolist() == [0, 1] and prediction["boxes"].shape == (2, 4)
    assert (prediction["sub_ids"].tolist(), prediction["obj_ids"].tolist()) == ([0], [1])


def vcoco_pairs(label: int) -> Pairs:
    scores = np.linspace(0.1, 0.9, VERBS, dtype=np.float32)[None]
    box = np.array([[1, 2, 3, 4]], dtype=np.float32)
    return Pairs(box, box + 10, np.array([label]), scores)


def test_the_vcoco_list_has_a_field_for_each_verb_and_role() -> None:
    (record,) = vcoco_detections(vcoco_pairs(label=3), 7)
    assert record["image_id"] == 7 and record["person_box"] == [1, 2, 3, 4]
    scores = dict(zip(VCOCO_VERBS, vcoco_pairs(3).verb_scores[0].tolist(), strict=True))
    assert record["hold_obj"] == [11, 12, 13, 14, scores["hold_obj"]] and record["hold_agent"] == scores["hold_obj"]
    assert record["walk_agent"] == scores["walk"] and "walk" not in record
    assert record["talk_on_phone_agent"] == scores["talk_on_phone_instr"]
    assert record["eat_agent"] == max(scores["eat_obj"], scores["eat_instr"])
    # 26 actions, 25 verbs with a role, the picture and the person
    assert len(record) == 26 + 25 + 2


def test_a_missing_object_has_no_box_and_is_possible_with_every_verb() -> None:
    nothing = np.zeros((VERBS, 80), dtype=bool)
    (record,) = vcoco_detections(vcoco_pairs(label=80), 7, nothing)
    assert np.isnan(record["hold_obj"][:4]).all() and record["hold_obj"][4] == pytest.approx(0.1)
    (record,) = vcoco_detections(vcoco_pairs(label=3), 7, nothing)
    assert record["hold_obj"] == [11, 12, 13, 14, 0] and record["walk_agent"] == 0
