"""KITTI's average precision of 3D boxes, in three difficulties (Geiger et al., CVPR 2012).

Follows KITTI's development kit: per difficulty, true boxes that are too small, hidden or cut count neither way; so do
types that are alike (a van for a car). ``DontCare`` regions have no 3D boxes, and no effect. Precision is averaged over
40 recall points (Simonelli et al., ICCV 2019): 1/40, 2/40, ..., 1. The kit takes thresholds near these recalls, and so
gives less than 100 to perfect boxes if there are fewer than 40; here each recall is reached. For many boxes both agree.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ops.boxes import size
from ops.boxes3d.overlap import overlaps
from schemas.frame_boxes3d import FrameBoxes3d
from schemas.values import Float64, Int64

Measure = Literal["bev", "3d"]
Difficulty = Literal["easy", "moderate", "hard"]

RECALL_POINTS = 40


@dataclass(frozen=True)
class Limits:
    """Which true boxes a difficulty counts: height of the image box in pixels, ``occluded``, ``truncated``."""

    least_height_px: float
    most_occluded: int
    most_truncated: float


DIFFICULTIES: dict[Difficulty, Limits] = {
    "easy": Limits(40, 0, 0.15),
    "moderate": Limits(25, 1, 0.30),
    "hard": Limits(25, 2, 0.50),
}

LEAST_IOU = {"car": 0.7, "pedestrian": 0.5, "cyclist": 0.5}
"""Overlap from which a box is right; .5 for types that KITTI does not score."""

_ALIKE = {"car": ("van",), "pedestrian": ("person_sitting",)}


@dataclass(frozen=True)
class Precision:
    """Average precision of one type and difficulty, by one measure.

    Attributes:
        average: 0..100; None where no true box counts.
        truth: true boxes that count.
        mean_iou: overlap of each true box with the found box that fits it best, 0 where there is none, on average.
    """

    average: float | None
    truth: int
    mean_iou: float | None


def average_precision(
    truth: FrameBoxes3d, found: FrameBoxes3d, kind: str, measure: Measure, difficulty: Difficulty
) -> Precision:
    """Returns the average precision of one type.

    Args:
        truth: with 3D boxes.
        found: with scores.
        kind: KITTI's type, in any case.
        measure: overlap from above, or of volumes.
        difficulty: which true boxes count.
    """
    frames = [
        _frame(truth.take(truth.frame == number), found.take(found.frame == number), kind, measure, difficulty)
        for number in np.union1d(truth.frame, found.frame)
    ]
    least_iou = LEAST_IOU.get(kind.lower(), 0.5)
    count = sum(int((each.truth == _COUNTS).sum()) for each in frames)
    if not count:
        return Precision(None, 0, None)
    surest = np.concatenate([_match(each, least_iou, -np.inf, surest=True).scores for each in frames])
    precision = np.zeros(RECALL_POINTS)
    for place, threshold in enumerate(_thresholds(surest, count)):
        done = [_match(each, least_iou, threshold) for each in frames]
        right, wrong = (sum(getattr(each, name) for each in done) for name in ("right", "wrong"))
        precision[place] = right / (right + wrong) if right + wrong else 0.0
    precision = np.maximum.accumulate(precision[::-1])
    best = np.concatenate([_best(each) for each in frames])
    return Precision(float(100 * precision.mean()), count, float(best.mean()))


_COUNTS, _NEITHER, _OTHER = 0, 1, -1


@dataclass(frozen=True, eq=False)
class _Frame:
    """One frame: whether each true and each found box counts, overlaps ``(T, F)``, scores ``(F,)``."""

    truth: Int64
    found: Int64
    iou: Float64
    score: Float64


@dataclass(frozen=True, eq=False)
class _Hits:
    right: int
    wrong: int
    scores: Float64


def _frame(truth: FrameBoxes3d, found: FrameBoxes3d, kind: str, measure: Measure, difficulty: Difficulty) -> _Frame:
    limits = DIFFICULTIES[difficulty]
    names, theirs = (np.char.lower(each.kind) for each in (truth, found))
    height = size(truth.box)[:, 1]
    beyond = (truth.occluded > limits.most_occluded) | (truth.truncated > limits.most_truncated)
    beyond |= height <= limits.least_height_px
    own, alike = names == kind.lower(), np.isin(names, _ALIKE.get(kind.lower(), ()))
    status = np.select([own & ~beyond, own | alike], [_COUNTS, _NEITHER], _OTHER)
    small = size(found.box)[:, 1] < limits.least_height_px
    their_status = np.select([small, theirs == kind.lower()], [_NEITHER, _COUNTS], _OTHER)
    both = overlaps(*((each.location_m, each.size_m, each.rotation_y) for each in (truth, found)))
    return _Frame(status, their_status, both[measure == "3d"], found.score)


def _best(frame: _Frame) -> Float64:
    """Returns the greatest overlap of each true box that counts with a found box of its type."""
    iou = frame.iou[frame.truth == _COUNTS][:, frame.found != _OTHER]
    return np.asarray(iou.max(axis=1, initial=0.0))


def _match(frame: _Frame, least_iou: float, threshold: float, surest: bool = False) -> _Hits:
    """Gives each true box one found box, in order.

    Args:
        frame: the boxes.
        least_iou: overlap that a match needs.
        threshold: found boxes with a lower score are left out.
        surest: whether the surest box is taken, as for thresholds, and not the one that overlaps most.
    """
    free = (frame.found != _OTHER) & (frame.score >= threshold)
    scores = []
    for place in np.flatnonzero(frame.truth != _OTHER).tolist():
        fits = np.flatnonzero(free & (frame.iou[place] > least_iou))
        counted = fits[frame.found[fits] == _COUNTS]
        choice = fits if surest else counted if len(counted) else fits[:1]
        if not len(choice):
            continue
        by = frame.score if surest else frame.iou[place]
        taken = choice[int(by[choice].argmax())]
        free[taken] = False
        if frame.truth[place] == _COUNTS and frame.found[taken] == _COUNTS:
            scores.append(frame.score[taken])
    wrong = free & (frame.found == _COUNTS)
    return _Hits(len(scores), int(wrong.sum()), np.array(scores, np.float64))


def _thresholds(scores: Float64, count: int) -> list[float]:
    """Returns the scores at which the recall reaches 1/40, 2/40, ...; as many as are reached."""
    ordered = np.sort(scores)[::-1]
    needed = np.ceil(np.arange(1, RECALL_POINTS + 1) * count / RECALL_POINTS - 1e-9).astype(np.int64)
    return [float(ordered[each - 1]) for each in needed if each <= len(ordered)]
