"""The ends of tracklets: where they point to."""

import numpy as np

from ops.boxes import centre, size
from ops.tracking.detections import Detections, Tracklet
from schemas.values import Float64

WINDOW_S = 1.0
"""Time at the end of a tracklet over which its velocity and its size are taken."""


class TrackletEnd:
    """One end of a tracklet; ``end`` is 0 for its first detection, -1 for its last.

    Attributes:
        time_s: when.
        box: ``(4,)`` the box there.
        place, top: ``(2,)`` centre of the box and middle of its upper edge there, each smoothed, px. A person in front
            hides the legs first: then the upper edge stays where it was, and the centre moves up.
        velocity: ``(2,)`` of the centre, px a second.
        size: ``(2,)`` median width and height of the boxes near the end, px.
    """

    def __init__(self, detections: Detections, tracklet: Tracklet, end: int) -> None:
        times_s = detections.time_s[tracklet]
        self.time_s = float(times_s[end])
        near = np.abs(times_s - self.time_s) <= WINDOW_S
        boxes = detections.box[tracklet[near]]
        self.box: Float64 = boxes[end]
        self.size: Float64 = np.median(size(boxes), axis=0)
        offset_s = times_s[near] - self.time_s
        self.place, self.velocity = _line(offset_s, centre(boxes), end)
        self.top, _ = _line(offset_s, np.column_stack([centre(boxes)[:, 0], boxes[:, 1]]), end)


def _line(offset_s: Float64, places: Float64, end: int) -> tuple[Float64, Float64]:
    """Returns place at offset 0 and velocity of the straight line through places ``(N, 2)``."""
    covered_s = float(np.ptp(offset_s))
    if len(offset_s) < 3 or covered_s < WINDOW_S / 4:
        return places[end], np.zeros(2)
    slope, place = np.polyfit(offset_s, places, 1)
    # A short stretch gives a poor velocity, so it is drawn towards rest: jitter must not throw the prediction far off.
    return place, slope * covered_s / (covered_s + WINDOW_S / 3)
