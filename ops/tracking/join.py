"""Joins tracklets that are one person or thing, seen before and after it was hidden.

The end of one tracklet and the beginning of another are carried towards each other by their own velocities. How far
they miss, how much they differ in height and in the colours of clothes, and how long the gap is, make a cost. The joins
of the least total cost are made, one to one (Hungarian). Short gaps come first, so that a nearly certain join does not
lose its partner to a distant one, and long gaps see longer tracklets.
"""

import numpy as np

from ops.tracking.colours import SIZE, colour_distances, mean_colours
from ops.tracking.detections import Detections, Tracklet
from ops.tracking.ends import TrackletEnd
from schemas.values import Float32, Float64

MISS, DRIFT = 0.25, 0.4
"""Standard deviation of the miss: in box sizes, and what each second of the gap adds."""

HEIGHT = 0.2
"""Standard deviation of the logarithm of the ratio of heights."""

GAP = 0.5
"""Cost of each second of a gap."""

ALIKE, COLOURS = 0.06, 40.0
"""Distance of colours at which they say nothing, and cost of a distance: below it they speak for a join. Measured-real
on PETS and TUD-Campus: half of a person's tracklets are within .03 of each other, of two people's within .15."""

WORTH = 1.0
"""Cost below which a join is made."""

STEPS = (0.1, 0.25, 0.5, 1.0)
"""Shares of the longest gap up to which tracklets are joined, one after the other."""

SUREST = 16
"""Number of a tracklet's surest boxes whose colours count."""

IMPOSSIBLE = 1e6


def join(detections: Detections, tracklets: list[Tracklet], max_gap_s: float, alike_gap_s: float) -> list[Tracklet]:
    """Returns tracklets joined.

    Args:
        detections: of one kind of thing.
        tracklets: in any order.
        max_gap_s: longest gap.
        alike_gap_s: longest gap where the colours of both tracklets are known.
    """
    longest_s = max(max_gap_s, alike_gap_s)
    for share in STEPS:
        limit_s = share * longest_s
        tracklets = _joined(detections, tracklets, min(limit_s, max_gap_s), min(limit_s, alike_gap_s))
    return tracklets


def _joined(detections: Detections, tracklets: list[Tracklet], max_gap_s: float, alike_gap_s: float) -> list[Tracklet]:
    tracklets = detections.in_order(tracklets)
    if len(tracklets) < 2:
        return tracklets
    from scipy.optimize import linear_sum_assignment

    cost = _costs(detections, tracklets, max_gap_s, alike_gap_s)
    # Not to be joined costs nothing, and so do pairs that cost more than that.
    rows, columns = linear_sum_assignment(np.minimum(cost, 0.0))
    following = {int(a): int(b) for a, b in zip(rows, columns, strict=True) if cost[a, b] < 0}
    return _follow(tracklets, following)


def _costs(detections: Detections, tracklets: list[Tracklet], max_gap_s: float, alike_gap_s: float) -> Float64:
    """Returns the cost ``(N, N)`` of joining each tracklet's end to each one's beginning; below 0, it is worth it."""
    tails = [TrackletEnd(detections, tracklet, -1) for tracklet in tracklets]
    heads = [TrackletEnd(detections, tracklet, 0) for tracklet in tracklets]
    gap_s = np.array([head.time_s for head in heads]) - np.array([tail.time_s for tail in tails])[:, None]
    velocity = (_each(tails, "velocity")[:, None] + _each(heads, "velocity")[None]) / 2
    sizes, later_sizes = _each(tails, "size"), _each(heads, "size")
    unit_px = np.sqrt(((sizes[:, None] + later_sizes[None]) / 2).prod(axis=2))
    landing = _each(tails, "place")[:, None] + velocity * gap_s[..., None]
    miss = np.linalg.norm(landing - _each(heads, "place")[None], axis=2) / unit_px
    heights = np.log(sizes[:, None, 1] / later_sizes[None, :, 1])
    apart = colour_distances(*(2 * [_colours(detections, tracklets)]))
    known = ~np.isnan(apart)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        cost = (miss / (MISS + DRIFT * gap_s)) ** 2 / 2 + (heights / HEIGHT) ** 2 / 2 + GAP * gap_s - WORTH
    cost += np.where(known, COLOURS * (apart - ALIKE), 0.0)
    allowed = (gap_s > 0) & (gap_s <= np.where(known, alike_gap_s, max_gap_s))
    return np.where(allowed, cost, IMPOSSIBLE)


def _each(ends: list[TrackletEnd], name: str) -> Float64:
    """Returns an attribute of all ends, ``(N, 2)``."""
    return np.array([getattr(end, name) for end in ends], np.float64).reshape(-1, 2)


def _colours(detections: Detections, tracklets: list[Tracklet]) -> Float32:
    """Returns the mean colours of each tracklet's surest boxes, ``(N, SIZE)``."""
    if detections.colours is None:
        return np.zeros((len(tracklets), SIZE), np.float32)
    means = []
    for tracklet in tracklets:
        known = tracklet[detections.colours[tracklet].any(axis=1)]
        surest = known[np.argsort(-detections.confidence[known], kind="stable")[:SUREST]]
        means.append(mean_colours(detections.colours[surest]))
    return np.stack(means)


def _follow(tracklets: list[Tracklet], following: dict[int, int]) -> list[Tracklet]:
    """Concatenates tracklets along ``following``, from each that follows no other."""
    joined = []
    for first in sorted(set(range(len(tracklets))) - set(following.values())):
        parts, number = [tracklets[first]], first
        while number in following:
            number = following[number]
            parts.append(tracklets[number])
        joined.append(np.concatenate(parts))
    return joined
