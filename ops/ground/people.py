"""Measures a camera's ground by the people on it: where they are in the picture, how tall they look there, and how
they walk.

People are upright and of one kind of stature, so that the way in which their height in the picture changes from place
to place fixes the horizon, and their stature fixes the scale (Lv, Zhao and Nevatia, "Camera calibration from video of a
walking human", PAMI 2006). How long the lens is shows in the height of boxes hardly at all: twice as long and twice as
far looks alike. But people who walk keep their speed when they turn, and walk towards the camera as fast as across its
view (Bose and Grimson, "Ground plane rectification by tracking moving objects", VS-PETS 2003).

So there are two kinds of equations: the row of a box's upper edge when its lower edge is on the ground, and the speed
of a step of a few seconds. A person has one stature and a usual speed, so the equations of a track share an unknown
factor, which is integrated out. Errors have heavy tails (Student's t): hidden legs, raised arms, people on stairs, who
wait or run. Stature has them too: children count by how their height changes, not by how tall they are. The fit is
Gauss-Newton with damping on five parameters, the last of which is the mean speed, from several starts.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ops.ground.ground_model import GroundModel, from_vector
from ops.ground.project import jacobian, to_ground
from ops.ground.stature import STATURE_M, STATURE_SHARE
from schemas.values import Float64, Int64

MEAN_SHARE = 0.03
"""Standard deviation of the mean stature of a crowd against ``STATURE_M``, and of how high boxes reach, a share."""

SPEED_M_S, SPEED_SHARE = 1.3, 0.2
"""Usual speed of people who walk, and its standard deviation among people as a share (Daamen and Hoogendoorn 2006)."""

SPEED_MEAN_SHARE = 0.15
"""Standard deviation of the mean speed from place to place, as a share."""

FOCAL_PRIOR = (0.0, 0.5)
"""Mean and deviation of the logarithm of focal length by frame width: 21 to 108 degrees wide within two deviations."""

ROLL_SIGMA = np.radians(6)
"""How far from level cameras are mounted."""

HEIGHT_NOISE, SPEED_NOISE = (0.05, 0.02), (0.15, 0.05)
"""Standard deviation of a box's height, and of a person's speed from step to step, as shares: to begin with, and the
least; between these it is measured."""

UNSURE = 2.0
"""Factor by which steps count as less sure than their feet say: they look longer, or turned, by such errors."""

EDGE_NOISE_PX = 1.0
"""Standard deviation of a box's edge, added to the share."""

ALIKE = 4
"""Errors of one person's boxes are alike, so that a track counts as no more than this many independent equations."""

HEAVY_TAIL = 4.0
"""Degrees of freedom of Student's t."""

ROUNDS = 60
"""Most steps of the fit from one start."""

FOCAL_STARTS = (0.5, 0.9, 1.6)
TILT_STARTS_DEG = (5, 15, 30, 50)
STARTS = 2
SLOWEST_SHARE = 0.1
"""Least speed by the usual one: people who stand are taken as this slow."""

_UNKNOWN = 1e3
"""Deviation of what has none."""

_IMPOSSIBLE = 2.0
"""Logarithm of the factor by which something counts as wrong that cannot be seen at all, as feet above the horizon."""


@dataclass(frozen=True, eq=False)
class PeopleBoxes:
    """Boxes of upright people who walk, of frames of one size, and steps of theirs.

    Attributes:
        size_px: (width, height) of the frames.
        box: ``(N, 4)`` x1, y1, x2, y2 in pixels.
        track: ``(N,)``, number of the person, from 0.
        step: ``(M, 2, 2)``, pixels where a step begins and ends.
        step_s: ``(M,)``, how long it takes.
        step_sigma_px: ``(M,)``, standard deviation of each end.
        step_track: ``(M,)``, number of the person.
    """

    size_px: tuple[int, int]
    box: Float64
    track: Int64
    step: Float64
    step_s: Float64
    step_sigma_px: Float64
    step_track: Int64

    def __len__(self) -> int:
        return len(self.track)


