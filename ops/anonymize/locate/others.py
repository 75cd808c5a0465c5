"""Where everybody but one person is or may be, so that they stay covered when that person is shown.

Others are found by the means that ``presence`` uses to cover people: tracks and loose detections of all covered
classes, riders of two-wheelers, and people whom only a second detector found. Each is kept with wider margins.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ops.anonymize.locate.riders import TWO_WHEELERS, rider_spans
from ops.anonymize.locate.second_look import EXPLAINED_IOU, SecondLook, second_look_spans
from ops.anonymize.locate.spans import (
    FrameBoxes,
    Spans,
    Trajectory,
    detection_spans,
    join_spans,
    split_trajectories,
    track_spans,
    trajectory_spans,
)
from ops.anonymize.params import AnonymizeParams
from ops.arrays import boxes_of, encode_column, times_us
from ops.boxes import inside_shares, iou_matrix
from schemas.anonymity import TARGETS
from schemas.values import Bools, Int64

CAUTION = AnonymizeParams(pad_share=0.2, pad_px=4.0, extend_s=1.0, linger_s=2.0, bridge_s=20.0, max_unobserved_s=2.0)
"""Margins by which other people are kept covered: of the parameters, only those given here are used."""

MOST_GAP_S = 1.0
"""Longest time between two points of the person's own track over which it is known where the person is."""

RIDES_SHARE = 0.7
"""Least share of the person's box within a rider's box by which the person is that rider; a choice, not measured."""

_HOLD_US = round(CAUTION.max_unobserved_s * 1e6)

_SAME_PLACE = 0.1  # intersection over union of boxes


@dataclass(frozen=True)
class FootageDetections:
    """What detectors found in one piece of footage.

    Attributes:
        track_points: of all tracks of covered classes and of two-wheelers, and of the one to show.
        detections: those that belong to no track: columns ``time``, ``label`` and the box.
        observed_us: ``(L,)``, rising: times of the frames that the first detector observed.
        covered: labels of what is covered; a two-wheeler may be none of it, and its rider is.
        second_look: what the second detector found; None if it looked at no frame.
    """

    track_points: pa.Table
    detections: pa.Table
    observed_us: Int64
    covered: Collection[str]
    second_look: SecondLook | None


def other_spans(in_footage: FootageDetections, track_id: str) -> Spans:
    """Builds the spans of everybody but the person of one track."""
    points = in_footage.track_points
    own = pc.equal(points["track_id"], track_id)
    mine, others = points.filter(own), points.filter(pc.invert(own))
    person = _within(_labelled(mine, TARGETS["person"]))
    return join_spans(
        [
            _found(in_footage, others, in_footage.covered),
            _riders(in_footage, others, person),
            _second(in_footage.second_look, person),
        ]
    )


def _found(in_footage: FootageDetections, points: pa.Table, labels: Collection[str]) -> Spans:
    """Builds the spans of the tracks and loose detections of some labels."""
    return join_spans([*_along(_labelled(points, labels)), _loose(in_footage, labels)])


def _along(points: pa.Table) -> list[Spans]:
    return trajectory_spans(_trajectories(points), CAUTION, _SAME_PLACE)


def _trajectories(points: pa.Table) -> list[Trajectory]:
    _, codes = encode_column(points, "track_id")
    return list(split_trajectories(codes, times_us(points), boxes_of(points)))


def _loose(in_footage: FootageDetections, labels: Collection[str]) -> Spans:
    found = _labelled(in_footage.detections, labels)
    return detection_spans(times_us(found), boxes_of(found), in_footage.observed_us, _HOLD_US)


def _riders(in_footage: FootageDetections, others: pa.Table, person: Spans) -> Spans:
    """Builds the spans of riders whom nobody found and who are not the person to show.

    A track of a two-wheeler is no person, also if it is the one to show: its rider is somebody else then.
    """
    vehicles = _trajectories(_labelled(in_footage.track_points, TWO_WHEELERS))
    people = _found(in_footage, others, TARGETS["person"])
    spans = rider_spans(vehicles, _loose(in_footage, TWO_WHEELERS), people, CAUTION, linger=True)
    # The person counts as a rider only within a rider's box: one who stands behind a two-wheeler is not its rider.
    person_at: Callable[[int], FrameBoxes] = cache(person.at)
    owns = np.zeros(len(spans), bool)
    for at_us, boxes in (
        (spans.start_us, spans.first),
        ((spans.start_us + spans.end_us) // 2, (spans.first + spans.last) / 2),
        (spans.end_us, spans.last),
    ):
        for row, time_us in enumerate(at_us.tolist()):
            owns[row] |= bool((inside_shares(boxes[row : row + 1], person_at(time_us).boxes) >= RIDES_SHARE).any())
    return spans.take(~owns)


def _second(look: SecondLook | None, person: Spans) -> Spans:
    """Builds the spans of all whom the second detector found but the person, also of those whom the first found too."""
    if look is None:
        return join_spans([])
    loose = ~_is_person(look, person)
    rest = replace(look, times_us=look.times_us[loose], boxes=look.boxes[loose], confidence=look.confidence[loose])
    return second_look_spans(rest, join_spans([]), _HOLD_US)


def _within(points: pa.Table) -> Spans:
    """Builds the spans of a track between points that are not far apart."""
    spans = join_spans([track_spans(each, 0, 0.0, 0.0) for each in _trajectories(points)])
    near = spans.sure & (spans.end_us - spans.start_us <= MOST_GAP_S * 1e6)
    return spans.take(near)


def _is_person(look: SecondLook, person: Spans) -> Bools:
    """Returns which findings are the person, ``(N,)``: at most one per frame; others are somebody else."""
    mine = np.zeros(len(look.times_us), bool)
    for time_us in np.unique(look.times_us):
        (rows,) = np.nonzero(look.times_us == time_us)
        there = person.at(int(time_us)).boxes
        if len(there):
            overlaps = iou_matrix(look.boxes[rows], there).max(axis=1)
            best = int(np.argmax(overlaps))
            mine[rows[best]] = overlaps[best] >= EXPLAINED_IOU
    return mine


def _labelled(table: pa.Table, labels: Collection[str]) -> pa.Table:
    return table.filter(pc.is_in(table["label"], pa.array(sorted(labels), pa.string())))
