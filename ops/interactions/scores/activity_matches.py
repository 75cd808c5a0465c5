"""Matches detected instances of one activity to references, one to one, with the largest total similarity."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ops.interactions.scores.protocols import Protocol, temporal_iou
from schemas.activities import ActivityInstance
from schemas.values import Float64

_TIE_WEIGHT = 1e-9
"""What overlap adds where the protocol does not count it. Any pairing of the same references and detections is as good
by confidence alone; of those the one with most overlap is taken, as in all of NIST's own cases."""


@dataclass(frozen=True)
class ActivityMatch:
    """A reference and the detection that finds it; ``row`` is the detection's, and ``similarity`` what chose it."""

    reference: ActivityInstance
    detection: ActivityInstance
    row: int
    similarity: float


def normalized_confidences(detections: Sequence[ActivityInstance]) -> Float64:
    """Returns confidences ``(N,)`` from 0 for the least of all activities to 1 for the highest; 1 if all are equal."""
    confidence = np.array([each.confidence for each in detections], np.float64)
    if not len(confidence) or confidence.min() == confidence.max():
        return np.ones(len(confidence))
    scaled: Float64 = (confidence - confidence.min()) / (confidence.max() - confidence.min())
    return scaled


def match_activity(
    references: Sequence[ActivityInstance],
    detections: Sequence[ActivityInstance],
    sureness: Float64,
    protocol: Protocol,
    frame_rate: float,
) -> tuple[ActivityMatch, ...]:
    """Matches the instances of one activity, file by file.

    Args:
        sureness: ``(N,)`` of each detection, 0..1.
        frame_rate: of the first file, in frames per second: NIST's scorer takes it for all files.
    """
    matches: list[ActivityMatch] = []
    for file in dict.fromkeys(each.file for each in references):
        true = [each for each in references if each.file == file]
        rows = [row for row, each in enumerate(detections) if each.file == file]
        similarity = np.zeros((len(true), len(rows)))
        preference = np.zeros_like(similarity)
        for column, row in enumerate(rows):
            for line, reference in enumerate(true):
                if protocol.may_match(reference, detections[row], frame_rate):
                    iou = temporal_iou(reference, detections[row])
                    similarity[line, column] = (
                        1 + protocol.iou_weight * iou + protocol.confidence_weight * sureness[row]
                    )
                    preference[line, column] = similarity[line, column] + _TIE_WEIGHT * iou
        matches += [
            ActivityMatch(true[line], detections[rows[column]], rows[column], float(similarity[line, column]))
            for line, column in _assign(preference)
        ]
    return tuple(matches)


def _assign(preference: Float64) -> list[tuple[int, int]]:
    """Returns the rows and columns of the assignment with the largest sum, without pairs that may not match."""
    if not preference.any():
        return []
    from scipy.optimize import linear_sum_assignment

    lines, columns = linear_sum_assignment(preference, maximize=True)
    return [
        (line, column)
        for line, column in zip(lines.tolist(), columns.tolist(), strict=True)
        if preference[line, column] > 0
    ]
