"""Gaps with other clothes before than after them split tracklets."""

import numpy as np
import pytest

from ops.tracking.clothes import clothes_of, split_where_clothes_change
from ops.tracking.colours import SIZE
from ops.tracking.detections import Detections

RED, BLUE = np.zeros(SIZE, np.uint8), np.zeros(SIZE, np.uint8)
RED[:36:9], BLUE[4:36:9] = 120, 120


def hidden(gap_s: float, *, known: bool = True, step_s: float = 0.1) -> Detections:
    """Ten detections in red, a gap, and ten in blue, at one place."""
    frame = np.array([*range(10), *range(9 + round(gap_s / step_s), 19 + round(gap_s / step_s))])
    boxes = np.tile(np.array([10.0, 10, 40, 100]), (20, 1))
    colours = np.stack([RED] * 10 + [BLUE] * 10) if known else np.zeros((20, SIZE), np.uint8)
    return Detections(np.arange(frame[-1] + 1) * step_s, frame, boxes, np.full(20, 0.8), colours)


@pytest.mark.parametrize(
    ("detections", "pieces"),
    [
        (hidden(0.6), 2),
        (hidden(0.4), 1),
        (hidden(0.6, known=False), 1),
        (hidden(1.0, step_s=1.0), 1),  # at one frame a second, that is no gap
        (hidden(2.0, step_s=1.0), 2),
    ],
)
def test_only_a_gap_with_other_clothes_after_it_splits(detections: Detections, pieces: int) -> None:
    assert len(split_where_clothes_change(detections, [np.arange(20)])) == pieces


def test_clothes_are_those_of_boxes_that_nobody_covers() -> None:
    frame = np.repeat(np.arange(4), 2)
    own, other = [10.0, 10, 40, 100], [12.0, 12, 42, 110]  # somebody in front, on the last three frames
    boxes = np.array([own, [200.0, 10, 230, 100], own, other, own, other, own, other])
    colours = np.stack([RED, BLUE] + [BLUE, BLUE] * 3)
    detections = Detections(np.arange(4) / 10, frame, boxes, np.full(8, 0.8), colours)
    assert detections.covered[[0, 1, 3]].tolist() == [0, 0, 0] and detections.covered[2] > 0.8
    np.testing.assert_allclose(clothes_of(detections, np.array([0, 2, 4, 6])), RED / np.linalg.norm(RED), rtol=1e-6)
    assert not clothes_of(detections, np.array([2, 4, 6])).any()
