"""People whom a second detector, with other weights, finds at a low threshold; and a test of the first detector.

What the first detector's tracks do not explain becomes spans: along each person from one look to the next, and, where
nobody was linked, around the look. Where the first detector misses most of what the second surely sees, it is not able
to see, and no track of it vouches for anybody (docs/decisions/0020).
"""

from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc

from ops.anonymize.locate.spans import NOBODY, Spans, detection_spans, join_spans
from ops.arrays import boxes_of, times_us
from ops.boxes import centre, iou_matrix, size
from schemas.errors import CoverageError
from schemas.op import Tables
from schemas.values import Bools, Float64, Int64, Segment

EXPLAINED_IOU = 0.5
"""Least intersection over union with a person's known box by which that person explains what was found."""

STILL_HEIGHTS, HEIGHTS_PER_S = 0.3, 1.5
"""Distance that one person may lie from one look to the next, in heights of their box: standing, and per second. A
person of 1.75 m who runs past at 2.6 m/s covers 1.5 heights a second."""

SIZE_RATIO = 1.6
"""Largest ratio of the heights of one person's boxes in two looks."""

SURE = 0.5
"""Confidence, 0..1, from which the second detector surely sees a person."""

LEAST_MISSED, LEAST_PLACES = 10, 3
"""Number of missed people, and of places where they were, by which the first detector can be judged: one signpost that
the second takes for a person all night is one place."""

MOST_MISSED = 0.5
"""Share of the surely seen people, 0..1, that an able detector misses at most."""

SAME_PLACE_IOU = 0.3

SECOND_LOOK_TABLES = ("second_detections", "second_observed_frames")
"""Tables that ``second_look_of`` reads."""


@dataclass(frozen=True)
class SecondLook:
    """What the second detector found in a segment.

    Attributes:
        observed_us: ``(L,)``, rising: times of the frames that it observed.
        times_us, boxes, confidence: ``(N,)``, ``(N, 4)``, ``(N,)``: the people whom it found.
        by_network: whether it is a network; else it is HOG, which sees only people of some size, upright and whole.
    """

    observed_us: Int64
    times_us: Int64
    boxes: Float64
    confidence: Float64
    by_network: bool


def second_look_of(inputs: Tables) -> SecondLook | None:
    """Returns what the second detector found; None if it looked at no frame."""
    observed = inputs.get("second_observed_frames")
    if observed is None or not len(observed):
        return None
    found = inputs["second_detections"]
    found = found.filter(pc.equal(found["label"], "person"))
    return SecondLook(
        np.sort(times_us(observed)),
        times_us(found),
        boxes_of(found),
        np.asarray(found["confidence"], np.float64),
        bool(pc.all(pc.equal(observed["source"], "model")).as_py()),
    )


def second_look_spans(look: SecondLook, known: Spans, hold_us: int) -> Spans:
    """Builds the spans of the people whom only the second detector found.

    Args:
        known: where people are by the first detector.
        hold_us: longest time for which a finding holds, and between two looks at one person.
    """
    loose = ~_matched(look, known, sure_only=True, least_iou=EXPLAINED_IOU)
    found_us, boxes = look.times_us[loose], look.boxes[loose]
    held = detection_spans(found_us, boxes, look.observed_us, hold_us)
    links = [
        _links(found_us == before, found_us == after, found_us, boxes)
        for before, after in zip(look.observed_us[:-1], look.observed_us[1:], strict=True)
        if after - before <= hold_us
    ]
    return join_spans([held, *links])


def _links(early: Bools, late: Bools, found_us: Int64, boxes: Float64) -> Spans:
    """Builds the spans of people found in two looks that follow each other."""
    (first,), (last,) = np.nonzero(early), np.nonzero(late)
    if not len(first) or not len(last):
        return join_spans([])
    wait_us = int(found_us[last[0]] - found_us[first[0]])
    heights = size(boxes)[:, 1]
    mean = (heights[first][:, None] + heights[last][None]) / 2
    away = np.linalg.norm(centre(boxes[first])[:, None] - centre(boxes[last])[None], axis=2) / mean
    ratio = heights[first][:, None] / heights[last][None]
    possible = (away <= STILL_HEIGHTS + HEIGHTS_PER_S * wait_us / 1e6) & (np.abs(np.log(ratio)) <= np.log(SIZE_RATIO))
    from scipy.optimize import linear_sum_assignment  # slow to import, and planning imports every op

    rows, columns = linear_sum_assignment(np.where(possible, away, 1e6))
    kept = possible[rows, columns]
    one, other = first[rows[kept]], last[columns[kept]]
    count = len(one)
    return Spans(
        found_us[one],
        found_us[other],
        boxes[one],
        boxes[other],
        np.ones(count, bool),
        np.full(count, NOBODY, np.int64),
    )


def _matched(look: SecondLook, known: Spans, sure_only: bool, least_iou: float) -> Bools:
    """Returns which findings overlap a known box of their time by at least ``least_iou``, ``(N,)``."""
    matched = np.zeros(len(look.times_us), bool)
    for time_us in np.unique(look.times_us):
        (rows,) = np.nonzero(look.times_us == time_us)
        there = known.at(int(time_us))
        boxes = there.boxes[there.sure] if sure_only else there.boxes
        if len(boxes):
            matched[rows] = (iou_matrix(look.boxes[rows], boxes) >= least_iou).any(axis=1)
    return matched


def require_able_detector(look: SecondLook, known: Spans, segment: Segment) -> None:
    """Makes sure that the first detector is able to see most of what the second surely sees.

    Args:
        known: where people are or may be by the first detector.

    Raises:
        CoverageError: it is not.
    """
    sure = look.confidence >= SURE
    missed = sure & ~_matched(look, known, sure_only=False, least_iou=SAME_PLACE_IOU)
    count, seen = int(missed.sum()), int(sure.sum())
    if count < LEAST_MISSED or count <= MOST_MISSED * seen or _places(look.boxes[missed]) < LEAST_PLACES:
        return
    raise CoverageError(
        f"segment {segment.segment_id}: detect found {seen - count} of {seen} people whom the second detector surely "
        "sees, so it is not able to see people here, and nothing shows that they are covered; check its weights with "
        "`nightshift doctor`, or name others under [ops.detect]"
    )


def _places(boxes: Float64) -> int:
    """Returns the number of places that boxes ``(N, 4)`` are in, up to ``LEAST_PLACES``."""
    apart: list[Float64] = []
    for box in boxes:
        if not apart or iou_matrix(box[None], np.array(apart)).max() < SAME_PLACE_IOU:
            apart.append(box)
        if len(apart) == LEAST_PLACES:
            break
    return len(apart)


def require_second_look(look: SecondLook | None, segment: Segment) -> None:
    """Makes sure that another network looked, where no background can show whom the first one missed.

    Raises:
        CoverageError: none did.
    """
    if look is None or not look.by_network:
        raise CoverageError(
            f"segment {segment.segment_id}: no background vouches for it, since the camera is not fixed, its view "
            "moved, or the segment is short; so it needs a second detector with other weights, and there is none: "
            "import some (`nightshift models import FILE`), or set two_detectors = false under [ops.anonymize]"
        )
