"""Who is in front of whom: by the distance from the lens and its uncertainty."""

import numpy as np

from ops.boxes import shared_areas, size
from schemas.values import Float64, Int64


def lens_distance(lens_m: Float64, place_m: Float64, covariance_m2: Float64) -> tuple[Float64, Float64]:
    """Returns the distance ``(N,)`` of places on the ground from the lens, and its standard deviation ``(N,)``, metres.

    Args:
        lens_m: ``(3,)`` x, y and height.
        place_m: ``(N, 2)``.
        covariance_m2: ``(N, 2, 2)``.
    """
    away = place_m - lens_m[:2]
    distance = np.sqrt((away**2).sum(axis=1) + lens_m[2] ** 2)
    slope = away / distance[:, None]
    return distance, np.sqrt(np.einsum("ni,nij,nj->n", slope, covariance_m2, slope))


def front_probability(one_m: Float64, one_sigma_m: Float64, other_m: Float64, other_sigma_m: Float64) -> Float64:
    """Returns the probability ``(P,)`` that the first of each pair is nearer to the lens, for normal errors."""
    sigma = np.hypot(one_sigma_m, other_sigma_m)
    away = (other_m - one_m) / np.where(sigma > 0, sigma, 1.0)
    sure = np.where(other_m > one_m, 1.0, np.where(other_m < one_m, 0.0, 0.5))
    return np.where(sigma > 0, normal_share(away), sure)


def normal_share(sigmas: Float64) -> Float64:
    """Returns the share ``(N,)`` of a normal distribution below so many standard deviations, to 1e-7.

    Abramowitz and Stegun, Handbook of Mathematical Functions (1964), 26.2.17.
    """
    size = np.abs(sigmas)
    t = 1 / (1 + 0.2316419 * size)
    factors = (1.330274429, -1.821255978, 1.781477937, -0.356563782, 0.319381530)
    series = np.zeros_like(t)
    for factor in factors:
        series = (series + factor) * t
    tail = np.exp(-(size**2) / 2) / np.sqrt(2 * np.pi) * series
    return np.asarray(np.where(sigmas >= 0, 1 - tail, tail))


def hidden_shares(moment: Int64, boxes: Float64, away_m: Float64) -> Float64:
    """Returns the share ``(N,)`` of each box that boxes of nearer things cover; what two of them cover counts twice.

    Args:
        moment: ``(N,)`` ascending; rows of one moment are in one picture.
        boxes: ``(N, 4)``.
        away_m: ``(N,)`` distance from the lens.
    """
    hidden = np.zeros(len(moment))
    for step in range(1, len(moment)):
        rows = np.flatnonzero(moment[step:] == moment[:-step])
        if not len(rows):
            break
        shared = shared_areas(boxes[rows], boxes[rows + step])
        farther = np.where(away_m[rows] > away_m[rows + step], rows, rows + step)
        np.add.at(hidden, farther, shared)
    return np.asarray(np.minimum(hidden / np.maximum(size(boxes).prod(axis=1), 1e-9), 1.0))
