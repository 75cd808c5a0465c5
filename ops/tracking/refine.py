"""Refines tracklets in hindsight: an online tracker sees each only up to now, a nightly one from both of its ends."""

from collections.abc import Callable

import numpy as np

from ops.boxes import iou_matrix
from ops.tracking.detections import Detections, Tracklet
from ops.tracking.ends import TrackletEnd
from schemas.values import Bools, Float64

MOST_HEIGHT_RATIO = 1.6
"""Ends of two tracklets whose heights differ by a larger factor are not one thing."""

IMPOSSIBLE = 1e6


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


def stitch(detections: Detections, tracklets: list[Tracklet], max_gap_s: float, reach: float) -> list[Tracklet]:
    """Joins tracklets that are one thing, detected before and after it was hidden.

    The end of one tracklet and the beginning of another are carried towards each other by their own velocities; they
    are joined, one to one and cheapest first (Hungarian), where they meet and have similar heights.

    Args:
        detections: of one kind of thing.
        tracklets: in any order.
        max_gap_s: longest time for which a thing may be hidden.
        reach: greatest distance at which they may meet, in box sizes; it grows by itself with each second of the gap.
    """
    tracklets = detections.in_order(tracklets)
    cost = np.full((len(tracklets), len(tracklets)), IMPOSSIBLE)
    tails = [TrackletEnd(detections, tracklet, -1) for tracklet in tracklets]
    heads = [TrackletEnd(detections, tracklet, 0) for tracklet in tracklets]
    for before, tail in enumerate(tails):
        for after, head in enumerate(heads):
            gap_s = head.time_s - tail.time_s
            if 0 < gap_s <= max_gap_s:
                cost[before, after] = _stitch_cost(tail, head, gap_s, reach)
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(cost)
    following = {int(a): int(b) for a, b in zip(rows, columns, strict=True) if cost[a, b] < IMPOSSIBLE}
    return _follow_links(tracklets, following)


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

    On footage that is itself shorter than ``min_span_s`` a tracklet must last only as long as the footage.
    """
    if not len(detections):
        return []
    min_span_s = min(min_span_s, float(detections.frame_s[-1] - detections.frame_s[0]))
    return [
        tracklet
        for tracklet in tracklets
        if len(tracklet) > 1
        and detections.span_s(tracklet) >= min_span_s
        and detections.confidence[tracklet].mean() >= min_confidence
    ]


def _stitch_cost(tail: TrackletEnd, head: TrackletEnd, gap_s: float, reach: float) -> float:
    """Returns the cost of joining two ends: the miss, as a share of what is allowed, and a little for the gap."""
    if max(tail.size[1] / head.size[1], head.size[1] / tail.size[1]) > MOST_HEIGHT_RATIO:
        return IMPOSSIBLE
    velocity = (tail.velocity + head.velocity) / 2
    unit_px = float(np.sqrt(np.prod((tail.size + head.size) / 2)))
    miss = float(np.linalg.norm(tail.place + velocity * gap_s - head.place)) / unit_px
    allowed = reach * (1 + gap_s)
    return miss / allowed + gap_s / 10 if miss < allowed else IMPOSSIBLE


def _follow_links(tracklets: list[Tracklet], following: dict[int, int]) -> list[Tracklet]:
    """Concatenates tracklets along ``following``, from each that follows no other."""
    stitched = []
    for first in sorted(set(range(len(tracklets))) - set(following.values())):
        parts, number = [tracklets[first]], first
        while number in following:
            number = following[number]
            parts.append(tracklets[number])
        stitched.append(np.concatenate(parts))
    return stitched


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
