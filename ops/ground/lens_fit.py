"""Fits radial distortion together with the homography of control points, where enough points show it.

Gauss-Newton on the reprojection error in pixels. One more number fits any points better, so the lens counts only if
it predicts control points better that are left out of the fit (PRESS, Allen 1974), and if it is surely not 0.
"""

from dataclasses import dataclass

import numpy as np

from ops.ground.distortion import RadialDistortion
from ops.ground.point_fit import (
    WRONG_SIGMAS,
    PointFit,
    apply,
    click_sigma_px,
    homography,
    homography_slope,
    normaliser,
    sigma_of_clicks,
    suits_most,
)
from schemas.errors import SiteError
from schemas.values import Bools, Float64

LENS_POINTS = 8
"""Control points from which on a lens is looked for: nine numbers of sixteen leave seven to contradict it."""

SURE_SIGMAS = 3.0
"""Standard deviations from 0 that the distortion must have."""

MOST_SHARE = 0.6
"""Largest distortion: a lens of k1 = -0.3 (OpenCV's) with a view of 65 degrees across has 0.3."""

USUAL_SHARE = 0.3
"""Standard deviation of the distortion before any point is known: few points then do not run away."""

_ROUNDS, _HALVINGS = 40, 8
_FLOOR = 1e-6
"""Of the part of a residual that the fit leaves, for a point that the fit follows wherever it is."""


@dataclass(frozen=True, eq=False)
class LensFit:
    """A homography from the ground to a straight picture, and the lens that bends it.

    Attributes:
        points: matrix, used points and ``sigma_px``; its covariance is ``(10, 10)``: the elements, and ``share``.
        lens: the distortion.
    """

    points: PointFit
    lens: RadialDistortion


def fit_lens(
    metres: Float64, pixels: Float64, size_px: tuple[int, int], plain: PointFit, camera: str
) -> LensFit | None:
    """Returns the lens that control points ``(K, 2)`` show; None where they do not show one.

    Args:
        metres: centred.
        pixels: of the frames.
        size_px: (width, height) of these.
        plain: the fit without a lens; points that contradict it may agree with a lens.
        camera: its id, for messages.
    """
    if len(metres) < LENS_POINTS:
        return None
    # Never from all points if some contradict each other: of eight, a wrong click is then taken for a lens.
    least = max(LENS_POINTS, int(plain.used.sum()), suits_most(len(metres)))
    found = _agreeing(metres, pixels, size_px, plain.used, least, camera)
    if found is None:
        return None
    used = found.points.used
    sigma = float(np.sqrt(found.points.covariance[9, 9]))
    if abs(found.lens.share) < SURE_SIGMAS * sigma or abs(found.lens.share) > MOST_SHARE:
        return None
    with_lens = _held_out_px(found.points.image_from_ground, found.lens, metres[used], pixels[used], lens_free=True)
    flat = homography(metres[used], pixels[used], camera)
    straight = RadialDistortion(size_px, 0.0)
    without = _held_out_px(flat, straight, metres[used], pixels[used], lens_free=False)
    return found if with_lens < without else None


def refit_lens(metres: Float64, pixels: Float64, start: RadialDistortion, camera: str) -> LensFit:
    """Returns the fit of points that are all used, from a lens nearby.

    Raises:
        SiteError: too many points lie on one line.
    """
    return _fit(metres, pixels, np.ones(len(metres), np.bool_), start, camera)


def _agreeing(
    metres: Float64, pixels: Float64, size_px: tuple[int, int], used: Bools, least: int, camera: str
) -> LensFit | None:
    """Returns the fit of the points that agree with each other, from some of them on; None if they are too few."""
    for _ in range(len(metres)):
        try:
            found = _fit(metres, pixels, used, RadialDistortion(size_px, 0.0), camera)
        except SiteError:  # those that agree lie on a line: they show no lens
            return None
        agree = _deviations(found, metres, pixels) <= WRONG_SIGMAS
        if agree.sum() < least:
            return None
        if (agree == used).all():
            return found
        used = agree
    return None


