"""Finds the floor that a metric depth map shows: its plane, how the camera stands above it, and its mask.

The floor is the plane with the most points of those below the lens that are level within ``max_roll_deg`` and
``max_tilt_deg``, and not the largest plane, which may be a wall. Of two level planes, such as those of a
table and of the floor, it is the lower one, if enough of it is seen.
"""

from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np

from ops.depth_models.kinds import MetricDepth
from ops.floor.alike import AlikeErrors
from ops.floor.mask import floor_mask
from ops.floor.plane_fit import Plane, Tolerance, fit_least_squares, height_over, near_plane
from ops.floor.planes import Accepts, Ransac, fit_plane, fit_planes
from ops.floor.points import Intrinsics, to_points
from ops.ground.pinhole import PinholeGround
from schemas.values import Bools, Float32, Float64, Uint8

PLANES = 6
"""Planes that are looked at."""

CONFIDENCE, TRIALS = 0.99, 1500
"""A plane with a seventh of the points is found so surely."""

LEAST_SIDE_PX = 16
LEAST_KNOWN = 200
"""Fewer pixels with a depth fix no plane."""

LEAST_HEIGHT_M = 0.3
PARALLEL_DEG = 8.0
LOWER_SHARE = 0.15
"""Inliers of the lower of two level planes, as a share of the other's, with which it is the floor."""

SATURATED = 0.5
"""Of points within three tolerances of a plane, more than this share is within one; where a wall is cut, a third is."""

HORIZON = 0.002
"""Sine of the angle below the horizon from which the floor is seen, as a share of the largest one in the picture."""

LEAST_SIGMA = 0.002
ROUNDS = 5
TUKEY = 4.685
"""Standard deviations from which a point has no weight; 95 % as good as least squares on normal errors."""


class NoFloor(StrEnum):
    """Why no floor is found."""

    NO_DEPTH = "no_depth"
    """Hardly a pixel has a depth: a map of NaN, or all sky."""
    TOO_SMALL = "too_small"
    """The map has a side of less than 16 pixels."""
    CONSTANT = "constant"
    """All depths are the same: the model did not work."""
    NONE_SEEN = "none_seen"
    """No plane below the lens is level enough and large enough."""
    BELOW = "below"
    """Much is seen below the lowest plane: a floor like a mirror, or depth that contradicts itself."""


@dataclass(frozen=True)
class FloorSearch:
    """What counts as a floor.

    Attributes:
        tolerance: how far its points may be from the plane.
        least_share: of the known pixels that it needs.
        max_roll_deg: largest angle by which the picture's right side dips below the horizontal, or rises.
        min_tilt_deg, max_tilt_deg: of the optical axis below the horizontal.
        max_below: share of known pixels, beside the floor's own, that may be below it.
        seed: of RANSAC.
    """

    tolerance: Tolerance = field(default_factory=lambda: Tolerance(0.03, 0.03))
    least_share: float = 0.05
    max_roll_deg: float = 30.0
    min_tilt_deg: float = -10.0
    max_tilt_deg: float = 75.0
    max_below: float = 0.3
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Floor:
    """A floor, in camera coordinates.

    Attributes:
        up: ``(3,)`` unit vector away from the floor.
        height_m: height of the lens above it.
        covariance: ``(4, 4)`` of up and height, from errors of depth that are alike in whole regions. That all depths
            may be wrong by one factor is not part of it.
        inlier_share: share of the known pixels that are near the plane.
        sigma: standard deviation of depth on the floor, as a share of it.
        mask: ``(H, W)`` pixels that show the floor.
    """

    up: Float64
    height_m: float
    covariance: Float64
    inlier_share: float
    sigma: float
    mask: Bools

    @property
    def tilt_rad(self) -> float:
        """Angle of the optical axis below the horizontal."""
        return self.pinhole((1, 1), 1.0).tilt_rad

    @property
    def roll_rad(self) -> float:
        """Angle by which the picture's right side dips below the horizontal."""
        return self.pinhole((1, 1), 1.0).roll_rad

    @property
    def tilt_sigma_rad(self) -> float:
        """Standard deviation of the tilt."""
        return float(np.sqrt(self.covariance[2, 2]) / max(np.hypot(*self.up[:2]), 1e-6))

    @property
    def roll_sigma_rad(self) -> float:
        """Standard deviation of the roll."""
        level = max(np.hypot(*self.up[:2]), 1e-6)
        across = np.array([self.up[1], -self.up[0]]) / level
        return float(np.sqrt(max(across @ self.covariance[:2, :2] @ across, 0.0)) / level)

    @property
    def height_sigma_m(self) -> float:
        """Standard deviation of the height, were the depth's scale exact."""
        return float(np.sqrt(self.covariance[3, 3]))

    def pinhole(self, size_px: tuple[int, int], focal_px: float) -> PinholeGround:
        """Returns the camera above level ground, for frames (width, height) of this focal length."""
        return PinholeGround.from_up(size_px, focal_px, self.up, self.height_m)


