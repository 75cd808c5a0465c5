"""Splits tracklets at jumps in the picture that no person can make: there the tracker took one person for another.

The unit is the height of the body, which a box has at any distance and without calibration.
"""

import numpy as np

from ops.boxes import size
from ops.tracking.detections import Detections, Tracklet
from ops.tracking.ends import TrackletEnd
from schemas.values import Bools, Float64

ERROR_HEIGHTS = 0.25
"""Distance that errors of two boxes explain, body heights: five times the standard deviation of one edge."""


def split_jumps(detections: Detections, tracklets: list[Tracklet], max_speed_heights_s: float) -> list[Tracklet]:
    """Splits tracklets where two consecutive detections are farther apart than anybody moves.

    Somebody who passes on a bicycle is not split: the movement before or after explains the step.

    Args:
        detections: of people.
        tracklets: in any order.
        max_speed_heights_s: speed that nobody reaches, body heights per second.
    """
    pieces: list[Tracklet] = []
    for tracklet in tracklets:
        far = np.flatnonzero(_too_far(detections, tracklet, max_speed_heights_s, np.zeros(2)))
        cuts = [at + 1 for at in far if not _is_explained(detections, tracklet, int(at), max_speed_heights_s)]
        pieces += np.split(tracklet, cuts)
    return detections.in_order(pieces)


def least_shift(before: Float64, after: Float64) -> Float64:
    """Returns the least shift ``(N, 2)`` of boxes ``(N, 4)``: of the edge that moved less, 0 where edges disagree.

    A box that grows or shrinks on one side, because somebody is hidden in part, has not moved.
    """
    low, high = after[:, :2] - before[:, :2], after[:, 2:] - before[:, 2:]
    agree = np.sign(low) == np.sign(high)
    return np.where(agree, np.sign(low) * np.minimum(np.abs(low), np.abs(high)), 0.0)


def _too_far(detections: Detections, tracklet: Tracklet, max_speed_heights_s: float, velocity: Float64) -> Bools:
    """Marks steps ``(N - 1,)`` that are too long, beside what a velocity in pixels per second explains."""
    boxes, elapsed_s = detections.box[tracklet], np.diff(detections.time_s[tracklet])
    expected = boxes[:-1] + np.tile(elapsed_s[:, None] * velocity, 2)
    height = np.maximum(size(boxes[:-1])[:, 1], size(boxes[1:])[:, 1])
    shift = np.hypot(*least_shift(expected, boxes[1:]).T)
    return np.asarray(shift > height * (ERROR_HEIGHTS + max_speed_heights_s * elapsed_s))


def _is_explained(detections: Detections, tracklet: Tracklet, at: int, max_speed_heights_s: float) -> bool:
    """Tells whether the movement before or after the step from detection ``at`` explains it."""
    step = tracklet[at : at + 2]
    sides = (TrackletEnd(detections, tracklet[: at + 1], -1), TrackletEnd(detections, tracklet[at + 1 :], 0))
    return not all(_too_far(detections, step, max_speed_heights_s, side.velocity)[0] for side in sides)
