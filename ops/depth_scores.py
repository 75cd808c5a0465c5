"""Scores of depth against the truth, as in Eigen, Puhrsch and Fergus (NIPS 2014): on maps, and on laser points."""

from dataclasses import dataclass

import numpy as np

from schemas.kitti import KittiCalibration
from schemas.values import Float32, Float64

CLOSE_RATIO = 1.25
"""Depths that differ by less than this factor count for delta-1."""


@dataclass(frozen=True)
class DepthScores:
    """How far depth is from the truth.

    Attributes:
        count: pixels or points with both.
        abs_rel: mean error as a share of the true depth; NaN without any.
        delta_1: share within a factor of 1.25 of the true depth; NaN without any.
    """

    count: int
    abs_rel: float
    delta_1: float


def depth_scores(depth_m: Float32 | Float64, truth_m: Float32 | Float64) -> DepthScores:
    """Scores depth where it and the truth, of the same shape, are known: finite and positive."""
    if depth_m.shape != truth_m.shape:
        raise ValueError(f"shapes differ: {depth_m.shape = } {truth_m.shape = }")
    known = np.isfinite(depth_m) & np.isfinite(truth_m)
    known[known] = (depth_m[known] > 0) & (truth_m[known] > 0)
    if not known.any():
        return DepthScores(0, np.nan, np.nan)
    depth, truth = depth_m[known].astype(np.float64), truth_m[known].astype(np.float64)
    close = np.maximum(depth / truth, truth / depth) < CLOSE_RATIO
    return DepthScores(len(depth), float((np.abs(depth - truth) / truth).mean()), float(close.mean()))


def lidar_depth(calibration: KittiCalibration, points_m: Float64, size_px: tuple[int, int]) -> Float32:
    """Projects a laser scan into the picture, as sparse depth.

    Args:
        points_m: ``(N, 3)`` in the scanner's coordinates.
        size_px: (width, height) of the picture.

    Returns:
        ``(H, W)``: metres ahead of the nearest point in each pixel; NaN where there is none.
    """
    pixels, depth_m = calibration.to_pixels(calibration.lidar_to_camera(points_m))
    with np.errstate(invalid="ignore"):
        nearest = np.rint(pixels)
        inside = ((nearest >= 0) & (nearest < size_px)).all(axis=1)
    column, row = nearest[inside].astype(np.int64).T
    sparse = np.full(size_px[::-1], np.inf)
    np.minimum.at(sparse, (row, column), depth_m[inside])
    return np.where(np.isfinite(sparse), sparse, np.nan).astype(np.float32)
