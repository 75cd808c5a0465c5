"""Pictures with pairs, in the layout of the golden files."""

from typing import Any

import numpy as np

from ops.interactions.scores.pairs import PredictedPairs, TruePairs

Picture = dict[str, Any]


def predicted(picture: Picture, verbs: int) -> PredictedPairs:
    """Builds predictions from ``labels``, ``boxes``, ``verb_scores``, ``sub_ids`` and ``obj_ids``."""
    box, label = np.array(picture["boxes"], float).reshape(-1, 4), np.array(picture["labels"], int)
    subjects, objects = np.array(picture["sub_ids"], int), np.array(picture["obj_ids"], int)
    score = np.array(picture["verb_scores"], float).reshape(-1, verbs)
    return PredictedPairs(box[subjects], box[objects], label[subjects], label[objects], score)


def true(picture: Picture) -> TruePairs:
    """Builds truth from ``boxes``, ``labels`` and ``hois``."""
    box, label = np.array(picture["boxes"], float).reshape(-1, 4), np.array(picture["labels"], int)
    return TruePairs(box, label, np.array(picture["hois"], int).reshape(-1, 3))


def pictures(case: dict[str, Any], verbs: int) -> tuple[list[PredictedPairs], list[TruePairs]]:
    """Returns predictions and truth of a golden case."""
    return [predicted(each, verbs) for each in case["preds"]], [true(each) for each in case["gts"]]
