"""Matches rows of ``interactions`` to the true interactions of a film: same verb, same people and things, same time."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from scipy.optimize import linear_sum_assignment

from ops.arrays import boxes_of, times_us
from ops.boxes import iou_matrix
from sample_site.truth import TrueInteraction, Truth, microseconds
from schemas.values import Float64, Int64

EITHER_WAY = ("meets", "walks_with")
"""Verbs whose subject and object may be exchanged."""

SAME_IOU = 0.4
"""Least overlap of a box with the true box of the person or thing that it shows."""

AROUND_US = 2_000_000
"""Time before and after an interaction in which boxes say who somebody is."""

LEAST_SHARED_US = 1_000_000
"""Time that two instances share, as in ActEV_SDL_V2; half of the true one, if that is shorter."""

FRAME_US = 100_000
"""Time between two frames of the film."""

LEAST_LENGTH_US = 1_000_000
"""Rows that are shorter, as of what happens in an instant, are lengthened to both sides."""


@dataclass(frozen=True)
class Found:
    """A row with the true names of its people and things; None where they are not known, or there is none."""

    verb: str
    subject: str | None
    object: str | None
    start_us: int
    end_us: int
    score: float

    @property
    def span_us(self) -> tuple[int, int]:
        """Returns start and end, at least ``LEAST_LENGTH_US`` apart."""
        grown = max(0, LEAST_LENGTH_US - (self.end_us - self.start_us)) // 2
        return self.start_us - grown, self.end_us + grown


@dataclass(frozen=True)
class VerbScore:
    """Counts of one verb: true interactions, those found, and alarms that are false."""

    true: int
    found: int
    false_alarms: int

    @property
    def recall(self) -> float:
        """Returns the share that is found."""
        return self.found / self.true if self.true else 1.0


@dataclass(frozen=True)
class Matched:
    """Rows matched to true interactions: pairs of their numbers, and what is left of each."""

    pairs: tuple[tuple[int, int], ...]
    missed: tuple[TrueInteraction, ...]
    false_alarms: tuple[Found, ...]
    scores: Mapping[str, VerbScore]


class TrueNames:
    """Says which person or thing of the truth boxes show.

    Args:
        truth: of the film.
        camera: whose rows are looked at.
    """

    def __init__(self, truth: Truth, camera: str) -> None:
        parts = [truth.boxes] if truth.thing_boxes is None else [truth.boxes, truth.thing_boxes]
        mine = [part.take(part.camera == camera) for part in parts]
        self._box = np.concatenate([part.box for part in mine])
        self._name = np.concatenate([part.person for part in mine])
        self._time_us = np.concatenate([part.time_us for part in mine])
        order = np.argsort(self._time_us, kind="stable")
        self._box, self._name, self._time_us = self._box[order], self._name[order], self._time_us[order]

    def of_boxes(self, time_us: Int64, box: Float64) -> str | None:
        """Returns the name that most boxes ``(N, 4)`` at times ``(N,)`` show, or None if most show nothing."""
        votes: Counter[str | None] = Counter(self._at(int(time), each) for time, each in zip(time_us, box, strict=True))
        return votes.most_common(1)[0][0] if votes else None

    def _at(self, time_us: int, box: Float64) -> str | None:
        begin, end = np.searchsorted(self._time_us, [time_us - 60_000, time_us + 60_000])
        if begin == end:
            return None
        boxes: Float64 = np.vstack([box, self._box[begin:end]])
        overlap = iou_matrix(boxes[:1], boxes[1:])[0]
        best = int(np.argmax(overlap))
        return str(self._name[begin + best]) if overlap[best] >= SAME_IOU else None


def read_found(rows: pa.Table, tables: Mapping[str, pa.Table], truth: Truth, camera: str) -> list[Found]:
    """Returns the rows of ``interactions`` of a camera, with true names.

    Args:
        rows: table ``interactions``.
        tables: ``track_points``, and ``static_objects`` for rows about such.
        truth: of the film.
        camera: the camera.
    """
    names = TrueNames(truth, camera)
    points = _by_id(tables["track_points"], "track_id")
    things = (
        {row["static_id"]: row for row in tables["static_objects"].to_pylist()} if "static_objects" in tables else {}
    )
    found = []
    for row in rows.to_pylist():
        if row["camera"] != camera:
            continue
        span = microseconds(row["start_time"]), microseconds(row["end_time"])
        subject = _track_name(names, points, row["subject"], span)
        if row["object_kind"] == "track":
            thing = _track_name(names, points, row["object"], span)
        elif row["object"] in things:
            thing = _thing_name(names, things[row["object"]], span)
        else:
            thing = None
        found.append(Found(row["verb"], subject, thing, *span, row["score"]))
    return found


def match(truth: Sequence[TrueInteraction], found: Sequence[Found]) -> Matched:
    """Matches each row to one true interaction at most; rows that fit optional ones only are left out."""
    verbs = sorted({each.verb for each in truth})
    pairs: list[tuple[int, int]] = []
    missed: list[TrueInteraction] = []
    false: list[Found] = []
    scores = {}
    for verb in verbs:
        wanted = [number for number, each in enumerate(truth) if each.verb == verb]
        given = [number for number, each in enumerate(found) if each.verb == verb]
        shared = np.array([[_fit(truth[w], found[g]) for g in given] for w in wanted]).reshape(len(wanted), len(given))
        # Who must be found comes first: an optional interaction takes no row from another one.
        weight = shared * np.array([1e-3 if truth[w].optional else 1.0 for w in wanted])[:, None]
        chosen = [
            (w, g) for w, g in zip(*linear_sum_assignment(weight, maximize=True), strict=True) if shared[w, g] > 0
        ]
        taken, used = {w for w, _ in chosen}, {g for _, g in chosen}
        pairs += [(wanted[w], given[g]) for w, g in chosen]
        left = [truth[wanted[w]] for w in range(len(wanted)) if w not in taken and not truth[wanted[w]].optional]
        alarms = [found[given[g]] for g in range(len(given)) if g not in used]
        missed += left
        false += alarms
        true = sum(not truth[w].optional for w in wanted)
        scores[verb] = VerbScore(true, true - len(left), len(alarms))
    return Matched(tuple(pairs), tuple(missed), tuple(false), scores)


def _fit(true: TrueInteraction, found: Found) -> float:
    """Returns the seconds that two instances share if they may be one, else 0."""
    people = [(found.subject, found.object)]
    if true.verb in EITHER_WAY:
        people.append((found.object, found.subject))
    if not any(_same(true, *pair) for pair in people):
        return 0.0
    start_us, end_us = microseconds(true.start_time), microseconds(true.end_time)
    found_start_us, found_end_us = found.span_us
    shared_us = min(end_us, found_end_us) - max(start_us, found_start_us)
    return shared_us / 1e6 if shared_us >= min(LEAST_SHARED_US, (end_us - start_us) / 2) else 0.0


def _same(true: TrueInteraction, subject: str | None, other: str | None) -> bool:
    if subject != true.subject:
        return False
    return other is None or true.object is None or other in (true.object, true.partner)


def _by_id(points: pa.Table, column: str) -> dict[str, tuple[Int64, Float64]]:
    names = np.array(points[column].to_pylist(), np.str_)
    at, box = times_us(points), boxes_of(points)
    order = np.lexsort((at, names))
    parts = np.split(order, np.flatnonzero(names[order][1:] != names[order][:-1]) + 1)
    return {str(names[rows[0]]): (at[rows], box[rows]) for rows in parts if len(rows)}


def _track_name(
    names: TrueNames, points: Mapping[str, tuple[Int64, Float64]], track: str | None, span: tuple[int, int]
) -> str | None:
    """Returns whom a track shows during and around an interaction; where it has ended before, at its end."""
    if track is None or track not in points:
        return None
    at, box = points[track]
    begin, end = np.searchsorted(at, [span[0] - AROUND_US, span[1] + AROUND_US])
    if begin == end:  # the owner of a thing is away
        begin, end = max(0, begin - 20), begin
    rows = np.unique(np.linspace(begin, end - 1, min(30, end - begin)).astype(int))
    return names.of_boxes(at[rows], box[rows])


def _thing_name(names: TrueNames, row: Mapping[str, Any], span: tuple[int, int]) -> str | None:
    """Returns which thing a static object is at the time of an interaction."""
    stay = microseconds(row["start_time"]), microseconds(row["end_time"])
    during = np.clip(np.linspace(span[0] - AROUND_US, span[1] + AROUND_US, 12), *stay)
    at = during.astype(np.int64) // FRAME_US * FRAME_US
    box = np.array([[row[edge] for edge in ("x1", "y1", "x2", "y2")]], np.float64)
    return names.of_boxes(at, np.repeat(box, len(at), axis=0))
