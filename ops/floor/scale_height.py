"""Scale and shift of a depth map from the known height of the lens above the floor that the map shows.

What the height can fix differs between the kinds. Metric maps need one factor, and get it. In affine maps the shift
bends planes, so that the floor is flat for one shift only; then the height gives the scale. Errors of depth bend the
floor, too, so that a known tilt helps much. In relative maps a plane stays a plane for every shift: the values of the
floor are ``a x + b y + c`` along the lines of sight ``(x, y, 1)``, three numbers for roll, tilt, scale and shift. One
is missing, and the shift is just what moves the horizon, so the tilt has to be known: by people, control points or a
level.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np

from ops.depth_models.kinds import AffineDepth, Depth, MetricDepth, RelativeDepth
from ops.floor.alike import AlikeErrors, fit_covariance
from ops.floor.find import Floor, FloorSearch, NoFloor, find_floor
from ops.floor.plane_fit import Tolerance
from ops.floor.points import Intrinsics
from ops.floor.scale_fit import LEAST_SPREAD, MOST_DOUBT, TUKEY, FixedScale, NoScale
from schemas.values import Float64

ROUNDS = 8
NEARNESS = (0.05, 0.2, 0.8)
"""Ratios of the nearest depth to the span of depths with which a floor is searched."""

NEARNESS_LIMITS = (0.002, 10.0)
GOLDEN, GOLDEN_STEPS = (np.sqrt(5) - 1) / 2, 20

SEARCH_WIDTH_PX = 160
MIDDLE_M = 10.0
"""Median depth at which a floor is searched while the scale is unknown, so that the search's limits in metres fit."""

SHAPE_ONLY = FloorSearch(tolerance=Tolerance(0.0, 0.04), min_tilt_deg=-45.0)


@dataclass(frozen=True)
class Known:
    """A known number and its standard deviation."""

    value: float
    sigma: float = 0.0


def scale_from_height(
    depth: Depth, intrinsics: Intrinsics, height_m: Known, tilt_rad: Known | None = None
) -> FixedScale | NoScale:
    """Fixes scale and shift.

    Args:
        depth: ``(H, W)``, of a background without people.
        intrinsics: of the map.
        height_m: height of the lens above the floor.
        tilt_rad: angle of the optical axis below the horizontal; needed for relative depth, of use for affine depth.
    """
    if isinstance(depth, MetricDepth):
        return _metric(depth, intrinsics, height_m)
    if isinstance(depth, AffineDepth):
        return _affine(depth, intrinsics, height_m, tilt_rad)
    return NoScale.NO_TILT if tilt_rad is None else _relative(depth, intrinsics, height_m, tilt_rad)


def _metric(depth: MetricDepth, intrinsics: Intrinsics, height_m: Known) -> FixedScale | NoScale:
    floor = find_floor(depth, intrinsics)
    if isinstance(floor, NoFloor):
        return NoScale.NO_FLOOR
    scale = height_m.value / floor.height_m
    share = (floor.height_sigma_m / floor.height_m) ** 2 + (height_m.sigma / height_m.value) ** 2
    return FixedScale(scale, 0.0, np.diag([scale**2 * share, 0.0]), int(floor.mask.sum()), floor.sigma)


