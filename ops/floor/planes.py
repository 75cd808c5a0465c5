"""Finds planes in points by RANSAC: the trials of a batch at once, the best ones refined on samples of their inliers.

Fischler and Bolles 1981; the refinement is the local optimisation of LO-RANSAC (Chum, Matas and Kittler, DAGM 2003).
The number of trials adapts to the share of inliers of the best one so far.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ops.floor.alike import AlikeErrors
from ops.floor.plane_fit import Plane, Tolerance, fit_least_squares, height_over, near_plane
from schemas.values import Bools, Float64, Int64

Accepts = Callable[[Float64, Float64], Bools]
"""Says of planes, normals ``(K, 3)`` to the lens's side and offsets ``(K,)``, which ones may be found."""

BATCH = 128
JUDGED, REFINED = 2000, 10_000
"""Points on which trials, and the best ones of them, are judged."""

FINALISTS = 6
LOCAL_ROUNDS, LOCAL_TRIALS, LOCAL_POINTS = 3, 32, 24
LAST_FITS = 8
_ALIKE = np.cos(np.radians(1.0))
_LEAST_AREA = 1e-9
"""Twice the area of a triangle, m2, of which no normal is computed."""


@dataclass(frozen=True)
class Ransac:
    """How a plane is searched.

    Attributes:
        tolerance: how far inliers may be from the plane.
        confidence: probability that a trial of inliers alone was drawn.
        most_trials: trials after which the search ends in any case.
        seed: of the drawing; the same seed and points give the same plane.
    """

    tolerance: Tolerance
    confidence: float = 0.9999
    most_trials: int = 4096
    seed: int = 0


@dataclass(frozen=True, eq=False)
class _Planes:
    """Planes: normals ``(K, 3)``, offsets ``(K,)``."""

    normal: Float64
    offset: Float64

    def take(self, rows: Bools | Int64) -> "_Planes":
        return _Planes(self.normal[rows], self.offset[rows])

    def counts(self, points: Float64, tolerance: Tolerance) -> Int64:
        """Returns the inliers ``(K,)`` of each plane."""
        x, y, z = points.T
        a, b, c = (column[:, None] for column in self.normal.T)
        away = a * x + b * y + c * z
        return np.asarray((np.abs(away + self.offset[:, None]) <= tolerance.of(away)).sum(axis=1))

    def accepted(self, accepts: Accepts | None) -> "_Planes":
        return self if accepts is None or not len(self.offset) else self.take(accepts(self.normal, self.offset))


def fit_plane(
    points_m: Float64, search: Ransac, accepts: Accepts | None = None, alike: AlikeErrors | None = None
) -> Plane | None:
    """Finds the plane with the most inliers, and fits it to them.

    Args:
        points_m: ``(N, 3)``, finite.
        accepts: says which planes may be found; all, if None.
        alike: which errors are alike, for the covariance; None if all are independent.

    Returns:
        The plane; None where fewer than three points, or points on one line, fix none, or none is accepted.
    """
    if len(points_m) < 3:
        return None
    random = np.random.default_rng([search.seed, 0xF100])
    found = _search(points_m, _draw(points_m, JUDGED, random), search, random, accepts)
    if not len(found.offset):
        return None
    fine = _draw(points_m, REFINED, random)
    best = _refine(found, fine, search.tolerance, random, accepts)
    return _fit_to_inliers(best, points_m, search.tolerance, accepts, alike)


def fit_planes(
    points_m: Float64, search: Ransac, most: int, least_share: float, alike: AlikeErrors | None = None
) -> list[Plane]:
    """Finds planes one after another, each in the points that those before it left.

    Args:
        points_m: ``(N, 3)``, finite.
        most: planes at most.
        least_share: of all points that a plane needs as inliers.
        alike: as for ``fit_plane``.

    Returns:
        Planes in the order in which they were found; ``inliers`` are of all points, and of one plane each.
    """
    left: Int64 = np.arange(len(points_m))
    planes: list[Plane] = []
    least = max(3, int(np.ceil(least_share * len(points_m))))
    while len(planes) < most and len(left) >= least:
        plane = fit_plane(points_m[left], search, alike=None if alike is None else alike.take(left))
        if plane is None or plane.inliers.sum() < least:
            break
        inliers = np.zeros(len(points_m), np.bool_)
        inliers[left[plane.inliers]] = True
        left = left[~plane.inliers]
        planes.append(plane.with_inliers(inliers))
    return planes


def _draw(points: Float64, most: int, random: np.random.Generator) -> Float64:
    return points if len(points) <= most else points[np.sort(random.choice(len(points), most, replace=False))]


