"""Metric depth of a stereo pair: semi-global matching, checked from both sides.

Matching is Hirschmueller's (TPAMI 2008) as OpenCV has it, with the penalties that OpenCV advises. A match counts if the
right picture, matched by itself, leads back to it.
"""

import cv2
import numpy as np

from ops.depth_models.kinds import MetricDepth
from ops.stereo.pair import Rectification, StereoPair
from schemas.errors import SiteError
from schemas.values import Float32, Uint8

_BLOCK_PX = 5
_SUBPIXELS = 16
"""Steps of a pixel in which OpenCV gives disparities."""

_MOST_OFF_PX = 1.0
"""Most that matching from the right may differ from matching from the left."""


def stereo_depth(pair: StereoPair, left: Uint8, right: Uint8, nearest_m: float = 1.0) -> MetricDepth:
    """Returns the depth that the left camera sees, in its own pixels; NaN where nothing matches.

    Args:
        pair: the calibration.
        left, right: ``(H, W, 3)`` BGR, of ``pair.size_px``, taken at one time.
        nearest_m: nothing nearer is looked for.

    Raises:
        SiteError: a picture has another size than the calibration.
    """
    for side, picture in (("left", left), ("right", right)):
        if picture.shape[1::-1] != pair.size_px:
            raise SiteError(
                f"stereo pair: the {side} picture has {picture.shape[1]} x {picture.shape[0]} pixels, the calibration "
                f"{pair.size_px[0]} x {pair.size_px[1]}: calibrate it at that size"
            )
    rectified = pair.rectified
    disparity_px = checked_disparity(
        rectified.left(left), rectified.right(right), rectified.focal_px * pair.baseline_m / nearest_m
    )
    depth_m = rectified.focal_px * pair.baseline_m / disparity_px
    return MetricDepth(_as_left_sees(pair, rectified, depth_m))


def checked_disparity(left: Uint8, right: Uint8, most_px: float) -> Float32:
    """Returns the disparity ``(H, W)`` of rectified pictures ``(H, W, 3)``; NaN where both sides do not agree.

    Args:
        left, right: BGR.
        most_px: the largest disparity.
    """
    there = _disparity(left, right, most_px)
    # From the right: both pictures mirrored, so that matches lie to the same side.
    back = _disparity(np.ascontiguousarray(right[:, ::-1]), np.ascontiguousarray(left[:, ::-1]), most_px)[:, ::-1]
    columns = np.arange(left.shape[1])[None, :] - np.nan_to_num(there)
    inside = columns >= 0
    nearest = np.clip(np.rint(columns), 0, left.shape[1] - 1).astype(np.intp)
    off = np.abs(np.take_along_axis(back, nearest, axis=1) - there)
    agrees = inside & (off <= _MOST_OFF_PX)  # NaN agrees with nothing
    return np.where(agrees, there, np.float32(np.nan)).astype(np.float32)


def _disparity(left: Uint8, right: Uint8, most_px: float) -> Float32:
    channels = left.shape[2]
    # Columns that the range leaves out on the left are matched too, before a border of their own colour.
    range_px = 16 * max(1, int(np.ceil((most_px + 1) / 16)))
    padded = [cv2.copyMakeBorder(each, 0, 0, range_px, 0, cv2.BORDER_REPLICATE) for each in (left, right)]
    matcher = cv2.StereoSGBM.create(
        minDisparity=0,
        numDisparities=range_px,
        blockSize=_BLOCK_PX,
        P1=8 * channels * _BLOCK_PX**2,
        P2=32 * channels * _BLOCK_PX**2,
        uniquenessRatio=5,
        speckleWindowSize=80,
        speckleRange=2,
        mode=cv2.STEREO_SGBM_MODE_SGBM_3WAY,
    )
    found = np.asarray(matcher.compute(*padded), np.float32)[:, range_px:] / _SUBPIXELS
    return np.where(found > 0, found, np.float32(np.nan))


def _as_left_sees(pair: StereoPair, rectified: Rectification, depth_m: Float32) -> Float32:
    """Returns rectified depth ``(H, W)`` in the pixels, and along the axis, of the left camera."""
    height, width = depth_m.shape
    grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=2).reshape(-1, 1, 2).astype(np.float64)
    seen = cv2.undistortPoints(
        grid, pair.left_matrix, pair.left_distortion, R=rectified.left_turn, P=rectified.left_view
    ).reshape(height, width, 2)
    columns, rows = np.rint(seen[:, :, 0]), np.rint(seen[:, :, 1])
    inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    at = (np.clip(rows, 0, height - 1).astype(np.intp), np.clip(columns, 0, width - 1).astype(np.intp))
    z_m = np.where(inside, depth_m[at], np.nan)
    focal_px, middle = rectified.left_view[0, 0], rectified.left_view[:2, 2]
    rays = np.dstack([(seen - middle) / focal_px, np.ones((height, width))])
    along = rays @ rectified.left_turn[:, 2]  # the left camera's axis, in rectified coordinates
    return np.asarray(z_m * along, np.float32)
