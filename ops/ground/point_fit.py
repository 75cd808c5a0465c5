"""Fits the homography of control points, tells which of them is wrong, and how sure the others are of it.

Hartley and Zisserman, Multiple View Geometry, chapters 4 and 5: points are centred and scaled, the direct linear
transform is solved by OpenCV and refined on the reprojection error in pixels, which is where a user's clicks are
inexact. Six or more points are checked against each other: among homographies of four points each, the one that suits
most points best (least quantile of squares, Rousseeuw and Leroy 1987) says which points fit none.
"""

from dataclasses import dataclass
from itertools import combinations
from math import comb

import cv2
import numpy as np

from schemas.errors import SiteError
from schemas.values import Bools, Float64

RANK_LIMIT = 0.004
"""Share of the largest singular value below which the points (or the homography itself) count as degenerate.

Points on one line, read to a pixel and two centimetres, stay below it; four at the corners of a corridor a metre wide
and 55 m long give 0.011, points that are well spread 0.02 to 0.3.
"""

CLICK_SIGMA_PX = 2.0
"""Standard deviation of a pixel that somebody reads, in a picture of 1000 pixels' width."""

PRIOR_POINTS = 2
"""Control points that ``CLICK_SIGMA_PX`` counts as, beside what residuals say of clicks: few residuals say little."""

CHECKED_POINTS = 6
"""Control points from which on they can be checked against each other: of five, each could be the wrong one."""

WRONG_SIGMAS = 4.0
"""Standard deviations from where all others put it beyond which a point is wrong: once in 3000 by chance."""

MOST_SAMPLES = 300
"""Most sets of four points that are tried."""


@dataclass(frozen=True, eq=False)
class PointFit:
    """A homography and what the points say of it.

    Attributes:
        image_from_ground: ``(3, 3)``, from centred metres to pixels, of any sign.
        used: ``(K,)``, False for points that contradict the others.
        sigma_px: standard deviation of a click, as assumed and as residuals show it.
        covariance: ``(9, 9)``, of the elements of ``image_from_ground``, row by row.
    """

    image_from_ground: Float64
    used: Bools
    sigma_px: float
    covariance: Float64


def fit_points(metres: Float64, pixels: Float64, width_px: float, camera: str) -> PointFit:
    """Fits control points ``(K, 2)`` of each kind; ``metres`` are centred.

    Raises:
        SiteError: too many points lie on one line.
    """
    click_px = click_sigma_px(width_px)
    used = np.ones(len(metres), np.bool_)
    matrix = homography(metres, pixels, camera)
    if len(metres) >= CHECKED_POINTS and _off_px(matrix, metres, pixels).max() > click_px:
        used = _agreeing(metres, pixels, click_px, camera)
        matrix = homography(metres[used], pixels[used], camera)
    sigma_px = sigma_of_clicks(_off_px(matrix, metres[used], pixels[used]), click_px)
    return PointFit(matrix, used, sigma_px, _spread(matrix, metres[used], pixels[used], sigma_px))


def click_sigma_px(width_px: float) -> float:
    """Returns the standard deviation of a pixel that somebody reads in a picture of some width."""
    return CLICK_SIGMA_PX * max(1.0, width_px / 1000)


def homography(metres: Float64, pixels: Float64, camera: str) -> Float64:
    """Returns the homography ``(3, 3)`` from centred metres to pixels, from four or more points.

    Raises:
        SiteError: too many points lie on one line.
    """
    from_m, from_px = normaliser(metres, camera), normaliser(pixels, camera)
    source, target = apply(from_m, metres), apply(from_px, pixels)
    # Eight equations fix a homography: an eighth singular value near 0 shows that some repeat others.
    spread = np.linalg.svd(_dlt_rows(source, target), compute_uv=False)
    if spread[7] < RANK_LIMIT * spread[0]:
        raise _degenerate(camera)
    matrix, _ = cv2.findHomography(source, target, 0)
    if matrix is None:
        raise _degenerate(camera)
    matrix = matrix / np.linalg.norm(matrix)
    if np.linalg.svd(matrix, compute_uv=False)[2] < RANK_LIMIT:
        raise _degenerate(camera)
    return np.asarray(np.linalg.inv(from_px) @ matrix @ from_m)


def apply(matrix: Float64, points: Float64) -> Float64:
    """Maps points ``(N, 2)`` by a homography."""
    mapped = points @ matrix[:, :2].T + matrix[:, 2]
    return np.asarray(mapped[:, :2] / mapped[:, 2:])


def _off_px(matrix: Float64, metres: Float64, pixels: Float64) -> Float64:
    return np.asarray(np.hypot(*(apply(matrix, metres) - pixels).T))


def sigma_of_clicks(off_px: Float64, click_px: float, free: int = 8) -> float:
    """Returns the deviation of a coordinate of a click: residuals and what is assumed, by how much each knows.

    Args:
        off_px: ``(K,)``, residuals.
        click_px: what is assumed.
        free: numbers that were fitted to the points.
    """
    known, spare = 2 * PRIOR_POINTS, 2 * len(off_px) - free
    return float(np.sqrt((known * click_px**2 + off_px @ off_px) / (known + spare)))


