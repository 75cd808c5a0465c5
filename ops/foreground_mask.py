"""Which pixels of a frame moving things cover, from the boxes that were detected around its time."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ops.arrays import boxes_of, times_us
from schemas.values import Bools, Float64, Int64


@dataclass(frozen=True)
class ForegroundMask:
    """Detected boxes over time.

    Attributes:
        observed_us: ``(F,)`` when the detector looked, rising.
        times_us: ``(N,)`` when each box was seen, rising.
        boxes: ``(N, 4)`` x1, y1, x2, y2 in px of the source.
        reach_us: how long before and after a box was seen it still counts.
        blind_us: further than this from a look nothing is known.
        pad_share, pad_px: boxes are grown by this share of their height, and so many px, on each side.
    """

    observed_us: Int64
    times_us: Int64
    boxes: Float64
    reach_us: int = 300_000
    blind_us: int = 500_000
    pad_share: float = 0.08
    pad_px: float = 2.0

    def known_at(self, time_us: int) -> bool:
        """Whether the detector looked near this time."""
        place = int(np.searchsorted(self.observed_us, time_us))
        near = self.observed_us[max(0, place - 1) : place + 1]
        return bool((np.abs(near - time_us) <= self.blind_us).any())

    def mask_at(self, time_us: int, size_px: tuple[int, int], source_px: tuple[int, int]) -> Bools:
        """Covered pixels at a time: ``(H, W)`` for a picture of ``size_px`` (width, height) of the source."""
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
    detections: pa.Table, observed_frames: pa.Table, labels: Collection[str] | None, confidence: float, **how: float
) -> ForegroundMask:
    """The cover of detections of some labels (all if None) with at least this confidence."""
    kept = pc.greater_equal(detections["confidence"], confidence)
    if labels is not None:
        kept = pc.and_(kept, pc.is_in(detections["label"], pa.array(sorted(labels), pa.string())))
    rows = detections.filter(kept).sort_by("time")
    looked = np.sort(times_us(observed_frames))
    return ForegroundMask(looked, times_us(rows), boxes_of(rows), **how)  # type: ignore[arg-type]