def find_floor(
    depth: MetricDepth, intrinsics: Intrinsics, image: Uint8 | None = None, search: FloorSearch | None = None
) -> Floor | NoFloor:
    """Finds the floor.

    Args:
        depth: ``(H, W)``, of a background without people.
        intrinsics: of the map, not of the frames, if they differ in size.
        image: ``(H, W, 3)`` BGR, the background in the map's size, for the mask; None for depth alone.
        search: what counts as a floor.

    Returns:
        The floor, or why there is none.
    """
    search = search or FloorSearch()
    shape = depth.values.shape
    if image is not None and image.shape[:2] != shape:
        raise ValueError(f"image and depth differ in size: {image.shape = } {shape = }")
    if min(shape) < LEAST_SIDE_PX:
        return NoFloor.TOO_SMALL
    known = depth.known
    if known.sum() < LEAST_KNOWN:
        return NoFloor.NO_DEPTH
    if np.ptp(depth.values[known]) == 0:
        return NoFloor.CONSTANT
    points, alike = to_points(depth.values, intrinsics), AlikeErrors.of_map(known)
    plane = _level_plane(points[known], alike, search)
    if plane is None:
        return NoFloor.NONE_SEEN
    plane, sigma = _robust(points[known], alike, plane, search.tolerance)
    if not _levelness(search)(plane.normal[None], np.array([plane.offset_m]))[0]:
        return NoFloor.NONE_SEEN
    excess = _excess(depth.values, known, intrinsics.rays(shape), plane)
    below = excess[known & ~np.isneginf(excess)] > 4 * max(sigma, search.tolerance.depth_share)
    if below.sum() > search.max_below * plane.inliers.sum():
        return NoFloor.BELOW
    mask = floor_mask(excess, sigma, image)
    return Floor(plane.normal, plane.offset_m, plane.covariance, plane.share, sigma, mask)


def _levelness(search: FloorSearch) -> Accepts:
    """Returns what says of planes whether a floor could lie like that below the lens."""
    least, most = np.radians([search.min_tilt_deg, search.max_tilt_deg])
    roll = np.radians(search.max_roll_deg)

    def accepts(normals: Float64, offsets: Float64) -> Bools:
        x, y, z = normals.T
        tilt = np.arcsin(np.clip(-z, -1, 1))
        level = np.abs(np.arctan2(-x, -y)) <= roll
        return np.asarray(level & (tilt >= least) & (tilt <= most) & (offsets >= LEAST_HEIGHT_M))

    return accepts


def _level_plane(points: Float64, alike: AlikeErrors, search: FloorSearch) -> Plane | None:
    """Returns the floor among the planes of a view.

    Walls are found as well, so that no level plane gets the points of a wall that are near it. Where no plane found is
    level, those that are level alone are searched in what is left.
    """
    ransac = Ransac(search.tolerance, CONFIDENCE, TRIALS, search.seed)
    is_level = _levelness(search)
    planes = fit_planes(points, ransac, PLANES, search.least_share, alike)
    level = [plane for plane in planes if is_level(plane.normal[None], np.array([plane.offset_m]))[0]]
    if not level:
        left = ~np.logical_or.reduce([plane.inliers for plane in planes], axis=0, initial=np.False_)
        rest = fit_plane(points[left], ransac, is_level, alike.take(left)) if left.any() else None
        if rest is None or rest.inliers.sum() < search.least_share * len(points):
            return None
        inliers = np.zeros(len(points), np.bool_)
        inliers[left] = rest.inliers
        level = [rest.with_inliers(inliers)]
    others = np.zeros(len(points), np.bool_)
    for plane in planes:
        others |= plane.inliers
    solid = [p for p in level if _is_surface(points[~others | p.inliers], p, search.tolerance)]
    floor = max(solid, key=lambda plane: plane.share, default=None)
    for plane in solid:
        if floor is not None and _is_below(plane, floor, search.tolerance) and plane.share > LOWER_SHARE * floor.share:
            floor = plane
    return floor


def _is_surface(points: Float64, plane: Plane, tolerance: Tolerance) -> bool:
    """Says whether points lie in a plane, or whether it cuts through others, as a level one does through walls."""
    over = np.abs(height_over(points, plane.normal, plane.offset_m))
    reach = tolerance.of(plane.offset_m)
    return bool((over <= reach).sum() > SATURATED * (over <= 3 * reach).sum())


def _is_below(plane: Plane, other: Plane, tolerance: Tolerance) -> bool:
    parallel = plane.normal @ other.normal > np.cos(np.radians(PARALLEL_DEG))
    return bool(parallel and plane.offset_m > other.offset_m + 2 * tolerance.of(other.offset_m))


def _excess(values: Float32, known: Bools, rays: Float64, plane: Plane) -> Float64:
    """Returns by what share depth is larger than the plane's; -inf where the plane is not seen, NaN where unknown."""
    sinking = -height_over(rays, plane.normal, 0.0)
    seen = sinking > HORIZON * np.abs(sinking).max()
    share = np.where(known, values * np.where(seen, sinking, np.nan) / plane.offset_m - 1, np.nan)
    return np.where(seen, share, -np.inf)


def _robust(points: Float64, alike: AlikeErrors, plane: Plane, tolerance: Tolerance) -> tuple[Plane, float]:
    """Fits the plane again with Tukey's weights, so that what stands on the floor does not lift it.

    Returns:
        The plane, and the spread of the depth on it, as a share of the depth.
    """
    sigma = float(tolerance.of(plane.offset_m)) / plane.offset_m
    for _ in range(ROUNDS):
        share = height_over(points, plane.normal, plane.offset_m) / plane.offset_m
        near = np.abs(share)[np.abs(share) < 3 * sigma]
        sigma = max(LEAST_SIGMA, min(sigma, float(1.4826 * np.median(near)))) if len(near) else sigma
        weights = np.maximum(1 - (share / (TUKEY * sigma)) ** 2, 0) ** 2
        fit = fit_least_squares(points, weights, alike)
        if fit is None:
            break
        plane = replace(plane, normal=fit[0], offset_m=fit[1], covariance=fit[2])
    near_all = near_plane(points, plane.normal, plane.offset_m, Tolerance(0.0, 3 * sigma))
    return plane.with_inliers(near_all), sigma
