"""Waiting frames come back in order, the newest as it was, old ones nearly."""

import numpy as np
import pytest

from ops.detect import waiting
from ops.detect.waiting import WaitingFrames
from schemas.values import Uint8


def smooth(level: int) -> Uint8:
    ramp = np.linspace(0, 60, 64)
    return np.asarray(level + ramp[None, :, None] + ramp[:48, None, None] + np.zeros((48, 64, 3)), np.uint8)


def test_frames_come_back_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = [smooth(10 * number) for number in range(8)]
    monkeypatch.setattr(waiting, "RAW_BYTES", 3 * frames[0].nbytes)
    queue = WaitingFrames()
    for number, frame in enumerate(frames):
        queue.add(number, frame)
    assert len(queue) == 8
    number, newest = queue.pop_newest()
    assert number == 7
    assert newest is frames[7]
    for expected, (number, frame) in enumerate(queue.pop_all()):
        assert number == expected
        assert np.abs(frame.astype(int) - frames[number]).max() <= (3 if number < 5 else 0)
    assert len(queue) == 0


def test_it_is_full_when_compressed_frames_take_their_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "RAW_BYTES", 1)
    monkeypatch.setattr(waiting, "PACKED_BYTES", 1500)
    queue = WaitingFrames()
    for number in range(20):
        assert queue.full == (number > 2 and queue.full)
        queue.add(number, smooth(number))
    assert queue.full
    assert [number for number, _ in queue.pop_all()] == list(range(20))
    assert not queue.full
