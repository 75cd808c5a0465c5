"""Leaks planted on purpose: one person's mask is dropped in single frames, and the shown video tells who was caught."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from unittest import mock

import numpy as np

from bench.leaks import LEAK_BELOW, head_zones, touched_px, zone_shares
from ops.anonymize import Anonymize
from ops.anonymize.cover.frame import MaskHook
from ops.anonymize.session import AnonymizeSession
from ops.anonymize.verify.verifier import Finding, Verifier
from sample_site.evaluate import MotRows
from schemas.op import Services, Tables
from schemas.values import Bools, Float64, Int64, Uint8, UnitContext

DROPPED_AROUND = 0.3
"""So much of a true box's size around it is uncovered as well: masks are padded and grown."""


@contextmanager
def spoiling(spoil: MaskHook) -> Iterator[None]:
    """The anonymizer of this process lets ``spoil`` change what it is about to paint."""

    def start(op: Anonymize, unit: UnitContext, inputs: Tables, services: Services) -> AnonymizeSession:
        return AnonymizeSession(op.params, op.detectors, unit, inputs, services, mask_hook=spoil)

    with mock.patch.object(Anonymize, "start", start):
        yield


@contextmanager
def blind() -> Iterator[None]:
    """The anonymizer of this process finds nothing in what it encoded: no verifier caught what is caught then."""

    def look(*_: object, **__: object) -> list[Finding]:
        return []

    with mock.patch.object(Verifier, "verify", look):
        yield


def choose_plants(truth: MotRows, last: int, count: int, seed: int = 4) -> MotRows:
    """Person-frames at random, one a frame at most, of people whose head nobody else's cover would hide.

    Args:
        truth: true boxes.
        last: of frames 1 to ``last``.
        count: as many as that, or as there are.
    """
    alone = np.array([truth.counts[row] and _alone(truth, row) for row in range(len(truth))], np.bool_)
    rows = np.random.default_rng(seed).permutation(np.flatnonzero(alone & (truth.frame <= last)))
    first_of_frame = np.unique(truth.frame[rows], return_index=True)[1]
    return truth.take(np.sort(rows[np.sort(first_of_frame)][:count]))


def _alone(truth: MotRows, row: int) -> bool:
    """Whether no other box of the frame, padded, touches the head zone of this one, padded."""
    others = truth.box[(truth.frame == truth.frame[row]) & (np.arange(len(truth)) != row)]
    head = grown(truth.box[row : row + 1], DROPPED_AROUND)[0]
    head[3] = head_zones(truth.box[row : row + 1])[0, 3]
    around = grown(others, DROPPED_AROUND)
    return not ((around[:, :2] < head[2:]) & (around[:, 2:] > head[:2])).all(axis=1).any()


def grown(boxes: Float64, share: float) -> Float64:
    """Boxes ``(M, 4)`` with so much of their size added on every side."""
    size = boxes[:, 2:] - boxes[:, :2]
    return np.concatenate([boxes[:, :2] - share * size, boxes[:, 2:] + share * size], axis=1)


@dataclass
class Spoiler:
    """Drops the masks of the plants, as a ``MaskHook``.

    Attributes:
        plants: who is uncovered, and when.
        number_of: the frame's number of a time.
        dropped: which of the plants, by row, were covered before and are not any more.
    """

    plants: MotRows
    number_of: Callable[[int], int]

    def __post_init__(self) -> None:
        self.dropped: set[int] = set()

    def __call__(self, mask: Uint8, boxes: Float64, time_us: int) -> Uint8:  # noqa: ARG002 - the truth says where
        spoiled = mask.copy()
        for row in np.flatnonzero(self.plants.frame == self.number_of(time_us)).tolist():
            box = self.plants.box[row : row + 1]
            was = zone_shares(mask > 0, head_zones(box))[0]
            for x1, y1, x2, y2 in touched_px(grown(box, DROPPED_AROUND), mask.shape).tolist():
                spoiled[y1:y2, x1:x2] = 0
            if was >= LEAK_BELOW:
                self.dropped.add(row)
        return spoiled


def caught(plants: MotRows, covered: Callable[[int], Bools | None]) -> Int64:
    """Rows of the plants whose head is covered as shown after all.

    Args:
        covered: where the shown frame of a number is covered; None if nothing of it is shown.
    """
    rows = []
    for row, number in enumerate(plants.frame.tolist()):
        mask = covered(number)
        if mask is None or zone_shares(mask, head_zones(plants.box[row : row + 1]))[0] >= LEAK_BELOW:
            rows.append(row)
    return np.array(rows, np.int64)
