"""Chooses the frames in which a person is near a thing: the only ones that a network for verbs looks at.

An encounter is a person near a thing, from detection to detection: the next frame's pair continues it if both boxes
overlap those of the last one. It needs no tracks. Each encounter is looked at once every few seconds, and one look at a
frame counts for all encounters in it. Where many begin one after the other, they wait for a common look.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ops.arrays import boxes_of, run_starts, times_us
from ops.boxes import gaps_px, iou_matrix
from schemas.values import Bools, Float64, Int64

PERSON = "person"

SAME_IOU = 0.3
"""Least overlap of a box with the same person's or thing's box in the frame before. A choice: in 0.1 s a walking
person moves by a third of the body's width at most, and the two boxes overlap by a half."""

ROUNDING_US = 1000
"""Times of frames are rounded; without this tolerance a look after exactly ``every_s`` would wait for another frame."""


@dataclass(frozen=True)
class Candidates:
    """Who and what a detector found in a frame that is looked at.

    Attributes:
        detections: ``(N,)`` numbers in table ``detections``, rising.
        boxes: ``(N, 4)`` x1, y1, x2, y2, px of the source frame.
        labels: ``(N,)`` classes.
        pairs: ``(P, 2)`` rows of ``boxes``: a person, and a thing near that person.
    """

    detections: Int64
    boxes: Float64
    labels: tuple[str, ...]
    pairs: Int64


def frames_to_look_at(
    detections: pa.Table, confidence: float, near: float, every_s: float, most_fps: float
) -> Mapping[int, Candidates]:
    """Returns the frames to look at, by PTS, in order of time.

    Args:
        detections: rows of table ``detections`` of one segment.
        confidence: least score of a detection that counts, 0..1.
        near: most distance between the nearest edges of a person and a thing, in heights of the person's box.
        every_s: least seconds between two looks at one encounter.
        most_fps: most looks per second.
    """
    sure = detections.filter(pc.greater_equal(detections["confidence"], confidence))
    sure = sure.sort_by([("time", "ascending"), ("detection", "ascending")])
    at_us, pts = times_us(sure), sure["pts"].to_numpy()
    numbers, boxes, labels = sure["detection"].to_numpy().astype(np.int64), boxes_of(sure), sure["label"].to_pylist()
    begins = np.flatnonzero(run_starts(pts))
    ends = np.append(begins[1:], len(pts))[: len(begins)]
    looks: dict[int, Candidates] = {}
    encounters = _Encounters(every_s, 1 / most_fps)
    for begin, end in zip(begins, ends, strict=True):
        names = tuple(labels[begin:end])
        pairs = _near_pairs(boxes[begin:end], np.array([name == PERSON for name in names]), near)
        if len(pairs) and encounters.due(int(at_us[begin]), boxes[begin:end], names, pairs):
            looks[int(pts[begin])] = Candidates(numbers[begin:end], boxes[begin:end], names, pairs)
    return looks


def _near_pairs(boxes: Float64, people: Bools, near: float) -> Int64:
    """Returns rows of a person and of a thing that is near, ``(P, 2)``."""
    things = np.flatnonzero(~people)
    found = [
        (person, thing)
        for person in np.flatnonzero(people)
        for thing in things[gaps_px(boxes[things], boxes[person]) <= near * (boxes[person, 3] - boxes[person, 1])]
    ]
    return np.array(found, np.int64).reshape(-1, 2)


class _Encounters:
    """The encounters of the last ``every_s``: their last boxes ``(E, 4)``, labels, and times of the last look."""

    def __init__(self, every_s: float, least_gap_s: float) -> None:
        self._every_us = round(every_s * 1e6) - ROUNDING_US
        self._least_gap_us = round(least_gap_s * 1e6) - ROUNDING_US
        self._last_us: int | None = None
        self._people = self._things = np.zeros((0, 4))
        self._labels = np.zeros(0, object)
        self._seen_us = self._looked_us = np.zeros(0, np.int64)

    def due(self, time_us: int, boxes: Float64, labels: tuple[str, ...], pairs: Int64) -> bool:
        """Adds the pairs of a frame, and returns whether to look: one of them was not looked at for ``every_s``."""
        people, things = boxes[pairs[:, 0]], boxes[pairs[:, 1]]
        names = np.array([labels[row] for row in pairs[:, 1]], object)
        overlap = np.minimum(iou_matrix(people, self._people), iou_matrix(things, self._things))
        overlap[names[:, None] != self._labels[None]] = 0
        looked_us = np.full(len(pairs), time_us - self._every_us)
        if len(self._labels):
            same, best = overlap.max(axis=1) >= SAME_IOU, overlap.argmax(axis=1)
            looked_us[same] = self._looked_us[best[same]]
        due = bool((time_us - looked_us >= self._every_us).any())
        if self._last_us is not None and time_us - self._last_us < self._least_gap_us:
            due = False  # those that are due stay so
        if due:
            looked_us[:] = self._last_us = time_us
        # Those not seen now stay for as long as their look counts: the detector may miss one of the two in a frame.
        stay = time_us - self._seen_us < self._every_us
        if len(self._labels):
            stay &= ~(overlap >= SAME_IOU).any(axis=0)
        self._people = np.concatenate([people, self._people[stay]])
        self._things = np.concatenate([things, self._things[stay]])
        self._labels = np.concatenate([names, self._labels[stay]])
        self._seen_us = np.concatenate([np.full(len(pairs), time_us), self._seen_us[stay]])
        self._looked_us = np.concatenate([looked_us, self._looked_us[stay]])
        return due
