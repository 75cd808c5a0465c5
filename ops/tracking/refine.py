"""Refines tracklets in hindsight: an online tracker sees each only up to now, a nightly one from both of its ends."""

from collections.abc import Callable

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

    def beyond_both_ends(tracklet: Tracklet, free: Bools) -> list[int]:
        before = _beyond(detections, tracklet, free, overlap, 0, -1)
        return before + _beyond(detections, tracklet, free, overlap, -1, 1)

    return _grown(detections, tracklets, detections.confidence >= strong, beyond_both_ends)


def recover(detections: Detections, tracklets: list[Tracklet], overlap: float) -> list[Tracklet]:
    """Adds detections that no tracklet has to the tracklet whose gap they lie in, longest tracklets first.

    Args:
        detections: of one kind of thing.
        tracklets: in any order.
        overlap: least intersection over union of a detection with the box interpolated across the gap.
    """

    def in_gaps(tracklet: Tracklet, free: Bools) -> list[int]:
        return _in_gaps(detections, tracklet, free, overlap)

    return _grown(detections, tracklets, np.ones(len(detections), np.bool_), in_gaps)


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


def _grown(
    detections: Detections, tracklets: list[Tracklet], free: Bools, find: Callable[[Tracklet, Bools], list[int]]
) -> list[Tracklet]:
    """Adds to each tracklet what ``find`` gives for it, of the detections ``free`` ``(N,)`` that no tracklet has."""
    for tracklet in tracklets:
        free[tracklet] = False
    grown = []
    # The longest first: where two tracklets want a detection, the better supported one gets it.
    for tracklet in sorted(detections.in_order(tracklets), key=len, reverse=True):
        found = find(tracklet, free)
        free[found] = False
        grown.append(np.sort(np.concatenate([tracklet, np.array(found, np.int64)])))
    return detections.in_order(grown)


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


def _in_gaps(detections: Detections, tracklet: Tracklet, free: Bools, overlap: float) -> list[int]:
    """Returns free detections where a tracklet must be on the frames that it misses."""
    known = detections.frame[tracklet]
    found = []
    for number in np.setdiff1d(np.arange(known[0], known[-1]), known):
        time_s = detections.frame_s[number]
        expected = np.array([np.interp(time_s, detections.frame_s[known], edge) for edge in detections.box[tracklet].T])
        best = _best_fit(detections, expected, int(number), free, overlap)
        if best is not None:
            found.append(best)
    return found
