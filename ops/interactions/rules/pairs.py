"""A person beside something at the same moment: pairs of moments, and what can be said of them (the primitives).

Each primitive is a function of ``Pairs`` that gives one number per pair; conditions of rules are written with their
names. ``PRIMITIVES`` lists them. Primitives of one person alone work as well where there is no object.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ops.boxes import iou_pairs, size
from ops.interactions.rules.moments import Moments
from schemas.values import Float64, Int64

REACH_M = 6.0
"""Greatest distance of two tracks that are compared."""

PART = 20_000
"""Moments that are compared at once: with 60 people in view, about a million pairs."""

HAND_TOP, HAND_BOTTOM, HAND_REACH = 0.3, 0.8, 0.4
"""The hands of a person: from 30 % to 80 % of the box's height, and sideways 40 % of its width beyond it."""

FOOT_TOP = 0.8
ASIDE, ABOVE_WRIST, BELOW_WRIST, AT_ANKLE = 0.3, 0.2, 0.5, 0.2
"""Reach of a hand and a foot whose joint a pose network found, body heights: bags hang below the wrist.

Tighter ones lose bags of the film of interactions, where they are beside people and not in their hands.
"""

TRAIL_STEPS = tuple(range(4, 33, 2))
"""Ticks, 1 to 8 seconds, after which a follower is looked for where the other was."""


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of a subject's moment and an object at that moment.

    Attributes:
        moments: of the whole day.
        subject: ``(P,)``, the subject's moment.
        number: ``(P,)``, which object it is: code of a track, thing or zone.
        moment: ``(P,)``, the object's moment; -1 for things at rest and zones.
        at: ``(P, 2)``, ``box``: ``(P, 4)``, of the object; NaN where it has none.
        velocity_m_s: ``(P, 2)``, of the object.
        zone_m: ``(P,)``, distance to the zone, 0 inside; NaN for other objects.
    """

    moments: Moments
    subject: Int64
    number: Int64
    moment: Int64
    at: Float64
    box: Float64
    velocity_m_s: Float64
    zone_m: Float64

    def __len__(self) -> int:
        return len(self.subject)

    def take(self, rows: Int64) -> "Pairs":
        """Returns some of the pairs."""
        return replace(
            self,
            **{
                name: getattr(self, name)[rows]
                for name in ("subject", "number", "moment", "at", "box", "velocity_m_s", "zone_m")
            },
        )

    @cached_property
    def own_box(self) -> Float64:
        """``(P, 4)``, of the subject."""
        return self.moments.box[self.subject]

    @cached_property
    def m_per(self) -> Float64:
        """``(P,)``, metres per unit of places: of two people the mean of both."""
        own = self.moments.m_per[self.subject]
        both = (self.moment >= 0) & self.moments.person[self.moment]
        return np.where(both, (own + self.moments.m_per[self.moment]) / 2, own)

    @cached_property
    def towards_m(self) -> Float64:
        """``(P, 2)``, from the subject to the object, metres."""
        return (self.at - self.moments.at[self.subject]) * self.m_per[:, None]

    @cached_property
    def own_velocity(self) -> Float64:
        """``(P, 2)``, of the subject, m/s."""
        return np.nan_to_num(self.moments.velocity_m_s[self.subject])


def track_pairs(moments: Moments) -> Iterator[Pairs]:
    """Yields all pairs of a person and another track that come near each other, in parts, each of whole ticks."""
    from scipy.spatial import cKDTree

    order = np.argsort(moments.tick, kind="stable")
    tick = moments.tick[order]
    first = 0
    while first < len(order):
        # Whole ticks: pairs of one moment stay in one part.
        end = int(np.searchsorted(tick, tick[min(first + PART, len(order)) - 1], side="right"))
        rows, first = order[first:end], end
        reach = REACH_M / float(moments.m_per[rows].min())
        # Time as a third axis, stretched so that different ticks are never near: one search finds all pairs.
        places = np.column_stack([moments.at[rows], (moments.tick[rows] - tick[end - 1]) * (4 * reach)])
        near = cKDTree(places).query_pairs(reach, output_type="ndarray").astype(np.int64)
        one, other = rows[near[:, 0]], rows[near[:, 1]]
        here, there = np.concatenate([one, other]), np.concatenate([other, one])
        kept = moments.person[here]
        if kept.any():
            yield _of_moments(moments, here[kept], there[kept])


def _of_moments(moments: Moments, here: Int64, there: Int64) -> Pairs:
    return Pairs(
        moments,
        here,
        moments.track[there],
        there,
        moments.at[there],
        moments.box[there],
        np.nan_to_num(moments.velocity_m_s[there]),
        np.full(len(here), np.nan),
    )


def alone(moments: Moments) -> Pairs:
    """Returns every moment of a person, with no object."""
    rows = np.flatnonzero(moments.person)
    nothing = np.full((len(rows), 4), np.nan)
    none = np.full(len(rows), -1, np.int64)
    return Pairs(moments, rows, none, none, nothing[:, :2], nothing, nothing[:, :2], nothing[:, 0])


def beside(moments: Moments, number: int, rows: Int64, box: Float64, at: Float64) -> Pairs:
    """Returns pairs of some moments with one thing at rest: ``box`` ``(4,)``, and ``at`` ``(2,)`` as of ``Moments``."""
    count = len(rows)
    return Pairs(
        moments,
        rows,
        np.full(count, number),
        np.full(count, -1),
        np.tile(at, (count, 1)),
        np.tile(box, (count, 1)),
        np.zeros((count, 2)),
        np.full(count, np.nan),
    )


def _distance(pairs: Pairs) -> Float64:
    return np.where(np.isfinite(pairs.zone_m), pairs.zone_m, np.hypot(*pairs.towards_m.T))


def _distance_sigma(pairs: Pairs) -> Float64:
    own = pairs.moments.sigma_m[pairs.subject]
    other = np.where(pairs.moment >= 0, pairs.moments.sigma_m[pairs.moment], 0.0)
    # Neighbours' errors are mostly those of the calibration and of cut feet, alike for both: half of each counts.
    return np.asarray(np.hypot(own, other) / 2)


def _gap(pairs: Pairs) -> Float64:
    """Returns the distance of the nearest edges of both boxes, metres; 0 where they touch."""
    own, box = pairs.own_box, pairs.box
    apart = np.maximum(np.maximum(own[:, :2] - box[:, 2:], box[:, :2] - own[:, 2:]), 0.0)
    return np.asarray(np.hypot(*apart.T) / pairs.moments.px_per_m[pairs.subject])


def _share_in(box: Float64, zone: Float64) -> Float64:
    """Returns the share of each box that lies in a zone ``(P, 4)``."""
    both = np.maximum(np.minimum(box[:, 2:], zone[:, 2:]) - np.maximum(box[:, :2], zone[:, :2]), 0.0)
    return np.asarray(both.prod(axis=1) / np.maximum(size(box).prod(axis=1), 1e-9))


def _hand(pairs: Pairs) -> Float64:
    x1, y1, x2, y2 = pairs.own_box.T
    wide, tall = HAND_REACH * (x2 - x1), y2 - y1
    guess = np.column_stack([x1 - wide, y1 + HAND_TOP * tall, x2 + wide, y1 + HAND_BOTTOM * tall])
    return _at_joints(pairs, pairs.moments.wrists, (ASIDE, ABOVE_WRIST, BELOW_WRIST), guess)


def _foot(pairs: Pairs) -> Float64:
    x1, y1, x2, y2 = pairs.own_box.T
    wide = HAND_REACH * (x2 - x1)
    guess = np.column_stack([x1 - wide, y1 + FOOT_TOP * (y2 - y1), x2 + wide, y2 + wide])
    return _at_joints(pairs, pairs.moments.ankles, (ASIDE, AT_ANKLE, AT_ANKLE), guess)


def _at_joints(pairs: Pairs, joints: Float64, reach: tuple[float, float, float], guess: Float64) -> Float64:
    """Returns the share of each object near one of both joints; where one of them is not known, in the ``guess``.

    Args:
        joints: ``(M, 4)`` of the moments.
        reach: how far a zone goes sideways, up and down from a joint, body heights.
        guess: ``(P, 4)``.
    """
    tall = size(pairs.own_box)[:, 1:]
    aside, above, below = reach
    spread = tall * [-aside, -above, aside, below]
    left, right = (np.tile(joints[pairs.subject][:, side], 2) + spread for side in (slice(0, 2), slice(2, 4)))
    near = np.fmax(_share_in(pairs.box, left), _share_in(pairs.box, right))
    known = np.isfinite(joints[pairs.subject]).all(axis=1)
    return np.where(known, near, _share_in(pairs.box, guess))


def _above(pairs: Pairs) -> Float64:
    """Returns how far the subject's feet are above the lower edge of the object, metres."""
    return np.asarray((pairs.box[:, 3] - pairs.own_box[:, 3]) / pairs.moments.px_per_m[pairs.subject])


