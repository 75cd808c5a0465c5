"""A plane, and its least squares fit to points, with the covariance that correlated errors of depth leave."""

from dataclasses import dataclass, replace

import numpy as np

from ops.floor.alike import AlikeErrors, fit_covariance
from schemas.values import Bools, Float64

_THINNEST = 1e-8
"""Share of the variance along a line below which points across it fix no plane."""


@dataclass(frozen=True)
class Tolerance:
    """How far an inlier may be from a plane.

    Attributes:
        distance_m: for all points.
        depth_share: more for each metre between the lens and the plane. A depth that is wrong by a share moves its
            point along the line of sight, and by the same share of that distance away from the plane.
    """

    distance_m: float
    depth_share: float = 0.0

    def of(self, away_m: Float64 | float) -> Float64:
        """Returns the tolerance of points that are ``away_m`` from the lens along the plane's normal, metres."""
        return np.asarray(self.distance_m + self.depth_share * np.abs(away_m))


@dataclass(frozen=True, eq=False)
class Plane:
    """A plane ``normal @ point + offset_m = 0``, in camera coordinates.

    Attributes:
        normal: ``(3,)`` unit vector, to the side of the lens.
        offset_m: distance of the lens from it, 0 or more.
        inliers: ``(N,)`` bool, which points are near it.
        rms_m: root of the mean squared distance of the inliers.
        covariance: ``(4, 4)`` of normal and offset; see ``fit_least_squares``.
    """

    normal: Float64
    offset_m: float
    inliers: Bools
    rms_m: float
    covariance: Float64

    @property
    def share(self) -> float:
        """Share of the points that are inliers."""
        return float(self.inliers.mean())

    @property
    def angle_sigma_rad(self) -> float:
        """Standard deviation of the normal's direction, both ways together."""
        return float(np.sqrt(np.trace(self.covariance[:3, :3])))

    @property
    def offset_sigma_m(self) -> float:
        """Standard deviation of the offset."""
        return float(np.sqrt(self.covariance[3, 3]))

    def with_inliers(self, inliers: Bools) -> "Plane":
        """Returns the plane with the inliers of other points."""
        return replace(self, inliers=inliers)


def height_over(points_m: Float64, normal: Float64, offset_m: float) -> Float64:
    """Returns how far points ``(..., 3)`` are on the lens's side of a plane, metres.

    The products are written out: the way a matrix library splits them among threads changes the last digits.
    """
    x, y, z = np.moveaxis(points_m, -1, 0)
    return np.asarray(normal[0] * x + normal[1] * y + normal[2] * z + offset_m)


def near_plane(points_m: Float64, normal: Float64, offset_m: float, tolerance: Tolerance) -> Bools:
    """Returns which points ``(..., 3)`` are within the tolerance of a plane."""
    over = height_over(points_m, normal, offset_m)
    return np.asarray(np.abs(over) <= tolerance.of(over - offset_m))


def fit_least_squares(
    points_m: Float64, weights: Float64, alike: AlikeErrors | None = None
) -> tuple[Float64, float, Float64] | None:
    """Fits a plane to points, by their distance from it.

    Args:
        points_m: ``(N, 3)``.
        weights: ``(N,)``, 0 for points that do not count.
        alike: which errors are alike, for the covariance; None if all are independent.

    Returns:
        Normal ``(3,)``, offset, and their covariance ``(4, 4)``; None where points fix no plane.
    """
    if (weights > 0).sum() < 3:
        return None
    total = weights.sum()
    centre = (weights[:, None] * points_m).sum(axis=0) / total
    away = points_m - centre
    rows = [[(weights * a * b).sum() for b in away.T] for a in away.T]
    variances, axes = np.linalg.eigh(np.array(rows) / total)
    if variances[1] <= _THINNEST * variances[2]:
        return None
    normal, flat, long = axes.T
    normal = normal if normal @ centre < 0 else -normal
    slopes = np.stack([np.ones(len(points_m)), height_over(away, flat, 0.0), height_over(away, long, 0.0)])
    spread = fit_covariance(slopes, height_over(away, normal, 0.0), weights, alike)
    to_plane = np.zeros((4, 3))
    to_plane[:3, 1], to_plane[:3, 2] = flat, long
    to_plane[3] = 1.0, -(flat @ centre), -(long @ centre)
    return normal, float(-(normal @ centre)), to_plane @ spread @ to_plane.T
