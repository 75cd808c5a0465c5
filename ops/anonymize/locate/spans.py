"""Where people may be at any time, from what was seen of them at some times.

Everything is a *span*: a box that moves and grows in a straight line from one time to another. Tracks become spans
from point to point and beyond both ends; detections become spans around their frame. A frame asks for its time.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from schemas.values import Bools, Float64, Int64

NOBODY = -1
"""Owner of what no track holds."""

VELOCITY_US = 400_000
"""Speed at a track's end is taken over this time: two neighbouring boxes jitter too much for it."""


@dataclass(frozen=True)
class Spans:
    """Boxes in straight motion.

    Attributes:
        start_us, end_us: ``(N,)``, microseconds since 1970, both inclusive.
        first, last: ``(N, 4)`` boxes ``x1, y1, x2, y2`` in pixels at ``start_us`` and at ``end_us``.
        sure: ``(N,)``: somebody is there; else somebody may be.
        owner: ``(N,)``: number of the track, ``NOBODY`` for what no track holds.
    """

    start_us: Int64
    end_us: Int64
    first: Float64
    last: Float64
    sure: Bools
    owner: Int64

    def __len__(self) -> int:
        return len(self.start_us)

    def between(self, first_us: int, last_us: int) -> "Spans":
        """The spans that touch a stretch of time."""
        return self.take((self.start_us <= last_us) & (self.end_us >= first_us))

    def take(self, which: Bools) -> "Spans":
        """The spans of a mask ``(N,)``."""
        return Spans(*(getattr(self, each.name)[which] for each in fields(self)))

    def at(self, time_us: int) -> "FrameBoxes":
        """Where everybody is at a time, in the spans' order."""
        now = self.between(time_us, time_us)
        length = np.maximum(now.end_us - now.start_us, 1)
        share = ((time_us - now.start_us) / length)[:, None]
        return FrameBoxes(np.asarray(now.first + share * (now.last - now.first)), now.sure, now.owner)


@dataclass(frozen=True)
class FrameBoxes:
    """Those who are or may be in a frame: ``boxes`` ``(M, 4)``, ``sure`` and ``owner`` ``(M,)`` as of ``Spans``."""

    boxes: Float64
    sure: Bools
    owner: Int64


def join_spans(parts: Sequence[Spans]) -> Spans:
    """All spans of several."""
    whole, box = np.empty(0, np.int64), np.empty((0, 4))
    parts = [Spans(whole, whole, box, box, np.empty(0, bool), whole), *parts]
    return Spans(*(np.concatenate([getattr(part, each.name) for part in parts]) for each in fields(Spans)))


def _owned(owner: int, count: int) -> Int64:
    return np.full(count, owner, np.int64)


def padded(boxes: Float64, share: float, least_px: float) -> Float64:
    """Boxes ``(N, 4)`` grown on every side by a share of their width or height, and by ``least_px`` at least."""
    margin = np.maximum(share * (boxes[:, 2:] - boxes[:, :2]), least_px)
    return np.concatenate([boxes[:, :2] - margin, boxes[:, 2:] + margin], axis=1)


@dataclass(frozen=True)
class Path:
    """The points of one track: ``times_us`` ``(N,)``, strictly rising, and ``boxes`` ``(N, 4)``; one at least."""

    times_us: Int64
    boxes: Float64
    owner: int


def split_trajectories(codes: Int64, times_us: Int64, boxes: Float64) -> Iterator[Path]:
    """Paths from points of many tracks; ``codes`` ``(N,)`` says whose each point is, and becomes the owner."""
    order = np.lexsort((times_us, codes))
    cuts = np.flatnonzero(np.diff(codes[order])) + 1
    for members in np.split(order, cuts):
        if len(members):
            yield Path(times_us[members], boxes[members], int(codes[members[0]]))


def track_spans(path: Path, fill_us: int, growth: float, least_px: float) -> Spans:
    """A track filled in: from point to point, and for ``fill_us`` before its first and after its last point.

    Within, it is sure. Beyond its ends it is not: the box becomes what holds both one who stands still there and one
    who keeps walking, and grows by ``growth`` and ``least_px`` besides.
    """
    times, boxes = path.times_us, path.boxes
    if len(times) > 1:
        steps = len(times) - 1
        within = Spans(times[:-1], times[1:], boxes[:-1], boxes[1:], np.ones(steps, bool), _owned(path.owner, steps))
    else:
        within = Spans(times, times, boxes, boxes, np.ones(1, bool), _owned(path.owner, 1))
    after = _beyond(path, fill_us, growth, least_px)
    before = _beyond(Path(-times[::-1], boxes[::-1], path.owner), fill_us, growth, least_px)
    before = replace(before, start_us=-before.end_us, end_us=-before.start_us, first=before.last, last=before.first)
    return join_spans([before, within, after])


