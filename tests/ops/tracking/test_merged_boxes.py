"""A box around two people who hide in each other is nobody; a person beside them is somebody."""

import numpy as np
import pytest

from ops.tracking.detections import Detections
from ops.tracking.merged_boxes import drop_merged

FPS = 10
HIDDEN = range(10, 16)
"""Frames in which the two people who pass each other are not detected one by one."""


def person(x: float, feet: float = 200.0) -> tuple[float, float, float, float]:
    """A box of 30 x 90 px."""
    return x, feet - 90, x + 30, feet


def tracked(*tracklets: dict[int, tuple[float, float, float, float]]) -> tuple[Detections, list[np.ndarray]]:
    """Detections of tracklets, each given by frame."""
    rows = sorted((frame, number) for number, boxes in enumerate(tracklets) for frame in boxes)
    box = np.array([tracklets[number][frame] for frame, number in rows], np.float64)
    frame, owner = np.array(rows, np.int64).T
    times_s = np.arange(26) / FPS
    detections = Detections(times_s, frame, box, np.full(len(rows), 0.6))
    return detections, [np.flatnonzero(owner == number) for number in range(len(tracklets))]


def seen(begin: float, speed: float, hidden: range = HIDDEN, feet: float = 200.0):
    """A person who walks, but is not detected in some frames."""
    return {frame: person(begin + speed * frame, feet) for frame in range(26) if frame not in hidden}


FIRST, SECOND = seen(100, 2), seen(150, -2, feet=215)


def around(frame: int) -> tuple[float, float, float, float]:
    """The box around both."""
    one, other = person(100 + 2 * frame), person(150 - 2 * frame, 215)
    return (*np.minimum(one[:2], other[:2]).tolist(), *np.maximum(one[2:], other[2:]).tolist())


def test_a_box_around_two_hidden_people_is_dropped():
    detections, tracklets = tracked(FIRST, SECOND, {frame: around(frame) for frame in HIDDEN})
    kept = drop_merged(detections, tracklets)
    assert [each.tolist() for each in kept] == [each.tolist() for each in tracklets[:2]]


@pytest.mark.parametrize(
    ("third", "why"),
    [
        ({frame: person(125) for frame in HIDDEN}, "the size of one person, of whom one may be in front"),
        ({frame: person(300) for frame in HIDDEN}, "elsewhere"),
        ({frame: around(frame) for frame in range(4, 20)}, "also while both are seen: a third person behind them"),
    ],
)
def test_others_stay(third, why):
    detections, tracklets = tracked(FIRST, SECOND, third)
    assert len(drop_merged(detections, tracklets)) == 3, why


def test_two_who_were_never_seen_again_do_not_count():
    first, second = ({frame: box for frame, box in each.items() if frame < 10} for each in (FIRST, SECOND))
    detections, tracklets = tracked(first, second, {frame: around(frame) for frame in HIDDEN})
    assert len(drop_merged(detections, tracklets)) == 3


def test_nobody_is_nobody():
    empty = Detections(np.arange(3) / FPS, np.zeros(0, np.int64), np.zeros((0, 4)), np.zeros(0))
    assert drop_merged(empty, []) == []
