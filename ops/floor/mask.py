"""A mask of the floor, of any shape: where depth is that of the floor, and the colour is of a region that is floor.

Depth alone has errors that are alike in whole regions, and no edge where a wall meets the floor; colour alone does not
know what is floor. Each gives log-odds, which are added up.
"""

import cv2
import numpy as np

from ops.floor.colours import colour_regions
from schemas.values import Bools, Float64, Int64, Uint8

SURE = 3.0
"""Log-odds of a pixel whose depth is exactly the floor's; they are 0 where it is 2.4 standard deviations off."""

FAR = 5.0
"""Standard deviations beyond which an error speaks no more against the floor."""

COLOUR_MOST = 3.0
LEAST_SIGMA = 0.004
DRIFT_WIDTH = 1 / 12
"""Share of the picture's width over which the errors of depth are alike."""

LEAST_PART = 0.002
"""Share of the picture below which a part of the mask, or a hole in it, is noise."""

EDGE_PX, EDGE_LIGHT = 4, 8.0**2
"""Reach of the guided filter, and the variance of lightness above which it keeps an edge."""


def floor_mask(excess: Float64, sigma: float, image: Uint8 | None) -> Bools:
    """Returns the pixels ``(H, W)`` that show the floor.

    Args:
        excess: ``(H, W)``, by what share the depth is larger than the floor plane's at each pixel; NaN where depth is
            unknown, -inf where the plane is not seen, at the horizon and above.
        sigma: standard deviation of these shares on the floor.
        image: ``(H, W, 3)`` BGR, the background; None for depth alone.
    """
    below_horizon = ~np.isneginf(excess)
    known = np.isfinite(excess)
    steady = _without_drift(excess, known, sigma)
    spread = max(LEAST_SIGMA, _spread(steady[known & (np.abs(steady) < 3 * sigma)], sigma))
    odds = np.where(known, SURE - 0.5 * np.minimum(np.abs(steady) / spread, FAR) ** 2, 0.0)
    if image is not None:
        regions = colour_regions(image)
        odds = odds + _colour_odds(odds, known, below_horizon, regions)
        odds = _along_edges(odds, image)
    elif not known.all():
        odds = np.where(known, odds, -SURE)
    return _clean((odds > 0) & below_horizon)


def _without_drift(excess: Float64, known: Bools, sigma: float) -> Float64:
    """Subtracts from the errors what they have in common around each pixel, as far as the floor is seen there."""
    width_px = max(1.0, excess.shape[1] * DRIFT_WIDTH)
    floor = known & (np.abs(excess) < 2 * sigma)
    total = cv2.GaussianBlur(np.where(floor, excess, 0.0), (0, 0), width_px, borderType=cv2.BORDER_CONSTANT)
    weight = cv2.GaussianBlur(floor.astype(np.float64), (0, 0), width_px, borderType=cv2.BORDER_CONSTANT)
    drift = total / (weight + 0.05)  # goes to 0 away from the floor
    return np.where(known, excess - drift, np.nan)


def _spread(errors: Float64, otherwise: float) -> float:
    return float(1.4826 * np.median(np.abs(errors))) if len(errors) else otherwise


def _colour_odds(odds: Float64, known: Bools, below_horizon: Bools, regions: Int64) -> Float64:
    """Returns the log-odds of each pixel's region: how much of it is floor by its depth."""
    count = int(regions.max()) + 1
    share = 1 / (1 + np.exp(-odds))
    sight = known | ~below_horizon
    floor = np.bincount(regions[sight], np.where(below_horizon, share, 0.0)[sight], minlength=count)
    seen = np.bincount(regions[sight], minlength=count)
    part = (floor + 1) / (seen + 2)
    return np.asarray(np.clip(np.log(part / (1 - part)), -COLOUR_MOST, COLOUR_MOST)[regions])


def _along_edges(odds: Float64, image: Uint8) -> Float64:
    """Smooths log-odds, but not over the picture's edges: the guided filter (He, Sun and Tang, PAMI 2013)."""
    guide = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.float64)
    box = (2 * EDGE_PX + 1, 2 * EDGE_PX + 1)
    capped = np.clip(odds, -2 * SURE, 2 * SURE)
    mean, mean_odds = cv2.blur(guide, box), cv2.blur(capped, box)
    slope = (cv2.blur(guide * capped, box) - mean * mean_odds) / (
        cv2.blur(guide * guide, box) - mean * mean + EDGE_LIGHT
    )
    shift = mean_odds - slope * mean
    return np.asarray(cv2.blur(slope, box) * guide + cv2.blur(shift, box))


def _clean(mask: Bools) -> Bools:
    """Leaves out parts, and fills holes, that are too small to be any."""
    least = max(1, round(LEAST_PART * mask.size))
    for value in (True, False):
        count, labels, stats, _ = cv2.connectedComponentsWithStats((mask == value).astype(np.uint8), connectivity=4)
        small = stats[:, cv2.CC_STAT_AREA] < least
        small[0] = False
        mask = np.where(small[labels], not value, mask) if count > 1 else mask
    return mask
