"""Ends of tracklets: the place, size and velocity that the last second shows."""

import numpy as np
import pytest

from ops.tracking.detections import Detections
from ops.tracking.ends import TrackletEnd


def walker(frames: int, fps: float = 10.0) -> Detections:
    """Detections of a person who stands still in the first half of the frames, and walks right at 40 px/s after."""
    x = np.maximum(np.arange(frames) - frames // 2, 0) * 40 / fps
    boxes = np.column_stack([x, np.full(frames, 50.0), x + 30, np.full(frames, 140.0)])
    return Detections(np.arange(frames) / fps, np.arange(frames), boxes, np.full(frames, 0.8))


def test_each_end_has_its_own_velocity():
    detections = walker(60)
    head, tail = (TrackletEnd(detections, np.arange(60), end) for end in (0, -1))
    assert head.velocity == pytest.approx((0, 0))
    assert tail.velocity == pytest.approx((40 * 1.0 / (1.0 + 1 / 3), 0), rel=0.05), "drawn towards rest"
    assert tail.time_s == pytest.approx(5.9)
    assert tail.place == pytest.approx((15 + 29 * 4, 95), abs=0.5)
    assert tail.size == pytest.approx((30, 90))


def test_two_detections_have_no_velocity():
    assert TrackletEnd(walker(60), np.array([58, 59]), -1).velocity == pytest.approx((0, 0))