def _aside(pairs: Pairs) -> Float64:
    """Returns the distance of the middles of both boxes sideways in the picture, metres."""
    middle = (pairs.own_box[:, 0] + pairs.own_box[:, 2] - pairs.box[:, 0] - pairs.box[:, 2]) / 2
    return np.asarray(np.abs(middle) / pairs.moments.px_per_m[pairs.subject])


def _heading_gap(pairs: Pairs) -> Float64:
    """Returns the angle between both movements, degrees; 180 where one stands."""
    own, other = pairs.own_velocity, pairs.velocity_m_s
    length = np.hypot(*own.T) * np.hypot(*other.T)
    cosine = (own * other).sum(axis=1) / np.where(length > 1e-6, length, np.inf)
    return np.where(length > 1e-6, np.degrees(np.arccos(np.clip(cosine, -1, 1))), 180.0)


def _ahead(pairs: Pairs) -> Float64:
    """Returns how far ahead of the subject the object is, along the subject's way, metres; below 0 behind."""
    speed = np.hypot(*pairs.own_velocity.T)
    return np.asarray((pairs.towards_m * pairs.own_velocity).sum(axis=1) / np.where(speed > 1e-6, speed, np.inf))


def _trail(pairs: Pairs) -> Float64:
    """Returns how far the subject is from where the object was 1 to 8 seconds ago, at its nearest, metres."""
    moments = pairs.moments
    width = int(moments.tick.max()) + 1 if len(moments) else 1
    key = moments.track * width + moments.tick
    own = moments.at[pairs.subject]
    wanted = moments.track[pairs.moment] * width + moments.tick[pairs.subject]
    least = np.full(len(pairs), np.inf)
    for step in TRAIL_STEPS:
        at = np.minimum(np.searchsorted(key, wanted - step), len(key) - 1)
        known = (key[at] == wanted - step) & (pairs.moment >= 0)
        away = np.hypot(*(moments.at[at] - own).T) * pairs.m_per
        least = np.where(known, np.minimum(least, away), least)
    return least


