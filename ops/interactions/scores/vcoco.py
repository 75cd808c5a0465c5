"""V-COCO mAP as QPIC prints it while it trains (Tamura et al., CVPR 2021). Published tables use ``vcoco_roles``."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ops.interactions.scores.pairs import JudgedPairs, PredictedPairs, TruePairs, eleven_point_ap, judge_picture
from schemas.values import Bools

UNSCORED_VERBS = frozenset({1, 4, 18, 23, 26})
"""Verbs that ``mean_thesis`` leaves out: stand, walk, run and smile have no object, point too few instances."""


@dataclass(frozen=True)
class VerbScore:
    """How well one verb is found.

    Attributes:
        pairs: number of true pairs and of true persons without object.
        detections, hits: number of its detections, and of the right ones.
        ap: 0..1.
    """

    pairs: int
    detections: int
    hits: int
    ap: float


@dataclass(frozen=True)
class VcocoScores:
    """Mean average precision, 0..1.

    Attributes:
        mean: over the verbs that the truth has; NaN where it has none.
        mean_thesis: over all verbs but the unscored ones; one without truth counts as 0.
        verbs: scores by verb.
    """

    mean: float
    mean_thesis: float
    verbs: Mapping[int, VerbScore]


def score_vcoco(
    predicted: Sequence[PredictedPairs],
    true: Sequence[TruePairs],
    allowed: Bools,
    unscored: Collection[int] = UNSCORED_VERBS,
) -> VcocoScores:
    """Scores the pairs of pictures against truth, both in the same order.

    A true pair without object needs the subject only, whatever object the detection has. Pictures without truth count.

    Args:
        allowed: ``(V, L)`` whether a verb can have an object of this class; the class "missing", ``L``, is allowed.
        unscored: verbs that ``mean_thesis`` leaves out.

    Raises:
        ValueError: there are not as many pictures with predictions as with truth.
    """
    judged = JudgedPairs.join([judge_picture(*picture, allowed) for picture in zip(predicted, true, strict=True)])
    verbs = {}
    for verb in range(len(allowed)):
        hit = judged.hit[judged.triplet[:, 2] == verb]
        count = sum(int((truth.pair[:, 2] == verb).sum()) for truth in true)
        verbs[verb] = VerbScore(count, len(hit), int(hit.sum()), eleven_point_ap(hit, count))
    seen = [score.ap for score in verbs.values() if score.pairs]
    return VcocoScores(
        mean=float(np.mean(seen)) if seen else float("nan"),
        mean_thesis=float(np.mean([score.ap for verb, score in verbs.items() if verb not in unscored])),
        verbs=verbs,
    )
