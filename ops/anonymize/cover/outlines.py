"""Outlines of people, for silhouettes that look like people: a network cuts one person at a time out of a frame.

The networks are in ``ops/foreground``: a square around a person in, a mask and the probability that a person is there
out. A network may be wrong, so an outline counts only if it fits the box that a detector gave: it fills a plausible
share of the box and reaches its edges. Of any other box the caller covers a body, or all of it. docs/decisions/0029
says what was measured.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from ops.boxes import centre, iou_matrix, pad, size, whole_boxes
from ops.foreground.looks import SIDE, MaskFinder, Square
from schemas.values import Bools, Float32, Float64, Uint8

SQUARE = 1.25
"""Side of the square that is looked at: multiple of the longer side of a person's box."""

LEAST_HEIGHT_PX = 40.0
"""Least height of a box. Measured-real on PETS, reduced: of people of 30 px and more, .96 of the outlines are trusted,
and they agree with what differs from the background by an IoU of .66 to .75; below 40 px they take as much area as a
body does."""

PRESENT = 0.5
"""Least probability, 0..1, that a person is in the square."""

SURE = 0.0
"""Logit of a pixel from which it counts as the person's when the mask is compared with the box: a probability of .5."""

COVERED = float(np.log(0.3 / 0.7))
"""Logit of a pixel from which it is covered: a probability of .3."""

LEAST_SHARE, MOST_SHARE = 0.25, 0.85
"""Share of a box that a person fills. Measured-real on PETS and TUD-Campus, true boxes: .39 to .87 in nine of ten."""

GAP_DOWN, GAP_ACROSS = 0.15, 0.2
"""Largest distance from the edges of a box to the mask in it, as a share of the height and of the width: a mask that
ends earlier has missed the head or the feet, or is that of somebody else in the box."""

SAME_PERSON_IOU = 0.7
"""Least intersection over union of a box with the one that was looked at, if both are of one person, found twice. The
boxes of two people beside each other may agree by .5, and only one of the two is cut out then."""

BEYOND = 0.25
"""How far an outline may reach beyond the box on every side, as a share of its size: arms and feet often do."""

GROWTH, GROWTH_PX = 0.03, 2.5
"""Growth of an outline on every side, as a share of the box's height, and at least this, pixels of the frame."""

HOLD_US = 50_000
"""Time for which an outline counts, microseconds: it moves with the box and is united with the next ones, so that
covers do not flicker."""

SAME_PLACE_IOU = 0.5
"""Least intersection over union of the boxes of an outline and of the next one of the same person."""

MOST_ENLARGED = 2.0
"""Longest side of a square, as a multiple of the frame's longer side: boxes of broken tracks may be of any size."""


class OutlineCover:
    """Covers the outlines of people in the frames of one segment, in order of time."""

    def __init__(self, finder: MaskFinder) -> None:
        self._finder = finder
        self._held: list[_Outline] = []

    def add(self, mask: Uint8, frame: Uint8, boxes: Float64, likely: int, time_us: int) -> Bools:
        """Sets people's outlines to 255, and returns for which boxes they can be trusted, ``(M,)``.

        Args:
            mask: ``(H, W)``.
            frame: ``(H, W, 3)`` BGR, with nothing painted on it.
            boxes: ``(M, 4)`` of people.
            likely: number of boxes, of the first ones, that the network may look at; any other can only be a box of
                somebody seen in one of these.
            time_us: of the frame.
        """
        size_px = (frame.shape[1], frame.shape[0])
        shown = np.asarray(np.clip(boxes, 0, np.tile(size_px, 2)), np.float64)
        held = [each for each in self._held if time_us - each.time_us <= HOLD_US]
        outlines: list[_Outline] = []
        for number in np.flatnonzero(_can_be_seen(boxes[:likely], size_px)).tolist():
            if any(outline.is_of(shown[number]) for outline in outlines):
                continue
            seen = self._finder.look(frame, _square(boxes[number]))
            outline = _Outline(time_us, boxes[number], shown[number], _square(boxes[number]), seen.logits)
            if seen.presence >= PRESENT and outline.is_of(shown[number]):
                outlines.append(outline)
        for outline in outlines:
            earlier = [each.person() for each in held if _iou(each.box, outline.box) >= SAME_PLACE_IOU]
            person = np.logical_or.reduce([outline.person(), *earlier])
            outline.square.paste(_grown(person, outline.box, outline.square), mask)
        self._held = [*held, *outlines]
        return np.array([any(outline.is_of(box) for outline in outlines) for box in shown], bool)


@dataclass(frozen=True)
class _Outline:
    """A look at a box ``(4,)`` whose mask can be trusted; ``shown`` is the box, cut to the frame."""

    time_us: int
    box: Float64
    shown: Float64
    square: Square
    logits: Float32

    def is_of(self, box: Float64) -> bool:
        """Returns whether the mask is that of the person in a box ``(4,)``, cut to the frame.

        It fills a plausible share of the box and reaches its edges.
        """
        if _iou(box, self.shown) < SAME_PERSON_IOU:
            return False
        inside: Bools = self.logits[self.square.inside(box)] >= SURE
        if not (inside.any() and LEAST_SHARE <= inside.mean() <= MOST_SHARE):
            return False
        rows, columns = (np.asarray(inside.any(axis=axis)) for axis in (1, 0))
        return _reaches(rows, GAP_DOWN) and _reaches(columns, GAP_ACROSS)

    def person(self) -> Bools:
        """Returns the person ``(SIDE, SIDE)``, in the box and little beyond it."""
        kept = np.zeros((SIDE, SIDE), bool)
        inside = self.square.inside(pad(self.box[None], BEYOND, GROWTH_PX)[0])
        kept[inside] = self.logits[inside] >= COVERED
        return kept


def _reaches(taken: Bools, most_gap: float) -> bool:
    """Returns whether a mask reaches both ends of a box's side, all but a share of its length."""
    places = np.flatnonzero(taken)
    return bool(max(places[0], len(taken) - 1 - places[-1]) <= most_gap * len(taken))


def _iou(one: Float64, other: Float64) -> float:
    return float(iou_matrix(one[None], other[None])[0, 0])


def _can_be_seen(boxes: Float64, size_px: tuple[int, int]) -> Bools:
    """Returns which boxes ``(M,)`` are of a size that the network can look at, and touch the frame."""
    sides, shown = size(boxes), whole_boxes(boxes, size_px)
    fits = (sides[:, 1] >= LEAST_HEIGHT_PX) & (SQUARE * sides.max(axis=1, initial=0) <= MOST_ENLARGED * max(size_px))
    return np.asarray(fits & (shown[:, 2:] > shown[:, :2]).all(axis=1))


def _square(box: Float64) -> Square:
    side = int(np.ceil(SQUARE * size(box).max()))
    corner = np.round(centre(box) - side / 2).astype(np.int64).tolist()
    return Square(corner[0], corner[1], side)


def _grown(person: Bools, box: Float64, square: Square) -> Uint8:
    """Returns an outline ``(SIDE, SIDE)``, not 0 in the person and around."""
    radius = int(np.ceil(max(GROWTH * (box[3] - box[1]), GROWTH_PX) * SIDE / square.side))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    return np.asarray(cv2.dilate(person.astype(np.uint8), disc), np.uint8)
