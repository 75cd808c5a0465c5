"""Leaves one person visible in covered video, for somebody who has a right to see what is held of him.

Shown is the original inside the person's own box, unpadded, less whatever may be of somebody else: the padded boxes of
all others, be they tracked or merely detected, where they were shortly before their track and where they may be
shortly after it, and the camera's privacy masks. Everything else is as it was published. Where nobody knows where the
person is, nothing is shown; nor where the frame is covered whole, for then somebody was in it of whom it is not known
where. One whom no detector ever found cannot be kept out of the box: somebody has to look.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ops.anonymize.cover.paint import cover_boxes
from ops.anonymize.locate.spans import (
    Spans,
    bridge_spans,
    detection_spans,
    join_spans,
    lingering_spans,
    padded,
    split_trajectories,
    track_spans,
)
from schemas.values import Float64, Int64, Uint8

_BOX = ("x1", "y1", "x2", "y2")
_SAME_PLACE = 0.1  # intersection over union of boxes
_FLAT = 4.0  # grey levels: standard deviation of a decoded frame that is of one colour


@dataclass(frozen=True)
class Caution:
    """How generously others are kept covered.

    Attributes:
        pad_share, pad_px: their boxes are padded on every side by this share of their size, and by that at least.
        extend_s: a track goes on for so long, as it moved, before its first and after its last point.
        linger_s: somebody whose track ends may stay where he was for so long; and so before it begins.
        bridge_s: a track that starts where another ended is taken to have been there over so long a gap.
        hold_s: a detection that no track holds stays for so long, or until the detector looked again.
        gap_s: between two points of the person's track that are farther apart he is not shown.
    """

    pad_share: float = 0.2
    pad_px: float = 4.0
    extend_s: float = 1.0
    linger_s: float = 2.0
    bridge_s: float = 20.0
    hold_s: float = 2.0
    gap_s: float = 1.0


class Reveal:
    """Knows where one track is visible in footage, and where others are.

    Args:
        track_id: the one.
        track_points: of this and of all other tracks in the footage.
        detections: those that no track holds: columns ``time`` and the box.
        observed_us: ``(L,)``, rising: the frames that the detector looked at.
        static: ``(H, W)``, 255 where nothing is ever shown.
        caution: how generously others are kept covered.
    """

    def __init__(
        self,
        track_id: str,
        track_points: pa.Table,
        detections: pa.Table,
        observed_us: Int64,
        static: Uint8,
        caution: Caution | None = None,
    ) -> None:
        caution = caution or Caution()
        own = pc.equal(track_points["track_id"], track_id)
        mine = track_points.filter(own).sort_by("time")
        self._caution = caution
        self._times_us, self._boxes = _times_us(mine), _boxes(mine)
        self._others = _others(track_points.filter(pc.invert(own)), detections, observed_us, caution)
        self._static = static

    def is_within(self, start_us: int, end_us: int) -> bool:
        """Whether the person is somewhere in a stretch of time, both ends included."""
        if not len(self._times_us):
            return False
        return bool(self._times_us[0] <= end_us and start_us <= self._times_us[-1])

    def box(self, time_us: int) -> Float64 | None:
        """The person's box ``(4,)`` at a time; None where it is not known."""
        after = int(np.searchsorted(self._times_us, time_us))
        if after < len(self._times_us) and self._times_us[after] == time_us:
            return np.asarray(self._boxes[after])
        if after in (0, len(self._times_us)):
            return None
        start, end = self._times_us[after - 1], self._times_us[after]
        if end - start > self._caution.gap_s * 1e6:
            return None
        share = (time_us - start) / (end - start)
        return np.asarray(self._boxes[after - 1] + share * (self._boxes[after] - self._boxes[after - 1]))

    def others(self, time_us: int) -> Float64:
        """Padded boxes ``(M, 4)`` of all others at a time."""
        boxes = self._others.at(time_us).boxes
        return padded(boxes, self._caution.pad_share, self._caution.pad_px)

    def shown(self, original: Uint8, covered: Uint8, time_us: int) -> Uint8 | None:
        """A frame with the person visible; None where nothing of him can be shown.

        Args:
            original, covered: ``(H, W, 3)`` BGR, the same frame before and after it was covered; neither is changed.
            time_us: microseconds since 1970.
        """
        box = self.box(time_us)
        if box is None or is_flat(covered):
            return None
        mask = visible_mask(box, self.others(time_us), self._static)
        if not mask.any():
            return None
        return np.where(mask[..., None] > 0, original, covered)


def is_flat(frame: Uint8) -> bool:
    """Whether a decoded frame is of one colour, so covered whole (or dark: then there is nothing to be seen)."""
    _, deviation = cv2.meanStdDev(frame)
    return bool(deviation.max() < _FLAT)


def visible_mask(box: Float64, others: Float64, static: Uint8) -> Uint8:
    """``(H, W)``, 255 on the pixels that lie wholly in a box ``(4,)``, and in none of ``others`` ``(M, 4)``.

    Args:
        static: ``(H, W)``, not 0 where nothing is shown.
    """
    height, width = static.shape
    x1, y1 = np.clip(np.ceil(box[:2]), 0, (width, height)).astype(int)
    x2, y2 = np.clip(np.floor(box[2:]), 0, (width, height)).astype(int)
    hidden = static.copy()
    cover_boxes(hidden, others)
    mask = np.zeros_like(static)
    mask[y1:y2, x1:x2] = 255
    mask[hidden > 0] = 0
    return mask


def unheld(
    detections: pa.Table, tracklet_points: pa.Table, track_points: pa.Table, labels: Collection[str]
) -> pa.Table:
    """The detections of some classes that no track holds, so that they may be anybody's.

    A tracklet may hold a detection that its track has no point for, at a segment's border: that counts as not held.
    """
    points = set(_keys(track_points, "segment_id", "pts", *_BOX))
    seen = zip(
        _keys(tracklet_points, "frame_segment_id", "pts", *_BOX),
        _keys(tracklet_points, "frame_segment_id", "detection"),
        strict=True,
    )
    held = {detection for place, detection in seen if place in points}
    wanted = detections.filter(pc.is_in(detections["label"], pa.array(sorted(labels), pa.string())))
    return wanted.filter(pa.array([key not in held for key in _keys(wanted, "segment_id", "detection")], pa.bool_()))


def _keys(table: pa.Table, *names: str) -> Iterator[tuple[Any, ...]]:
    return zip(*(table[name].to_pylist() for name in names), strict=True)


def _others(points: pa.Table, detections: pa.Table, observed_us: Int64, caution: Caution) -> Spans:
    growth = (caution.pad_share, caution.pad_px)
    codes = np.asarray(points["track_id"].combine_chunks().dictionary_encode().indices, np.int64)
    paths = list(split_trajectories(codes, _times_us(points), _boxes(points)))
    return join_spans(
        [
            *(track_spans(path, _us(caution.extend_s), *growth) for path in paths),
            *(lingering_spans(path, _us(caution.linger_s), *growth) for path in paths),
            bridge_spans(paths, _us(caution.bridge_s), _SAME_PLACE),
            detection_spans(_times_us(detections), _boxes(detections), observed_us, _us(caution.hold_s)),
        ]
    )


def _us(seconds: float) -> int:
    return round(seconds * 1e6)


def _times_us(table: pa.Table) -> Int64:
    return np.asarray(table["time"].cast(pa.int64()).to_numpy(), np.int64)


def _boxes(table: pa.Table) -> Float64:
    return np.stack([table[name].to_numpy().astype(np.float64) for name in _BOX], axis=1)
