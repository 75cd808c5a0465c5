"""How long a look holds where nothing changes: much longer with each look that found the same."""

import numpy as np

from ops.boxes import iou_matrix
from ops.detect.changes import changed
from schemas.values import Float32, Uint8

LONGER = (1, 8, 32)
"""Times that a look holds longer than usual, by the number of looks before it that found the same: 4, 32, 128 s."""

SAME_IOU = 0.5
"""Least intersection over union of two boxes of one person who did not move."""


class Patience:
    """Says when a look no longer holds.

    Args:
        seconds, frames: usual time that a look holds, and most frames, whatever their times say.
    """

    def __init__(self, seconds: float, frames: int) -> None:
        self._usual_us, self._usual_frames = round(seconds * 1e6), frames
        self._end_us = self._end_number = 0
        self._alike = 0
        self._picture: Uint8 | None = None
        self._people: Float32 = np.empty((0, 4), np.float32)

    def is_over(self, number: int, time_us: int) -> bool:
        """Returns whether a frame must be looked at, changed or not."""
        return number >= self._end_number or time_us >= self._end_us

    def renew(self, number: int, time_us: int, picture: Uint8, people: Float32) -> None:
        """Begins anew with a look, when the last one's time is over.

        It holds longer if it shows and found the same as that one: one more look would tell little.

        Args:
            picture: what was looked at, reduced.
            people: ``(N, 4)`` boxes of the people whom it found.
        """
        same = self._picture is not None and not changed(picture, self._picture).any()
        self._alike = self._alike + 1 if same and _same(people, self._people) else 0
        factor = LONGER[min(self._alike, len(LONGER) - 1)]
        self._picture, self._people = picture, people
        self._end_number = number + factor * self._usual_frames
        self._end_us = time_us + factor * self._usual_us


def _same(boxes: Float32, others: Float32) -> bool:
    """Returns whether each box has its like among the others, and the other way round."""
    if not len(boxes) or not len(others):
        return len(boxes) == len(others)
    overlaps = iou_matrix(boxes, others)
    return bool(min(overlaps.max(axis=0).min(), overlaps.max(axis=1).min()) > SAME_IOU)