def _fit(metres: Float64, pixels: Float64, used: Bools, start: RadialDistortion, camera: str) -> LensFit:
    size_px, radius = start.size_px, start.radius_px
    from_m = normaliser(metres[used], camera)
    from_px = np.array([[1, 0, -size_px[0] / 2], [0, 1, -size_px[1] / 2], [0, 0, radius]]) / radius
    seen = pixels[used]
    click_px = click_sigma_px(size_px[0])
    pull = click_px / radius / USUAL_SHARE

    def matrix_of(state: Float64) -> Float64:
        return np.asarray(np.linalg.inv(from_px) @ state[:9].reshape(3, 3) @ from_m)

    def off_of(state: Float64) -> Float64:
        """Returns residuals in half diagonals, and the pull towards no distortion."""
        bent = RadialDistortion(size_px, float(state[9])).bend(apply(matrix_of(state), metres[used]))
        return np.append(((seen - bent) / radius).ravel(), -pull * state[9])

    def slope_of(state: Float64) -> Float64:
        lens = RadialDistortion(size_px, float(state[9]))
        slope = _slope(matrix_of(state), lens, metres[used])
        elements = slope[:, :, :9] @ np.kron(np.linalg.inv(from_px), from_m.T) / radius
        rows = np.concatenate([elements, slope[:, :, 9:] / radius], axis=2).reshape(-1, 10)
        return np.vstack([rows, np.append(np.zeros(9), pull)])

    flat = from_px @ homography(metres[used], start.straighten(seen), camera) @ np.linalg.inv(from_m)
    state = np.append((flat / np.linalg.norm(flat)).ravel(), start.share)
    cost = float((off_of(state) ** 2).sum())
    for _ in range(_ROUNDS):
        step = _inverse(slope_of(state)) @ off_of(state)
        better = None
        for halving in range(_HALVINGS):
            tried = state + step / 2**halving
            tried[:9] /= np.linalg.norm(tried[:9])
            left = float((off_of(tried) ** 2).sum())  # NaN, where no pixel is, is not better
            if left < cost:
                better = tried, left
                break
        if better is None:
            break
        gain, (state, cost) = cost - better[1], better
        if gain < 1e-12 * cost:
            break
    off_px = np.hypot(*(off_of(state)[:-1].reshape(-1, 2) * radius).T)
    sigma_px = sigma_of_clicks(off_px, click_px, free=9)
    inverse = _inverse(slope_of(state))
    back = np.eye(10)
    back[:9, :9] = np.kron(np.linalg.inv(from_px), from_m.T)
    spread = back @ inverse @ inverse.T @ back.T * (sigma_px / radius) ** 2
    return LensFit(PointFit(matrix_of(state), used, sigma_px, spread), RadialDistortion(size_px, float(state[9])))


def _inverse(slope: Float64) -> Float64:
    """Returns the pseudo-inverse without the direction of the homography itself: its scale means nothing."""
    left, values, right = np.linalg.svd(slope, full_matrices=False)
    return np.asarray(right[:9].T / values[:9] @ left[:, :9].T)


def _slope(matrix: Float64, lens: RadialDistortion, metres: Float64) -> Float64:
    """Returns how pixels move with the elements of the homography and with the distortion: ``(K, 2, 10)``."""
    pixels = lens.bend(apply(matrix, metres))
    bending = np.linalg.inv(lens.jacobian(pixels))
    by_matrix = bending @ homography_slope(matrix, metres)
    by_share = -bending @ lens.by_share(pixels)[:, :, None]
    return np.concatenate([by_matrix, by_share], axis=2)


def _deviations(found: LensFit, metres: Float64, pixels: Float64) -> Float64:
    """Returns how far each point ``(K,)`` is from where the used ones have it, in standard deviations."""
    points, lens = found.points, found.lens
    off = lens.bend(apply(points.image_from_ground, metres)) - pixels
    slope = _slope(points.image_from_ground, lens, metres)
    sign = np.where(points.used, -1.0, 1.0)[:, None, None]
    variance = points.sigma_px**2 * np.eye(2) + sign * (slope @ points.covariance @ slope.transpose(0, 2, 1))
    floor = 1e-3 * points.sigma_px**2 * np.eye(2)
    squares = np.einsum("ni,nij,nj->n", off, np.linalg.inv(variance + floor), off)
    return np.sqrt(np.where(squares >= 0, squares, np.inf))  # NaN: where the lens shows nothing


def _held_out_px(matrix: Float64, lens: RadialDistortion, metres: Float64, pixels: Float64, lens_free: bool) -> float:
    """Returns the root mean square of residuals of points that are left out of the fit, to first order."""
    off = (pixels - lens.bend(apply(matrix, metres))).ravel()
    slope = _slope(matrix, lens, metres).reshape(-1, 10)[:, : 10 if lens_free else 9]
    columns = np.linalg.norm(slope, axis=0)
    left, _, _ = np.linalg.svd(slope / np.where(columns > 0, columns, 1), full_matrices=False)
    left = left[:, : 9 if lens_free else 8]
    rows = left.reshape(len(metres), 2, -1)
    kept = np.eye(2) * (1 + _FLOOR) - rows @ rows.transpose(0, 2, 1)
    return float(np.sqrt(np.mean(np.linalg.solve(kept, off.reshape(-1, 2, 1)) ** 2)))
