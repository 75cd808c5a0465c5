"""Average precision of intervals at a least temporal overlap, as ActivityNet's evaluator computes it."""

from collections.abc import Sequence

import numpy as np

from ops.interactions.scores.protocols import temporal_iou
from schemas.activities import ActivityInstance

TEMPORAL_IOUS = tuple(step / 20 for step in range(1, 20))
"""Overlaps at which it is reported: 0.05 to 0.95."""


def temporal_ap(
    references: Sequence[ActivityInstance],
    detections: Sequence[ActivityInstance],
    least: float,
    as_nist: bool = False,
) -> float:
    """Returns the average precision of one activity, 0..1; 0 without references.

    In the order of confidence, the last of equal ones first, each detection takes the free reference of its file that
    it overlaps most.

    Args:
        least: temporal overlap from which a detection is right.
        as_nist: repeats a mistake of NIST's scorer: once the n-th reference of one file is taken, the n-th of every
            other file is, too. With one file there is no difference.
    """
    if not references or not detections:
        return 0.0
    by_file: dict[str, list[ActivityInstance]] = {}
    for reference in references:
        by_file.setdefault(reference.file, []).append(reference)
    taken: set[tuple[str, int]] = set()
    right = np.zeros(len(detections), np.bool_)
    order = np.argsort([each.confidence for each in detections], kind="stable")[::-1]
    for place, row in enumerate(order.tolist()):
        detection = detections[row]
        lock = "" if as_nist else detection.file
        overlaps = [
            (temporal_iou(reference, detection), line)
            for line, reference in enumerate(by_file.get(detection.file, ()))
            if (lock, line) not in taken
        ]
        if overlaps and max(overlaps)[0] >= least:
            right[place] = True
            taken.add((lock, max(overlaps)[1]))
    found = np.cumsum(right)
    precision = np.concatenate([[0.0], found / np.arange(1, len(found) + 1), [0.0]])
    recall = np.concatenate([[0.0], found / len(references), [1.0]])
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(recall) * envelope[1:]))