def fit_people(people: PeopleBoxes) -> GroundModel | None:
    """Returns the ground on which these people walk; None where no camera above level ground shows them like that.

    Where all people are at one distance, the horizon is not determined and the covariance is wide.
    """
    if len(people) < 2:
        return None
    found = [each for each in (_refine(people, start) for start in _starts(people)) if each is not None]
    if not found:
        return None
    best = min(found, key=lambda fit: fit.cost)
    covariance = np.asarray(np.linalg.inv(best.equations()[1])[:4, :4], np.float64)
    covariance[3, 3] += MEAN_SHARE**2
    off_px = np.abs(np.expm1(-best.heights.residual)) * (people.box[:, 3] - people.box[:, 1])
    pinhole = from_vector(people.size_px, best.vector[:4])
    return GroundModel("people", pinhole, covariance, len(people), float(np.median(off_px)))


def head_heights_px(size_px: tuple[int, int], vector: Float64, box: Float64) -> Float64:
    """Returns how high ``(N,)`` a person of mean stature looks who stands where a box ``(N, 4)`` ends, pixels.

    NaN where the lower edge is not on the ground, or the head is not ahead of the lens.
    """
    focal, up = np.exp(vector[0]), from_vector(size_px, vector[:4]).up()
    centre = (box[:, 0] + box[:, 2]) / 2 - size_px[0] / 2
    foot_u, foot_v = centre, box[:, 3] - size_px[1] / 2
    for _ in range(3):  # a person leans in the picture; the box's middle is halfway between head and foot
        sight = np.column_stack([foot_u / focal, foot_v / focal, np.ones(len(box))])
        drop = -(sight @ up)
        head = sight / np.where(drop > 0, drop, np.nan)[:, None] + STATURE_M * np.exp(-vector[3]) * up
        head_px = head[:, :2] / np.where(head[:, 2:] > 0, head[:, 2:], np.nan) * focal
        foot_u = centre - (head_px[:, 0] - foot_u) / 2
    return np.asarray(foot_v - head_px[:, 1])


def _height_residuals(people: PeopleBoxes, vector: Float64) -> Float64:
    """Returns logarithms ``(N,)`` of boxes' heights by what they should be."""
    seen = people.box[:, 3] - people.box[:, 1]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.log(seen / head_heights_px(people.size_px, vector, people.box)))


def _speed_residuals(people: PeopleBoxes, vector: Float64) -> Float64:
    """Returns logarithms ``(M,)`` of the speed of steps by the mean speed; NaN above the horizon."""
    plane = from_vector(people.size_px, vector[:4]).ground_plane("")
    way = to_ground(plane, people.step[:, 1]) - to_ground(plane, people.step[:, 0])
    share = np.hypot(*way.T) / (SPEED_M_S * np.exp(vector[4]) * people.step_s)
    return np.asarray(np.log(np.maximum(share, SLOWEST_SHARE)))


def _speed_sigmas(people: PeopleBoxes, vector: Float64) -> Float64:
    """Returns what errors of feet add to the deviation of these logarithms, ``(M,)``.

    It is that of a step in the direction in which feet are least sure: did it depend on how a step looks, steps that an
    error makes long would count more than those that it makes short.
    """
    plane = from_vector(people.size_px, vector[:4]).ground_plane("")
    (a, b), (c, d) = jacobian(plane, people.step.mean(axis=1)).transpose(1, 2, 0)
    half = (a**2 + b**2 + c**2 + d**2) / 2
    largest = np.sqrt(half + np.sqrt(np.maximum(half**2 - (a * d - b * c) ** 2, 0)))
    sigma = largest * people.step_sigma_px * np.sqrt(2) / (SPEED_M_S * np.exp(vector[4]) * people.step_s)
    return np.asarray(np.nan_to_num(sigma, nan=_UNKNOWN))


