"""Spans: where people may be at any time, from boxes at some times.

A span is a box that moves and grows linearly from one time to another. Tracks become spans from point to point and
beyond both ends; detections become spans around their frame.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from ops.anonymize.params import AnonymizeParams
from ops.boxes import centre, iou_matrix, pad
from schemas.values import Bools, Float64, Int64

NOBODY = -1
"""Owner of a box that belongs to no track."""

VELOCITY_US = 400_000
"""Time over which the speed at a track's end is measured: two neighbouring boxes jitter too much for it."""


@dataclass(frozen=True)
class Spans:
    """Boxes in linear motion.

    Attributes:
        start_us, end_us: ``(N,)``, microseconds since 1970, both inclusive.
        first, last: ``(N, 4)`` boxes ``x1, y1, x2, y2`` in pixels at ``start_us`` and at ``end_us``.
        sure: ``(N,)``: a person is there; else one may be.
        owner: ``(N,)``: number of the track, ``NOBODY`` for none.
    """

    start_us: Int64
    end_us: Int64
    first: Float64
    last: Float64
    sure: Bools
    owner: Int64

    def __len__(self) -> int:
        return len(self.start_us)

    def take(self, kept: Bools) -> "Spans":
        """Returns some of the spans, in their order."""
        return Spans(*(getattr(self, each.name)[kept] for each in fields(self)))

    def at(self, time_us: int) -> "FrameBoxes":
        """Returns the boxes of all spans that hold a time, in the spans' order."""
        holds = (self.start_us <= time_us) & (self.end_us >= time_us)
        now = self.take(holds)
        length = np.maximum(now.end_us - now.start_us, 1)  # a track of one point has a span without length
        share = ((time_us - now.start_us) / length)[:, None]
        return FrameBoxes(np.asarray(now.first + share * (now.last - now.first)), now.sure, now.owner)


@dataclass(frozen=True)
class FrameBoxes:
    """Boxes ``(M, 4)`` of people who are or may be in a frame; ``sure`` and ``owner`` ``(M,)`` as in ``Spans``."""

    boxes: Float64
    sure: Bools
    owner: Int64


def join_spans(parts: Sequence[Spans]) -> Spans:
    """Concatenates spans."""
    whole, box = np.empty(0, np.int64), np.empty((0, 4))
    parts = [Spans(whole, whole, box, box, np.empty(0, bool), whole), *parts]
    return Spans(*(np.concatenate([getattr(part, each.name) for part in parts]) for each in fields(Spans)))


def _owned(owner: int, count: int) -> Int64:
    return np.full(count, owner, np.int64)


@dataclass(frozen=True)
class Trajectory:
    """Points of one track: ``times_us`` ``(N,)``, strictly rising, and ``boxes`` ``(N, 4)``; at least one point."""

    times_us: Int64
    boxes: Float64
    owner: int


def split_trajectories(codes: Int64, times_us: Int64, boxes: Float64) -> Iterator[Trajectory]:
    """Splits points by track; ``codes`` ``(N,)`` are the numbers of their tracks, and become the owners."""
    order = np.lexsort((times_us, codes))
    cuts = np.flatnonzero(np.diff(codes[order])) + 1
    for members in np.split(order, cuts):
        if len(members):
            yield Trajectory(times_us[members], boxes[members], int(codes[members[0]]))


def trajectory_spans(
    trajectories: Sequence[Trajectory], params: AnonymizeParams, overlap: float, linger: bool = True
) -> list[Spans]:
    """Builds the spans of tracks: along each, beyond and around its ends, and between two that are one person.

    Args:
        params: ``pad_share`` to ``bridge_s`` are used.
        overlap: see ``bridge_spans``.
        linger: also around the ends, for ``linger_s``.
    """
    growth = (params.pad_share, params.pad_px)
    spans = [track_spans(each, round(params.extend_s * 1e6), *growth) for each in trajectories]
    if linger:
        spans += [lingering_spans(each, round(params.linger_s * 1e6), *growth) for each in trajectories]
    return [*spans, bridge_spans(trajectories, round(params.bridge_s * 1e6), overlap)]