def _agreeing(metres: Float64, pixels: Float64, click_px: float, camera: str) -> Bools:
    """Marks the points ``(K,)`` that agree with each other; all of them where no majority of the others does."""
    count = len(metres)
    majority = suits_most(count)
    best, least = None, np.inf
    for rows in _samples(count):
        try:
            matrix = homography(metres[rows], pixels[rows], camera)
        except SiteError:  # these four lie on a line; others do not
            continue
        off = np.sort(_off_px(matrix, metres, pixels))[majority - 1]
        if off < least:
            best, least = matrix, float(off)
    if best is None:
        return np.ones(count, np.bool_)
    used = np.isin(np.arange(count), np.argsort(_off_px(best, metres, pixels), kind="stable")[:majority])
    for _ in range(count):
        try:
            matrix = homography(metres[used], pixels[used], camera)
        except SiteError:
            return np.ones(count, np.bool_)
        agree = _deviations(matrix, metres, pixels, used, click_px) <= WRONG_SIGMAS
        if (agree == used).all() or agree.sum() < majority:
            break
        used = agree
    return used if used.sum() >= majority else np.ones(count, np.bool_)


def suits_most(count: int) -> int:
    """Returns how many of some points must agree with each other before another one is wrong."""
    return (count + 5) // 2


def _samples(count: int) -> list[list[int]]:
    if comb(count, 4) <= MOST_SAMPLES:
        return [list(rows) for rows in combinations(range(count), 4)]
    random = np.random.default_rng([count, 0x5A])
    return [sorted(random.choice(count, 4, replace=False).tolist()) for _ in range(MOST_SAMPLES)]


def _deviations(matrix: Float64, metres: Float64, pixels: Float64, used: Bools, click_px: float) -> Float64:
    """Returns how far each point ``(K,)`` is from where the others have it, in standard deviations."""
    off = apply(matrix, metres) - pixels
    sigma_px = sigma_of_clicks(np.hypot(*off[used].T), click_px)
    spread = _spread(matrix, metres[used], pixels[used], sigma_px)
    slope = homography_slope(matrix, metres)
    # A point that is part of the fit draws it to itself, so its residual varies less than a click.
    sign = np.where(used, -1.0, 1.0)[:, None, None]
    variance = sigma_px**2 * np.eye(2) + sign * (slope @ spread @ slope.transpose(0, 2, 1))
    floor = 1e-3 * sigma_px**2 * np.eye(2)  # of a point that the fit follows wherever it is
    return np.asarray(np.sqrt(np.einsum("ni,nij,nj->n", off, np.linalg.inv(variance + floor), off)))


def homography_slope(matrix: Float64, metres: Float64) -> Float64:
    """Returns how pixels move with the elements of the homography: ``(K, 2, 9)``."""
    plain = np.column_stack([metres, np.ones(len(metres))])
    mapped = plain @ matrix.T
    share, nothing = plain / mapped[:, 2:], np.zeros_like(plain)
    pixel = mapped[:, :2] / mapped[:, 2:]
    return np.stack(
        [
            np.hstack([share, nothing, -pixel[:, :1] * share]),
            np.hstack([nothing, share, -pixel[:, 1:] * share]),
        ],
        axis=1,
    )


def _spread(matrix: Float64, metres: Float64, pixels: Float64, sigma_px: float) -> Float64:
    """Returns the covariance ``(9, 9)`` of the elements of a homography; along itself it has none."""
    from_m, from_px = normaliser(metres, ""), normaliser(pixels, "")
    normal = from_px @ matrix @ np.linalg.inv(from_m)
    slope = homography_slope(normal, apply(from_m, metres)).reshape(-1, 9)
    # Eight of nine directions: the scale of a homography means nothing.
    left, values, _ = np.linalg.svd(slope.T, full_matrices=False)
    scaled = left[:, :8] * (sigma_px * from_px[0, 0] / values[:8])
    back = np.kron(np.linalg.inv(from_px), from_m.T)
    return np.asarray(back @ scaled @ scaled.T @ back.T)


def _degenerate(camera: str) -> SiteError:
    return SiteError(
        f"camera {camera}: its control points do not fix a ground plane: too many of them lie on one line, or are the "
        "same; give four or more that are spread over the ground, no three of four on one line"
    )


def normaliser(points: Float64, camera: str) -> Float64:
    """Returns the similarity that centres points and brings their mean distance from the centre to sqrt(2)."""
    centre = points.mean(axis=0)
    reach = float(np.hypot(*(points - centre).T).mean())
    if reach == 0:
        raise _degenerate(camera)
    scale = np.sqrt(2) / reach
    return np.array([[scale, 0, -scale * centre[0]], [0, scale, -scale * centre[1]], [0, 0, 1]])


def _dlt_rows(source: Float64, target: Float64) -> Float64:
    """Returns the ``(2K, 9)`` equations of the direct linear transform; rank 8 fixes a homography."""
    ones, zeros = np.ones((len(source), 1)), np.zeros((len(source), 3))
    plain = np.hstack([source, ones])
    upper = np.hstack([plain, zeros, -target[:, :1] * plain])
    lower = np.hstack([zeros, plain, -target[:, 1:] * plain])
    return np.vstack([upper, lower])
