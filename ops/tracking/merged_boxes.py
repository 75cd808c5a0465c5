"""Drops tracklets that are nobody: boxes around two people at once, while both were hidden in each other.

Where one person passes behind another, a detector may see both as one, wide or tall. No tracklet fits that box, so it
begins one of its own, and a third person is counted. Offline it is known better: two tracklets were seen before and
after, and their boxes in between, drawn from both ends, fill the box together.
"""

import numpy as np

from ops.boxes import iou_matrix
from ops.tracking.detections import Detections, Tracklet
from schemas.values import Float64

FIT = 0.6
"""Least overlap (IoU) of a box with the one around two tracklets that are not detected in the frame."""

INSIDE = 0.7
"""Least share of each of the two that lies in the box."""

MOSTLY = 0.7
"""Least share of a tracklet's boxes that are around two others."""


def drop_merged(detections: Detections, tracklets: list[Tracklet]) -> list[Tracklet]:
    """Returns the tracklets without those whose boxes are mostly around two others that are hidden meanwhile."""
    hidden = _hidden_boxes(detections, tracklets)
    kept = []
    for number, tracklet in enumerate(tracklets):
        merged = 0
        for row in tracklet:
            others = [box for other, box in hidden.get(int(detections.frame[row]), ()) if other != number]
            merged += len(others) > 1 and _is_around_two(detections.box[row], np.array(others))
        if merged < MOSTLY * len(tracklet):
            kept.append(tracklet)
    return kept


def _hidden_boxes(detections: Detections, tracklets: list[Tracklet]) -> dict[int, list[tuple[int, Float64]]]:
    """Returns, by frame, the tracklets that are not detected there, but before and after, and where they should be."""
    hidden: dict[int, list[tuple[int, Float64]]] = {}
    for number, tracklet in enumerate(tracklets):
        seen = detections.frame[tracklet]
        frames = np.setdiff1d(np.arange(seen[0], seen[-1] + 1), seen, assume_unique=True)
        if not len(frames):
            continue
        at_s = detections.frame_s[frames]
        edges = [np.interp(at_s, detections.frame_s[seen], edge) for edge in detections.box[tracklet].T]
        for frame, box in zip(frames.tolist(), np.stack(edges, axis=1), strict=True):
            hidden.setdefault(frame, []).append((number, box))
    return hidden


def _is_around_two(box: Float64, others: Float64) -> bool:
    """Tells whether a box ``(4,)`` is the one around two of the others ``(K, 4)``."""
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=1)
    others = others[shared >= INSIDE * (others[:, 2:] - others[:, :2]).prod(axis=1)]
    one, other = np.triu_indices(len(others), 1)
    around: Float64 = np.hstack(
        [np.minimum(others[one, :2], others[other, :2]), np.maximum(others[one, 2:], others[other, 2:])]
    )
    return bool(len(around) and iou_matrix(box[None], around).max() >= FIT)
