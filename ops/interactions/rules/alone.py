"""Primitives of one person: speed, posture, and how long they stay around one place; and the list of all."""

import numpy as np

from ops.arrays import run_starts
from ops.boxes import size
from ops.interactions.rules.pairs import PAIR_PRIMITIVES, Pairs, Primitive
from schemas.values import Float64

PACE_TICKS = 4
"""Ticks to each side over which somebody's way is measured: a second."""

UPRIGHT = 0.85
"""Stature, as a share of the own height standing, from which somebody stands."""


def _speed(pairs: Pairs) -> Float64:
    return pairs.moments.speed_m_s[pairs.subject]


def _pace(pairs: Pairs) -> Float64:
    """Returns how far the subject gets within a second before and after, by time, metres per second."""
    moments = pairs.moments
    tick = moments.tick - moments.tick.min(initial=0) + PACE_TICKS
    key = moments.track * (int(tick.max(initial=0)) + 2 * PACE_TICKS) + tick
    own = key[pairs.subject]
    first = np.searchsorted(key, own - PACE_TICKS)
    last = np.searchsorted(key, own + PACE_TICKS, side="right") - 1
    passed_s = (moments.time_us[last] - moments.time_us[first]) / 1e6
    away_m = np.hypot(*(moments.at[last] - moments.at[first]).T) * moments.m_per[pairs.subject]
    return np.asarray(away_m / np.where(passed_s > 0, passed_s, np.inf))


def _stature(pairs: Pairs) -> Float64:
    return np.nan_to_num(pairs.moments.stature[pairs.subject], nan=1.0)


def _spread(pairs: Pairs) -> Float64:
    width, height = size(pairs.own_box).T
    return np.asarray(width / np.maximum(height, 1.0))


def _since_upright(pairs: Pairs) -> Float64:
    """Returns how long ago the subject last stood, seconds; infinite if that was not seen."""
    moments = pairs.moments
    stood = np.nan_to_num(moments.stature, nan=0.0) >= UPRIGHT
    first = run_starts(moments.track)
    latest = np.maximum.accumulate(np.where(stood | first, np.arange(len(moments)), 0))
    passed_s = (moments.time_us - moments.time_us[latest]) / 1e6
    return np.asarray(np.where(stood[latest], passed_s, np.inf)[pairs.subject])


ALONE_PRIMITIVES = {
    "speed_m_s": Primitive(_speed, "speed of the subject, metres per second", alone=True),
    "pace_m_s": Primitive(
        _pace, "the same by the way within a second before and after: small where the camera shakes", alone=True
    ),
    "stature": Primitive(_stature, "height of the subject's box against the own height standing there", alone=True),
    "spread": Primitive(_spread, "width of the subject's box over its height", alone=True),
    "since_upright_s": Primitive(_since_upright, "time since the subject last stood upright, seconds", alone=True),
    "around_s": Primitive(
        lambda pairs: pairs.moments.around_s[pairs.subject],
        "time, before and after, that the subject stays within loiter_m of here, seconds; at most 1200",
        alone=True,
    ),
}

PRIMITIVES = ALONE_PRIMITIVES | PAIR_PRIMITIVES
"""All names that conditions may use, beside the parameters of ``interactions``."""
