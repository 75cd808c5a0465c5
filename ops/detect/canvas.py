"""Packs parts of many frames into pictures of a network's input size, so that one run looks at all of them.

Parts keep the scale that the whole frame has in the input, so people in them are as tall as in a look at all of it, or
are enlarged.
Where to put them is shelf packing, tallest first (Coffman et al., "Performance bounds for level-oriented
two-dimensional packing algorithms", 1980).
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from ops.boxes import centre
from ops.detect.backends import Network
from ops.detect.decode import Boxes, Decoder
from ops.detect.letterbox import PAD_GREY
from ops.pictures import downscale
from schemas.values import Float32, Uint8

GAP_PX = 16
"""Distance of two parts in the input, pixels."""

FULL_SHARE = 1.0
"""Area of waiting parts, as a share of the input's, from which a picture is packed: what does not fit waits on."""

Found = Callable[[Boxes], None]


@dataclass(frozen=True)
class _Part:
    """A part of a frame, at the input's scale, with its place (x1, y1, x2, y2) in the frame."""

    pixels: Uint8
    place: tuple[int, int, int, int]
    found: Found


@dataclass(frozen=True)
class _Slot:
    """A part and its corner in the input."""

    part: _Part
    left: int
    top: int


class Canvas:
    """Gathers parts and looks at them.

    Args:
        network, decoder: of the same weights.
        count: called with the number of runs, as they begin.
    """

    def __init__(self, network: Network, decoder: Decoder, count: Callable[[int], None]) -> None:
        self._network = network
        self._decoder = decoder
        self._count = count
        self._parts: list[_Part] = []

    def add(self, frame: Uint8, place: tuple[int, int, int, int], found: Found, factor: float = 1.0) -> None:
        """Adds a part of a frame, which is copied.

        Args:
            frame: ``(H, W, 3)`` BGR.
            place: x1, y1, x2, y2 in it, right and bottom exclusive.
            found: called with the boxes in the part, px of the frame, after ``flush`` and the network's ``wait``.
            factor: how much the part is enlarged, times the scale of the whole frame.
        """
        x1, y1, x2, y2 = place
        input_px = self._network.input_px
        scale = factor * min(input_px[0] / frame.shape[1], input_px[1] / frame.shape[0])
        self._parts.append(_Part(_resized(frame[y1:y2, x1:x2], scale), place, found))
        while self._area() > FULL_SHARE * input_px[0] * input_px[1]:
            self._look()

    def flush(self) -> None:
        """Looks at the parts that still wait."""
        while self._parts:
            self._look()

    def _area(self) -> int:
        return sum((part.pixels.shape[0] + GAP_PX) * (part.pixels.shape[1] + GAP_PX) for part in self._parts)

    def _look(self) -> None:
        """Packs one picture, and runs the network on it."""
        slots, self._parts = packed(self._parts, self._network.input_px)
        canvas = np.full((self._network.input_px[1], self._network.input_px[0], 3), PAD_GREY, np.uint8)
        for slot in slots:
            height, width = slot.part.pixels.shape[:2]
            canvas[slot.top : slot.top + height, slot.left : slot.left + width] = slot.part.pixels

        def receive(output: Float32) -> None:
            _share_out(self._decoder(output), slots)

        self._count(1)
        self._network.submit(canvas, receive)


def packed(parts: list[_Part], input_px: tuple[int, int]) -> tuple[list[_Slot], list[_Part]]:
    """Places parts on shelves, tallest first; returns those that fit, at least one, and the others in their order."""
    slots: list[_Slot] = []
    left, top, shelf = 0, 0, 0
    order = sorted(range(len(parts)), key=lambda number: (-parts[number].pixels.shape[0], number))
    placed: set[int] = set()
    for number in order:
        height, width = parts[number].pixels.shape[:2]
        if left + width > input_px[0]:
            left, top, shelf = 0, top + shelf + GAP_PX, 0
        if left + width > input_px[0] or top + height > input_px[1]:
            continue
        slots.append(_Slot(parts[number], left, top))
        placed.add(number)
        left, shelf = left + width + GAP_PX, max(shelf, height)
    return slots, [part for number, part in enumerate(parts) if number not in placed]


def _resized(pixels: Uint8, scale: float) -> Uint8:
    """Returns a part at the input's scale, as ``letterbox`` would draw it."""
    size = (max(round(pixels.shape[1] * scale), 1), max(round(pixels.shape[0] * scale), 1))
    if size == (pixels.shape[1], pixels.shape[0]):
        return pixels.copy()
    if pixels.shape[0] >= 2 * size[1]:
        return downscale(pixels, size)
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR), np.uint8)


def _share_out(found: Boxes, slots: list[_Slot]) -> None:
    """Gives each part the boxes whose centre it holds, clipped to it, in pixels of its frame."""
    centres = centre(found.xyxy)
    for slot in slots:
        height, width = slot.part.pixels.shape[:2]
        low = np.array([slot.left, slot.top], np.float32)
        high = low + np.array([width, height], np.float32)
        (rows,) = np.nonzero(((centres >= low) & (centres < high)).all(axis=1))
        inside = np.clip(found.xyxy[rows], np.tile(low, 2), np.tile(high, 2)) - np.tile(low, 2)
        x1, y1, x2, y2 = slot.part.place
        scale = np.tile(np.array([(x2 - x1) / width, (y2 - y1) / height], np.float32), 2)
        boxes = np.asarray(inside * scale + np.array([x1, y1, x1, y1], np.float32), np.float32)
        slot.part.found(Boxes(boxes, found.confidence[rows], found.classes[rows]))