def _relative(depth: RelativeDepth, intrinsics: Intrinsics, height_m: Known, tilt_rad: Known) -> FixedScale | NoScale:
    value = depth.values.astype(np.float64)
    if depth.known.sum() < 2:
        return NoScale.NO_FLOOR
    far, near = np.quantile(value[depth.known], (0.01, 0.99))
    if near == far:
        return NoScale.TOO_ALIKE
    with np.errstate(divide="ignore", invalid="ignore"):
        floor = _floor_of(1 / (value - far + 0.05 * (near - far)), intrinsics)
    if floor is None:
        return NoScale.NO_FLOOR
    used = floor.mask & depth.known
    x, y, _ = intrinsics.rays(value.shape)[used].T
    value, alike = value[used], AlikeErrors.of_map(used)

    def solved(at: Float64) -> Float64:
        a, b, c, height, tilt = at
        steep = float(np.hypot(a, b))
        scale = np.cos(tilt) / (height * steep)
        return np.array([scale, scale * (np.tan(tilt) * steep - c)])

    both = np.array([1.0, -far + 0.05 * (near - far)])
    weights, at = np.ones_like(value), np.zeros(5)
    for _ in range(ROUNDS):
        inverse = np.maximum(value + both[1] / both[0], 1e-6 * (near - far))
        slopes = np.stack([x, y, np.ones_like(x)]) / inverse
        flat = _least_squares(slopes, value / inverse, weights)
        errors = flat @ slopes - value / inverse
        weights, spread = _tukey(errors)
        at = np.append(flat, (height_m.value, tilt_rad.value))
        both = solved(at)
    covariance = np.zeros((5, 5))
    covariance[:3, :3] = fit_covariance(slopes, errors, weights, alike)
    covariance[3, 3], covariance[4, 4] = height_m.sigma**2, tilt_rad.sigma**2
    return _fixed(both, _carried(solved, at, covariance), int((weights > 0).sum()), spread)


def _affine(
    depth: AffineDepth, intrinsics: Intrinsics, height_m: Known, tilt_rad: Known | None
) -> FixedScale | NoScale:
    value = depth.values.astype(np.float64)
    if depth.known.sum() < 2:
        return NoScale.NO_FLOOR
    near, far = np.quantile(value[depth.known], (0.01, 0.99))
    if near == far:
        return NoScale.TOO_ALIKE
    tried = [(nearness * (far - near) - near) for nearness in NEARNESS]
    found = [(floor, start) for start in tried if (floor := _floor_of(value + start, intrinsics)) is not None]
    if not found:
        return NoScale.NO_FLOOR
    most = max(floor.inlier_share for floor, _ in found)
    floor, start = min((f for f in found if f[0].inlier_share > most / 2), key=lambda f: f[0].sigma)
    used = floor.mask & depth.known
    x, y, _ = intrinsics.rays(value.shape)[used].T
    value, alike = value[used], AlikeErrors.of_map(used)
    ones, weights = np.ones_like(value), np.ones_like(value)
    errors = _bent(value + start, x, y, ones)[0]
    for _ in range(3):
        weights, spread = _tukey(errors)
        offset = _flattest(value, x, y, weights, (near, far))
        errors, flat = _bent(value + offset, x, y, weights)
    flat = np.append(flat, offset)
    slopes = np.stack([*(np.stack([x, y, ones]) * (value + offset)), flat[0] * x + flat[1] * y + flat[2]])
    doubt = fit_covariance(slopes, errors, weights, alike)
    if tilt_rad is not None:
        flat, doubt = _at_tilt(flat, doubt, tilt_rad)
    covariance = np.zeros((5, 5))
    covariance[:4, :4], covariance[4, 4] = doubt, height_m.sigma**2
    at = np.append(flat, height_m.value)

    def solved(at: Float64) -> Float64:
        a, b, c, offset, height = at
        scale = height * np.sqrt(a * a + b * b + c * c)
        return np.array([scale, scale * offset])

    return _fixed(solved(at), _carried(solved, at, covariance), int((weights > 0).sum()), spread)


def _bent(depth: Float64, x: Float64, y: Float64, weights: Float64) -> tuple[Float64, Float64]:
    """Fits ``1 / depth = a x + b y + c``; returns by what share depths ``(N,)`` are too large, and a, b, c."""
    slopes = np.stack([x, y, np.ones_like(x)]) * depth
    flat = _least_squares(slopes, np.ones_like(x), weights)
    return flat[0] * slopes[0] + flat[1] * slopes[1] + flat[2] * slopes[2] - 1, flat


