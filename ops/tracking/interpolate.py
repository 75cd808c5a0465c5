"""Fills in the boxes of a tracklet on every frame between its first and its last detection."""

import numpy as np

from ops.tracking.detections import Detections, Tracklet
from schemas.values import Float64, Int64


def interpolate(detections: Detections, tracklet: Tracklet, smooth_s: float) -> tuple[Int64, Float64]:
    """Interpolates a tracklet and smooths it.

    Args:
        detections: of one kind of thing.
        tracklet: one thing's.
        smooth_s: standard deviation of the Gaussian over which boxes are smoothed, seconds; 0 leaves them as detected.

    Returns:
        frames: ``(M,)`` numbers of all observed frames from the first to the last detection.
        boxes: ``(M, 4)`` the boxes on them.
    """
    detected = detections.frame[tracklet]
    frames = np.arange(detected[0], detected[-1] + 1)
    at_s, detected_s = detections.frame_s[frames], detections.frame_s[detected]
    boxes = np.stack([np.interp(at_s, detected_s, edge) for edge in detections.box[tracklet].T], axis=1)
    return frames, _smoothed(at_s, boxes, smooth_s) if smooth_s > 0 else boxes


def _smoothed(at_s: Float64, boxes: Float64, sigma_s: float) -> Float64:
    """Fits local straight lines with Gaussian weights: unlike a moving average they do not pull the ends inwards."""
    smooth = np.empty_like(boxes)
    low = np.searchsorted(at_s, at_s - 3 * sigma_s)
    high = np.searchsorted(at_s, at_s + 3 * sigma_s, side="right")
    for row, (first, end) in enumerate(zip(low, high, strict=True)):
        offset_s = at_s[first:end] - at_s[row]
        weight = np.exp(-0.5 * (offset_s / sigma_s) ** 2)
        total, tilt, spread = weight.sum(), weight @ offset_s, weight @ offset_s**2
        determinant = total * spread - tilt**2
        # Weighted least squares, solved for the line's value at offset 0; a lone point keeps its plain weight.
        if determinant > 1e-9:
            weight = weight * (spread - tilt * offset_s) / determinant
        smooth[row] = weight @ boxes[first:end] / weight.sum()
    return smooth
