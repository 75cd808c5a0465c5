"""The losses: what each is for, and that training lowers them."""

import pytest
import torch

from ops.interactions.qpic.losses import LossSettings, losses, total
from ops.interactions.qpic.matcher import Target
from ops.interactions.qpic.network import Outputs
from tests.support.qpic_tiny import tiny_targets

SURE = 60.0


def perfect(target: Target, queries: int = 4) -> Outputs:
    """Returns outputs that say exactly what is true, in the first queries; the others say that there is no pair."""
    count = len(target.object_labels)
    objects, verbs = torch.full((1, queries, 4), -SURE), torch.full((1, queries, 2), -SURE)
    objects[0, count:, 3] = SURE
    boxes = torch.full((2, 1, queries, 4), 0.5)
    objects[0, torch.arange(count), target.object_labels] = SURE
    verbs[0, :count] = (target.verb_labels * 2 - 1) * SURE
    boxes[0, 0, :count], boxes[1, 0, :count] = target.subject_boxes, target.object_boxes
    return Outputs(objects, verbs, boxes[0], boxes[1])


def float32(target: Target) -> Target:
    return Target(*(values.float() if values.is_floating_point() else values for values in target))


@pytest.mark.parametrize("kind", ["focal", "bce"])
def test_the_truth_costs_nothing(kind: str) -> None:
    target = float32(tiny_targets()[0])
    found = losses([perfect(target)], [target], LossSettings(verb_loss=kind))
    assert {name: round(value.item(), 6) for name, value in found.items()} == dict.fromkeys(found, 0.0)


def test_a_missing_object_is_left_out_of_the_losses_of_object_boxes() -> None:
    target = float32(tiny_targets()[0])
    outputs = perfect(target)
    outputs.object_boxes[0, 1] = torch.tensor([0.9, 0.9, 0.1, 0.1])
    found = losses([outputs], [target])
    assert found["loss_obj_bbox"].item() == pytest.approx(0, abs=1e-6)
    outputs.object_boxes[0, 0, 0] += 0.25
    assert losses([outputs], [target])["loss_obj_bbox"].item() == pytest.approx(0.25, rel=1e-3), "one object is there"


def test_pictures_without_pairs_have_finite_losses_and_gradients() -> None:
    target = float32(tiny_targets()[1])
    outputs = Outputs(*(values.clone().requires_grad_() for values in perfect(float32(tiny_targets()[0]))))
    found = losses([outputs], [target])
    whole = total(found)
    whole.backward()  # type: ignore[no-untyped-call]
    assert whole.isfinite() and found["loss_sub_bbox"] == 0 and found["obj_class_error"] == 100
    assert all(values.grad is None or values.grad.isfinite().all() for values in outputs)


def test_focal_loss_stays_finite_where_a_sigmoid_is_zero_or_one() -> None:
    target = float32(tiny_targets()[0])
    outputs = perfect(target)
    outputs.verb_logits.mul_(-20)
    found = losses([Outputs(*(values.requires_grad_() for values in outputs))], [target])
    found["loss_verb_ce"].backward()  # type: ignore[no-untyped-call]
    assert found["loss_verb_ce"].isfinite() and outputs.verb_logits.grad is not None
    assert outputs.verb_logits.grad.isfinite().all()


def test_each_decoder_layer_is_matched_anew_and_counts() -> None:
    target = float32(tiny_targets()[0])
    turned = Outputs(*(values.flip(1) for values in perfect(target)))
    found = losses([turned, perfect(target)], [target])
    assert found["loss_sub_bbox_0"] == 0, "the same pairs in other queries"
    assert "obj_class_error_0" not in found and "obj_cardinality_error_0" in found
    turned.subject_boxes[0, -1, 0] += 0.1
    found = losses([turned, perfect(target)], [target])
    wanted = 5 * 0.1 / 2 + 2 * found["loss_sub_giou_0"].item()
    assert total(found).item() == pytest.approx(wanted, rel=1e-3)


def test_the_number_of_pairs_may_be_that_of_several_processes() -> None:
    target = float32(tiny_targets()[0])
    outputs = perfect(target)
    outputs.subject_boxes[0, 0, 0] += 0.1
    one, four = (losses([outputs], [target], pairs=pairs)["loss_sub_bbox"].item() for pairs in (None, 8.0))
    assert one == pytest.approx(4 * four)
