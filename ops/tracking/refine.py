"""Refines tracklets in hindsight: an online tracker sees each only up to now, a nightly one from both of its ends."""

import numpy as np

from ops.boxes import iou_matrix
from ops.tracking.detections import Detections, Tracklet
from ops.tracking.ends import TrackletEnd
from schemas.values import Bools, Float64

REPEATED_S = 1.0
"""Length below which a tracklet that repeats the boxes of one look is dropped, seconds."""


def trim(detections: Detections, tracklets: list[Tracklet], strong: float) -> list[Tracklet]:
    """Removes weak detections from the ends of tracklets: there the tracker clung to whatever was near."""
    trimmed = []
    for tracklet in tracklets:
        sure = np.flatnonzero(detections.confidence[tracklet] >= strong)
        if len(sure):
            trimmed.append(tracklet[sure[0] : sure[-1] + 1])
    return trimmed


def extend(detections: Detections, tracklets: list[Tracklet], strong: float, overlap: float) -> list[Tracklet]:
    """Continues tracklets at both ends, frame by frame, over sure detections that no tracklet has.

    Above all backwards: the tracker confirms a thing only at its second detection, and drops the first.

    Args:
        detections: of one kind of thing.
        tracklets: in any order.
        strong: least confidence of an added detection.
        overlap: least intersection over union of a detection with the box that the tracklet's velocity predicts.
    """
    free = detections.confidence >= strong
    for tracklet in tracklets:
        free[tracklet] = False
    extended = []
    # The longest first: where two tracklets want a detection, the better supported one gets it.
    for tracklet in sorted(detections.in_order(tracklets), key=len, reverse=True):
        found = _beyond(detections, tracklet, free, overlap, 0, -1)
        found += _beyond(detections, tracklet, free, overlap, -1, 1)
        free[found] = False
        extended.append(np.sort(np.concatenate([tracklet, np.array(found, np.int64)])))
    return detections.in_order(extended)


def filter_tracklets(
    detections: Detections, tracklets: list[Tracklet], min_span_s: float, min_confidence: float
) -> list[Tracklet]:
    """Keeps tracklets that last long enough and whose detections are confident enough on average.

    On footage that is itself shorter than ``min_span_s`` a tracklet must last only as long as the footage. A short one
    whose boxes all come from one look of the detector, which the next look did not find again, is dropped as well.
    """
    if not len(detections):
        return []
    last_frame = len(detections.frame_s) - 1
    min_span_s = min(min_span_s, float(detections.frame_s[-1] - detections.frame_s[0]))
    return [
        tracklet
        for tracklet in tracklets
        if len(tracklet) > 1
        and detections.span_s(tracklet) >= min_span_s
        and detections.confidence[tracklet].mean() >= min_confidence
        and not (
            detections.span_s(tracklet) < REPEATED_S
            and detections.frame[tracklet[-1]] < last_frame
            and _is_one_look(detections, tracklet)
        )
    ]


def _is_one_look(detections: Detections, tracklet: Tracklet) -> bool:
    """Tells whether all boxes are the same: where nothing changes, the boxes of one look are repeated."""
    return bool((detections.box[tracklet] == detections.box[tracklet[0]]).all())


def _beyond(detections: Detections, tracklet: Tracklet, free: Bools, overlap: float, end: int, step: int) -> list[int]:
    """Returns free detections on the frames beyond an end of a tracklet, up to the first frame without one.

    Args:
        detections: of one kind of thing.
        tracklet: to extend.
        free: ``(N,)`` detections that may be taken.
        overlap: least intersection over union with the predicted box.
        end, step: 0 and -1 to go backwards, -1 and 1 to go forwards.
    """
    last = TrackletEnd(detections, tracklet, end)
    box, number = detections.box[tracklet[end]], int(detections.frame[tracklet[end]])
    found: list[int] = []
    while 0 <= number + step < len(detections.frame_s):
        ahead_s = detections.frame_s[number + step] - detections.frame_s[number]
        number += step
        expected = box + np.tile(last.velocity * ahead_s, 2)
        best = _best_fit(detections, expected, number, free, overlap)
        if best is None:
            break
        found.append(best)
        box = detections.box[best]
    return found


def _best_fit(detections: Detections, expected: Float64, number: int, free: Bools, overlap: float) -> int | None:
    """Returns the free detection of a frame that overlaps most with a box; None if none does enough."""
    rows = detections.on_frame(number)
    rows = rows[free[rows]]
    if not len(rows):
        return None
    fit = iou_matrix(expected[None], detections.box[rows])[0]
    return int(rows[fit.argmax()]) if fit.max() >= overlap else None
