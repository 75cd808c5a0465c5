"""How late the clocks of cameras are against each other, as people show whom two cameras see walking.

Recorders drift, by seconds if nothing sets them. A person who walks at 1.4 m/s is then metres from where the other
camera has the same moment. So for each pair of cameras that see much of each other, several differences are tried; the
one with the most agreement between tracks is taken where it is clearly better than none. Who stands still says nothing
about clocks, but for when they come and go.
"""

from dataclasses import replace

import numpy as np

from ops.ground.shared_paths import STEP_S, Paths, SamePlaceParams, compare_paths, near_samples, velocities
from schemas.values import Float64, Int64

MOST_STEPS = 8
"""Greatest difference that is tried, in steps of ``STEP_S``."""

CLEARLY = 1.2
CLEARLY_ODDS = 15.0
"""How much more agreement there must be than without a difference: its ratio, and in log odds."""

MOST_SAMPLES = 20_000
"""Samples of two cameras that are compared: an hour or two of a busy place tell enough."""


def late_clocks(paths: Paths, params: SamePlaceParams) -> Float64:
    """Returns how late each camera's clock is, ``(C,)`` seconds; 0 for the first camera of those that see each other.

    A camera that no other tells anything about counts as right.
    """
    from scipy.sparse import coo_array  # slow to import, and planning imports every op
    from scipy.sparse.csgraph import breadth_first_order, minimum_spanning_tree

    cameras = int(paths.camera.max(initial=-1)) + 1
    late_s = np.zeros(cameras)
    reach_m = params.reach_m + MOST_STEPS * STEP_S
    pairs, count = np.unique(
        paths.camera[paths.track[np.stack(near_samples(paths, reach_m))]], axis=1, return_counts=True
    )
    if not pairs.size:
        return late_s
    # Each camera is compared with the one that it shares most with, directly or through others: n cameras, n - 1 pairs.
    tree = minimum_spanning_tree(coo_array((-count.astype(float), np.sort(pairs, axis=0)), shape=(cameras, cameras)))
    seen = np.zeros(cameras, np.bool_)
    for first in range(cameras):
        if seen[first]:
            continue
        order, before = breadth_first_order(tree, first, directed=False)
        seen[order] = True
        for camera in order[1:]:
            late_s[camera] = late_s[before[camera]] + _difference_s(paths, int(before[camera]), int(camera), params)
    return late_s


def _difference_s(paths: Paths, one: int, other: int, params: SamePlaceParams) -> float:
    """Returns how much later the clock of camera ``other`` is than that of ``one``, seconds."""
    both = _common(paths, one, other)
    shifts = np.arange(-MOST_STEPS, MOST_STEPS + 1)
    agreed = np.array([_agreement(_shifted(both, other, shift), params) for shift in shifts.tolist()])
    none, best = agreed[MOST_STEPS], int(agreed.argmax())
    if agreed[best] < max(CLEARLY * none, none + CLEARLY_ODDS):
        best = MOST_STEPS
    return float(-shifts[best] * STEP_S + _rest_s(_shifted(both, other, int(shifts[best])), other, params))


def _common(paths: Paths, one: int, other: int) -> Paths:
    """Returns the samples of two cameras, the first ``MOST_SAMPLES`` of the time in which both see somebody."""
    camera = paths.camera[paths.track]
    near = MOST_STEPS + 1
    first, second = (np.unique(paths.step[camera == each] // near) for each in (one, other))
    rows = np.flatnonzero(np.isin(camera, (one, other)) & np.isin(paths.step // near, np.intersect1d(first, second)))
    if len(rows) > MOST_SAMPLES:
        rows = np.sort(rows[np.argsort(paths.step[rows], kind="stable")[:MOST_SAMPLES]])
    return _taken(paths, rows, paths.step)


def _shifted(paths: Paths, camera: int, steps: int) -> Paths:
    late = paths.camera[paths.track] == camera
    return _taken(paths, np.arange(len(paths.step)), paths.step + np.where(late, steps, 0))


def _taken(paths: Paths, rows: Int64, step: Int64) -> Paths:
    return replace(
        paths,
        track=paths.track[rows],
        step=step[rows],
        place_m=paths.place_m[rows],
        covariance_m2=paths.covariance_m2[rows],
    )


def _agreement(paths: Paths, params: SamePlaceParams) -> float:
    """Returns how much speaks for pairs of tracks that are one person, log odds."""
    return float(np.maximum(compare_paths(paths, params).log_odds, 0).sum())


def _rest_s(paths: Paths, other: int, params: SamePlaceParams) -> float:
    """Returns the difference that is left, less than a step: the mean distance along the walk, weighted by speed."""
    found = compare_paths(paths, params)
    sure = found.pair[found.log_odds > 2.0] @ np.array([len(paths.camera), 1])
    one, facing = near_samples(paths, params.reach_m)
    kept = np.isin(paths.track[one] * len(paths.camera) + paths.track[facing], sure)
    one, facing = one[kept], facing[kept]
    velocity = velocities(paths)
    speed = (velocity[one] + velocity[facing]) / 2
    ahead = paths.place_m[one] - paths.place_m[facing]  # of the one whose clock is late the place is an earlier one
    sign = np.where(paths.camera[paths.track[facing]] == other, 1.0, -1.0)
    weight = float((speed**2).sum())
    rest = float((sign * (ahead * speed).sum(axis=1)).sum()) / weight if weight > 0 else 0.0
    return float(np.clip(rest, -STEP_S, STEP_S))
