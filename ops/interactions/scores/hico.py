"""HICO-DET mAP: how well pairs of person and object are found with their verb (Chao et al., WACV 2018).

This is the setting "default": the detections of all pictures count for each class.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from ops.interactions.scores.pairs import JudgedPairs, PredictedPairs, TruePairs, eleven_point_ap, judge_picture
from schemas.values import Bools

Triplet = tuple[int, int, int]
"""Class of the subject, class of the object, verb."""


@dataclass(frozen=True)
class TripletScore:
    """How well one triplet is found.

    Attributes:
        pairs: number of true ones.
        detections, hits: number of its detections, and of the right ones.
        ap, max_recall: 0..1.
    """

    triplet: Triplet
    pairs: int
    detections: int
    hits: int
    ap: float
    max_recall: float


@dataclass(frozen=True)
class HicoScores:
    """Means over the triplets of the truth, 0..1; NaN where there is none.

    Attributes:
        full: mAP of all triplets.
        rare, non_rare: mAP of those with fewer than 10 training instances, and of the others.
        max_recall: mean of the largest recalls.
        triplets: each one, in the order in which the truth first has it.
    """

    full: float
    rare: float
    non_rare: float
    max_recall: float
    triplets: tuple[TripletScore, ...]


def score_hico(
    predicted: Sequence[PredictedPairs],
    true: Sequence[TruePairs],
    allowed: Bools,
    rare: Collection[Triplet],
    non_rare: Collection[Triplet],
) -> HicoScores:
    """Scores the pairs of pictures against truth, both in the same order.

    A picture without true boxes is left out: it adds no false positives. A triplet that the truth lacks is not scored.

    Args:
        allowed: ``(V, L)`` whether a verb can have an object of this class.
        rare, non_rare: triplets that these two means are of; one in neither list counts in ``full``.

    Raises:
        ValueError: there are not as many pictures with predictions as with truth.
    """
    pictures = [(found, truth) for found, truth in zip(predicted, true, strict=True) if len(truth.box)]
    judged = JudgedPairs.join([judge_picture(found, truth, allowed) for found, truth in pictures])
    counts: dict[Triplet, int] = {}
    for truth in true:
        for subject, thing, verb in truth.pair.tolist():
            triplet = (int(truth.label[subject]), int(truth.label[thing]), verb)
            counts[triplet] = counts.get(triplet, 0) + 1
    scores = tuple(_score(triplet, count, judged) for triplet, count in counts.items())
    return HicoScores(
        full=_mean([each.ap for each in scores]),
        rare=_mean([each.ap for each in scores if each.triplet in rare]),
        non_rare=_mean([each.ap for each in scores if each.triplet in non_rare]),
        max_recall=_mean([each.max_recall for each in scores]),
        triplets=scores,
    )


def _score(triplet: Triplet, count: int, judged: JudgedPairs) -> TripletScore:
    hit = judged.hit[(judged.triplet == triplet).all(axis=1)]
    hits = int(hit.sum())
    return TripletScore(triplet, count, len(hit), hits, eleven_point_ap(hit, count), hits / count)


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else float("nan")
