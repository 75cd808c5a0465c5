"""What QPIC is trained to make small.

Names are those of the authors' program, so that logs can be compared; those of earlier decoder layers end in the
layer's number.
"""

from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from ops.interactions.qpic.boxes import giou
from ops.interactions.qpic.matcher import Indices, MatchCosts, Target, match
from ops.interactions.qpic.network import Outputs

LEAST_OBJECTS = 1e-4
"""Keeps the losses of object boxes finite where no object is in the picture."""

Losses = dict[str, Tensor]


@dataclass(frozen=True)
class LossSettings:
    """How losses are computed and added.

    Attributes:
        verb_loss: focal loss, divided by the number of true verbs, or the mean binary cross entropy.
        no_pair_weight: weight of the class "no pair" among the object classes, since most queries have it.
        costs: of the matcher; the weights of the total are the same by default.
    """

    verb_loss: Literal["focal", "bce"] = "focal"
    no_pair_weight: float = 0.1
    costs: MatchCosts = field(default_factory=MatchCosts)
    object_class: float = 1.0
    verb_class: float = 1.0
    box: float = 5.0
    giou: float = 2.0


def losses(
    layers: list[Outputs], targets: list[Target], settings: LossSettings = LossSettings(), pairs: float | None = None
) -> Losses:
    """Returns all losses; ``total`` adds those that are trained.

    Args:
        layers: what each decoder layer says, the last one last. Each is matched anew.
        targets: of each picture, on the device of the outputs.
        settings: kind and weights.
        pairs: number of true pairs that losses of boxes are divided by: the mean over processes, where several train
            together. None: that of ``targets``.
    """
    count = max(1.0, float(sum(len(target.object_labels) for target in targets)) if pairs is None else pairs)
    found = _losses_of(layers[-1], targets, settings, count)
    for number, layer in enumerate(layers[:-1]):
        earlier = _losses_of(layer, targets, settings, count)
        found |= {f"{name}_{number}": value for name, value in earlier.items() if name != "obj_class_error"}
    return found


def total(found: Losses, settings: LossSettings = LossSettings()) -> Tensor:
    """Returns the weighted sum of the losses, over all decoder layers."""
    weights = {
        "loss_obj_ce": settings.object_class,
        "loss_verb_ce": settings.verb_class,
        "loss_sub_bbox": settings.box,
        "loss_obj_bbox": settings.box,
        "loss_sub_giou": settings.giou,
        "loss_obj_giou": settings.giou,
    }
    parts = [value * weights[name.rstrip("0123456789").rstrip("_")] for name, value in found.items() if "loss" in name]
    return torch.stack(parts).sum()


def _losses_of(outputs: Outputs, targets: list[Target], settings: LossSettings, pairs: float) -> Losses:
    indices = match(outputs, targets, settings.costs)
    picture = torch.cat([torch.full_like(queries, number) for number, (queries, _) in enumerate(indices)])
    matched = (picture, torch.cat([queries for queries, _ in indices]))
    true = _chosen(targets, indices)
    return {
        **_object_losses(outputs.object_logits, targets, matched, true.object_labels, settings.no_pair_weight),
        "loss_verb_ce": _verb_loss(outputs.verb_logits, matched, true.verb_labels, settings.verb_loss),
        **_box_losses(outputs.subject_boxes[matched], outputs.object_boxes[matched], true, pairs),
    }


def _chosen(targets: list[Target], indices: list[Indices]) -> Target:
    """Returns the true pair of each matched query, of all pictures in one."""
    chosen = [[values[pairs] for values in target] for target, (_, pairs) in zip(targets, indices, strict=True)]
    return Target(*(torch.cat(values) for values in zip(*chosen, strict=True)))


def _object_losses(
    logits: Tensor, targets: list[Target], matched: Indices, labels: Tensor, no_pair_weight: float
) -> Losses:
    no_pair = logits.shape[-1] - 1
    wanted = torch.full(logits.shape[:2], no_pair, dtype=torch.int64, device=logits.device)
    wanted[matched] = labels
    weights = logits.new_ones(no_pair + 1)
    weights[no_pair] = no_pair_weight
    right = (logits[matched].argmax(-1) == labels).float()
    pairs = torch.tensor([len(target.object_labels) for target in targets], dtype=torch.float32, device=logits.device)
    predicted = (logits.argmax(-1) != no_pair).sum(1).float()
    return {
        "loss_obj_ce": functional.cross_entropy(logits.transpose(1, 2), wanted, weights),
        "obj_class_error": 100 - 100 * (right.mean() if len(labels) else right.sum()),
        "obj_cardinality_error": (predicted - pairs).abs().mean(),
    }


def _verb_loss(logits: Tensor, matched: Indices, verbs: Tensor, kind: Literal["focal", "bce"]) -> Tensor:
    """Returns the loss over all queries; those without a pair have no verb."""
    wanted = torch.zeros_like(logits)
    wanted[matched] = verbs.to(logits.dtype)
    if kind == "bce":
        return functional.binary_cross_entropy_with_logits(logits, wanted)
    # The logarithm of the sigmoid in one step: where a float32 sigmoid is 0 or 1, the loss stays finite.
    signed = torch.where(wanted == 1, logits, -logits)
    return -(functional.logsigmoid(signed) * signed.neg().sigmoid() ** 2).sum() / wanted.sum().clamp(min=1)


def _box_losses(subjects: Tensor, objects: Tensor, true: Target, pairs: float) -> Losses:
    """Returns the losses of matched queries; those of objects count only where the object is in the picture."""
    there = true.object_boxes.any(dim=1)
    seen = there.sum() + LEAST_OBJECTS
    return {
        "loss_sub_bbox": (subjects - true.subject_boxes).abs().sum() / pairs,
        "loss_obj_bbox": (objects - true.object_boxes)[there].abs().sum() / seen,
        "loss_sub_giou": (1 - giou(subjects, true.subject_boxes)).sum() / pairs,
        "loss_obj_giou": (1 - giou(objects[there], true.object_boxes[there])).sum() / seen,
    }
