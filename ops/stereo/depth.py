"""Metric depth of a stereo pair: semi-global matching, checked from both sides.

Matching is Hirschmueller's (TPAMI 2008) as OpenCV has it, with the penalties that OpenCV advises. A match counts if the
right picture, matched by itself, leads back to it.
"""

from typing import TypeVar

import cv2
import numpy as np

from ops.depth_models.kinds import MetricDepth
from ops.stereo.alignment import MOST_ROWS_OFF, rows_off
from ops.stereo.rectify import rectify
from schemas.errors import SiteError
from schemas.stereo import Side, StereoPair
from schemas.values import Float32, Uint8

Picture = TypeVar("Picture", Uint8, Float32)

_BLOCK_PX = 5
_SUBPIXELS = 16
"""Steps of a pixel in which OpenCV gives disparities."""

_MOST_OFF_PX = 1.0
"""Most that matching from the right may differ from matching from the left."""


def stereo_depth(
    pair: StereoPair, left: Uint8, right: Uint8, nearest_m: float = 1.0, side: Side = "left"
) -> MetricDepth:
    """Returns the depth that one of the cameras sees, in its own pixels; NaN where nothing matches.

    Args:
        pair: the calibration.
        left, right: ``(H, W, 3)`` BGR, of ``pair.size_px``, taken at one time.
        nearest_m: nothing nearer is looked for, nor what is displaced by more than half of the width.
        side: whose depth.

    Raises:
        SiteError: a picture has another size than the calibration, the right camera is not on the right, or the
            pictures show that the calibration does not hold.
    """
    for name, picture in (("left", left), ("right", right)):
        if picture.shape[1::-1] != pair.size_px:
            raise SiteError(
                f"stereo pair: the {name} picture has {picture.shape[1]} x {picture.shape[0]} pixels, the calibration "
                f"{pair.size_px[0]} x {pair.size_px[1]}: calibrate it at that size"
            )
    rectified = rectify(pair)
    times_m = rectified.focal_px * pair.baseline_m
    most_px = min(times_m / nearest_m, pair.size_px[0] / 2)
    one, other = rectified.left.rectified(left), rectified.right.rectified(right)
    off = rows_off(one, other, most_px)
    if off is not None and off > MOST_ROWS_OFF:
        raise SiteError(
            f"stereo pair: points of one picture lie {off:.1f} rows off in the other, in the median: a camera was "
            "turned, or the calibration is of other cameras; calibrate the pair again"
        )
    if side == "right":
        disparity_px = _mirrored(checked_disparity(_mirrored(other), _mirrored(one), most_px))
    else:
        disparity_px = checked_disparity(one, other, most_px)
    return MetricDepth(rectified.view(side).as_seen(times_m / disparity_px))


def checked_disparity(left: Uint8, right: Uint8, most_px: float) -> Float32:
    """Returns the disparity ``(H, W)`` of rectified pictures ``(H, W, 3)``; NaN where both sides do not agree.

    Args:
        left, right: BGR.
        most_px: the largest disparity.
    """
    there = _disparity(left, right, most_px)
    # From the right: both pictures mirrored, so that matches lie to the same side.
    back = _mirrored(_disparity(_mirrored(right), _mirrored(left), most_px))
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


def _mirrored(picture: Picture) -> Picture:
    return np.ascontiguousarray(picture[:, ::-1])
