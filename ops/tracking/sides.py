"""The left and the right side of the picture, over which people leave the view and come back."""

from itertools import pairwise

import numpy as np

from ops.tracking.detections import Detections, Tracklet
from schemas.values import Bools, Float64

AT_SIDE = 0.006
"""Distance from the side of the picture up to which a box counts as cut by it, share of the picture's width."""

MISSED_S = 0.5
"""Gap at a side up to which somebody was only missed there, seconds."""


def cut_by_sides(boxes: Float64, size_px: tuple[int, int] | None) -> Bools:
    """Returns whether the left and the right side of the picture cut boxes ``(N, 4)``: ``(N, 2)``.

    Args:
        boxes: x1, y1, x2, y2 in pixels.
        size_px: width and height of the picture; None if unknown: then nothing is cut.
    """
    if size_px is None:
        return np.zeros((len(boxes), 2), np.bool_)
    width, margin = size_px[0], AT_SIDE * size_px[0]
    return np.column_stack([boxes[:, 0] <= margin, boxes[:, 2] >= width - margin])


def out_of_view(detections: Detections, tracklet: Tracklet) -> Bools:
    """Marks the gaps ``(M - 1,)`` between detections in which somebody was out of view: one side cuts both boxes.

    Without a frame in between there is no gap, however slow the footage is.
    """
    cut = cut_by_sides(detections.box[tracklet], detections.size_px)
    missed = (np.diff(detections.frame[tracklet]) > 1) & (np.diff(detections.time_s[tracklet]) > MISSED_S)
    return (cut[:-1] & cut[1:]).any(axis=1) & missed


def split_out_of_view(detections: Detections, tracklets: list[Tracklet]) -> list[Tracklet]:
    """Splits tracklets where somebody was out of view: who comes back may be somebody else, which a join decides."""
    pieces = [
        tracklet[first:end]
        for tracklet in tracklets
        for first, end in pairwise([0, *(np.flatnonzero(out_of_view(detections, tracklet)) + 1), len(tracklet)])
    ]
    return detections.in_order([piece for piece in pieces if len(piece) > 1])
