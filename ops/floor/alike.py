"""The covariance of fits to a depth map, whose errors are alike in whole regions.

Ten thousand pixels whose depth is wrong together are no ten thousand measurements. Errors are taken as correlated over
a part of the picture's width, as those of networks are, whatever their size is.
"""

from dataclasses import dataclass

import numpy as np

from schemas.values import Bools, Float64, Int64

CELLS = 20
"""Cells across the picture whose pixels count as one place."""

REACH = 1 / 8
"""Distance at which the correlation of errors is 0.61, as a share of the picture's width."""

LEAST_LEFT = 0.1
"""Least share of the variance that a fit is taken to leave in its errors."""


@dataclass(frozen=True, eq=False)
class AlikeErrors:
    """Which points of a map have errors that are alike.

    Attributes:
        cell: ``(N,)`` each point's cell.
        correlation: ``(G, G)`` of the errors of two cells.
    """

    cell: Int64
    correlation: Float64

    @classmethod
    def of_map(cls, known: Bools) -> "AlikeErrors":
        """Returns it for those pixels of a map ``(H, W)`` that are known, in the order in which the mask takes them."""
        height, width = known.shape
        side = max(1, round(width / CELLS))
        row, column = np.arange(height) // side, np.arange(width) // side
        across = int(column[-1]) + 1
        places = np.stack(np.meshgrid(np.arange(int(row[-1]) + 1), np.arange(across), indexing="ij"), axis=-1)
        flat = places.reshape(-1, 2) * side / width
        squared = ((flat[:, None] - flat[None]) ** 2).sum(axis=2)
        return cls((row[:, None] * across + column)[known], np.exp(-squared / (2 * REACH**2)))

    def take(self, rows: Bools | Int64) -> "AlikeErrors":
        """Returns it for some of the points."""
        return AlikeErrors(self.cell[rows], self.correlation)


def fit_covariance(slopes: Float64, errors: Float64, weights: Float64, alike: AlikeErrors | None = None) -> Float64:
    """Returns the covariance ``(P, P)`` of the coefficients of a weighted linear fit.

    Args:
        slopes: ``(P, N)``, of each point's value by each coefficient.
        errors: ``(N,)`` that the fit left.
        weights: ``(N,)``; 0 for points that do not count.
        alike: which errors are alike; None if all are independent.
    """
    bread = np.linalg.inv(np.array([[(weights * a * b).sum() for b in slopes] for a in slopes]))
    if alike is None:
        parts, correlation = slopes * weights, None
        places = float((weights > 0).sum())
    else:
        cells = len(alike.correlation)
        parts = np.stack([np.bincount(alike.cell, slope * weights, minlength=cells) for slope in slopes])
        mass: Float64 = np.bincount(alike.cell, weights, minlength=cells).astype(np.float64)
        correlation = alike.correlation
        places = float(mass.sum() ** 2 / _product(mass, correlation, mass))
    filling = np.array([[_product(a, correlation, b) for b in parts] for a in parts])
    left = max(1 - len(slopes) / places, LEAST_LEFT)  # the fit follows a part of the errors
    variance = (weights * errors**2).sum() / weights.sum() / left
    return np.asarray(variance * (bread @ filling @ bread))


def _product(left: Float64, matrix: Float64 | None, right: Float64) -> Float64:
    """Returns ``left @ matrix @ right``, written out so that its last digits do not depend on threads."""
    return np.asarray((left * (right if matrix is None else (matrix * right).sum(axis=1))).sum())
