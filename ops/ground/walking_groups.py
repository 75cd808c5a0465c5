"""Finds people who walk together, from how each pair of neighbours moves.

Two walk together who stay near each other at the same speed: of the distance ahead, the distance aside and the
difference of speeds, each a median over the time that they are near and over its limit, the squares add up to below 1.
Neighbours of a group walk abreast (Moussaid et al. 2010), so the limit aside is the tighter one. A group is all who are
connected by such pairs: the ends of a row of five are metres apart, and belong together because their neighbours do.
"""

from dataclasses import dataclass

import numpy as np

from ops.arrays import run_starts
from ops.ground.relative_motion import Movers, relative_motion
from schemas.values import Float64, Int64

WALKING_M_S = 0.3
"""Least common speed, metres per second: waiting side by side is no walk."""

NEAR_SHARE = 0.5
"""Share of the time both are seen in which they have to be near each other."""


@dataclass(frozen=True)
class WalkingLimits:
    """How near, alike and long two move to walk together."""

    ahead_m: float
    aside_m: float
    speed_m_s: float
    least_s: float


@dataclass(frozen=True, eq=False)
class Companions:
    """Pairs of tracks that walk together, ``(K,)`` each.

    Attributes:
        one, other: numbers of the tracks, the lower first.
        first_us, last_us: when they are near each other for the first and the last time.
        together: number of moments at which they are near each other.
        apart_m, apart_sigma_m: median distance then, and the median of its standard deviation.
    """

    one: Int64
    other: Int64
    first_us: Int64
    last_us: Int64
    together: Int64
    apart_m: Float64
    apart_sigma_m: Float64


def find_companions(
    movers: Movers,
    track: Int64,
    time_us: Int64,
    pairs: tuple[Int64, Int64],
    every_s: float,
    limits: WalkingLimits,
) -> Companions:
    """Returns the pairs of tracks that walk together.

    Args:
        movers: ``N`` things on the ground.
        track: ``(N,)``, number of each one's track.
        time_us: ``(N,)``, the same for all of one moment.
        pairs: rows ``(P,)`` of both of each pair near each other at one moment.
        every_s: time between two moments, seconds.
        limits: of those who walk together.
    """
    one, other = _by_pair(track, time_us, *pairs)
    code = track[one] * (int(track.max(initial=0)) + 1) + track[other]
    begin = np.flatnonzero(run_starts(code)) if len(code) else np.zeros(0, np.int64)
    end = np.append(begin[1:], len(code)).astype(np.int64) if len(code) else begin
    near = end - begin
    ahead, aside, differs, speed = (_medians(each, begin, end) for each in _figures(movers, one, other))
    strange = (ahead / limits.ahead_m) ** 2 + (aside / limits.aside_m) ** 2 + (differs / limits.speed_m_s) ** 2
    alike = (strange < 1) & (speed > WALKING_M_S)
    kept = np.flatnonzero(alike & (near * every_s >= limits.least_s))
    first, last = track[one[begin[kept]]], track[other[begin[kept]]]
    kept = kept[near[kept] >= NEAR_SHARE * _shared(track, time_us, first, last)]
    begin, end, near = begin[kept], end[kept], near[kept]
    rows = np.concatenate([np.arange(a, b) for a, b in zip(begin, end, strict=True)]) if len(kept) else begin
    one, other = one[rows], other[rows]
    apart = relative_motion(movers.take(one), movers.take(other), np.zeros(len(rows)))
    end = np.cumsum(near)
    begin = end - near
    return Companions(
        track[one[begin]],
        track[other[begin]],
        time_us[one[begin]],
        time_us[one[end - 1]],
        near,
        _medians(apart.distance_m, begin, end),
        _medians(apart.distance_sigma_m, begin, end),
    )


def _by_pair(track: Int64, time_us: Int64, one: Int64, other: Int64) -> tuple[Int64, Int64]:
    """Returns pairs of rows, the lower track first, by tracks and then by moment."""
    swap = track[one] > track[other]
    one, other = np.where(swap, other, one), np.where(swap, one, other)
    order = np.lexsort((time_us[one], track[other], track[one]))
    return one[order], other[order]


def _figures(movers: Movers, one: Int64, other: Int64) -> tuple[Float64, Float64, Float64, Float64]:
    """Returns of each pair the distance ahead and aside on their way, the difference of speeds, the common speed."""
    between = movers.place_m[other] - movers.place_m[one]
    mean = (movers.velocity_m_s[one] + movers.velocity_m_s[other]) / 2
    speed = np.hypot(*mean.T)
    way = mean / np.maximum(speed, 1e-9)[:, None]
    ahead = np.abs((between * way).sum(axis=1))
    aside = np.abs(between[:, 0] * way[:, 1] - between[:, 1] * way[:, 0])
    differs = np.hypot(*(movers.velocity_m_s[one] - movers.velocity_m_s[other]).T)
    # Of somebody without a speed, nobody knows whether they walk.
    unknown = np.isnan(speed)
    ahead, aside, differs = (np.where(unknown, np.inf, each) for each in (ahead, aside, differs))
    return ahead, aside, differs, np.where(unknown, 0.0, speed)


def _shared(track: Int64, time_us: Int64, one: Int64, other: Int64) -> Int64:
    """Returns the number of moments at which both tracks of each pair are seen."""
    names = np.unique(np.concatenate([one, other])).tolist()
    seen = {name: time_us[track == name] for name in names}
    pairs = zip(one.tolist(), other.tolist(), strict=True)
    return np.array([len(np.intersect1d(seen[a], seen[b], assume_unique=True)) for a, b in pairs], np.int64)


def _medians(values: Float64, begin: Int64, end: Int64) -> Float64:
    """Returns the lower median of each run ``(K,)`` of values."""
    run = np.repeat(np.arange(len(begin)), end - begin)
    return np.asarray(values[np.lexsort((values, run))][(begin + end - 1) // 2])
