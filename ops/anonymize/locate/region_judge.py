"""Judges regions that differ from the background where no detector found anybody: a person whom all missed, or not.

Cars, leaves, shadows and things that were moved differ, too. A network looks at each region again, enlarged with its
surroundings, and takes it for a person from a low score on. What it takes for none is covered all the same if it moves
as a body does and no vehicle explains it: people seen in part look like no person, but they walk.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ops.anonymize.geometry import cover_boxes, covered_shares
from ops.anonymize.locate.person_heights import PersonHeights
from ops.anonymize.locate.spans import Spans
from ops.boxes import centre, iou_matrix, pad, size, whole_boxes
from ops.detect.changes import LIMIT, changed, reduced
from schemas.values import Bools, Float64, Uint8

LEAST_SCORE = 0.15
"""Score, 0..1, from which a region is taken for a person.

Measured-real with YOLOX-Nano. On true boxes: every one of 120 on TUD-Campus scores .3 or more; on PETS .13 of 222 are
below .15 (.12 below .1), nearly all people who are hidden by a sign or by others. On 5,368 regions outside people's
boxes on PETS, ABODA, a car park and two roads: a tripod reaches .3, and 20 regions of cars on a motorway .15 to .7; all
else, cones, road markings, other cars, shadows and a flash of light over all of the picture, is below .15.
"""

VEHICLE_SCORE = 0.25
"""The same where a vehicle explains the region: drivers and people in front of it still count."""

EXPLAINED = 0.6
"""Least share of a region within the boxes of vehicles that explains it."""

VEHICLE_PAD = 0.15
"""Padding of vehicles' boxes, on every side, share of their size: shadows belong to them."""

REMEMBERED_US = 500_000
"""Time for which a region is remembered, and for which a verdict holds for the region that it was given on, whatever
changes in it."""

UNCHANGED_US = 1_000_000
"""Time for which a verdict holds while nothing changes in its region: a bag that was left is judged once a second, and
somebody who stands still and is hard to see gets a chance each time."""

AROUND, REDUCED = 0.5, 2
"""Padding of a region, share of its size, within which nothing may have changed, and the factor by which it is reduced
to be compared: a head of 8 px is 4 px there."""

SAME_IOU = 0.5
"""Least intersection over union of a region with a judged one of the last frames for which the verdict holds."""

LINKED_IOU = 0.2
"""Least intersection over union of a region with the same one in the frame before."""

MOVES = 1.0
"""Distance, in sizes (square root of the area), that a body moves while it is linked from frame to frame. Leaves and
water stay in their place."""

MOSTLY_UNKNOWN = 0.5
"""Share of a region of which the background is unknown from which its size says nothing."""

Score = Callable[[Uint8, Float64], float]
"""Returns how surely, 0..1, a person is in a box ``(4,)`` of a frame ``(H, W, 3)`` BGR."""


@dataclass
class _Region:
    """A region that is followed: where it began, where it was last, what was said of it, and what it showed then."""

    first: Float64
    box: Float64
    time_us: int
    judged: Float64
    judged_us: int
    seen: Uint8
    score: float

    @property
    def moves(self) -> bool:
        """Returns whether it went further than its own size."""
        away = float(np.linalg.norm(centre(self.box[None]) - centre(self.first[None])))
        sides = np.concatenate([size(self.box[None]), size(self.first[None])]).prod(axis=1)
        return away > MOVES * float(np.sqrt(sides.max()))


