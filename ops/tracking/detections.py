"""Detections of one kind of thing on the observed frames: the input of all steps of tracking."""

from dataclasses import dataclass

import numpy as np

from ops.boxes import suppress_overlaps
from schemas.values import Float64, Int64, Uint8

Tracklet = Int64
"""Detections of one thing: row numbers of ``Detections``, at most one per frame, in order of time."""


@dataclass(frozen=True)
class Detections:
    """Boxes of one kind of thing, in order of time.

    Attributes:
        frame_s: ``(F,)`` time of every observed frame, seconds, strictly rising.
        frame: ``(N,)`` number of the frame of each box, rising.
        box: ``(N, 4)`` x1, y1, x2, y2 in pixels.
        confidence: ``(N,)`` 0..1.
        colours: ``(N, SIZE)`` of ``colours.py``, zeros where they are unknown; None: of all.
    """

    frame_s: Float64
    frame: Int64
    box: Float64
    confidence: Float64
    colours: Uint8 | None = None

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def time_s(self) -> Float64:
        """``(N,)`` time of each box, seconds."""
        return self.frame_s[self.frame]

    def on_frame(self, number: int) -> Int64:
        """Returns the rows of one frame."""
        first, end = np.searchsorted(self.frame, [number, number + 1])
        return np.arange(first, end)

    def span_s(self, tracklet: Tracklet) -> float:
        """Returns the time from the first to the last detection of a tracklet, seconds."""
        return float(self.frame_s[self.frame[tracklet[-1]]] - self.frame_s[self.frame[tracklet[0]]])

    def backwards(self) -> tuple["Detections", Int64]:
        """Returns the same with time reversed, and the rows that its rows are."""
        last = len(self.frame_s) - 1
        rows = np.argsort(last - self.frame, kind="stable")
        at_s = (self.frame_s[-1:] - self.frame_s)[::-1]
        return Detections(at_s, last - self.frame[rows], self.box[rows], self.confidence[rows]), rows

    def in_order(self, tracklets: list[Tracklet]) -> list[Tracklet]:
        """Sorts tracklets by their first frame, then from left to right."""
        return sorted(
            tracklets, key=lambda tracklet: (int(self.frame[tracklet[0]]), *self.box[tracklet[0]], len(tracklet))
        )


def without_duplicates(detections: Detections, overlap: float) -> Int64:
    """Returns the rows that remain after non-maximum suppression in each frame, rising."""
    kept: list[int] = []
    for number in np.unique(detections.frame):
        rows = detections.on_frame(int(number))
        kept += rows[suppress_overlaps(detections.box[rows], detections.confidence[rows], overlap)].tolist()
    return np.array(sorted(kept), np.int64)
