"""Fills in the boxes of a tracklet on every frame between its first and its last detection."""

from typing import NamedTuple

import numpy as np

from ops.boxes import size
from ops.tracking.detections import Detections, Tracklet
from ops.tracking.sides import out_of_view
from schemas.values import Float64, Int64

WANDER = 0.08
"""Standard deviation of the path between two boxes around the straight line, body heights after one second on an open
end. Measured-real on true boxes of PETS09-S2L1 and TUD-Campus: .03 to .11 for gaps of .2 to 1.6 s."""


class Interpolated(NamedTuple):
    """Boxes of one tracklet.

    Attributes:
        frames: ``(M,)`` numbers of the observed frames from the first to the last detection.
        boxes: ``(M, 4)`` the boxes on them.
        sigma_px: ``(M,)`` standard deviation that interpolation adds to each edge, px; 0 where detected.
    """

    frames: Int64
    boxes: Float64
    sigma_px: Float64


def interpolate(detections: Detections, tracklet: Tracklet, smooth_s: float) -> Interpolated:
    """Interpolates a tracklet and smooths it.

    A gap in which somebody was out of view stays.

    Args:
        detections: of one kind of thing.
        tracklet: one thing's.
        smooth_s: standard deviation of the Gaussian over which boxes are smoothed, seconds; 0 leaves them as detected.
    """
    detected = detections.frame[tracklet]
    ends = np.where(out_of_view(detections, tracklet), detected[:-1] + 1, detected[1:])
    stretches = [np.arange(first, end) for first, end in zip(detected[:-1], ends, strict=True)]
    frames = np.concatenate([*stretches, detected[-1:]])
    at_s, detected_s = detections.frame_s[frames], detections.frame_s[detected]
    boxes = np.stack([np.interp(at_s, detected_s, edge) for edge in detections.box[tracklet].T], axis=1)
    # A Brownian bridge between the two detections: sure at both ends, least sure in the middle.
    after = np.clip(np.searchsorted(detected_s, at_s), 1, max(len(detected_s) - 1, 1)) % len(detected_s)
    since_s, until_s = at_s - detected_s[after - 1], detected_s[after] - at_s
    bridge_s = since_s * until_s / np.maximum(since_s + until_s, 1e-9)
    sigma_px = WANDER * size(boxes)[:, 1] * np.sqrt(np.maximum(bridge_s, 0))
    return Interpolated(frames, _smoothed(at_s, boxes, smooth_s) if smooth_s > 0 else boxes, sigma_px)


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
