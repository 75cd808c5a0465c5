"""From QPIC's outputs to scored pairs in pixels, and to the list that the V-COCO role AP reads."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ops.interactions.qpic.boxes import corners
from ops.interactions.qpic.names import VCOCO_VERBS
from ops.interactions.qpic.network import Outputs
from schemas.values import Bools, Float32, Int64

PERSON = 0


@dataclass(frozen=True)
class Pairs:
    """The pairs of one picture, one for each of ``Q`` queries; most have low scores.

    Attributes:
        subject_boxes: ``(Q, 4)`` x1, y1, x2, y2, pixels; not clipped to the picture.
        object_boxes: ``(Q, 4)``, likewise.
        object_labels: ``(Q,)`` index of the object's class.
        verb_scores: ``(Q, verbs)`` 0..1, of verb and object together.
    """

    subject_boxes: Float32
    object_boxes: Float32
    object_labels: Int64
    verb_scores: Float32

    def as_prediction(self) -> dict[str, Any]:
        """Returns what the scorers of HICO-DET and V-COCO read: the boxes of subjects, then those of objects."""
        queries = len(self.object_labels)
        return {
            "labels": np.concatenate([np.full(queries, PERSON), self.object_labels]),
            "boxes": np.concatenate([self.subject_boxes, self.object_boxes]),
            "verb_scores": self.verb_scores,
            "sub_ids": np.arange(queries),
            "obj_ids": np.arange(queries, 2 * queries),
        }


@torch.no_grad()
def postprocess(outputs: Outputs, target_sizes: Tensor) -> list[Pairs]:
    """Returns the pairs of each picture.

    Args:
        outputs: of the last decoder layer.
        target_sizes: ``(B, 2)`` height and width of each original picture, pixels.
    """
    height, width = target_sizes.to(outputs.subject_boxes).unbind(1)
    scale = torch.stack((width, height, width, height), dim=1)[:, None]
    object_scores, labels = outputs.object_logits.softmax(-1)[..., :-1].max(-1)
    scores = outputs.verb_logits.sigmoid() * object_scores[..., None]
    parts = (
        corners(outputs.subject_boxes) * scale,
        corners(outputs.object_boxes) * scale,
        labels,
        scores,
    )
    return [Pairs(*(part[picture].cpu().numpy() for part in parts)) for picture in range(len(scores))]


def vcoco_detections(
    pairs: Pairs, image_id: int, possible: Bools | None = None, missing_object: int = 80
) -> list[dict[str, Any]]:
    """Returns one record per query, in the form that the V-COCO role AP reads.

    Args:
        pairs: of one picture, of a network with V-COCO's verbs.
        image_id: its id in V-COCO.
        possible: ``(29, 80)``, whether a verb can be done to an object class; other scores become 0. None: all can.
        missing_object: label for an object that is not in the picture; its box is four NaN.
    """
    scores = pairs.verb_scores
    if possible is not None:
        with_missing = np.concatenate([possible, np.ones((len(possible), 1), dtype=possible.dtype)], axis=1)
        scores = scores * with_missing[:, pairs.object_labels].T
    return [
        {"image_id": image_id, "person_box": pairs.subject_boxes[query].tolist()}
        | _verb_fields(
            [np.nan] * 4 if pairs.object_labels[query] == missing_object else pairs.object_boxes[query].tolist(),
            scores[query].tolist(),
        )
        for query in range(len(scores))
    ]


def _verb_fields(object_box: list[float], scores: list[float]) -> dict[str, Any]:
    """Returns ``VERB_ROLE``: box and score, and ``VERB_agent``: score. Of two roles, the agent has the larger score."""
    fields: dict[str, Any] = {}
    agents: dict[str, float] = {}
    for name, score in zip(VCOCO_VERBS, scores, strict=True):
        verb = name.removesuffix("_obj").removesuffix("_instr")
        if name != verb:
            fields[name] = [*object_box, score]
        agents[verb] = max(score, agents.get(verb, 0.0))
    return fields | {f"{verb}_agent": score for verb, score in agents.items()}
