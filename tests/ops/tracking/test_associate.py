"""Weak detections carry a track on; a tracklet ends where association forwards and backwards disagree."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from ops.tracking.associate import associate, associate_both_ways
from ops.tracking.detections import Detections, Tracklet
from tests.ops.walkers import Walker, _one, steady

LEFT = Walker(x=50, y=100, vx=40)


def test_weak_detections_carry_a_track_on() -> None:
    strong = [replace(LEFT, until_s=2.0), replace(LEFT, from_s=5.0)]
    weak = replace(LEFT, from_s=2.0, until_s=5.0, confidence=0.15)
    got = _one([*strong, weak], steady(8, 10))
    assert got["tracklets"]["observed"] == [80]


def steps(tracklets: list[Tracklet]) -> set[tuple[int, int]]:
    return {step for tracklet in tracklets for step in pairwise(tracklet.tolist())}


def crowd(seed: int) -> Detections:
    """Eight people who cross each other's way, a fifth of the boxes missing."""
    random = np.random.default_rng(seed)
    start, speed = random.uniform(0, 400, 8), random.uniform(-60, 60, 8)
    rows = [(frame, who) for frame in range(60) for who in range(8) if random.random() > 0.2]
    left = np.array([start[who] + speed[who] * frame / 10 for frame, who in rows]) + random.normal(0, 2, len(rows))
    top = np.array([100.0 + 4 * who for _, who in rows])
    boxes = np.stack([left, top, left + 30, top + 80], axis=1)
    return Detections(np.arange(60) / 10, np.array([frame for frame, _ in rows]), boxes, np.full(len(rows), 0.8))


@pytest.mark.parametrize("seed", range(3))
def test_both_directions_agree_on_every_step_of_a_tracklet(seed: int) -> None:
    detections = crowd(seed)
    reverse, rows = detections.backwards()
    forwards = associate(detections, 0.25, 1.5)
    backwards = [np.sort(rows[each]) for each in associate(reverse, 0.25, 1.5)]
    found = associate_both_ways(detections, 0.25, 1.5)
    assert steps(found) == steps(forwards) & steps(backwards) != steps(forwards)
    taken = np.concatenate(found)
    assert len(taken) == len(np.unique(taken)), "no detection twice"


def test_backwards_and_back_is_the_same() -> None:
    detections = crowd(5)
    reverse, rows = detections.backwards()
    again, back = reverse.backwards()
    assert (again.box[np.argsort(rows[back])] == detections.box).all()
    assert np.allclose(np.diff(reverse.frame_s), 0.1) and (np.diff(reverse.frame) >= 0).all()


def test_long_pauses_are_not_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    import trackers

    updates: list[float] = []

    class Counted(trackers.CBIoUTracker):
        def update(self, *args, timestamp: float, **kwargs):
            updates.append(timestamp)
            return super().update(*args, timestamp=timestamp, **kwargs)

    monkeypatch.setattr("trackers.CBIoUTracker", Counted)
    frame = np.array([0, 1, 2, 900, 901, 902])
    boxes = np.tile([10.0, 10.0, 40.0, 90.0], (6, 1))
    found = associate(Detections(np.arange(1000) / 10, frame, boxes, np.full(6, 0.8)), 0.25, 1.5)
    assert sorted(map(len, found)) == [2, 3], "after the first frame, the tracker confirms a thing at its second box"
    assert len(updates) < 50
