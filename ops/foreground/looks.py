"""Looks at one person, and what a network sees there."""

from typing import NamedTuple, Protocol

import cv2
import numpy as np

from ops.boxes import whole_boxes
from schemas.values import Float32, Float64, Int64, Uint8

SIDE = 256
"""Side of a look and of its mask, pixels."""

_CLEAREST = 1e-4


class Square(NamedTuple):
    """The part of a frame that the network sees: corner and side, whole pixels; it may reach beyond the frame."""

    x: int
    y: int
    side: int

    def cut(self, frame: Uint8) -> Uint8:
        """Returns this part of a frame ``(H, W, 3)``, ``(SIDE, SIDE, 3)``; the frame's border continues beyond it."""
        way = cv2.INTER_AREA if self.side > SIDE else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(frame[self._places(frame)], (SIDE, SIDE), interpolation=way), np.uint8)

    def cut_values(self, values: Float32) -> Float32:
        """Returns this part of values ``(H, W)``, ``(SIDE, SIDE)``; never a mix of two, since NaN spreads."""
        part = values[self._places(values)]
        return np.asarray(cv2.resize(part, (SIDE, SIDE), interpolation=cv2.INTER_NEAREST_EXACT), np.float32)

    def _places(self, picture: Uint8 | Float32) -> tuple[Int64, Int64]:
        """Returns the rows and columns of a picture that this part shows."""
        height, width = picture.shape[:2]
        rows = np.clip(np.arange(self.y, self.y + self.side), 0, height - 1)
        columns = np.clip(np.arange(self.x, self.x + self.side), 0, width - 1)
        return rows[:, None], columns[None]

    def inside(self, box: Float64) -> tuple[slice, slice]:
        """Returns the rows and columns of the mask that a box ``(4,)`` of the frame takes."""
        scaled = (box - [self.x, self.y, self.x, self.y]) * (SIDE / self.side)
        ((x1, y1, x2, y2),) = whole_boxes(scaled[None], (SIDE, SIDE)).tolist()
        return slice(y1, y2), slice(x1, x2)

    def paste(self, outline: Uint8, mask: Uint8) -> None:
        """Sets ``mask`` ``(H, W)`` to 255 where an outline ``(SIDE, SIDE)`` is not 0."""
        height, width = mask.shape
        scaled = cv2.resize(outline, (self.side, self.side), interpolation=cv2.INTER_LINEAR)
        top, left = max(-self.y, 0), max(-self.x, 0)
        bottom, right = min(self.side, height - self.y), min(self.side, width - self.x)
        if bottom > top and right > left:
            part = mask[self.y + top : self.y + bottom, self.x + left : self.x + right]
            part[scaled[top:bottom, left:right] > 0] = 255


class Seen(NamedTuple):
    """What a network sees in a square: the probability of a person, and the logits of a mask ``(SIDE, SIDE)``."""

    presence: float
    logits: Float32

    @classmethod
    def of(cls, presence: float, shares: Float32) -> "Seen":
        """Returns what a network sees that gives each pixel's share of foreground, 0..1, at any size."""
        scaled = shares if shares.shape == (SIDE, SIDE) else cv2.resize(shares, (SIDE, SIDE))
        kept = np.clip(scaled, _CLEAREST, 1 - _CLEAREST)
        return cls(presence, np.log(kept / (1 - kept)).astype(np.float32))


class MaskFinder(Protocol):
    """Cuts people out of frames."""

    def look(self, frame: Uint8, square: Square) -> Seen:
        """Looks at a square of a frame ``(H, W, 3)`` BGR."""
        ...


class ForegroundFinder(Protocol):
    """Finds the foreground of whole frames."""

    def find(self, frame: Uint8) -> Float32:
        """Returns the foreground ``(H, W)``, 0..1, of a frame ``(H, W, 3)`` BGR; frames come in order of time."""
        ...
