"""Boxes with identities in the frames of one video: truth that a person drew, or the tracks to score against it."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from schemas.values import Bools, Float64, Int64


@dataclass(frozen=True)
class FrameBoxes:
    """Boxes of one video, one row each, in any order.

    Attributes:
        frame: ``(N,)`` number of the frame, from 1.
        identity: ``(N,)`` id of the person or object, unique within a frame.
        box: ``(N, 4)`` x1, y1, x2, y2 in pixels.
        counts: ``(N,)`` false for truth that is ignored: who is there was not judged.
    """

    frame: Int64
    identity: Int64
    box: Float64
    counts: Bools

    @classmethod
    def of(cls, frame: Int64, identity: Int64, box: Float64) -> "FrameBoxes":
        """Builds boxes that all count, from frame numbers, identities and ``(N, 4)`` boxes x1, y1, x2, y2."""
        return cls(frame, identity, box, np.ones(len(frame), np.bool_))

    def __len__(self) -> int:
        return len(self.frame)

    def take(self, rows: np.ndarray[tuple[int, ...], np.dtype[Any]] | slice) -> "FrameBoxes":
        """Returns the rows of a mask, of indices or of a slice."""
        return FrameBoxes(self.frame[rows], self.identity[rows], self.box[rows], self.counts[rows])

    def scaled(self, across: float, down: float) -> "FrameBoxes":
        """Returns the boxes in pixels of another picture size.

        Args:
            across, down: its width and height, as multiples of the present ones.
        """
        return replace(self, box=self.box * [across, down, across, down])

    def by_frame(self) -> "FrameBoxes":
        """Returns the rows sorted by frame; those of a frame keep their order."""
        return self.take(np.argsort(self.frame, kind="stable"))
