"""Makes one ground of what several sources know: sure ones count for more, and those that disagree are not mixed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ops.ground.ground_model import GroundModel, from_vector, sigma_share
from schemas.values import Float64

DISAGREES = 13.28
"""Squared distance in standard deviations that four parameters exceed once in a hundred times (chi-squared)."""

HEIGHT_SIGMA_SHARE = 0.02
"""Standard deviation of a camera's height in ``site.toml``, as a share."""

LEAST_SIGMA = np.array([0.005, 0.002, 0.002, 0.005])
"""No source is surer than this of focal length, tilt, roll and height: lenses bend lines, and ground is not flat."""


@dataclass(frozen=True, eq=False)
class Fusion:
    """What several sources say together.

    Attributes:
        model: their mean by information, or the surest one where they disagree.
        agree: whether they agree within their errors.
        chosen: sources that are part of it.
    """

    model: GroundModel
    agree: bool
    chosen: tuple[str, ...]


def fuse(models: Sequence[GroundModel]) -> Fusion | None:
    """Fuses models of one camera's frames; None where there is none.

    The surest one comes first; each other is added if it agrees with what there is.
    """
    surest_first = sorted(models, key=sigma_share)
    if not surest_first:
        return None
    best, agree, chosen = surest_first[0], True, [surest_first[0].source]
    mean, spread = best.vector, best.covariance + np.diag(LEAST_SIGMA**2)
    for other in surest_first[1:]:
        theirs = other.covariance + np.diag(LEAST_SIGMA**2)
        if distance2(other.vector - mean, spread + theirs) > DISAGREES:
            agree = False
            continue
        mean, spread = combine((mean, spread), (other.vector, theirs))
        chosen.append(other.source)
    people = max(model.people for model in models)
    pinhole = from_vector(best.pinhole.size_px, mean)
    return Fusion(GroundModel("fused", pinhole, spread, people), agree, tuple(chosen))


def with_height(model: GroundModel, height_m: float) -> tuple[GroundModel, bool]:
    """Returns a model that knows the height of its lens, and whether the height agrees with what it knew."""
    off = np.log(height_m) - model.vector[3]
    measured = HEIGHT_SIGMA_SHARE**2
    variance = model.covariance[3, 3] + measured
    gain = model.covariance[:, 3] / variance
    agrees = bool(off**2 / variance <= 6.63)
    if not agrees:  # the ground's shape stays, its scale is the surveyor's
        gain = np.array([0.0, 0, 0, 1])
    vector = model.vector + gain * off
    spread = model.covariance - np.outer(gain, model.covariance[3])
    if not agrees:
        spread = model.covariance.copy()
        spread[3, :] = spread[:, 3] = 0
        spread[3, 3] = measured
    pinhole = from_vector(model.pinhole.size_px, vector)
    return GroundModel(model.source, pinhole, (spread + spread.T) / 2, model.people, model.residual_px), agrees


def most_distance2(numbers: int) -> float:
    """Returns the squared distance in standard deviations that so many numbers exceed once in a hundred times.

    Chi-squared by Wilson and Hilferty, "The distribution of chi-square", PNAS 1931; within 1 %.
    """
    spread = 2 / (9 * numbers)
    return float(numbers * (1 - spread + 2.3263 * np.sqrt(spread)) ** 3)


def distance2(off: Float64, spread: Float64) -> float:
    """Returns the squared Mahalanobis distance of ``off`` ``(K,)`` under a covariance ``(K, K)``."""
    return float(off @ np.linalg.solve(spread, off))


def combine(one: tuple[Float64, Float64], other: tuple[Float64, Float64]) -> tuple[Float64, Float64]:
    """Returns mean and covariance of two independent estimates, weighted by their information."""
    first, second = np.linalg.inv(one[1]), np.linalg.inv(other[1])
    spread = np.linalg.inv(first + second)
    spread = (spread + spread.T) / 2
    return spread @ (first @ one[0] + second @ other[0]), spread