def _flattest(value: Float64, x: Float64, y: Float64, weights: Float64, span: tuple[float, float]) -> float:
    """Returns the offset with which values are most likely those of a plane.

    The errors are shares of the depth, so with a large offset all of them are small: the likelihood counts how large
    the depths become as well.
    """
    near, far = span
    lowest = float(value.min())

    def cost(nearness: float) -> float:
        depth = value - lowest + np.exp(nearness) * (far - near)
        errors, _ = _bent(depth, x, y, weights)
        return float(0.5 * np.log((weights * errors**2).sum()) + (weights * np.log(depth)).sum() / weights.sum())

    low, high = np.log(NEARNESS_LIMITS)
    grid = np.linspace(low, high, 15)
    middle = int(np.argmin([cost(float(each)) for each in grid]))
    low, high = float(grid[max(middle - 1, 0)]), float(grid[min(middle + 1, 14)])
    for _ in range(GOLDEN_STEPS):
        left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
        low, high = (low, right) if cost(left) < cost(right) else (left, high)
    return float(np.exp((low + high) / 2) * (far - near) - lowest)


def _at_tilt(flat: Float64, doubt: Float64, tilt_rad: Known) -> tuple[Float64, Float64]:
    """Moves a plane's a, b, c and offset as far as their doubt allows to a known tilt: an iterated Kalman update."""

    def tilt(p: Float64) -> Float64:
        return np.array([np.arctan2(p[2], np.hypot(p[0], p[1]))])

    at, gain, slope = flat, np.zeros((4, 1)), np.zeros((1, 4))
    for _ in range(ROUNDS):
        slope = _slopes(tilt, at)
        gain = doubt @ slope.T / (slope @ doubt @ slope.T + max(tilt_rad.sigma, 1e-6) ** 2)
        at = flat + gain @ (tilt_rad.value - tilt(at) - slope @ (flat - at))
    return at, doubt - gain @ slope @ doubt


def _fixed(both: Float64, covariance: Float64, used: int, spread: float) -> FixedScale | NoScale:
    sound = bool(np.isfinite(both).all() and both[0] > 0 and np.sqrt(covariance[0, 0]) < MOST_DOUBT * both[0])
    return FixedScale(float(both[0]), float(both[1]), covariance, used, spread) if sound else NoScale.TOO_ALIKE


def _floor_of(shape: Float64, intrinsics: Intrinsics) -> Floor | None:
    """Finds the floor of depth without a scale: in a small map, whose mask comes back in the map's size."""
    height, width = shape.shape
    ahead = np.isfinite(shape) & (shape > 0)
    if not ahead.any():
        return None
    scaled = np.where(ahead, shape * (MIDDLE_M / np.median(shape[ahead])), np.nan).astype(np.float32)
    step = max(1, width // SEARCH_WIDTH_PX)
    small = np.ascontiguousarray(scaled[step // 2 :: step, step // 2 :: step])
    floor = find_floor(
        MetricDepth(small), intrinsics.scaled(small.shape[1] / width, small.shape[0] / height), None, SHAPE_ONLY
    )
    if isinstance(floor, NoFloor):
        return None
    mask = cv2.resize(floor.mask.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST).astype(bool)
    return replace(floor, mask=mask & ahead)


def _least_squares(slopes: Float64, targets: Float64, weights: Float64) -> Float64:
    squares = np.array([[(weights * a * b).sum() for b in slopes] for a in slopes])
    size = np.sqrt(np.diag(squares))
    sums = np.array([(weights * a * targets).sum() for a in slopes])
    return np.asarray(np.linalg.solve(squares / np.outer(size, size), sums / size) / size)


def _tukey(errors: Float64) -> tuple[Float64, float]:
    """Returns Tukey's weights ``(N,)`` of errors, and their spread."""
    spread = max(1.4826 * float(np.median(np.abs(errors))), LEAST_SPREAD)
    return np.maximum(1 - (errors / (TUKEY * spread)) ** 2, 0) ** 2, spread


def _carried(function: Callable[[Float64], Float64], at: Float64, covariance: Float64) -> Float64:
    """Returns the covariance of a function's values by that of its arguments, to first order."""
    slopes = _slopes(function, at)
    return np.asarray(slopes @ covariance @ slopes.T)


def _slopes(function: Callable[[Float64], Float64], at: Float64) -> Float64:
    """Returns the derivatives ``(M, P)`` of a function's M values by its P arguments."""
    steps = 1e-5 * np.maximum(np.abs(at), 1e-3 * np.abs(at).max())
    return np.stack([(function(at + step) - function(at - step)) / (2 * step.sum()) for step in np.diag(steps)], axis=1)
