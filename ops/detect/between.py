"""Says who is in a frame between two looks, as far as both looks and what changed in it tell that.

Somebody whom both looks show, with nobody else near who could be meant, is taken to have gone straight from one place
to the other. The frame must bear that out: what differs in it from both looks must lie where somebody is expected, and
somebody who walked must show there. What is not borne out is unclear, and must be looked at. Looks that lie further
apart than a step say only who stays.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from ops.boxes import centre, pad, size
from ops.detect.changes import changed
from ops.detect.decode import Boxes
from ops.detect.tiles import merge_looks
from schemas.values import Bools, Float32, Float64, Int64, Uint8

SURE = 0.2
"""Least score, 0..1, of whom two looks must not lose between them. A box below it in both is not interpolated."""

STEP_S, STEP_FRAMES = 0.45, 5
"""Most seconds and frames between two looks of somebody who walks: four tenths, and what rounding adds. A straight line
is then off by less than a tenth of their height, even for somebody who stops (1.4 m/s, 1.75 m)."""

STEP, STAY = 0.6, 0.15
"""Most that somebody moved and changed their size, in heights: by a step (1 m in .45 s is running), and who stays."""

APART = 2.0
"""Factor by which everybody else must be further away."""

NEAR = 0.25
"""And least distance of everybody else, in heights."""

AROUND = 0.25
"""Growth of the place where somebody is expected, share of its sides: for what moves with them, as a shadow's rim."""

SHOWN = 0.05
"""Least share of the place of somebody who walked that differs from one of the looks."""


@dataclass(frozen=True)
class Seen:
    """A frame of which all is known.

    Attributes:
        number, time_us: of the frame.
        picture: reduced, see ``changes.py``.
        boxes: px of the source.
    """

    number: int
    time_us: int
    picture: Uint8
    boxes: Boxes


@dataclass(frozen=True)
class Judged:
    """What is known of a frame between two looks.

    Attributes:
        boxes: who is there, px of the source, surest first.
        unclear: ``(h, w)`` of the reduced picture, 255 where it must be looked at.
        concerned: ``(N, 4)`` px of the source: boxes that must be looked at as a whole or not at all.
    """

    boxes: Boxes
    unclear: Uint8
    concerned: Float64


