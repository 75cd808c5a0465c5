"""What it costs to take two tracklets for one person or thing, seen before and after it was hidden.

The end of one and the beginning of the other are carried towards each other by their own velocities. How far they miss,
how much they differ in size and in the colours of clothes, how long the gap is, and whether the side of the picture
lies between them, make a cost: the less, the likelier they are one.
"""

from dataclasses import dataclass

import numpy as np

from ops.tracking.clothes import clothes_of
from ops.tracking.colours import colour_distances
from ops.tracking.detections import Detections, Tracklet
from ops.tracking.ends import TrackletEnd
from ops.tracking.sides import cut_by_sides
from schemas.values import Bools, Float64, Int64

MISS, DRIFT = 0.25, 0.4
"""Standard deviation of the miss: in box sizes, and what each second of the gap adds."""

LENGTH = 0.2
"""Standard deviation of the logarithm of the ratio of heights, or of widths."""

HIDDEN_LEGS = 0.5
"""Cost of comparing the upper edges and widths of boxes, where centres and heights fit worse."""

GAP = 0.5
"""Cost of each second of a gap."""

LEFT = 2.0
"""Cost where one tracklet ends and the other begins at the same side of the picture: who walks out there and who walks
in are seldom the same."""

ALIKE, COLOURS = 0.06, 40.0
"""Distance of colours at which they say nothing, and cost of a distance: below it they speak for a join. Measured-real
on PETS and TUD-Campus: half of a person's tracklets are within .03 of each other, of two people's within .15."""

WORTH = 1.0
"""Cost below which a join is made."""


@dataclass(frozen=True)
class JoinPairs:
    """Pairs of tracklets that may be joined, ``(P,)`` each.

    Attributes:
        before, after: numbers of the tracklets.
        gap_s: seconds between them.
        cost: of the join, less ``WORTH``: those below 0 are worth making.
        by_colours: whether the colours of both are known.
    """

    before: Int64
    after: Int64
    gap_s: Float64
    cost: Float64
    by_colours: Bools

    def take(self, rows: Bools) -> "JoinPairs":
        """Returns the pairs of a mask."""
        return JoinPairs(self.before[rows], self.after[rows], self.gap_s[rows], self.cost[rows], self.by_colours[rows])


def join_pairs(detections: Detections, tracklets: list[Tracklet], max_gap_s: float) -> JoinPairs:
    """Returns all pairs of which one begins at most ``max_gap_s`` after the other ended."""
    tails = [TrackletEnd(detections, tracklet, -1) for tracklet in tracklets]
    heads = [TrackletEnd(detections, tracklet, 0) for tracklet in tracklets]
    gaps_s = np.array([head.time_s for head in heads]) - np.array([tail.time_s for tail in tails])[:, None]
    before, after = np.nonzero((gaps_s > 0) & (gaps_s <= max_gap_s))
    gap_s = gaps_s[before, after]
    velocity = (_each(tails, "velocity")[before] + _each(heads, "velocity")[after]) / 2
    size, later_size = _each(tails, "size")[before], _each(heads, "size")[after]
    spread_px = np.sqrt(((size + later_size) / 2).prod(axis=1)) * (MISS + DRIFT * gap_s)
    lengths = (np.log(size / later_size) / LENGTH) ** 2 / 2

    def missed(place: str) -> Float64:
        landing = _each(tails, place)[before] + velocity * gap_s[:, None]
        return np.asarray((np.linalg.norm(landing - _each(heads, place)[after], axis=1) / spread_px) ** 2 / 2)

    whole = missed("place") + lengths[:, 1]
    upper = missed("top") + lengths[:, 0] + HIDDEN_LEGS
    apart = _colour_distances(detections, tracklets, before, after)
    known = ~np.isnan(apart)
    cost = np.minimum(whole, upper) + GAP * gap_s - WORTH + np.where(known, COLOURS * (apart - ALIKE), 0.0)
    left = _cut_by_sides(detections, tails)[before] & _cut_by_sides(detections, heads)[after]
    return JoinPairs(before, after, gap_s, cost + np.where(left.any(axis=1), LEFT, 0.0), known)


def _cut_by_sides(detections: Detections, ends: list[TrackletEnd]) -> Bools:
    return cut_by_sides(np.array([end.box for end in ends], np.float64).reshape(-1, 4), detections.size_px)


def _each(ends: list[TrackletEnd], name: str) -> Float64:
    """Returns an attribute of all ends, ``(N, 2)``."""
    return np.array([getattr(end, name) for end in ends], np.float64).reshape(-1, 2)


def _colour_distances(detections: Detections, tracklets: list[Tracklet], before: Int64, after: Int64) -> Float64:
    """Returns how much the colours of pairs differ, ``(P,)``; NaN where they are unknown."""
    if detections.colours is None or not tracklets:
        return np.full(len(before), np.nan)
    colours = np.stack([clothes_of(detections, tracklet) for tracklet in tracklets])
    return colour_distances(colours[before], colours[after])
