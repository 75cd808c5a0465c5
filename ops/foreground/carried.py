"""Carries masks from keyframes to the frames after them by optical flow, so that a network looks at fewer frames.

Flow is checked in both directions (``ops.flow.py``). What it cannot tell near a person counts as theirs, so
that a carried mask is too large and not too small; where it can tell too little, the network looks again.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from ops.boxes import iou_matrix
from ops.flow import LEAST_SIDE_PX, Chain, Flow
from ops.foreground.looks import ForegroundFinder, MaskFinder, Seen, Square
from schemas.values import Bools, Float32, Uint8

HELD = 0.7
"""Least share of a person's pixels whose flow passes the check; below it, the network looks again."""

SAME_PLACE_IOU = 0.5
"""Least intersection over union of the squares of a person in two frames that follow each other."""

REACH = 9
"""Side of the square around a person's pixels, pixels, in which a pixel that the flow lost counts as theirs."""

PERSON = 0.5
"""Share of foreground, 0..1, from which a pixel is a person's."""

_WORK_PX = 320
"""Width to which frames are reduced for the flow of a whole frame."""


@dataclass(frozen=True)
class Keyframe:
    """A mask that a network found, and the way back to it.

    Attributes:
        values: ``(H, W)`` of the keyframe.
        grey: ``(H, W)``, the picture of the last frame that it was carried to.
        chain: from that frame to the keyframe.
        frames: number of frames that it was carried on.
    """

    values: Float32
    grey: Uint8
    chain: Chain
    frames: int = 0

    @classmethod
    def of(cls, values: Float32, grey: Uint8) -> "Keyframe":
        """Returns a keyframe as it was just looked at."""
        return cls(values, grey, Chain.at_keyframe((grey.shape[0], grey.shape[1])))

    def carried(self, grey: Uint8, flow: Flow) -> "Keyframe":
        """Returns the keyframe carried on to the next frame, whose picture is ``grey`` ``(H, W)``."""
        chain = self.chain.extended(*flow.back(grey, self.grey))
        return Keyframe(self.values, grey, chain, self.frames + 1)

    def seen(self, level: float) -> tuple[Float32, float]:
        """Returns the mask in the last frame ``(H, W)``, and the share of its people whose flow holds, 0..1.

        Args:
            level: value from which a pixel is a person's; pixels near people that the flow lost have at least it.
        """
        rows, columns, valid = self.chain.sources()
        values = self.values[rows, columns]
        person: Bools = values >= level
        if not person.any():
            return values, 1.0
        near = cv2.dilate(person.astype(np.uint8), np.ones((REACH, REACH), np.uint8)) > 0
        lost = near & ~valid
        return np.where(lost, np.maximum(values, np.float32(level)), values), float(valid[person].mean())


@dataclass(frozen=True)
class _Person:
    square: Square
    presence: float
    key: Keyframe


class CarriedMasks:
    """A ``MaskFinder`` that asks another one for keyframes only.

    Args:
        finder: looks at keyframes.
        every: a network looks at each person once in so many frames, or more often where the flow is lost.

    Attributes:
        looks, carried: numbers of looks by the network, and of those that the flow saved.
    """

    def __init__(self, finder: MaskFinder, every: int) -> None:
        self._finder = finder
        self._every = every
        self._flow = Flow()
        self._frame: Uint8 | None = None
        self._before: list[_Person] = []
        self._now: list[_Person] = []
        self.looks = self.carried = 0

    def look(self, frame: Uint8, square: Square) -> Seen:
        """Looks at a square of a frame, see ``MaskFinder``; all squares of a frame come before those of the next."""
        if frame is not self._frame:
            self._frame, self._before, self._now = frame, self._now, []
        grey = _grey(square.cut(frame))
        person = self._carried(square, grey)
        if person is None:
            self.looks += 1
            seen = self._finder.look(frame, square)
            self._now.append(_Person(square, seen.presence, Keyframe.of(seen.logits, grey)))
            return seen
        self.carried += 1
        self._now.append(person)
        return Seen(person.presence, person.key.seen(0.0)[0])

    def _carried(self, square: Square, grey: Uint8) -> _Person | None:
        """Returns the person of a square, carried on from the frame before; None if a network must look."""
        near = [(_overlap(each.square, square), number) for number, each in enumerate(self._before)]
        overlap, number = max(near, default=(0.0, -1))
        if overlap < SAME_PLACE_IOU or self._before[number].key.frames + 1 >= self._every:
            return None
        before = self._before[number]
        key = before.key.carried(grey, self._flow)
        return _Person(square, before.presence, key) if key.seen(0.0)[1] >= HELD else None


class CarriedForeground:
    """A ``ForegroundFinder`` that asks another one for keyframes only.

    Args:
        finder: looks at keyframes.
        every: it looks once in so many frames, or more often where the flow is lost.

    Attributes:
        looks, carried: numbers of frames that it looked at, and that the flow saved.
    """

    def __init__(self, finder: ForegroundFinder, every: int) -> None:
        self._finder = finder
        self._every = every
        self._flow = Flow()
        self._key: Keyframe | None = None
        self.looks = self.carried = 0

    def find(self, frame: Uint8) -> Float32:
        """Returns the foreground of a frame, see ``ForegroundFinder``."""
        height, width = frame.shape[:2]
        scale = min(1.0, _WORK_PX / width)
        small = (max(round(width * scale), LEAST_SIDE_PX), max(round(height * scale), LEAST_SIDE_PX))
        grey = _grey(np.asarray(cv2.resize(frame, small, interpolation=cv2.INTER_AREA), np.uint8))
        key = self._key
        if key is not None and key.grey.shape == grey.shape and key.frames + 1 < self._every:
            self._key = key = key.carried(grey, self._flow)
            values, held = key.seen(PERSON)
            if held >= HELD:
                self.carried += 1
                return np.asarray(cv2.resize(values, (width, height)), np.float32)
        self.looks += 1
        found = self._finder.find(frame)
        self._key = Keyframe.of(np.asarray(cv2.resize(found, small, interpolation=cv2.INTER_AREA), np.float32), grey)
        return found


def _grey(picture: Uint8) -> Uint8:
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)


def _overlap(one: Square, other: Square) -> float:
    boxes = np.array([[each.x, each.y, each.x + each.side, each.y + each.side] for each in (one, other)], np.float64)
    return float(iou_matrix(boxes[:1], boxes[1:])[0, 0])
