"""Finds where a detector finds a thing again and again: a parked vehicle, a bag that stands.

Boxes at one place are one row, however the detector names them. The box is the mean of all, so that what moves slowly
leaves it. Looks two seconds apart tell as much as all of them.
"""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ops.arrays import BOX_COLUMNS, boxes_of, datetime_us, float_column, times_us
from ops.boxes import iou_matrix
from schemas.tables import TABLES
from schemas.values import Float64, Segment

LIVING = ("person", "bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe")
"""Classes, by the names of COCO, that are no things."""

SURE = 0.25
"""Least score of a detection that counts."""

STEP_US = 2_000_000
"""Time between two looks that are used."""

SAME_PLACE = 0.7
"""Least overlap (IoU) of a box with the mean of those at its place: parked vehicles' boxes tremble less."""

LONGEST_GAP_US = 30_000_000
"""Time without a detection after which the next one at the same place is another row."""

LEAST_LOOKS, LEAST_LOOKS_AT_END, LEAST_SHARE = 3, 2, 0.2
"""Looks that find a thing, and their share: the second at a segment's start or end, where its stay may be cut."""

END_US = 2 * STEP_US
"""Time from a segment's start or end within which a stay may be cut."""


@dataclass
class _Place:
    box: Float64
    first_us: int
    last_us: int
    boxes: int = 1
    looks: int = 1
    score: float = 0.0
    labels: Counter[str] = field(default_factory=Counter)

    @property
    def share(self) -> float:
        return self.looks / ((self.last_us - self.first_us) // STEP_US + 1)

    def add(self, box: Float64, time_us: int, score: float, label: str) -> None:
        self.looks += time_us != self.last_us
        self.boxes += 1
        self.box += (box - self.box) / self.boxes
        self.last_us = time_us
        self.note(score, label)

    def note(self, score: float, label: str) -> None:
        self.score += score
        self.labels[label] += 1


def static_detections(segment: Segment, detections: pa.Table, static_s: float) -> pa.Table:
    """Returns ``static_detections`` of a segment.

    Args:
        detections: of the segment.
        static_s: least time from the first to the last look, seconds; less at the segment's start and end.
    """
    thing = pc.invert(pc.is_in(detections["label"], pa.array(LIVING)))
    rows = detections.filter(pc.and_(thing, pc.greater_equal(detections["confidence"], SURE)))
    places = [place for place in _places(rows) if _stays(place, segment, static_s)]
    places.sort(key=lambda place: (place.first_us, tuple(place.box)))
    return TABLES["static_detections"].conform(
        {
            "camera": [segment.camera] * len(places),
            "segment_id": [segment.segment_id] * len(places),
            "number": range(len(places)),
            "label": [_label(place) for place in places],
            "first_time": [place.first_us for place in places],
            "last_time": [place.last_us for place in places],
            **{name: [place.box[side] for place in places] for side, name in enumerate(BOX_COLUMNS)},
            "looks": [place.looks for place in places],
            "share": [min(1.0, place.share) for place in places],
            "confidence": [place.score / place.boxes for place in places],
        }
    )


def _places(rows: pa.Table) -> list[_Place]:
    """Returns the places of detections, each look's surest first."""
    time_us, score = times_us(rows), float_column(rows, "confidence")
    boxes, labels = boxes_of(rows), rows["label"].to_pylist()
    open_places: list[_Place] = []
    closed: list[_Place] = []
    next_us = 0
    for now in np.unique(time_us).tolist():
        if now < next_us:
            continue
        next_us = now + STEP_US
        closed += [place for place in open_places if now - place.last_us > LONGEST_GAP_US]
        open_places = [place for place in open_places if now - place.last_us <= LONGEST_GAP_US]
        (at,) = np.nonzero(time_us == now)
        for row in at[np.argsort(-score[at], kind="stable")].tolist():
            place = _nearest(open_places, boxes[row])
            if place is None:
                place = _Place(boxes[row].copy(), now, now)
                place.note(score[row], labels[row])
                open_places.append(place)
            else:
                place.add(boxes[row], now, score[row], labels[row])
    return closed + open_places


def _nearest(places: list[_Place], box: Float64) -> _Place | None:
    """Returns the place that a box overlaps most; None if none enough."""
    if not places:
        return None
    overlap = iou_matrix(box[None], np.stack([place.box for place in places]))[0]
    return places[int(overlap.argmax())] if overlap.max() >= SAME_PLACE else None


def _stays(place: _Place, segment: Segment, static_s: float) -> bool:
    begin_us, end_us = datetime_us(segment.start), datetime_us(segment.end)
    cut = place.first_us <= begin_us + END_US or place.last_us >= end_us - END_US
    long = place.last_us - place.first_us >= static_s * 1e6
    enough = place.looks >= (LEAST_LOOKS_AT_END if cut else LEAST_LOOKS)
    return (long or cut) and enough and place.share >= LEAST_SHARE


def _label(place: _Place) -> str:
    """Returns what most boxes are named; of equals the first in the alphabet."""
    return min(place.labels, key=lambda label: (-place.labels[label], label))
