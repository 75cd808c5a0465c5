"""How well tracks of different cameras agree on the ground: the evidence that two of them are of one person.

Each moment that two tracks share is judged by the ratio of two probabilities: that two cameras put one person as far
apart as here, and that somebody else is there by chance, as often as others of the second camera are near at that time.
A part of the moments may be wrong in any way, since feet are hidden behind counters and by others; so no moment says
more against two tracks than ``WRONG_SHARE`` allows.
"""

from dataclasses import dataclass, field

import numpy as np

from schemas.op import param
from schemas.values import Bools, Float64, Int64

STEP_S = 0.5
"""Time between the moments at which tracks are compared, seconds."""

MOST_GAP_S = 2.0
"""Longest time between two points of a track over which its place is interpolated, seconds."""

WRONG_SHARE = 0.1
"""Share of the moments whose places may be wrong in any way."""

LOOK_S = 3.0
"""Time after which an error is another one: hidden feet stay hidden for a while, seconds."""

MOST_LOOKS = 5.0
"""The most independent looks that two tracks can give: errors of the calibration never change."""


@dataclass(frozen=True)
class SamePlaceParams:
    """When two cameras put one person in one place."""

    reach_m: float = param(5.0, "farthest that two cameras put one person apart, metres")
    place_sigma_m: float = param(
        0.4, "standard deviation, per axis, of the distance between two cameras' places of one person, metres"
    )
    clock_s: float = param(0.2, "standard deviation of the difference between two cameras' clocks, seconds")


@dataclass(frozen=True, eq=False)
class Paths:
    """Where tracks of several cameras are, at common moments.

    Attributes:
        camera: ``(T,)``, number of each track's camera.
        kind: ``(T,)``, number of its kind of thing.
        span_us: ``(T, 2)``, its first and last time.
        track: ``(N,)``, track of each sample; samples are by track, then by time.
        step: ``(N,)``, moment of each sample, in steps of ``STEP_S`` since 1970.
        place_m: ``(N, 2)``.
        covariance_m2: ``(N, 2, 2)``.
    """

    camera: Int64
    kind: Int64
    span_us: Int64
    track: Int64
    step: Int64
    place_m: Float64
    covariance_m2: Float64
    steps_of: dict[int, Int64] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        first = np.searchsorted(self.track, np.arange(len(self.camera) + 1))
        spans = {track: self.step[first[track] : first[track + 1]] for track in range(len(self.camera))}
        object.__setattr__(self, "steps_of", spans)


@dataclass(frozen=True, eq=False)
class Agreement:
    """Pairs of tracks of different cameras that may be of one person.

    Attributes:
        pair: ``(P, 2)``, tracks, the lower number first.
        log_odds: ``(P,)``, how much likelier the distances are if both are of one person.
        shared_s: ``(P,)``, time that both are seen; 0 where one begins after the other's end.
        apart_m: ``(P,)``, mean distance while they are within reach.
    """

    pair: Int64
    log_odds: Float64
    shared_s: Float64
    apart_m: Float64

    def __add__(self, other: "Agreement") -> "Agreement":
        """Returns the pairs of both."""
        return Agreement(
            *(np.concatenate([getattr(each, name) for each in (self, other)]) for name in self.__dataclass_fields__)
        )