def track_spans(trajectory: Trajectory, extend_us: int, growth: float, least_px: float) -> Spans:
    """Builds the spans of a track: from point to point, and for ``extend_us`` before the first and after the last.

    Beyond the ends nothing is sure: the box grows to hold both a person who stops there and one who keeps walking, and
    is padded by ``growth`` and ``least_px``.
    """
    times, boxes = trajectory.times_us, trajectory.boxes
    if len(times) > 1:
        start, end, first, last = times[:-1], times[1:], boxes[:-1], boxes[1:]
    else:
        start, end, first, last = times, times, boxes, boxes
    within = Spans(start, end, first, last, np.ones(len(start), bool), _owned(trajectory.owner, len(start)))
    after = _beyond(trajectory, extend_us, growth, least_px)
    # Before the first point is after the last one, with time reversed.
    before = _beyond(Trajectory(-times[::-1], boxes[::-1], trajectory.owner), extend_us, growth, least_px)
    before = replace(before, start_us=-before.end_us, end_us=-before.start_us, first=before.last, last=before.first)
    return join_spans([before, within, after])


def _beyond(trajectory: Trajectory, extend_us: int, growth: float, least_px: float) -> Spans:
    """Builds the span after the last point, at the speed of the last ``VELOCITY_US``."""
    times_us, boxes = trajectory.times_us, trajectory.boxes
    end, here = int(times_us[-1]), boxes[-1]
    back = min(int(np.searchsorted(times_us, end - VELOCITY_US)), max(len(times_us) - 2, 0))
    passed_us = max(end - int(times_us[back]), 1)
    moved = centre(here) - centre(boxes[back])
    there = here + np.tile(moved * extend_us / passed_us, 2)
    both: Float64 = np.concatenate([np.minimum(here, there)[:2], np.maximum(here, there)[2:]])
    grown = pad(both[None], growth, least_px)
    ends = np.array([end]), np.array([end + extend_us])
    return Spans(*ends, here[None], grown, np.zeros(1, bool), _owned(trajectory.owner, 1))


def lingering_spans(trajectory: Trajectory, linger_us: int, growth: float, least_px: float) -> Spans:
    """Builds spans around a track's first and last box: people do not vanish, they are hidden, or the detector errs."""
    # Never sure: only the background can show whether the person is still there.
    ends = pad(trajectory.boxes[[0, -1]], growth, least_px)
    start = np.array([trajectory.times_us[0] - linger_us, trajectory.times_us[-1]])
    return Spans(start, start + linger_us, ends, ends, np.zeros(2, bool), _owned(trajectory.owner, 2))


def bridge_spans(trajectories: Sequence[Trajectory], bridge_us: int, overlap: float) -> Spans:
    """Builds spans between a track that ends and one that starts in the same place soon after: a person who stayed.

    Args:
        bridge_us: longest time between the two.
        overlap: least intersection over union of the last and the first box.
    """
    if len(trajectories) < 2:
        return join_spans([])
    ends, starts = (np.array([each.times_us[place] for each in trajectories]) for place in (-1, 0))
    lasts, firsts = (np.stack([each.boxes[place] for each in trajectories]) for place in (-1, 0))
    # Trackers lose people who sit still, and find them again as a new track in the same place.
    wait_us = starts[None] - ends[:, None]
    near = (wait_us > 0) & (wait_us <= bridge_us) & (iou_matrix(lasts, firsts) >= overlap)
    early, late = np.nonzero(near)
    owner = np.array([each.owner for each in trajectories])[early]
    return Spans(ends[early], starts[late], lasts[early], firsts[late], np.ones(len(early), bool), owner)


def detection_spans(times_us: Int64, boxes: Float64, observed_us: Int64, hold_us: int) -> Spans:
    """Builds spans of detections that belong to no track: each may hold until the observed frames before and after.

    It is sure for half of the time to either.

    Args:
        times_us: ``(N,)``, of each detection.
        boxes: ``(N, 4)``.
        observed_us: ``(L,)``, rising: times of the frames that the detector observed.
        hold_us: longest time to either side, also where no other frame was observed.
    """
    # Far sentinels mean "no other frame was observed"; ``hold_us`` limits them.
    edged = np.concatenate([[np.iinfo(np.int64).min // 2], observed_us, [np.iinfo(np.int64).max // 2]])
    start = np.maximum(edged[np.searchsorted(edged, times_us, side="left") - 1], times_us - hold_us)
    end = np.minimum(edged[np.searchsorted(edged, times_us, side="right")], times_us + hold_us)
    count = len(times_us)
    maybe = Spans(start, end, boxes, boxes, np.zeros(count, bool), _owned(NOBODY, count))
    # The nearer observed frame decides: from half way on, the next one is more likely to be right.
    nearest = (start + times_us) // 2, (end + times_us + 1) // 2
    sure = Spans(*nearest, boxes, boxes, np.ones(count, bool), _owned(NOBODY, count))
    return join_spans([sure, maybe])
