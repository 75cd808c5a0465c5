"""V-COCO agent AP and role AP, which published tables use (Gupta and Malik, "Visual Semantic Role Labeling", 2015)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ops.interactions.scores.pairs import MATCH_IOU, inclusive_iou
from schemas.values import Bools, Float64

Scenario = Literal[1, 2]
"""Where the truth has no object, scenario 1 wants none from a detection; scenario 2 accepts anything."""

UNPUBLISHED_ROLE = "point-instr"
"""Role that published tables leave out: too few instances."""


@dataclass(frozen=True)
class TrueRoles:
    """The persons of one picture, and what they do.

    Attributes:
        box: ``(P, 4)`` x1, y1, x2, y2 in pixels.
        judged: ``(P,)`` false for persons whom nobody labelled: their detections are neither right nor wrong.
        actions: ``(P, A)`` whether a person does this.
        objects: ``(P, A, R, 4)`` box of the object in each role of an action; NaN where there is none.
    """

    box: Float64
    judged: Bools
    actions: Bools
    objects: Float64


@dataclass(frozen=True)
class PredictedRoles:
    """Persons that a network found in one picture, with what they may do.

    Attributes:
        box: ``(K, 4)`` x1, y1, x2, y2 in pixels.
        agent_score: ``(K, A)`` of each action.
        objects: ``(K, A, R, 4)`` box of the object in each role of an action; NaN where it is missing.
        role_score: ``(K, A, R)`` of action and object.
    """

    box: Float64
    agent_score: Float64
    objects: Float64
    role_score: Float64


@dataclass(frozen=True)
class RoleScores:
    """Average precision by action, as ``hold``, or by action and role, as ``hold-obj``; 0..1, NaN without truth."""

    by_name: Mapping[str, float]

    @property
    def mean(self) -> float:
        """Mean of all, 0..1; NaN if one has no truth."""
        return float(np.mean(list(self.by_name.values())))

    @property
    def published_mean(self) -> float:
        """Mean without the role that published tables leave out, 0..1."""
        return float(np.mean([value for name, value in self.by_name.items() if name != UNPUBLISHED_ROLE]))


def score_agents(predicted: Sequence[PredictedRoles], true: Sequence[TrueRoles], actions: Sequence[str]) -> RoleScores:
    """Scores who does what, whatever the object.

    Args:
        predicted, true: of the same pictures in the same order.
        actions: names of the ``A`` actions.

    Raises:
        ValueError: there are not as many pictures with predictions as with truth.
    """
    pictures = [_Picture.of(*each) for each in zip(predicted, true, strict=True)]
    return RoleScores(
        {
            name: _average_precision(
                [each.judge(each.predicted.agent_score[:, index], index, None) for each in pictures],
                sum(int((each.true.actions[:, index] & each.true.judged).sum()) for each in pictures),
            )
            for index, name in enumerate(actions)
        }
    )


def score_roles(
    predicted: Sequence[PredictedRoles],
    true: Sequence[TrueRoles],
    roles: Mapping[str, Sequence[str]],
    scenario: Scenario,
) -> RoleScores:
    """Scores who does what with which object. Classes of objects do not matter.

    Args:
        predicted, true: of the same pictures in the same order.
        roles: the ``A`` actions, each with the names of its ``R`` roles at most; an action without is not scored.

    Raises:
        ValueError: there are not as many pictures with predictions as with truth.
    """
    pictures = [_Picture.of(*each) for each in zip(predicted, true, strict=True)]
    return RoleScores(
        {
            f"{action}-{role}": _average_precision(
                [
                    each.judge(each.predicted.role_score[:, index, place], index, each.fits(index, place, scenario))
                    for each in pictures
                ],
                sum(int((each.true.actions[:, index] & each.true.judged).sum()) for each in pictures),
            )
            for index, (action, names) in enumerate(roles.items())
            for place, role in enumerate(names)
        }
    )


@dataclass(frozen=True)
class _Picture:
    """One picture, with the true person ``(K,)`` whom each detection overlaps most, and by how much."""

    predicted: PredictedRoles
    true: TrueRoles
    person: np.ndarray[tuple[int, ...], np.dtype[np.int64]]
    overlap: Float64

    @classmethod
    def of(cls, predicted: PredictedRoles, true: TrueRoles) -> "_Picture":
        """Finds each detection's person; without any it is person 0, whom it does not overlap."""
        if not len(true.box):
            return cls(predicted, true, np.zeros(len(predicted.box), np.int64), np.zeros(len(predicted.box)))
        overlap = inclusive_iou(predicted.box, true.box, touching=True)
        return cls(predicted, true, overlap.argmax(axis=1), overlap.max(axis=1))

    def fits(self, action: int, role: int, scenario: Scenario) -> Bools:
        """Returns ``(K,)`` whether the object of each detection is that of its person."""
        found = self.predicted.objects[:, action, role]
        if not len(self.true.box):
            return np.zeros(len(found), np.bool_)
        wanted = self.true.objects[self.person, action, role]
        has_none = np.isnan(wanted).any(axis=1)
        overlaps = np.array(
            [
                not np.isnan(box).any() and inclusive_iou(box[None], other[None], touching=True)[0, 0] >= MATCH_IOU
                for box, other in zip(found, np.nan_to_num(wanted), strict=True)
            ],
            np.bool_,
        )
        finds_none = np.isnan(found).all(axis=1) | (found == 0).all(axis=1)
        return np.where(has_none, finds_none if scenario == 1 else True, overlaps).astype(np.bool_)

    def judge(self, score: Float64, action: int, fits: Bools | None) -> tuple[Float64, Bools]:
        """Returns the scores of the detections that count, the highest first, and which are right."""
        taken: set[int] = set()
        judged: list[tuple[float, bool]] = []
        for row in np.argsort(-score, kind="stable").tolist():
            person = int(self.person[row])
            if len(self.true.box) and not self.true.judged[person]:
                continue
            right = self.overlap[row] >= MATCH_IOU and bool(self.true.actions[person, action]) and person not in taken
            right = bool(right and (fits is None or fits[row]))
            if right:
                taken.add(person)
            judged.append((float(score[row]), right))
        return np.array([each[0] for each in judged]), np.array([each[1] for each in judged], np.bool_)


def _average_precision(parts: list[tuple[Float64, Bools]], count: int) -> float:
    """Returns the area under the envelope of precision over recall (PASCAL VOC 2010)."""
    if not count:
        return float("nan")
    score = np.concatenate([part[0] for part in parts])
    right = np.concatenate([part[1] for part in parts])[np.argsort(-score, kind="stable")]
    found = np.cumsum(right)
    recall = np.concatenate([[0.0], found / count, [1.0]])
    precision = np.concatenate([[0.0], found / np.arange(1, len(found) + 1), [0.0]])
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(recall) * envelope[1:]))
