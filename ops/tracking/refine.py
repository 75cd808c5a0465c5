"""What an online tracker cannot do and a nightly one can: look at chains of sightings from both of their ends."""

import numpy as np

from ops.boxes import centre, iou_matrix, size
from ops.tracking.detections import Chain, Sightings
from schemas.values import Bools, Float64

WINDOW_S = 1.0
"""Time at the end of a chain over which its velocity and its size are taken."""

IMPOSSIBLE = 1e6


def trim(sightings: Sightings, chains: list[Chain], strong: float) -> list[Chain]:
    """Chains without the weak sightings at their ends: there the tracker clung to whatever was near."""
    trimmed = []
    for chain in chains:
        sure = np.flatnonzero(sightings.confidence[chain] >= strong)
        if len(sure):
            trimmed.append(chain[sure[0] : sure[-1] + 1])
    return trimmed


def extend(sightings: Sightings, chains: list[Chain], strong: float, overlap: float) -> list[Chain]:
    """Carries chains on at both ends, frame by frame, over sure detections that no chain has.

    Above all backwards: the tracker confirms a thing only when it has seen it again, and forgets where it was before.

    Args:
        sightings: the detections.
        chains: chains in any order.
        strong: least confidence of what is added.
        overlap: least intersection over union of a detection with where the chain's velocity puts it.
    """
    free = sightings.confidence >= strong
    for chain in chains:
        free[chain] = False
    extended = []
    for chain in sorted(sightings.in_order(chains), key=len, reverse=True):
        found = _beyond(sightings, chain, free, overlap, 0, -1) + _beyond(sightings, chain, free, overlap, -1, 1)
        free[found] = False
        extended.append(np.sort(np.concatenate([chain, np.array(found, np.int64)])))
    return sightings.in_order(extended)


def stitch(sightings: Sightings, chains: list[Chain], max_gap_s: float, reach: float) -> list[Chain]:
    """Joins chains that are one thing seen before and after it was hidden.

    The end of one chain and the beginning of another are carried towards each other by their own velocities; they are
    joined, one to one and cheapest first (Hungarian), where they meet and have like heights.

    Args:
        sightings: the detections.
        chains: chains in any order.
        max_gap_s: longest time for which a thing may be hidden.
        reach: how far apart they may meet, in box sizes, and by how much more a second of hiding.
    """
    chains = sightings.in_order(chains)
    cost = np.full((len(chains), len(chains)), IMPOSSIBLE)
    tails = [_End(sightings, chain, -1) for chain in chains]
    heads = [_End(sightings, chain, 0) for chain in chains]
    for before, tail in enumerate(tails):
        for after, head in enumerate(heads):
            gap_s = head.time_s - tail.time_s
            if 0 < gap_s <= max_gap_s:
                cost[before, after] = _join_cost(tail, head, gap_s, reach)
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(cost)
    following = {int(a): int(b) for a, b in zip(rows, columns, strict=True) if cost[a, b] < IMPOSSIBLE}
    return _joined(chains, following)


def claim(sightings: Sightings, chains: list[Chain], overlap: float) -> list[Chain]:
    """Adds detections that no chain has to the chain whose gap they stand in, longest chains first.

    Args:
        sightings: the detections.
        chains: chains in any order.
        overlap: least intersection over union of a detection with the box interpolated across the gap.
    """
    free = np.ones(len(sightings), np.bool_)
    for chain in chains:
        free[chain] = False
    claimed = []
    for chain in sorted(sightings.in_order(chains), key=len, reverse=True):
        found = _in_gaps(sightings, chain, free, overlap)
        free[found] = False
        claimed.append(np.sort(np.concatenate([chain, np.array(found, np.int64)])))
    return sightings.in_order(claimed)


