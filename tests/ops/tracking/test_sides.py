"""People who leave over a side of the picture are followed no further."""

import numpy as np

from ops.tracking.detections import Detections
from ops.tracking.sides import cut_by_sides, split_out_of_view

OUT, IN = [610.0, 0, 640, 100], [300.0, 0, 340, 100]


def detections(boxes: list[list[float]], frames: list[int]) -> Detections:
    return Detections(
        np.arange(frames[-1] + 1) / 10, np.array(frames), np.array(boxes), np.full(len(frames), 0.8), None, (640, 480)
    )


def test_boxes_are_cut_by_the_side_that_they_touch() -> None:
    boxes = np.array([OUT, IN, [0.0, 0, 20, 50], [0.0, 0, 640, 480]])
    assert cut_by_sides(boxes, (640, 480)).tolist() == [[False, True], [False, False], [True, False], [True, True]]
    assert not cut_by_sides(boxes, None).any()


def test_a_gap_at_a_side_splits_and_one_in_the_picture_does_not() -> None:
    for boxes, frames, pieces in (
        ([IN, OUT, OUT, IN], [0, 1, 9, 10], 2),
        ([IN, OUT, OUT, IN], [0, 1, 5, 6], 1),  # missed for a moment
        ([IN, IN, IN, IN], [0, 1, 9, 10], 1),
        ([IN, OUT, IN, IN], [0, 1, 9, 10], 1),
        ([IN, OUT, [0.0, 0, 20, 100], IN], [0, 1, 9, 10], 1),  # out on the right and in on the left: a jump
    ):
        assert len(split_out_of_view(detections(boxes, frames), [np.arange(4)])) == pieces