def _beyond(path: Path, fill_us: int, growth: float, least_px: float) -> Spans:
    """The span after the last point."""
    times_us, boxes = path.times_us, path.boxes
    end, here = int(times_us[-1]), boxes[-1]
    back = min(int(np.searchsorted(times_us, end - VELOCITY_US)), max(len(times_us) - 2, 0))
    passed_us = max(end - int(times_us[back]), 1)
    moved = _centre(here) - _centre(boxes[back])
    there = here + np.tile(moved * fill_us / passed_us, 2)
    both = np.concatenate([np.minimum(here, there)[:2], np.maximum(here, there)[2:]])
    grown = padded(both[None], growth, least_px)
    ends = np.array([end]), np.array([end + fill_us])
    return Spans(*ends, here[None], grown, np.zeros(1, bool), _owned(path.owner, 1))


def _centre(box: Float64) -> Float64:
    return np.asarray((box[:2] + box[2:]) / 2)


def lingering_spans(path: Path, linger_us: int, growth: float, least_px: float) -> Spans:
    """Around a track's first and last box for a while: people do not vanish, they are hidden, or the detector errs."""
    ends = padded(path.boxes[[0, -1]], growth, least_px)
    start = np.array([path.times_us[0] - linger_us, path.times_us[-1]])
    return Spans(start, start + linger_us, ends, ends, np.zeros(2, bool), _owned(path.owner, 2))


def bridge_spans(paths: Sequence[Path], bridge_us: int, overlap: float) -> Spans:
    """Between a track that ends and one that starts in the same place not much later: somebody who stayed.

    Args:
        bridge_us: no longer apart than this.
        overlap: intersection over union of the last and the first box, at least.
    """
    if len(paths) < 2:
        return join_spans([])
    ends = np.array([path.times_us[-1] for path in paths])
    starts = np.array([path.times_us[0] for path in paths])
    lasts = np.stack([path.boxes[-1] for path in paths])
    firsts = np.stack([path.boxes[0] for path in paths])
    wait_us = starts[None] - ends[:, None]
    near = (wait_us > 0) & (wait_us <= bridge_us) & (_iou(lasts, firsts) >= overlap)
    early, late = np.nonzero(near)
    owner = np.array([path.owner for path in paths])[early]
    return Spans(ends[early], starts[late], lasts[early], firsts[late], np.ones(len(early), bool), owner)


def _iou(one: Float64, other: Float64) -> Float64:
    """Intersection over union of boxes ``(N, 4)`` and ``(M, 4)``, as ``(N, M)``."""
    low = np.maximum(one[:, None, :2], other[None, :, :2])
    high = np.minimum(one[:, None, 2:], other[None, :, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=2)
    areas = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (one, other)]
    union = areas[0][:, None] + areas[1][None] - shared
    return np.asarray(shared / np.maximum(union, 1e-9))


def detection_spans(times_us: Int64, boxes: Float64, observed_us: Int64, hold_us: int) -> Spans:
    """Detections that no track holds: each may stay until the frames looked at before and after it.

    Sure is each half of the way there.

    Args:
        times_us: ``(N,)`` when each was seen.
        boxes: ``(N, 4)``.
        observed_us: ``(L,)``, rising: the frames that the detector looked at.
        hold_us: how long it stays where no frame was looked at before or after, and at most.
    """
    edged = np.concatenate([[np.iinfo(np.int64).min // 2], observed_us, [np.iinfo(np.int64).max // 2]])
    start = np.maximum(edged[np.searchsorted(edged, times_us, side="left") - 1], times_us - hold_us)
    end = np.minimum(edged[np.searchsorted(edged, times_us, side="right")], times_us + hold_us)
    count = len(times_us)
    maybe = Spans(start, end, boxes, boxes, np.zeros(count, bool), _owned(NOBODY, count))
    nearest = (start + times_us) // 2, (end + times_us + 1) // 2
    sure = Spans(*nearest, boxes, boxes, np.ones(count, bool), _owned(NOBODY, count))
    return join_spans([sure, maybe])
