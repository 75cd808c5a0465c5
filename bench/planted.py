"""Plants leaks on purpose: drops one person's mask in single frames, and checks if the published video covers them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from unittest import mock

import numpy as np

from ops.anonymize import Anonymize
from ops.anonymize.cover.frame import MaskHook
from ops.anonymize.session import AnonymizeSession
from ops.anonymize.verify.verifier import Finding, Verifier
from ops.leaks import LEAK_BELOW, head_zones, touched_px, zone_shares
from schemas.frame_boxes import FrameBoxes
from schemas.op import Services, Tables
from schemas.values import Bools, Float64, Int64, Uint8, UnitContext

DROPPED_AROUND = 0.3
"""Share of a true box's size that is uncovered around it as well, since masks are padded and grown."""


@contextmanager
def altered_masks(hook: MaskHook) -> Iterator[None]:
    """Lets a hook change every mask of this process's anonymizer before it is applied."""

    def start(op: Anonymize, unit: UnitContext, inputs: Tables, services: Services) -> AnonymizeSession:
        return AnonymizeSession(op.params, op.detectors, unit, inputs, services, mask_hook=hook)

    with mock.patch.object(Anonymize, "start", start):
        yield


@contextmanager
def verifier_disabled() -> Iterator[None]:
    """Makes the verifier of this process find nothing, so that leaks caught then are caught by something else."""

    def verify(*_: object, **__: object) -> list[Finding]:
        return []

    with mock.patch.object(Verifier, "verify", verify):
        yield


def choose_plants(truth: FrameBoxes, last: int, count: int, seed: int = 4) -> FrameBoxes:
    """Chooses person-frames at random, at most one per frame, of people whose head no other cover would hide.

    Args:
        truth: true boxes.
        last: frames 1 to ``last`` are used.
        count: the largest number chosen.
    """
    alone = np.array([truth.counts[row] and _is_isolated(truth, row) for row in range(len(truth))], np.bool_)
    rows = np.random.default_rng(seed).permutation(np.flatnonzero(alone & (truth.frame <= last)))
    first_of_frame = np.unique(truth.frame[rows], return_index=True)[1]
    return truth.take(np.sort(rows[np.sort(first_of_frame)][:count]))


def _is_isolated(truth: FrameBoxes, row: int) -> bool:
    """Returns whether no other padded box of the frame touches this padded head zone."""
    others = truth.box[(truth.frame == truth.frame[row]) & (np.arange(len(truth)) != row)]
    head = grown(truth.box[row : row + 1], DROPPED_AROUND)[0]
    head[3] = head_zones(truth.box[row : row + 1])[0, 3]
    around = grown(others, DROPPED_AROUND)
    return not ((around[:, :2] < head[2:]) & (around[:, 2:] > head[:2])).all(axis=1).any()


def grown(boxes: Float64, share: float) -> Float64:
    """Returns boxes ``(M, 4)`` enlarged by a share of their size on every side."""
    size = boxes[:, 2:] - boxes[:, :2]
    return np.concatenate([boxes[:, :2] - share * size, boxes[:, 2:] + share * size], axis=1)


@dataclass
class MaskDropper:
    """Drops the masks of the plants, as a ``MaskHook``.

    Attributes:
        plants: the person-frames to uncover.
        number_of: returns the number of the frame at a time.
        dropped: rows of the plants that were covered before and are uncovered now.
    """

    plants: FrameBoxes
    number_of: Callable[[int], int]

    def __post_init__(self) -> None:
        self.dropped: set[int] = set()

    def __call__(self, mask: Uint8, boxes: Float64, time_us: int) -> Uint8:  # noqa: ARG002 - the truth says where
        changed = mask.copy()
        for row in np.flatnonzero(self.plants.frame == self.number_of(time_us)).tolist():
            box = self.plants.box[row : row + 1]
            was = zone_shares(mask > 0, head_zones(box))[0]
            for x1, y1, x2, y2 in touched_px(grown(box, DROPPED_AROUND), mask.shape).tolist():
                changed[y1:y2, x1:x2] = 0
            if was >= LEAK_BELOW:
                self.dropped.add(row)
        return changed


def caught_plants(plants: FrameBoxes, covered: Callable[[int], Bools | None]) -> Int64:
    """Returns the rows of the plants whose head is covered in the published video after all.

    Args:
        covered: returns the covered pixels of a published frame; None if the frame is not published.
    """
    rows = []
    for row, number in enumerate(plants.frame.tolist()):
        mask = covered(number)
        if mask is None or zone_shares(mask, head_zones(plants.box[row : row + 1]))[0] >= LEAK_BELOW:
            rows.append(row)
    return np.array(rows, np.int64)