class Between:
    """Compares frames with the looks before and after them.

    Args:
        before, after: the looks.
        source_px: (width, height) that boxes refer to.
    """

    def __init__(self, before: Seen, after: Seen, source_px: tuple[int, int]) -> None:
        self._before, self._after = before, after
        height, width = before.picture.shape[:2]
        self._scale = np.tile(np.array([width / source_px[0], height / source_px[1]]), 2)
        self._span_us = after.time_us - before.time_us
        self._is_step = 0 < self._span_us <= STEP_S * 1e6 and after.number - before.number <= STEP_FRAMES
        ours, theirs = before.boxes, after.boxes
        rows, columns = paired(ours, theirs, STEP if self._is_step else STAY)
        surely = np.maximum(ours.confidence[rows], theirs.confidence[columns]) >= SURE
        rows, columns = rows[surely], columns[surely]
        self._pairs = (ours.take(rows), theirs.take(columns))
        self._left = ours.take(np.setdiff1d(np.arange(len(ours)), rows))
        self._new = theirs.take(np.setdiff1d(np.arange(len(theirs)), columns))
        moved = np.abs(centre(self._pairs[0].xyxy) - centre(self._pairs[1].xyxy)).max(axis=1, initial=0)
        self._walked = moved > STAY * size(self._pairs[0].xyxy)[:, 1]
        self._expected = self._explained()

    def _explained(self) -> Uint8:
        """Returns 255 where a frame may differ from both looks without anybody being there who is in neither."""
        first, last = (each.xyxy for each in self._pairs)
        ways = np.concatenate([np.minimum(first[:, :2], last[:, :2]), np.maximum(first[:, 2:], last[:, 2:])], axis=1)
        explained = self._filled(pad(ways, AROUND, 0))
        if self._is_step:
            # What moves without being anybody was looked at in both: shadows, leaves, a screen.
            moved = np.abs(first - last).max(initial=0) * float(self._scale.max())
            side = 2 * int(np.ceil(moved)) + 3
            moving = changed(self._before.picture, self._after.picture)
            explained |= np.asarray(cv2.dilate(moving, np.ones((side, side), np.uint8)), np.uint8)
        lost = np.concatenate([_sure(self._left).xyxy, _sure(self._new).xyxy])
        explained &= ~self._filled(pad(lost, AROUND, 0))
        return explained

    def judge(self, number: int, time_us: int, picture: Uint8) -> Judged:
        """Returns what is known of a frame between both looks.

        Args:
            number, time_us: of the frame.
            picture: reduced.
        """
        from_before, from_after = changed(picture, self._before.picture), changed(picture, self._after.picture)
        there = self._interpolated(number, time_us)
        unclear = from_before & from_after & ~self._expected
        either = from_before | from_after
        hidden = self._walked & (self._shares(either, there.xyxy) < SHOWN)
        unclear |= self._filled(there.xyxy[hidden])
        left = self._left.take(np.nonzero(self._shares(from_before, self._left.xyxy) == 0)[0])
        new = self._new.take(np.nonzero(self._shares(from_after, self._new.xyxy) == 0)[0])
        boxes = merge_looks([there, left, new])
        lost = [_sure(each).xyxy for each in (self._left, self._new)]
        return Judged(boxes, unclear, np.concatenate(lost).astype(np.float64))

    def _interpolated(self, number: int, time_us: int) -> Boxes:
        first, last = self._pairs
        if self._span_us > 0:
            share = (time_us - self._before.time_us) / self._span_us
        else:
            share = (number - self._before.number) / (self._after.number - self._before.number)
        part = np.float32(min(max(share, 0.0), 1.0))
        xyxy = first.xyxy + part * (last.xyxy - first.xyxy)
        return Boxes(xyxy, first.confidence + part * (last.confidence - first.confidence), first.classes)

    def _filled(self, boxes: Float32) -> Uint8:
        """Returns 255 within boxes."""
        mask = np.zeros(self._before.picture.shape[:2], np.uint8)
        for rows, columns in self._places(boxes):
            mask[rows, columns] = 255
        return mask

    def _shares(self, mask: Uint8, boxes: Float32) -> Float64:
        """Returns the share of each box within a mask."""
        parts = [mask[rows, columns] for rows, columns in self._places(boxes)]
        return np.array([np.count_nonzero(part) / max(part.size, 1) for part in parts], np.float64)

    def _places(self, boxes: Float32) -> list[tuple[slice, slice]]:
        edges = boxes * self._scale
        low = np.maximum(np.floor(edges[:, :2]), 0).astype(int).tolist()
        high = np.ceil(edges[:, 2:]).astype(int).tolist()
        return [(slice(y1, y2), slice(x1, x2)) for (x1, y1), (x2, y2) in zip(low, high, strict=True)]


def paired(ours: Boxes, theirs: Boxes, most: float) -> tuple[Int64, Int64]:
    """Returns the rows of boxes in two looks that are the same object, and cannot be another's.

    Args:
        ours, theirs: what the looks found.
        most: that it moved and changed its size, in heights.
    """
    if not len(ours) or not len(theirs):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    apart = _distances(ours, theirs)
    columns = apart.argmin(axis=1)
    rows = np.arange(len(ours))
    best = apart[rows, columns]
    others = _others(apart, best[:, None], theirs.confidence, columns)
    rivals = _others(apart.T, apart.min(axis=0)[:, None], ours.confidence, apart.argmin(axis=0))
    is_mutual = apart.argmin(axis=0)[columns] == rows
    chosen = (best <= most) & is_mutual & others & rivals[columns]
    return rows[chosen], columns[chosen]


def _distances(ours: Boxes, theirs: Boxes) -> Float64:
    """Returns how far boxes ``(N, M)`` are from each other in place and size, in heights; infinite: another class."""
    first, last = (np.maximum(size(each.xyxy), 1.0) for each in (ours, theirs))
    ways = np.linalg.norm(centre(ours.xyxy)[:, None] - centre(theirs.xyxy)[None], axis=2)
    heights = (first[:, None, 1] + last[None, :, 1]) / 2
    grown = np.abs(np.log(first[:, None] / last[None])).max(axis=2) / 2
    apart = np.asarray(ways / heights + grown, np.float64)
    return np.where(ours.classes[:, None] == theirs.classes[None], apart, np.inf)


def _others(apart: Float64, best: Float64, confidence: Float32, chosen: Int64) -> Bools:
    """Returns whether everybody else who is sure is far enough from each row's best."""
    rest = np.where((confidence >= SURE)[None], apart, np.inf)
    rest[np.arange(len(apart)), chosen] = np.inf
    return np.asarray((rest > np.maximum(APART * best, NEAR)).all(axis=1))


def _sure(found: Boxes) -> Boxes:
    return found.take(np.nonzero(found.confidence >= SURE)[0])
