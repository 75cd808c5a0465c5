"""Matches pairs of boxes with a verb to true ones in one picture, as HICO-DET's and QPIC's evaluators do.

Chao et al., "Learning to Detect Human-Object Interactions", WACV 2018; Tamura et al., "QPIC", CVPR 2021.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from schemas.values import Bools, Float64, Int64

MATCH_IOU = 0.5
"""Overlap at which a box matches a true one."""

MOST_PER_PICTURE = 100
"""Detections of a picture that count: those with the highest scores."""

NO_OBJECT = -1
"""Row of the object in a true pair without object."""

_RECALLS = np.arange(0, 1.1, 0.1)
"""Recalls of the eleven-point AP. Three are a rounding error above 0.3, 0.6 and 0.7, as in the original program."""


@dataclass(frozen=True)
class PredictedPairs:
    """Pairs that a network found in one picture.

    Attributes:
        subject_box, object_box: ``(Q, 4)`` x1, y1, x2, y2 in pixels.
        subject_label, object_label: ``(Q,)`` classes.
        score: ``(Q, V)`` of each verb, 0..1.
    """

    subject_box: Float64
    object_box: Float64
    subject_label: Int64
    object_label: Int64
    score: Float64


@dataclass(frozen=True)
class TruePairs:
    """What a person labelled in one picture.

    Attributes:
        box: ``(N, 4)`` x1, y1, x2, y2 in pixels.
        label: ``(N,)`` classes.
        pair: ``(M, 3)`` row of the subject's box, row of the object's box or ``NO_OBJECT``, verb.
    """

    box: Float64
    label: Int64
    pair: Int64


@dataclass(frozen=True)
class JudgedPairs:
    """Detections of one or many pictures, each a pair with a verb.

    Attributes:
        triplet: ``(K, 3)`` subject class, object class, verb.
        score: ``(K,)``.
        hit: ``(K,)`` whether it matches a true pair that no better one took.
    """

    triplet: Int64
    score: Float64
    hit: Bools

    @classmethod
    def join(cls, parts: Sequence["JudgedPairs"]) -> "JudgedPairs":
        """Joins detections, which are sorted by score; equal ones keep their order."""
        if not parts:
            return cls(np.empty((0, 3), np.int64), np.empty(0), np.empty(0, np.bool_))
        score = np.concatenate([part.score for part in parts])
        order = np.argsort(-score, kind="stable")
        triplet = np.concatenate([part.triplet for part in parts])
        hit = np.concatenate([part.hit for part in parts])
        return cls(triplet[order], score[order], hit[order])


def judge_picture(predicted: PredictedPairs, true: TruePairs, allowed: Bools) -> JudgedPairs:
    """Matches the best detections of one picture.

    In the order of scores, each takes the true pair of its verb that it overlaps most: by the lesser overlap of subject
    and object, the first of equal ones. If another detection has that pair, it is a miss, though others may be free.

    Args:
        allowed: ``(V, L)`` whether a verb can have an object of this class; elsewhere scores become 0. Classes beyond
            ``L`` are allowed.
    """
    query, verb, score = _best(predicted, allowed)
    subject = _overlap(predicted.subject_box, predicted.subject_label, true)
    thing = _overlap(predicted.object_box, predicted.object_label, true)
    hit = np.zeros(len(query), np.bool_)
    taken: set[int] = set()
    for place in range(len(query)):
        rows = np.flatnonzero(true.pair[:, 2] == verb[place])
        if not len(rows):
            continue
        overlap = subject[query[place], true.pair[rows, 0]]
        of_object = true.pair[rows, 1]
        has_object = of_object != NO_OBJECT
        overlap[has_object] = np.minimum(overlap[has_object], thing[query[place], of_object[has_object]])
        best = int(np.argmax(overlap))
        if overlap[best] >= MATCH_IOU and int(rows[best]) not in taken:
            taken.add(int(rows[best]))
            hit[place] = True
    labels = [predicted.subject_label[query], predicted.object_label[query]]
    return JudgedPairs(np.column_stack([*labels, verb]).astype(np.int64), score, hit)


def _best(predicted: PredictedPairs, allowed: Bools) -> tuple[Int64, Int64, Float64]:
    """Returns query, verb and score of the detections that count, best first."""
    verbs, labels = allowed.shape
    free = np.column_stack([allowed, np.ones(verbs, np.bool_)])
    score = predicted.score * free[:, np.minimum(predicted.object_label, labels)].T
    flat = np.argsort(-score.ravel(), kind="stable")[:MOST_PER_PICTURE]
    query, verb = np.divmod(flat, score.shape[1])
    return query, verb, score.ravel()[flat]


def _overlap(box: Float64, label: Int64, true: TruePairs) -> Float64:
    """Returns the overlap ``(Q, N)``; 0 for boxes of different classes."""
    return np.where(label[:, None] == true.label, inclusive_iou(box, true.box), 0.0)


def inclusive_iou(boxes: Float64, others: Float64, touching: bool = False) -> Float64:
    """Returns overlaps ``(N, M)`` of boxes whose last row and column of pixels belongs to them.

    Args:
        touching: whether boxes that share an edge only overlap by that edge; 0 otherwise, as in HICO-DET's evaluator.
    """
    first = np.maximum(boxes[:, None, :2], others[None, :, :2])
    last = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    meets = (first <= last + 1).all(axis=2) if touching else (first < last).all(axis=2)
    inner = np.where(meets, np.prod(last - first + 1, axis=2), 0.0)
    areas = [np.prod(part[:, 2:] - part[:, :2] + 1, axis=1) for part in (boxes, others)]
    overlap: Float64 = inner / (areas[0][:, None] + areas[1] - inner)
    return overlap


def eleven_point_ap(hit: Bools, count: int) -> float:
    """Returns the average precision at recalls 0, 0.1 .. 1, 0..1; 0 without true pairs.

    Args:
        hit: ``(K,)`` of the detections of a class, best first.
        count: number of its true pairs.
    """
    if not count or not len(hit):
        return 0.0
    found = np.cumsum(hit)
    precision = found / np.arange(1, len(hit) + 1)
    recall = found / count
    return float(sum((precision[recall >= least].max() if (recall >= least).any() else 0.0) / 11 for least in _RECALLS))
