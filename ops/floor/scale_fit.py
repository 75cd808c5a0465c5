"""Scale and shift of a depth map from places whose depth is known, where a part of these places may be wrong.

A depth map is known up to ``scale * value + shift``: this is the depth for affine maps, its inverse for relative ones.
Errors are counted as shares of the depth, as networks make them. Two places fix both numbers, so RANSAC tries pairs,
and Tukey's weights do the rest.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from ops.depth_models.kinds import AffineDepth, Depth, MetricDepth, RelativeDepth
from ops.floor.alike import AlikeErrors, fit_covariance
from schemas.values import Float32, Float64, Int64

TRIALS, JUDGED = 512, 3000
ROUNDS = 12
TUKEY = 4.685
LEAST_SPREAD = 0.002
BETTER = 1.3
"""Places with which a map has to agree, for each one that a single number for all of them would meet."""

MOST_DOUBT = 0.5
"""Standard deviation of a scale, as a share of it, from which it is not known at all."""


class NoScale(StrEnum):
    """Why scale and shift are not known."""

    TOO_FEW = "too_few"
    """Fewer known places than needed."""
    TOO_ALIKE = "too_alike"
    """The values are so alike, or depth errs so much, that they do not fix both scale and shift."""
    CONTRADICTION = "contradiction"
    """Hardly any of the known places agree on a scale: another scene, or a wrong ground."""
    NO_FLOOR = "no_floor"
    """The map shows no floor."""
    NO_TILT = "no_tilt"
    """Of relative depth, a known height fixes scale and shift only together with the camera's tilt."""


@dataclass(frozen=True, eq=False)
class FixedScale:
    """Scale and shift of a depth map, with their doubt.

    Attributes:
        scale, shift: ``scale * value + shift`` is the depth of an affine map, metres, and the inverse depth of a
            relative one; for metric maps, the scale corrects all depths, and the shift is 0.
        covariance: ``(2, 2)`` of scale and shift.
        used: known places that agree.
        spread: standard deviation of the depth at these places, as a share of it.
    """

    scale: float
    shift: float
    covariance: Float64
    used: int
    spread: float

    def metric(self, depth: Depth) -> MetricDepth:
        """Returns the depth in metres."""
        if isinstance(depth, MetricDepth):
            return AffineDepth(np.where(depth.known, depth.values, np.float32(np.nan))).metric(self.scale, 0.0)
        return depth.metric(self.scale, self.shift)

    def sigma_m(self, depth: Depth) -> Float32:
        """Returns the standard deviation ``(H, W)`` of ``metric``: by the doubt of scale and shift, and the spread."""
        z_m = self.metric(depth).values.astype(np.float64)
        value = depth.values.astype(np.float64)
        (scale_var, both), (_, shift_var) = self.covariance
        variance = np.maximum(value**2 * scale_var + 2 * value * both + shift_var, 0)
        slope = z_m**2 if isinstance(depth, RelativeDepth) else 1.0  # of 1 / x
        return np.asarray(np.sqrt(slope**2 * variance + (self.spread * z_m) ** 2), np.float32)


def known_depth(depth: Depth, z_m: Float64) -> Float64:
    """Returns what ``scale * value + shift`` is for depths ``z_m``: themselves, or their inverse for relative maps."""
    return 1 / z_m if isinstance(depth, RelativeDepth) else z_m


