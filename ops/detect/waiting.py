"""Keeps frames until the next probe: some as they are, older ones compressed."""

from collections import deque
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
    """A queue of numbered frames ``(H, W, 3)`` BGR."""

    def __init__(self) -> None:
        self._packed: deque[tuple[int, Uint8]] = deque()
        self._raw: deque[tuple[int, Uint8]] = deque()

    def __len__(self) -> int:
        return len(self._packed) + len(self._raw)

    @property
    def full(self) -> bool:
        """Whether it must be emptied before more is added."""
        return sum(coded.nbytes for _, coded in self._packed) > PACKED_BYTES

    def add(self, number: int, frame: Uint8) -> None:
        """Adds a frame, which must not change while it waits; compresses the oldest where there are many."""
        self._raw.append((number, frame))
        while len(self._raw) > 1 and sum(raw.nbytes for _, raw in self._raw) > RAW_BYTES:
            oldest, raw = self._raw.popleft()
            _, coded = cv2.imencode(".jpg", raw, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
            self._packed.append((oldest, np.asarray(coded)))

    def pop_newest(self) -> tuple[int, Uint8]:
        """Returns and removes the frame that was added last, as it was."""
        return self._raw.pop()

    def pop_all(self) -> Iterator[tuple[int, Uint8]]:
        """Yields and removes all frames, the oldest first."""
        while self._packed:
            number, coded = self._packed.popleft()
            yield number, np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)
        while self._raw:
            yield self._raw.popleft()
