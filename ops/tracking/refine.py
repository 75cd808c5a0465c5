"""What an online tracker cannot do and a nightly one can: look at tracklets of detections from both of their ends."""

import numpy as np

from ops.boxes import centre, iou_matrix, size
from ops.tracking.detections import Detections, Tracklet
from schemas.values import Bools, Float64

WINDOW_S = 1.0
"""Time at the end of a tracklet over which its velocity and its size are taken."""

IMPOSSIBLE = 1e6


def trim(detections: Detections, tracklets: list[Tracklet], strong: float) -> list[Tracklet]:
    """Tracklets without the weak detections at their ends: there the tracker clung to whatever was near."""
    trimmed = []
    for tracklet in tracklets:
        sure = np.flatnonzero(detections.confidence[tracklet] >= strong)
        if len(sure):
            trimmed.append(tracklet[sure[0] : sure[-1] + 1])
    return trimmed


def extend(detections: Detections, tracklets: list[Tracklet], strong: float, overlap: float) -> list[Tracklet]:
    """Carries tracklets on at both ends, frame by frame, over sure detections that no tracklet has.

    Above all backwards: the tracker confirms a thing only when it has seen it again, and forgets where it was before.

    Args:
        detections: the detections.
        tracklets: tracklets in any order.
        strong: least confidence of what is added.
        overlap: least intersection over union of a detection with where the tracklet's velocity puts it.
    """
    free = detections.confidence >= strong
    for tracklet in tracklets:
        free[tracklet] = False
    extended = []
    for tracklet in sorted(detections.in_order(tracklets), key=len, reverse=True):
        found = _beyond(detections, tracklet, free, overlap, 0, -1) + _beyond(
            detections, tracklet, free, overlap, -1, 1
        )
        free[found] = False
        extended.append(np.sort(np.concatenate([tracklet, np.array(found, np.int64)])))
    return detections.in_order(extended)


def stitch(detections: Detections, tracklets: list[Tracklet], max_gap_s: float, reach: float) -> list[Tracklet]:
    """Joins tracklets that are one thing seen before and after it was hidden.

    The end of one tracklet and the beginning of another are carried towards each other by their own velocities; they are
    stitched, one to one and cheapest first (Hungarian), where they meet and have like heights.

    Args:
        detections: the detections.
        tracklets: tracklets in any order.
        max_gap_s: longest time for which a thing may be hidden.
        reach: how far apart they may meet, in box sizes, and by how much more a second of hiding.
    """
    tracklets = detections.in_order(tracklets)
    cost = np.full((len(tracklets), len(tracklets)), IMPOSSIBLE)
    tails = [_End(detections, tracklet, -1) for tracklet in tracklets]
    heads = [_End(detections, tracklet, 0) for tracklet in tracklets]
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
    """Adds detections that no tracklet has to the tracklet whose gap they stand in, longest tracklets first.

    Args:
        detections: the detections.
        tracklets: tracklets in any order.
        overlap: least intersection over union of a detection with the box interpolated across the gap.
    """
    free = np.ones(len(detections), np.bool_)
    for tracklet in tracklets:
        free[tracklet] = False
    recovered = []
    for tracklet in sorted(detections.in_order(tracklets), key=len, reverse=True):
        found = _in_gaps(detections, tracklet, free, overlap)
        free[found] = False
        recovered.append(np.sort(np.concatenate([tracklet, np.array(found, np.int64)])))
    return detections.in_order(recovered)


def filter_tracklets(
    detections: Detections, tracklets: list[Tracklet], min_span_s: float, min_confidence: float
) -> list[Tracklet]:
    """Tracklets that, in hindsight, lasted long enough and were seen surely enough on average.

    On footage that is itself shorter than ``min_span_s`` a tracklet need only last as long as that.
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


class _End:
    """Where one end of a tracklet is, how fast it moves and how large it is."""

    def __init__(self, detections: Detections, tracklet: Tracklet, end: int) -> None:
        times_s = detections.time_s[tracklet]
        self.time_s = float(times_s[end])
        near = np.abs(times_s - self.time_s) <= WINDOW_S
        boxes = detections.box[tracklet[near]]
        self.size: Float64 = np.median(size(boxes), axis=0)
        self.place, self.velocity = _line(times_s[near] - self.time_s, centre(boxes), end)


def _line(offset_s: Float64, places: Float64, end: int) -> tuple[Float64, Float64]:
    """Place at offset 0 and velocity of the straight line through places ``(N, 2)``, drawn to rest when short."""
    covered_s = float(np.ptp(offset_s))
    if len(offset_s) < 3 or covered_s < WINDOW_S / 4:
        return places[end], np.zeros(2)
    slope, place = np.polyfit(offset_s, places, 1)
    return place, slope * covered_s / (covered_s + WINDOW_S / 3)


def _stitch_cost(tail: _End, head: _End, gap_s: float, reach: float) -> float:
    if max(tail.size[1] / head.size[1], head.size[1] / tail.size[1]) > 1.6:
        return IMPOSSIBLE
    velocity = (tail.velocity + head.velocity) / 2
    unit_px = float(np.sqrt(np.prod((tail.size + head.size) / 2)))
    miss = float(np.linalg.norm(tail.place + velocity * gap_s - head.place)) / unit_px
    allowed = reach * (1 + gap_s)
    return miss / allowed + gap_s / 10 if miss < allowed else IMPOSSIBLE


def _follow_links(tracklets: list[Tracklet], following: dict[int, int]) -> list[Tracklet]:
    stitched = []
    for first in sorted(set(range(len(tracklets))) - set(following.values())):
        parts, number = [tracklets[first]], first
        while number in following:
            number = following[number]
            parts.append(tracklets[number])
        stitched.append(np.concatenate(parts))
    return stitched


def _beyond(detections: Detections, tracklet: Tracklet, free: Bools, overlap: float, end: int, step: int) -> list[int]:
    """Free detections on the frames next to an end of a tracklet, as far as they go on without a miss."""
    found: list[int] = []
    last = _End(detections, tracklet, end)
    box, number = detections.box[tracklet[end]], int(detections.frame[tracklet[end]])
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
    """The free detection of a frame that lies best on a box, if any does."""
    rows = detections.on_frame(number)
    rows = rows[free[rows]]
    if not len(rows):
        return None
    fit = iou_matrix(expected[None], detections.box[rows])[0]
    return int(rows[fit.argmax()]) if fit.max() >= overlap else None


def _in_gaps(detections: Detections, tracklet: Tracklet, free: Bools, overlap: float) -> list[int]:
    """Free detections that stand where a tracklet must have been on the frames that it misses."""
    seen = detections.frame[tracklet]
    found = []
    for number in np.setdiff1d(np.arange(seen[0], seen[-1]), seen):
        time_s = detections.frame_s[number]
        expected = np.array([np.interp(time_s, detections.frame_s[seen], edge) for edge in detections.box[tracklet].T])
        best = _best_fit(detections, expected, int(number), free, overlap)
        if best is not None:
            found.append(best)
    return found
