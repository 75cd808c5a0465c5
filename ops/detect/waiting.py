"""Keeps frames until the next probe: some as they are, older ones compressed."""

from collections.abc import Iterator

import cv2
import numpy as np

from schemas.values import Uint8

RAW_BYTES = 64_000_000
"""Memory for frames as they are: a second of 1920x1080 at 10 fps, 5 s of 768x576."""

PACKED_BYTES = 64_000_000
"""Memory for compressed frames: some 100 of 1920x1080."""

JPEG_QUALITY = 95
"""A choice, not measured."""


class WaitingFrames:
    """Numbered frames ``(H, W, 3)`` BGR, in order."""

    def __init__(self) -> None:
        self._packed: dict[int, Uint8] = {}
        self._raw: dict[int, Uint8] = {}

    def __len__(self) -> int:
        return len(self._packed) + len(self._raw)

    def __iter__(self) -> Iterator[int]:
        """Yields the numbers, the oldest first."""
        yield from self._packed
        yield from self._raw

    @property
    def full(self) -> bool:
        """Whether it must be emptied before more is added."""
        return sum(coded.nbytes for coded in self._packed.values()) > PACKED_BYTES

    def add(self, number: int, frame: Uint8) -> None:
        """Adds a frame, which must not change while it waits; compresses the oldest where there are many."""
        self._raw[number] = frame
        while len(self._raw) > 1 and sum(raw.nbytes for raw in self._raw.values()) > RAW_BYTES:
            oldest = next(iter(self._raw))
            _, coded = cv2.imencode(".jpg", self._raw.pop(oldest), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
            self._packed[oldest] = np.asarray(coded)

    def __getitem__(self, number: int) -> Uint8:
        """Returns a frame that waits."""
        if number in self._raw:
            return self._raw[number]
        return np.asarray(cv2.imdecode(self._packed[number], cv2.IMREAD_COLOR), np.uint8)

    def pop_newest(self) -> tuple[int, Uint8]:
        """Returns and removes the frame that was added last, as it was."""
        return self._raw.popitem()

    def pop_all(self) -> Iterator[tuple[int, Uint8]]:
        """Yields and removes all frames, the oldest first."""
        for number in list(self):
            yield number, self[number]
            (self._packed if number in self._packed else self._raw).pop(number)
