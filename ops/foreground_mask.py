"""Marks the pixels of a frame that moving things cover, from the boxes detected around its time."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ops.arrays import boxes_of, times_us
from schemas.values import Bools, Float64, Int64


@dataclass(frozen=True)
class ForegroundMask:
    """Foreground of a segment: detected boxes over time.

    Attributes:
        observed_us: ``(F,)`` times of the frames that the detector saw, rising.
        times_us: ``(N,)`` time of each box, rising.
        boxes: ``(N, 4)`` x1, y1, x2, y2 in px of the source.
        reach_us: time before and after its own during which a box counts: detections flicker.
        blind_us: distance to the nearest observed frame beyond which the foreground is unknown.
        pad_share, pad_px: margin added on each side, as a share of the box's height and in px.
    """

    observed_us: Int64
    times_us: Int64
    boxes: Float64
    reach_us: int = 300_000
    blind_us: int = 500_000
    pad_share: float = 0.08
    pad_px: float = 2.0

    def known_at(self, time_us: int) -> bool:
        """Whether the detector saw a frame near this time."""
        place = int(np.searchsorted(self.observed_us, time_us))
        near = self.observed_us[max(0, place - 1) : place + 1]
        return bool((np.abs(near - time_us) <= self.blind_us).any())

    def mask_at(self, time_us: int, size_px: tuple[int, int], source_px: tuple[int, int]) -> Bools:
        """Returns the covered pixels ``(H, W)`` at a time, of a picture of ``size_px`` (width, height)."""
        first, last = np.searchsorted(self.times_us, [time_us - self.reach_us, time_us + self.reach_us + 1])
        boxes = self.boxes[first:last]
        pad = self.pad_px + self.pad_share * (boxes[:, 3:] - boxes[:, 1:2])
        scale = np.array([size_px[0] / source_px[0], size_px[1] / source_px[1]])
        low = np.floor(np.maximum((boxes[:, :2] - pad) * scale, 0)).astype(int)
        high = np.ceil(np.maximum((boxes[:, 2:] + pad) * scale, 0)).astype(int)
        mask = np.zeros((size_px[1], size_px[0]), bool)
        for (left, top), (right, bottom) in zip(low.tolist(), high.tolist(), strict=True):
            mask[top:bottom, left:right] = True
        return mask


def foreground_mask(
    detections: pa.Table, observed_frames: pa.Table, labels: Collection[str] | None, confidence: float
) -> ForegroundMask:
    """Returns the foreground of detections of some labels (all if None) with at least this confidence."""
    kept = pc.greater_equal(detections["confidence"], confidence)
    if labels is not None:
        kept = pc.and_(kept, pc.is_in(detections["label"], pa.array(sorted(labels), pa.string())))
    rows = detections.filter(kept).sort_by("time")
    return ForegroundMask(np.sort(times_us(observed_frames)), times_us(rows), boxes_of(rows))
