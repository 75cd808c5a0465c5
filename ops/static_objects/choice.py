"""Which stays are things of their own, and which a part or a shadow of another one."""

from collections.abc import Sequence

from ops.boxes import gaps_px, inside_shares, iou_matrix, size
from ops.static_objects.stays import Stay

MOSTLY_INSIDE = 0.7
"""Share of a box within another one's from which it is a part of that."""

TOGETHER_US = 10_000_000
"""Greatest time between the coming, or the going, of two that belong together: a car and its shadow."""

NEAR_SHARE = 0.3
"""Greatest gap between two that belong together, as a share of the larger one's longer side."""


def without_parts(stays: Sequence[Stay]) -> list[Stay]:
    """Returns stays without those that are a part, a shadow or a copy of another one: named and larger things first."""
    kept: list[Stay] = []
    order = sorted(stays, key=lambda stay: (stay.label is None, -float(size(stay.box).prod()), stay.start.time_us))
    for stay in order:
        if not any(_belongs(stay, other) for other in kept):
            kept.append(stay)
    return sorted(kept, key=lambda stay: (stay.start.time_us, tuple(stay.named_box)))


def _belongs(stay: Stay, other: Stay) -> bool:
    """Returns whether a stay is a part of another, or comes or goes with it beside it."""
    if stay.start.time_us > other.end.time_us or stay.end.time_us < other.start.time_us:
        return False
    if max(inside_shares(other.box[None], stay.box[None])[0, 0], _overlap(stay, other)) >= MOSTLY_INSIDE:
        return True
    if stay.label is not None:
        return False
    near = gaps_px(stay.box[None], other.box)[0] <= NEAR_SHARE * float(size(other.box).max())
    return bool(near) and (_together(stay, other, "start") or _together(stay, other, "end")) and other.label is not None


def _overlap(stay: Stay, other: Stay) -> float:
    return float(iou_matrix(stay.box[None], other.box[None])[0, 0])


def _together(stay: Stay, other: Stay, side: str) -> bool:
    one, two = getattr(stay, side), getattr(other, side)
    return "unseen" not in (one.by, two.by) and abs(one.time_us - two.time_us) <= TOGETHER_US