@dataclass(frozen=True, eq=False)
class _Shared:
    """Residuals whose tracks share an unknown factor, weighed by how well they agree.

    Attributes:
        track: ``(N,)``.
        residual: ``(N,)``.
        weight: ``(N,)``, inverse variances.
        common: ``(K,)``, what the residuals of each track share.
        common_weight: ``(K,)``, inverse variances of that.
        cost: negative logarithm of their likelihood, but for a constant.
    """

    track: Int64
    residual: Float64
    weight: Float64
    common: Float64
    common_weight: Float64
    cost: float

    @classmethod
    def weigh(cls, residual: Float64, variance: Float64, track: Int64, spread: float, tracks: int) -> "_Shared":
        """Weighs residuals ``(N,)``; ``spread`` is the deviation of what a track shares."""
        residual = np.where(np.isfinite(residual), residual, _IMPOSSIBLE)
        independent = np.minimum(1, ALIKE / np.maximum(np.bincount(track, minlength=tracks), 1))[track]
        weight, common_weight = independent / variance, np.full(tracks, spread**-2)
        common, square, off = np.zeros(tracks), np.zeros(len(residual)), np.zeros(tracks)
        for _ in range(8):
            total = np.bincount(track, weight, tracks) + common_weight
            common = np.bincount(track, weight * residual, tracks) / total
            square = (residual - common[track]) ** 2 / variance
            weight = independent * (HEAVY_TAIL + 1) / (HEAVY_TAIL + square) / variance
            off = (common / spread) ** 2
            common_weight = (HEAVY_TAIL + 1) / (HEAVY_TAIL + off) / spread**2
        tails = independent @ np.log1p(square / HEAVY_TAIL) + np.log1p(off / HEAVY_TAIL).sum()
        return cls(track, residual, weight, common, common_weight, float((HEAVY_TAIL + 1) / 2 * tails))

    @property
    def noise(self) -> float:
        """Returns the standard deviation of residuals within their tracks."""
        return float(1.4826 * np.median(np.abs(self.residual - self.common[self.track])))

    def equations(self, slope: Float64) -> tuple[Float64, Float64]:
        """Returns gradient ``(P,)`` and information ``(P, P)``, the common factors integrated out."""
        tracks = len(self.common)
        total = np.bincount(self.track, self.weight, tracks) + self.common_weight
        sums = np.stack([np.bincount(self.track, self.weight * column, tracks) for column in slope.T], axis=1)
        information = (slope * self.weight[:, None]).T @ slope - (sums / total[:, None]).T @ sums
        return slope.T @ (self.weight * (self.residual - self.common[self.track])), information


@dataclass(frozen=True, eq=False)
class _Judged:
    """All equations under one vector of parameters ``(5,)``: those of a camera, and the logarithm of mean speed."""

    people: PeopleBoxes
    vector: Float64
    heights: _Shared
    speeds: _Shared
    cost: float

    @cached_property
    def _slopes(self) -> tuple[Float64, Float64]:
        pairs = []
        for number in range(5):
            moved = np.zeros(5)
            moved[number] = 1e-6
            ends = (self.vector + moved, self.vector - moved)
            pairs.append([_central(each, self.people, ends) for each in (_height_residuals, _speed_residuals)])
        heights, speeds = (np.stack(columns, axis=1) for columns in zip(*pairs, strict=True))
        return heights, speeds

    @property
    def noise(self) -> tuple[float, float]:
        """Returns deviations of heights and of speeds within tracks, as measured, but not below the least."""
        speeds = self.speeds.noise if len(self.people.step_s) else 0.0
        return max(HEIGHT_NOISE[1], self.heights.noise), max(SPEED_NOISE[1], speeds)

    def equations(self) -> tuple[Float64, Float64]:
        """Returns gradient ``(5,)`` and information ``(5, 5)``."""
        gradient, information = _prior_gradient(self.people.size_px, self.vector)
        for shared, slope in zip((self.heights, self.speeds), self._slopes, strict=True):
            more_gradient, more_information = shared.equations(slope)
            gradient, information = gradient + more_gradient, information + more_information
        return gradient, information


def _central(
    residuals: Callable[[PeopleBoxes, Float64], Float64], people: PeopleBoxes, ends: tuple[Float64, Float64]
) -> Float64:
    return np.nan_to_num((residuals(people, ends[0]) - residuals(people, ends[1])) / 2e-6)


