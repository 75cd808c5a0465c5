"""Assigns QPIC's queries to the true pairs of a picture, each pair to the one that costs least in all."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from ops.interactions.qpic.boxes import giou
from ops.interactions.qpic.network import Outputs
from schemas.errors import ModelError

LEAST_VERBS = 1e-4
"""Keeps the mean over verbs finite for a pair without any verb, or with all."""


class Target(NamedTuple):
    """The ``N`` true pairs of one picture.

    Attributes:
        object_labels: ``(N,)`` int64, index of the object's class.
        verb_labels: ``(N, verbs)``, 1 for each verb of the pair.
        subject_boxes: ``(N, 4)``: centre x, centre y, width, height, as shares of the picture without its padding.
        object_boxes: ``(N, 4)``, likewise; four zeros for an object that is not in the picture.
    """

    object_labels: Tensor
    verb_labels: Tensor
    subject_boxes: Tensor
    object_boxes: Tensor

    def to(self, device: torch.device | str) -> "Target":
        """Returns the same pairs on a device."""
        return Target(*(values.to(device) for values in self))


@dataclass(frozen=True)
class MatchCosts:
    """Weights of the four parts of a cost."""

    object_class: float = 1.0
    verb_class: float = 1.0
    box: float = 5.0
    giou: float = 2.0


Indices = tuple[Tensor, Tensor]
"""Queries and the pairs that they are assigned to, int64, by increasing query."""


@torch.no_grad()
def match(outputs: Outputs, targets: list[Target], costs: MatchCosts = MatchCosts()) -> list[Indices]:
    """Returns the assignment of least cost for each picture (the Hungarian method).

    Raises:
        ModelError: the outputs are not finite.
    """
    from scipy.optimize import linear_sum_assignment

    found = []
    for picture, target in enumerate(targets):
        cost = cost_matrix(Outputs(*(values[picture] for values in outputs)), target, costs).cpu()
        if not cost.isfinite().all():
            raise ModelError("the network's outputs are not finite: train with a lower learning rate, or other weights")
        queries, pairs = linear_sum_assignment(cost.numpy())
        found.append((torch.as_tensor(queries), torch.as_tensor(pairs)))
    return found


def cost_matrix(outputs: Outputs, target: Target, costs: MatchCosts = MatchCosts()) -> Tensor:
    """Returns what it costs to assign each query to each pair, ``(Q, N)``.

    The boxes of subject and object do not add up: the worse one counts.

    Args:
        outputs: of one picture, without the batch dimension.
        target: its true pairs.
        costs: weights of the parts.
    """
    object_cost = -outputs.object_logits.softmax(-1)[:, target.object_labels]
    chance, verbs = outputs.verb_logits.sigmoid(), target.verb_labels.to(outputs.verb_logits.dtype)
    present = chance @ verbs.T / (verbs.sum(1) + LEAST_VERBS)
    absent = (1 - chance) @ (1 - verbs).T / ((1 - verbs).sum(1) + LEAST_VERBS)
    has_object = target.object_boxes.any(dim=1)
    subject_l1 = torch.cdist(outputs.subject_boxes, target.subject_boxes, p=1)
    object_l1 = torch.cdist(outputs.object_boxes, target.object_boxes, p=1) * has_object
    subject_giou = -giou(outputs.subject_boxes[:, None], target.subject_boxes)
    # QPIC adds the subject's cost here where the object is missing, instead of replacing the object's by it.
    object_giou = -giou(outputs.object_boxes[:, None], target.object_boxes) + subject_giou * ~has_object
    return (
        costs.object_class * object_cost
        - costs.verb_class * (present + absent) / 2
        + costs.box * torch.maximum(subject_l1, object_l1)
        + costs.giou * torch.maximum(subject_giou, object_giou)
    )