def _together(pairs: Pairs) -> Float64:
    return np.asarray(np.hypot(*(pairs.own_velocity - pairs.velocity_m_s).T))


@dataclass(frozen=True)
class Primitive:
    """What a name in a condition means.

    Attributes:
        value: of each pair.
        meaning: for the documentation, with the unit.
        sigma: standard deviation of ``value``; None: it counts as exact.
        alone: whether it is also known where there is no object.
    """

    value: Callable[[Pairs], Float64]
    meaning: str
    sigma: Callable[[Pairs], Float64] | None = None
    alone: bool = False


def own_height(pairs: Pairs) -> Float64:
    """Returns the height ratio of both people, at least 1: in a picture, who is larger is nearer to the camera."""
    own, other = size(pairs.own_box)[:, 1], size(pairs.box)[:, 1]
    ratio = np.maximum(own, 1.0) / np.maximum(other, 1.0)
    return np.asarray(np.maximum(ratio, 1 / ratio))


PAIR_PRIMITIVES = {
    "distance_m": Primitive(_distance, "distance on the ground; of a zone 0 inside, metres", _distance_sigma),
    "gap_m": Primitive(_gap, "distance of the nearest edges of both boxes in the picture, 0: they touch, metres"),
    "overlap": Primitive(lambda p: iou_pairs(p.own_box, p.box), "overlap (IoU) of both boxes, 0..1"),
    "inside": Primitive(lambda p: _share_in(p.box, p.own_box), "share of the object's box in the subject's, 0..1"),
    "covered": Primitive(lambda p: _share_in(p.own_box, p.box), "share of the subject's box in the object's, 0..1"),
    "hand": Primitive(_hand, "share of the object's box where the subject's hands may be, 0..1"),
    "foot": Primitive(_foot, "share of the object's box at the subject's feet, 0..1"),
    "feet_above_m": Primitive(_above, "height of the subject's feet above the object's lower edge, metres"),
    "aside_m": Primitive(_aside, "distance of the middles of both boxes sideways in the picture, metres"),
    "relative_speed_m_s": Primitive(_together, "speed relative to the object, metres per second"),
    "object_speed_m_s": Primitive(lambda p: np.hypot(*p.velocity_m_s.T), "speed of the object, metres per second"),
    "heading_gap_deg": Primitive(_heading_gap, "angle between both movements; 180 if one stands, degrees"),
    "ahead_m": Primitive(_ahead, "how far the object is ahead on the subject's way; below 0: behind, metres"),
    "trail_m": Primitive(_trail, "distance to where the object was 1 to 8 s ago, at its nearest, metres"),
    "height_ratio": Primitive(own_height, "height of the taller box over that of the other, from 1"),
}