@dataclass(frozen=True, eq=False)
class _Errors:
    """Variances of residuals ``(N,)`` and ``(M,)``; fixed while parameters are tried, or large ones would be liked."""

    heights: Float64
    speeds: Float64

    @classmethod
    def expected(cls, people: PeopleBoxes, vector: Float64, noise: tuple[float, float]) -> "_Errors":
        """Returns those at some parameters, with deviations ``noise`` of heights and of speeds."""
        heights = noise[0] ** 2 + 2 * (EDGE_NOISE_PX / (people.box[:, 3] - people.box[:, 1])) ** 2
        speeds = noise[1] ** 2 + (UNSURE * _speed_sigmas(people, vector)) ** 2
        return cls(heights, speeds)


def _judge(people: PeopleBoxes, vector: Float64, errors: _Errors) -> _Judged | None:
    """Weighs all equations; None for parameters that no camera has."""
    if not (abs(vector[1]) < np.pi / 2 and abs(vector[2]) < np.pi / 2):
        return None
    tracks = 1 + int(max(people.track.max(), people.step_track.max(initial=0)))
    heights = _Shared.weigh(_height_residuals(people, vector), errors.heights, people.track, STATURE_SHARE, tracks)
    speeds = _Shared.weigh(_speed_residuals(people, vector), errors.speeds, people.step_track, SPEED_SHARE, tracks)
    off = _prior_off(people.size_px, vector)
    return _Judged(people, vector, heights, speeds, heights.cost + speeds.cost + float(off @ off) / 2)


def _refine(people: PeopleBoxes, start: Float64) -> _Judged | None:
    """Improves parameters until they stay; None for a start that no camera has."""
    noise, damping = (HEIGHT_NOISE[0], SPEED_NOISE[0]), 1e-3
    errors = _Errors.expected(people, start, noise)
    now = _judge(people, start, errors)
    if now is None:
        return None
    for _ in range(ROUNDS):
        gradient, information = now.equations()
        step = np.linalg.solve(information + damping * np.diag(np.diag(information)), -gradient)
        tried = _judge(people, now.vector + np.clip(step, -0.3, 0.3), errors)
        if tried is None or tried.cost > now.cost:
            damping *= 8
            if damping > 1e6:
                break
            continue
        damping = max(damping / 5, 1e-9)
        measured = tried.noise
        settled = np.abs(step).max() < 1e-5 and np.allclose(measured, noise, rtol=1e-3)
        noise, errors = measured, _Errors.expected(people, tried.vector, measured)
        now = _judge(people, tried.vector, errors)
        assert now is not None
        if settled:
            break
    return now


def _starts(people: PeopleBoxes) -> list[Float64]:
    """Returns the best of a grid of parameters; of each, the height is the one that suits most boxes."""
    found: list[tuple[float, Float64]] = []
    for focal in FOCAL_STARTS:
        for tilt_deg in TILT_STARTS_DEG:
            vector = np.array([np.log(focal * people.size_px[0]), np.radians(tilt_deg), 0.0, np.log(5.0), 0.0])
            for _ in range(3):
                off = _height_residuals(people, vector)
                if np.isfinite(off).sum() < 0.5 * len(people):
                    break
                vector[3] -= np.nanmedian(off)
            else:
                found.append((float(np.nanmedian(np.abs(_height_residuals(people, vector)))), vector))
    return [vector for _, vector in sorted(found, key=lambda each: each[0])[:STARTS]]


def _prior_off(size_px: tuple[int, int], vector: Float64) -> Float64:
    """Returns how far parameters are from those of any camera, in standard deviations ``(3,)``."""
    focal = (vector[0] - np.log(size_px[0]) - FOCAL_PRIOR[0]) / FOCAL_PRIOR[1]
    return np.array([focal, vector[2] / ROLL_SIGMA, vector[4] / SPEED_MEAN_SHARE])


def _prior_gradient(size_px: tuple[int, int], vector: Float64) -> tuple[Float64, Float64]:
    """Returns gradient ``(5,)`` and information ``(5, 5)`` of what is known of any camera."""
    sigma = np.array([FOCAL_PRIOR[1], ROLL_SIGMA, SPEED_MEAN_SHARE])
    gradient, information = np.zeros(5), np.zeros(5)
    gradient[[0, 2, 4]] = _prior_off(size_px, vector) / sigma
    information[[0, 2, 4]] = sigma**-2
    return gradient, np.diag(information)
