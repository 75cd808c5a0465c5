"""Detections of one kind of thing on the observed frames: the input of all steps of tracking."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ops.boxes import size, suppress_overlaps
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
        size_px: width and height of the frames; None if unknown.
    """

    frame_s: Float64
    frame: Int64
    box: Float64
    confidence: Float64
    colours: Uint8 | None = None
    size_px: tuple[int, int] | None = None

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def time_s(self) -> Float64:
        """``(N,)`` time of each box, seconds."""
        return self.frame_s[self.frame]

    @cached_property
    def covered(self) -> Float64:
        """``(N,)`` share of each box that the box of somebody in front covers, 0..1: the largest such share.

        On a camera that looks down, the person in front is the one whose feet are lower in the picture.
        """
        shares = np.zeros(len(self))
        for number in np.unique(self.frame):
            rows = self.on_frame(int(number))
            box = self.box[rows]
            low = np.maximum(box[:, None, :2], box[None, :, :2])
            high = np.minimum(box[:, None, 2:], box[None, :, 2:])
            shared = np.clip(high - low, 0, None).prod(axis=2) / np.maximum(size(box).prod(axis=1), 1e-9)[:, None]
            in_front = box[None, :, 3] > box[:, None, 3]
            shares[rows] = np.where(in_front, shared, 0.0).max(axis=1)
        return shares

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
