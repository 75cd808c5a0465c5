"""Leaves one person visible in anonymized video, for the person's own right of access.

The original pixels are visible inside the person's unpadded box, except where other people may be: in the padded boxes
of everybody else, tracked or only detected, by the first detector or the second, and of riders of two-wheelers, found
or not, extended in time beyond their tracks. Privacy masks stay covered as well. The video stays as published where the
person's position is unknown, and in frames that are covered completely: there, other people may be anywhere. Where
the scene is replaced, only the person's silhouette is uncovered, and nothing of the place around it. A person
whom no detector found may be visible inside the box, so a human must review the result (docs/privacy.md).
"""

from collections.abc import Collection, Iterator
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ops.anonymize.cover.paint import Colour
from ops.anonymize.geometry import cover_boxes
from ops.anonymize.locate.others import CAUTION, MOST_GAP_S, FootageDetections, other_spans
from ops.arrays import BOX_COLUMNS, boxes_of, times_us
from ops.boxes import pad
from ops.leaks import CODEC_TOLERANCE
from schemas.values import Float64, Uint8

_FLAT = 4.0  # grey levels: standard deviation of a decoded frame that is of one colour


class Reveal:
    """Shows one track in covered frames, and nobody else.

    Args:
        track_id: the track to show.
        in_footage: of this person and of all others in the footage.
        static: ``(H, W)``, 255 where nothing is ever shown.
        plain: colour BGR of the plain scene of mode ``replace``; None in other modes.
    """

    def __init__(
        self, track_id: str, in_footage: FootageDetections, static: Uint8, plain: Colour | None = None
    ) -> None:
        points = in_footage.track_points
        mine = points.filter(pc.equal(points["track_id"], track_id)).sort_by("time")
        self._times_us, self._boxes = times_us(mine), boxes_of(mine)
        self._others = other_spans(in_footage, track_id)
        self._static = static
        self._plain = plain

    def is_within(self, start_us: int, end_us: int) -> bool:
        """Returns whether the person's track touches a stretch of time, both ends included."""
        if not len(self._times_us):
            return False
        return bool(self._times_us[0] <= end_us and start_us <= self._times_us[-1])

    def box(self, time_us: int) -> Float64 | None:
        """Returns the person's box ``(4,)`` at a time; None where it is unknown."""
        after = int(np.searchsorted(self._times_us, time_us))
        if after < len(self._times_us) and self._times_us[after] == time_us:
            return np.asarray(self._boxes[after])
        if after in (0, len(self._times_us)):
            return None
        start, end = self._times_us[after - 1], self._times_us[after]
        # Over a long gap a straight line is a guess, and somebody else may be where it leads.
        if end - start > MOST_GAP_S * 1e6:
            return None
        share = (time_us - start) / (end - start)
        return np.asarray(self._boxes[after - 1] + share * (self._boxes[after] - self._boxes[after - 1]))

    def others(self, time_us: int) -> Float64:
        """Returns the padded boxes ``(M, 4)`` of all others at a time."""
        return pad(self._others.at(time_us).boxes, CAUTION.pad_share, CAUTION.pad_px)

    def apply(self, original: Uint8, covered: Uint8, time_us: int) -> Uint8 | None:
        """Returns a frame with the person visible; None where nothing of them can be shown.

        Args:
            original, covered: ``(H, W, 3)`` BGR, the same frame before and after it was covered; not changed.
            time_us: microseconds since 1970.
        """
        # Of a frame that was covered whole nobody knows where others are, so nothing of it is shown.
        box = self.box(time_us)
        if box is None:
            return None
        if self._plain is None:
            whole, hidden = is_flat(covered), self._static
        else:
            scene = _near(covered, self._plain)
            whole, hidden = not scene.any(), scene | self._static
        if whole:
            return None
        mask = visible_mask(box, self.others(time_us), hidden)
        if not mask.any():
            return None
        return np.where(mask[..., None] > 0, original, covered)


def is_flat(frame: Uint8) -> bool:
    """Returns whether a decoded frame is of one colour, so covered whole (or dark, so that nothing is visible)."""
    _, deviation = cv2.meanStdDev(frame)
    return bool(deviation.max() < _FLAT)


def _near(frame: Uint8, colour: Colour) -> Uint8:
    """Returns ``(H, W)``, 255 where a decoded frame has a colour, and around, where the encoder blends it."""
    low, high = (np.array(colour, np.float64) + sign * CODEC_TOLERANCE for sign in (-1, 1))
    return np.asarray(cv2.dilate(cv2.inRange(frame, low, high), np.ones((5, 5), np.uint8)), np.uint8)


def visible_mask(box: Float64, others: Float64, static: Uint8) -> Uint8:
    """Returns ``(H, W)``, 255 on pixels that lie wholly in a box ``(4,)``, and in none of ``others`` ``(M, 4)``.

    Args:
        static: ``(H, W)``, not 0 where nothing is shown.
    """
    height, width = static.shape
    # Rounded inward, while ``cover_boxes`` rounds outward: a pixel that two people share stays covered.
    x1, y1 = np.clip(np.ceil(box[:2]), 0, (width, height)).astype(int)
    x2, y2 = np.clip(np.floor(box[2:]), 0, (width, height)).astype(int)
    hidden = static.copy()
    cover_boxes(hidden, others)
    mask = np.zeros_like(static)
    mask[y1:y2, x1:x2] = 255
    mask[hidden > 0] = 0
    return mask


def untracked_detections(
    detections: pa.Table, tracklet_points: pa.Table, track_points: pa.Table, labels: Collection[str]
) -> pa.Table:
    """Returns the detections of some classes that belong to no track, so that they may be anybody's.

    A tracklet may have a detection that its track has no point for, at a segment's border: it counts as untracked.
    """
    points = set(_keys(track_points, "segment_id", "pts", *BOX_COLUMNS))
    with_detections = zip(
        _keys(tracklet_points, "frame_segment_id", "pts", *BOX_COLUMNS),
        _keys(tracklet_points, "frame_segment_id", "detection"),
        strict=True,
    )
    tracked = {detection for point, detection in with_detections if point in points}
    wanted = detections.filter(pc.is_in(detections["label"], pa.array(sorted(labels), pa.string())))
    return wanted.filter(pa.array([key not in tracked for key in _keys(wanted, "segment_id", "detection")], pa.bool_()))


def _keys(table: pa.Table, *names: str) -> Iterator[tuple[Any, ...]]:
    return zip(*(table[name].to_pylist() for name in names), strict=True)