def believed(sightings: Sightings, chains: list[Chain], min_span_s: float, min_confidence: float) -> list[Chain]:
    """Chains that, in hindsight, lasted long enough and were seen surely enough on average.

    On footage that is itself shorter than ``min_span_s`` a chain need only last as long as that.
    """
    if not len(sightings):
        return []
    min_span_s = min(min_span_s, float(sightings.frame_s[-1] - sightings.frame_s[0]))
    return [
        chain
        for chain in chains
        if len(chain) > 1
        and sightings.span_s(chain) >= min_span_s
        and sightings.confidence[chain].mean() >= min_confidence
    ]


class _End:
    """Where one end of a chain is, how fast it moves and how large it is."""

    def __init__(self, sightings: Sightings, chain: Chain, end: int) -> None:
        times_s = sightings.time_s[chain]
        self.time_s = float(times_s[end])
        near = np.abs(times_s - self.time_s) <= WINDOW_S
        boxes = sightings.box[chain[near]]
        self.size: Float64 = np.median(size(boxes), axis=0)
        self.place, self.velocity = _line(times_s[near] - self.time_s, centre(boxes), end)


def _line(offset_s: Float64, places: Float64, end: int) -> tuple[Float64, Float64]:
    """Place at offset 0 and velocity of the straight line through places ``(N, 2)``, drawn to rest when short."""
    covered_s = float(np.ptp(offset_s))
    if len(offset_s) < 3 or covered_s < WINDOW_S / 4:
        return places[end], np.zeros(2)
    slope, place = np.polyfit(offset_s, places, 1)
    return place, slope * covered_s / (covered_s + WINDOW_S / 3)


def _join_cost(tail: _End, head: _End, gap_s: float, reach: float) -> float:
    if max(tail.size[1] / head.size[1], head.size[1] / tail.size[1]) > 1.6:
        return IMPOSSIBLE
    velocity = (tail.velocity + head.velocity) / 2
    unit_px = float(np.sqrt(np.prod((tail.size + head.size) / 2)))
    miss = float(np.linalg.norm(tail.place + velocity * gap_s - head.place)) / unit_px
    allowed = reach * (1 + gap_s)
    return miss / allowed + gap_s / 10 if miss < allowed else IMPOSSIBLE


def _joined(chains: list[Chain], following: dict[int, int]) -> list[Chain]:
    joined = []
    for first in sorted(set(range(len(chains))) - set(following.values())):
        parts, number = [chains[first]], first
        while number in following:
            number = following[number]
            parts.append(chains[number])
        joined.append(np.concatenate(parts))
    return joined


def _beyond(sightings: Sightings, chain: Chain, free: Bools, overlap: float, end: int, step: int) -> list[int]:
    """Free detections on the frames next to an end of a chain, as far as they go on without a miss."""
    found: list[int] = []
    last = _End(sightings, chain, end)
    box, number = sightings.box[chain[end]], int(sightings.frame[chain[end]])
    while 0 <= number + step < len(sightings.frame_s):
        ahead_s = sightings.frame_s[number + step] - sightings.frame_s[number]
        number += step
        expected = box + np.tile(last.velocity * ahead_s, 2)
        best = _best_fit(sightings, expected, number, free, overlap)
        if best is None:
            break
        found.append(best)
        box = sightings.box[best]
    return found


def _best_fit(sightings: Sightings, expected: Float64, number: int, free: Bools, overlap: float) -> int | None:
    """The free detection of a frame that lies best on a box, if any does."""
    rows = sightings.on_frame(number)
    rows = rows[free[rows]]
    if not len(rows):
        return None
    fit = iou_matrix(expected[None], sightings.box[rows])[0]
    return int(rows[fit.argmax()]) if fit.max() >= overlap else None


def _in_gaps(sightings: Sightings, chain: Chain, free: Bools, overlap: float) -> list[int]:
    """Free detections that stand where a chain must have been on the frames that it misses."""
    seen = sightings.frame[chain]
    found = []
    for number in np.setdiff1d(np.arange(seen[0], seen[-1]), seen):
        time_s = sightings.frame_s[number]
        expected = np.array([np.interp(time_s, sightings.frame_s[seen], edge) for edge in sightings.box[chain].T])
        best = _best_fit(sightings, expected, int(number), free, overlap)
        if best is not None:
            found.append(best)
    return found