def fit_scale(
    values: Float64,
    targets: Float64,
    sigma: Float64 | float,
    least_agreeing: float,
    has_shift: bool = True,
    alike: AlikeErrors | None = None,
    seed: int = 0,
) -> FixedScale | NoScale:
    """Fits ``scale * values + shift`` to targets.

    Args:
        values: ``(N,)``, of the map.
        targets: ``(N,)``, positive: see ``known_depth``.
        sigma: expected standard deviation of the targets, as a share of each.
        least_agreeing: share of the places that have to agree.
        has_shift: false where it is known to be 0.
        alike: which errors are alike, for the covariance.
        seed: of the pairs that are tried.
    """
    sigma = np.broadcast_to(np.asarray(sigma, np.float64), values.shape)
    slopes = np.stack([values, np.ones_like(values)]) / targets
    if np.ptp(values) == 0:
        return NoScale.TOO_ALIKE
    best = _try_pairs(values, targets, sigma, has_shift, seed)
    if best is None:
        return NoScale.CONTRADICTION
    ratio, free = 1.0, 2 if has_shift else 1
    for _ in range(ROUNDS):
        errors = _errors(best, slopes) / sigma
        near = np.abs(errors)[np.abs(errors) < 3 * max(ratio, 1.0)]
        ratio = (
            max(min(1.4826 * float(np.median(near)), ratio), LEAST_SPREAD / float(sigma.min())) if len(near) else ratio
        )
        weights = np.maximum(1 - (errors / (TUKEY * ratio)) ** 2, 0) ** 2 / sigma**2
        solved = _solve(slopes[:free], weights)
        if solved is None:
            return NoScale.TOO_ALIKE
        best = np.append(solved, 0.0)[:2]
    agreeing = np.abs(_errors(best, slopes)) < 3 * ratio * sigma
    if best[0] <= 0 or agreeing.mean() < least_agreeing:
        return NoScale.CONTRADICTION
    if has_shift and agreeing.sum() < BETTER * _agreeing_alone(targets, 3 * ratio * float(np.median(sigma))):
        return NoScale.TOO_ALIKE
    left = _errors(best, slopes)
    covariance = np.zeros((2, 2))
    covariance[:free, :free] = fit_covariance(slopes[:free], left, weights, alike)
    if np.sqrt(covariance[0, 0]) > MOST_DOUBT * best[0]:
        return NoScale.TOO_ALIKE
    spread = max(1.4826 * float(np.median(np.abs(left[agreeing]))), LEAST_SPREAD)
    return FixedScale(float(best[0]), float(best[1]), covariance, int(agreeing.sum()), spread)


def _agreeing_alone(targets: Float64, reach: float) -> int:
    """Returns how many targets are within a share of one and the same number, without any map."""
    ordered = np.sort(np.log(targets))
    return int((np.searchsorted(ordered, ordered + 2 * np.log1p(reach), side="right") - np.arange(len(ordered))).max())


def _errors(fit: Float64, slopes: Float64) -> Float64:
    """Returns by what share the fitted values are too large."""
    return np.asarray(fit[0] * slopes[0] + fit[1] * slopes[1] - 1)


def _try_pairs(values: Float64, targets: Float64, sigma: Float64, has_shift: bool, seed: int) -> Float64 | None:
    """Returns the scale and shift ``(2,)`` of the pair with which the most places agree; None without a sound pair."""
    random = np.random.default_rng([seed, 0x5CA1E])
    one, other = random.integers(0, len(values), (2, TRIALS))
    if has_shift:
        apart = np.abs(values[one] - values[other]) > 1e-9 * np.ptp(values)
        one, other = one[apart], other[apart]
        scale = (targets[one] - targets[other]) / (values[one] - values[other])
        shift = targets[one] - scale * values[one]
    else:
        scale, shift = targets[one] / values[one], np.zeros(TRIALS)
    sound = np.isfinite(scale) & (scale > 0)
    scale, shift = scale[sound], shift[sound]
    if not len(scale):
        return None
    judged: Int64 = np.arange(len(values))
    if len(values) > JUDGED:
        judged = np.sort(random.choice(len(values), JUDGED, replace=False))
    gaps = (scale[:, None] * values[judged] + shift[:, None]) / targets[judged] - 1
    cost = np.minimum((gaps / (3 * sigma[judged])) ** 2, 1).sum(axis=1)
    return np.array([scale[cost.argmin()], shift[cost.argmin()]])


def _solve(slopes: Float64, weights: Float64) -> Float64 | None:
    """Returns the coefficients ``(P,)`` whose sum of slopes is nearest to 1; None where they are not fixed."""
    squares = np.array([[(weights * a * b).sum() for b in slopes] for a in slopes])
    scaled = squares / np.sqrt(np.outer(np.diag(squares), np.diag(squares))) if (np.diag(squares) > 0).all() else None
    if scaled is None or np.linalg.cond(scaled) > 1e10:
        return None
    return np.asarray(np.linalg.solve(squares, np.array([(weights * a).sum() for a in slopes])))