class RegionJudge:
    """Judges the regions of a segment's frames, in order of time.

    Args:
        score: looks at a region.
        vehicles: where vehicles are.
        heights: how tall people are; None if unknown.
        unknown: ``(H, W)``, not 0 where the background is unknown: what differs there has no size of its own.
        remembered_us: time for which a verdict holds for the region that it was given on, though it changes.
        limit: of a change, see ``ops.detect.changes``.

    Attributes:
        dismisses: whether a region of the last frame was taken for none.
    """

    def __init__(
        self,
        score: Score,
        vehicles: Spans,
        heights: PersonHeights | None = None,
        unknown: Uint8 | None = None,
        remembered_us: int = REMEMBERED_US,
        limit: int = LIMIT,
    ) -> None:
        self._score = score
        self._vehicles = vehicles
        self._heights = heights
        self._unknown = unknown
        self._remembered_us = remembered_us
        self._limit = limit
        self._known: list[_Region] = []
        self.dismisses = False

    def people(self, frame: Uint8, regions: Float64, time_us: int) -> Bools:
        """Returns which regions ``(N, 4)``, pixels of the frame, may be people, ``(N,)``.

        Args:
            frame: ``(H, W, 3)`` BGR.
            time_us: of the frame; a frame may come again.
        """
        explained = self._explained(frame, regions, time_us)
        # A frame of an earlier time begins a stretch anew, as when it was encoded again.
        known = [each for each in self._known if 0 <= time_us - each.time_us <= REMEMBERED_US]
        followed = [self._follow(frame, box, time_us, known) for box in regions]
        lost = [each for each in known if not any(each.first is one.first for one in followed)]
        self._known = [*followed, *lost]
        scores, moves = np.array([each.score for each in followed]), np.array([each.moves for each in followed], bool)
        found = (scores >= LEAST_SCORE) | moves | self._fits(regions)
        people = np.where(explained, scores >= VEHICLE_SCORE, found)
        self.dismisses = not people.all()
        return people

    def _fits(self, regions: Float64) -> Bools:
        """Returns which regions have the size of a person in their place, ``(N,)``."""
        if self._heights is None:
            return np.zeros(len(regions), bool)
        fits = self._heights.fits(regions)
        return fits if self._unknown is None else fits & (covered_shares(self._unknown, regions) < MOSTLY_UNKNOWN)

    def _explained(self, frame: Uint8, regions: Float64, time_us: int) -> Bools:
        """Returns which regions vehicles explain, ``(N,)``."""
        mask = np.zeros(frame.shape[:2], np.uint8)
        cover_boxes(mask, pad(self._vehicles.at(time_us).boxes, VEHICLE_PAD, 2.0))
        return covered_shares(mask, regions) >= EXPLAINED

    def _follow(self, frame: Uint8, box: Float64, time_us: int, known: list[_Region]) -> _Region:
        """Returns a region with its history; it is looked at unless a verdict on it holds."""
        if known:
            overlaps = iou_matrix(box[None], np.stack([each.box for each in known]))[0]
            before = known[int(np.argmax(overlaps))]
            if overlaps.max() >= LINKED_IOU:
                same = iou_matrix(box[None], before.judged[None])[0, 0] >= SAME_IOU
                if same and self._holds(frame, time_us, before):
                    return replace(before, box=box, time_us=time_us)
                return self._judge(frame, before.first, box, time_us)
        return self._judge(frame, box, box, time_us)

    def _holds(self, frame: Uint8, time_us: int, before: _Region) -> bool:
        """Returns whether the last verdict on a region still holds."""
        since_us = time_us - before.judged_us
        if since_us <= self._remembered_us:
            return True
        if since_us >= UNCHANGED_US:
            return False
        return not changed(_shown(frame, before.judged), before.seen, self._limit).any()

    def _judge(self, frame: Uint8, first: Float64, box: Float64, time_us: int) -> _Region:
        return _Region(first, box, time_us, box, time_us, _shown(frame, box), self._score(frame, box))


def _shown(frame: Uint8, box: Float64) -> Uint8:
    """Returns what a region and its surroundings show, reduced."""
    ((x1, y1, x2, y2),) = whole_boxes(pad(box[None], AROUND, 4.0), (frame.shape[1], frame.shape[0])).tolist()
    return reduced(frame[y1:y2, x1:x2], REDUCED)
