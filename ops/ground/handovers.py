"""Tracks of one camera that end when and where another camera's begin: a person went behind something there.

It is the same question as for tracks that share time (``shared_paths.py``), asked once: how likely is it that one
person walked on from the end to the beginning, against somebody else's track beginning there by chance?
"""

import numpy as np

from ops.arrays import pairs_after
from ops.ground.shared_paths import STEP_S, WRONG_SHARE, Agreement, Paths, SamePlaceParams, density, velocities
from schemas.values import Float64, Int64

MOST_S = 1.0
"""Longest time between the end and the beginning, seconds."""

RARE = 2.5
"""Log odds against a handover before places are looked at: most tracks end where the person leaves."""

TURN_M_S = 0.7
"""Standard deviation, per axis, of how much a person's speed changes meanwhile, metres per second."""


def find_handovers(paths: Paths, known: Agreement, params: SamePlaceParams) -> Agreement:
    """Returns the pairs of tracks of different cameras that hand a person over, without those of ``known``."""
    first = np.searchsorted(paths.track, np.arange(len(paths.camera)))
    last = np.searchsorted(paths.track, np.arange(len(paths.camera)), side="right") - 1
    sampled = np.flatnonzero(last >= first)
    ends, begins = _pairs(paths, sampled)
    code = np.sort(np.column_stack([ends, begins]), axis=1) @ np.array([len(paths.camera), 1])
    new = ~np.isin(code, known.pair @ np.array([len(paths.camera), 1]))
    ends, begins = ends[new], begins[new]
    tail, head = last[ends], first[begins]
    gap_s = (paths.span_us[begins, 0] - paths.span_us[ends, 1])[:, None] / 1e6
    velocity = velocities(paths)
    # From sample to sample, which lie up to a step before the end and after the beginning.
    walked_s = (paths.step[head] - paths.step[tail])[:, None] * STEP_S
    missed = paths.place_m[tail] + walked_s * (velocity[tail] + velocity[head]) / 2 - paths.place_m[head]
    near = np.hypot(*missed.T) <= params.reach_m
    ends, begins, tail, head, missed, gap_s = (each[near] for each in (ends, begins, tail, head, missed, gap_s))
    wander = params.place_sigma_m**2 + (TURN_M_S * gap_s) ** 2
    spread = paths.covariance_m2[tail] + paths.covariance_m2[head] + wander[:, :, None] * np.eye(2)
    rivals = np.maximum(_repeats(ends), _repeats(begins))
    ratio = np.pi * params.reach_m**2 / rivals * density(missed, spread)
    evidence = np.log((1 - WRONG_SHARE) * ratio + WRONG_SHARE) - RARE
    pair = np.sort(np.column_stack([ends, begins]), axis=1)
    return Agreement(pair, evidence, np.zeros(len(pair)), np.hypot(*missed.T))


def _pairs(paths: Paths, sampled: Int64) -> tuple[Int64, Int64]:
    """Returns tracks that end, and tracks of other cameras and the same kind that begin soon after."""
    # At the very moment of the end, too: cameras of one clock take their frames together.
    before, after = pairs_after(paths.span_us[sampled, 1] - 1, paths.span_us[sampled, 0], round(MOST_S * 1e6) + 1)
    ends, begins = sampled[before], sampled[after]
    kept = (paths.camera[ends] != paths.camera[begins]) & (paths.kind[ends] == paths.kind[begins])
    return ends[kept], begins[kept]


def _repeats(tracks: Int64) -> Float64:
    """Returns how often each track occurs, ``(K,)``."""
    _, member, count = np.unique(tracks, return_inverse=True, return_counts=True)
    return count[member].astype(np.float64)
