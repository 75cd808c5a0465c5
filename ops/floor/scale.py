"""Scale and shift of a depth map from a calibrated ground plane, and from the height of people."""

from dataclasses import replace

import numpy as np

from ops.depth_models.kinds import Depth, MetricDepth
from ops.floor.alike import AlikeErrors
from ops.floor.points import Intrinsics
from ops.floor.scale_fit import FixedScale, NoScale, fit_scale, known_depth
from ops.ground.pinhole import PinholeGround
from ops.ground.stature import STATURE_M, STATURE_SHARE
from schemas.values import Float64

DEPTH_SIGMA = 0.05
"""Expected standard deviation of a network's depth, as a share of it."""

LEAST_PIXELS = 100
LEAST_GROUND = 0.15
"""Share of the pixels below the horizon that have to show the ground."""

LEAST_PEOPLE = 4
LEAST_AGREEING = 0.5
NEAR_HORIZON = 0.03
"""Sine of the angle below the horizon from which ground is used: higher up, a small tilt moves it far."""

COMMON_SIGMA_M = 0.03
"""Standard deviation of the mean stature of those seen against ``STATURE_M``, metres."""

PIXEL_SIGMA = 2.0
"""Standard deviation of a foot or a head, pixels."""


def ground_at(ground: PinholeGround, size_px: tuple[int, int]) -> PinholeGround:
    """Returns the camera above its ground for pictures of another width and the same view."""
    return replace(ground, size_px=size_px, focal_px=ground.focal_px * size_px[0] / ground.size_px[0])


def scale_from_ground(
    depth: Depth, ground: PinholeGround, height_sigma_m: float = 0.0, tilt_sigma_rad: float = 0.0
) -> FixedScale | NoScale:
    """Fixes scale and shift by the depth that the ground has where it is seen.

    What stands on it is nearer than it, so only a part of the pixels below the horizon agree; the others are left out.

    Args:
        depth: ``(H, W)``.
        ground: the camera above its ground, by control points or by people.
        height_sigma_m: standard deviation of its height; it makes all depths wrong by the same share.
        tilt_sigma_rad: standard deviation of its tilt.
    """
    height, width = depth.values.shape
    seen = ground_at(ground, (width, height))
    z_m = _ground_depth(seen, (height, width))
    used = depth.known & np.isfinite(z_m)
    if used.sum() < LEAST_PIXELS:
        return NoScale.TOO_FEW
    values, alike = depth.values[used].astype(np.float64), AlikeErrors.of_map(used)
    has_shift = not isinstance(depth, MetricDepth)

    def fit(z: Float64) -> FixedScale | NoScale:
        return fit_scale(values, known_depth(depth, z[used]), DEPTH_SIGMA, LEAST_GROUND, has_shift, alike)

    fixed = fit(z_m)
    if isinstance(fixed, NoScale):
        return fixed
    spread = _of_common_share(fixed, height_sigma_m / ground.height_m)
    if tilt_sigma_rad:
        tilted = fit(
            np.where(used, _ground_depth(replace(seen, tilt_rad=seen.tilt_rad + tilt_sigma_rad), z_m.shape), 1)
        )
        if isinstance(tilted, NoScale):
            return tilted
        step = np.array([tilted.scale - fixed.scale, tilted.shift - fixed.shift])
        spread = spread + np.outer(step, step)
    return replace(fixed, covariance=fixed.covariance + spread)


def _ground_depth(ground: PinholeGround, shape: tuple[int, ...]) -> Float64:
    """Returns the depth of the ground ``(H, W)``; NaN near the horizon and above."""
    rays = Intrinsics.middle(ground.size_px, ground.focal_px).rays((shape[0], shape[1]))
    x, y, z = ground.up()
    sinking = -(x * rays[..., 0] + y * rays[..., 1] + z)
    length = np.sqrt((rays**2).sum(axis=2))
    return np.asarray(ground.height_m / np.where(sinking > NEAR_HORIZON * length, sinking, np.nan))


def _of_common_share(fixed: FixedScale, sigma: float) -> Float64:
    """Returns the covariance of scale and shift by an error of all known depths, as a share of them."""
    both = np.array([fixed.scale, fixed.shift])
    return np.asarray(sigma**2 * np.outer(both, both))


def scale_from_people(
    depth: Depth, intrinsics: Intrinsics, up: Float64, feet_px: Float64, heads_px: Float64, stature_m: float = STATURE_M
) -> FixedScale | NoScale:
    """Fixes scale and shift by people who stand on the floor: their height in pixels gives the depth of their feet.

    Args:
        depth: ``(H, W)``, of the background.
        intrinsics: of the map.
        up: ``(3,)`` unit vector away from the floor, in camera coordinates.
        feet_px, heads_px: ``(N, 2)``, in the map's pixels.
        stature_m: mean height of people.
    """
    height, width = depth.values.shape
    z_m, length_px = depth_of_people(intrinsics, up, feet_px, heads_px, stature_m)
    with np.errstate(invalid="ignore"):
        column, row = np.floor(feet_px).T
        inside = (column >= 0) & (column < width) & (row >= 0) & (row < height) & (z_m > 0)
    spot = row[inside].astype(np.int64), column[inside].astype(np.int64)
    known = depth.known[spot]
    if known.sum() < LEAST_PEOPLE:
        return NoScale.TOO_FEW
    values = depth.values[spot][known].astype(np.float64)
    z_m, length_px = z_m[inside][known], length_px[inside][known]
    sigma = np.sqrt(STATURE_SHARE**2 + 2 * (PIXEL_SIGMA / length_px) ** 2 + DEPTH_SIGMA**2)
    has_shift = not isinstance(depth, MetricDepth)
    fixed = fit_scale(values, known_depth(depth, z_m), sigma, LEAST_AGREEING, has_shift)
    if isinstance(fixed, NoScale):
        return fixed
    common = _of_common_share(fixed, COMMON_SIGMA_M / stature_m)
    return replace(fixed, covariance=fixed.covariance + common)


def depth_of_people(
    intrinsics: Intrinsics, up: Float64, feet_px: Float64, heads_px: Float64, stature_m: float
) -> tuple[Float64, Float64]:
    """Returns the depth ``(N,)`` of people's feet, metres, and their height in the picture ``(N,)``, pixels.

    A head is ``stature_m`` above its feet: ``z_foot * foot + stature * up`` is on the head's line of sight.
    """
    foot, head = intrinsics.sight(feet_px), intrinsics.sight(heads_px)
    apart, turned = np.cross(foot, head), np.cross(np.broadcast_to(up, head.shape), head)
    squared = (apart**2).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        z_m = -stature_m * (turned * apart).sum(axis=1) / squared
    return z_m, np.sqrt(((feet_px - heads_px) ** 2).sum(axis=1))