def _search(
    points: Float64, judged: Float64, search: Ransac, random: np.random.Generator, accepts: Accepts | None
) -> _Planes:
    """Draws triples until one of inliers alone was among them; returns the best planes, of which no two are alike."""
    planes, counts = _Planes(np.empty((0, 3)), np.empty(0)), np.empty(0, np.int64)
    trials, needed = 0, float(search.most_trials)
    while trials < min(needed, search.most_trials):
        trials += BATCH
        new = _through(points[random.integers(0, len(points), (BATCH, 3))]).accepted(accepts)
        planes = _Planes(np.concatenate([planes.normal, new.normal]), np.concatenate([planes.offset, new.offset]))
        counts = np.concatenate([counts, new.counts(judged, search.tolerance)])
        kept = _best_distinct(planes, counts, search.tolerance)
        planes, counts = planes.take(kept), counts[kept]
        if len(counts):
            missed = 1 - (counts[0] / len(judged)) ** 3
            needed = np.log(1 - search.confidence) / np.log(missed) if 0 < missed < 1 else float(BATCH) * (missed > 0)
    return planes


def _through(corners: Float64) -> _Planes:
    """Returns the planes through triples ``(K, 3, 3)``, without those on a line."""
    first, second, third = corners.transpose(1, 0, 2)
    normals = np.cross(second - first, third - first)
    length = np.sqrt((normals**2).sum(axis=1))
    sound = length > _LEAST_AREA
    normals = normals[sound] / length[sound, None]
    return _towards_lens(normals, -(normals * first[sound]).sum(axis=1))


def _towards_lens(normals: Float64, offsets: Float64) -> _Planes:
    side = np.where(offsets < 0, -1.0, 1.0)
    return _Planes(normals * side[:, None], offsets * side)


def _best_distinct(planes: _Planes, counts: Int64, tolerance: Tolerance) -> Int64:
    kept: list[int] = []
    for index in np.argsort(-counts, kind="stable"):
        cosine = planes.normal[kept] @ planes.normal[index]
        near = np.abs(planes.offset[kept] - planes.offset[index]) <= tolerance.of(planes.offset[kept])
        if not ((cosine > _ALIKE) & near).any():
            kept.append(int(index))
        if len(kept) == FINALISTS:
            break
    return np.array(kept, np.int64)


def _refine(
    planes: _Planes, points: Float64, tolerance: Tolerance, random: np.random.Generator, accepts: Accepts | None
) -> _Planes:
    """Returns the plane with the most inliers among planes and those that fit samples of their inliers."""
    counts = planes.counts(points, tolerance)
    leader, most = 0, -1
    for index in range(len(counts)):
        one, count = planes.take(np.array([index])), int(counts[index])
        for _ in range(LOCAL_ROUNDS):
            inliers = points[near_plane(points, one.normal[0], float(one.offset[0]), tolerance)]
            if len(inliers) < LOCAL_POINTS:
                break
            tried = _fit_samples(inliers[random.integers(0, len(inliers), (LOCAL_TRIALS, LOCAL_POINTS))])
            tried = tried.accepted(accepts)
            scores = tried.counts(points, tolerance)
            if not len(scores) or scores.max() <= count:
                break
            one, count = tried.take(np.array([scores.argmax()])), int(scores.max())
        planes.normal[index], planes.offset[index] = one.normal[0], one.offset[0]
        if count > most:
            leader, most = index, count
    return planes.take(np.array([leader]))


def _fit_samples(samples: Float64) -> _Planes:
    """Fits a plane to each of ``(K, M, 3)`` samples."""
    centre = samples.mean(axis=1)
    away = samples - centre[:, None]
    squares = (away[:, :, :, None] * away[:, :, None, :]).sum(axis=1)
    normals = np.linalg.eigh(squares)[1][:, :, 0]
    return _towards_lens(normals, -(normals * centre).sum(axis=1))


def _fit_to_inliers(
    one: _Planes, points: Float64, tolerance: Tolerance, accepts: Accepts | None, alike: AlikeErrors | None
) -> Plane | None:
    """Fits a plane to all its inliers, again and again while that gives more of them."""
    normal, offset = one.normal[0], float(one.offset[0])
    inliers = near_plane(points, normal, offset, tolerance)
    covariance = None
    for _ in range(LAST_FITS):
        fit = fit_least_squares(points, inliers.astype(np.float64), alike)
        if fit is None:
            return None
        covariance = fit[2] if covariance is None else covariance
        again = near_plane(points, fit[0], fit[1], tolerance)
        if again.sum() <= inliers.sum() or (accepts is not None and not accepts(fit[0][None], np.array(fit[1:2]))[0]):
            break
        normal, offset, inliers, covariance = fit[0], fit[1], again, fit[2]
    if covariance is None:
        return None
    rms = float(np.sqrt((height_over(points[inliers], normal, offset) ** 2).mean()))
    return Plane(normal, offset, inliers, rms, covariance)