def sample_paths(
    track: Int64, time_us: Int64, place_m: Float64, covariance_m2: Float64
) -> tuple[Int64, Int64, Float64, Float64]:
    """Returns tracks at common moments: track ``(N,)``, step ``(N,)``, place ``(N, 2)``, covariance ``(N, 2, 2)``.

    Args:
        track: ``(M,)``, by track, then by time.
        time_us: ``(M,)``.
        place_m: ``(M, 2)``.
        covariance_m2: ``(M, 2, 2)``.
    """
    step_us = round(STEP_S * 1e6)
    if not len(track):
        return track, track, place_m, covariance_m2
    begin = np.flatnonzero(np.diff(track, prepend=track[0] - 1))
    end = np.append(begin[1:], len(track)) - 1
    first, last = -(-time_us[begin] // step_us), time_us[end] // step_us
    counts = np.maximum(last - first + 1, 0)
    owner = np.repeat(np.arange(len(begin)), counts)
    steps = first[owner] + np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    # One sorted key for all tracks: a day has 37 bits of microseconds.
    start = time_us.min()
    span = time_us.max() - start + 1
    place_of = np.repeat(np.arange(len(begin)), end - begin + 1)
    at = np.searchsorted(place_of * span + time_us - start, owner * span + steps * step_us - start, side="right") - 1
    after = np.minimum(at + 1, end[owner])
    gap_us = time_us[after] - time_us[at]
    share = np.where(gap_us > 0, (steps * step_us - time_us[at]) / np.maximum(gap_us, 1), 0.0)
    known = (gap_us <= MOST_GAP_S * 1e6) | (share == 0)
    at, after, share, owner, steps = (each[known] for each in (at, after, share, owner, steps))
    place = place_m[at] + share[:, None] * (place_m[after] - place_m[at])
    spread = covariance_m2[at] + share[:, None, None] * (covariance_m2[after] - covariance_m2[at])
    return track[begin][owner], steps, place, spread


def compare_paths(paths: Paths, params: SamePlaceParams) -> Agreement:
    """Returns every pair of tracks of one kind and different cameras that are ever within reach."""
    one, other = near_samples(paths, params.reach_m)
    if not len(one):
        empty = np.zeros(0)
        return Agreement(np.zeros((0, 2), np.int64), empty, empty, empty)
    apart = paths.place_m[one] - paths.place_m[other]
    spread = _spread(paths, one, other, params)
    ratio = _chance_area_m2(paths, one, other, params.reach_m) * density(apart, spread)
    evidence = np.log((1 - WRONG_SHARE) * ratio + WRONG_SHARE)
    names = paths.track[one] * len(paths.camera) + paths.track[other]
    found, member = np.unique(names, return_inverse=True)
    pair = np.column_stack(np.divmod(found, len(paths.camera)))
    near = np.bincount(member)
    shared = np.array(
        [len(np.intersect1d(paths.steps_of[a], paths.steps_of[b], assume_unique=True)) for a, b in pair.tolist()]
    )
    total = np.bincount(member, evidence) + (shared - near) * np.log(WRONG_SHARE)
    looks = np.minimum(1 + shared * STEP_S / LOOK_S, MOST_LOOKS)
    distance = np.bincount(member, np.hypot(*apart.T)) / near
    return Agreement(pair, looks * total / shared, shared * STEP_S, distance)


def near_samples(paths: Paths, reach_m: float) -> tuple[Int64, Int64]:
    """Returns pairs of samples within reach at one moment, of different cameras and one kind; the lower track first."""
    from scipy.spatial import cKDTree  # slow to import, and planning imports every op

    if not len(paths.step):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    # Moments are a third axis, so far apart that only samples of one moment are near.
    moments = (paths.step - paths.step.min()) * (2.0 * reach_m)
    tree = cKDTree(np.column_stack([paths.place_m, moments]))
    pairs = tree.query_pairs(reach_m, output_type="ndarray").astype(np.int64)
    one, other = np.sort(pairs, axis=1).T
    a, b = paths.track[one], paths.track[other]
    kept = (paths.camera[a] != paths.camera[b]) & (paths.kind[a] == paths.kind[b])
    order = np.lexsort((other[kept], one[kept]))
    return one[kept][order], other[kept][order]


def _spread(paths: Paths, one: Int64, other: Int64, params: SamePlaceParams) -> Float64:
    """Returns the covariance ``(K, 2, 2)`` of the distance of two samples of one person."""
    velocity = velocities(paths)
    drift = params.clock_s * (velocity[one] + velocity[other]) / 2
    spread = paths.covariance_m2[one] + paths.covariance_m2[other] + params.place_sigma_m**2 * np.eye(2)
    return np.asarray(spread + drift[:, :, None] * drift[:, None, :])


def velocities(paths: Paths) -> Float64:
    """Returns the velocity ``(N, 2)`` of each sample, m/s; 0 where a track has no neighbouring sample."""
    moved = np.zeros_like(paths.place_m)
    follows: Bools = (np.diff(paths.track) == 0) & (np.diff(paths.step) == 1)
    moved[1:][follows] = np.diff(paths.place_m, axis=0)[follows] / STEP_S
    begins = np.flatnonzero(follows & ~np.append(False, follows[:-1]))
    moved[begins] = moved[begins + 1]
    return moved


def _chance_area_m2(paths: Paths, one: Int64, other: Int64, reach_m: float) -> Float64:
    """Returns the ground per person of the other camera ``(K,)``, around each pair of samples, square metres."""
    circle = np.pi * reach_m**2
    rivals = np.zeros(len(one))
    cameras = len(paths.camera) and int(paths.camera.max()) + 1
    for sample, facing in ((one, other), (other, one)):
        key = sample * cameras + paths.camera[paths.track[facing]]
        _, member, count = np.unique(key, return_inverse=True, return_counts=True)
        rivals = np.maximum(rivals, count[member])
    return circle / rivals


def density(apart: Float64, spread: Float64) -> Float64:
    """Returns the density ``(K,)`` of a normal distribution about 0, per square metre."""
    determinant = spread[:, 0, 0] * spread[:, 1, 1] - spread[:, 0, 1] * spread[:, 1, 0]
    (a, b), (_, d) = spread.transpose(1, 2, 0)
    x, y = apart.T
    distance = (d * x * x - 2 * b * x * y + a * y * y) / determinant
    return np.asarray(np.exp(-distance / 2) / (2 * np.pi * np.sqrt(determinant)))
