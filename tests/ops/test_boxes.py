"""Overlaps are shares whatever the boxes, and suppression keeps the surest."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ops.boxes import inside_shares, iou_matrix, iou_pairs, suppress_overlaps

BOX = st.tuples(st.integers(0, 20), st.integers(0, 20), st.integers(1, 12), st.integers(1, 12))


@given(st.lists(st.tuples(BOX, st.integers(1, 9), st.integers(0, 1)), max_size=12), st.floats(0.1, 0.9))
def test_suppression_keeps_a_box_unless_a_surer_kept_one_covers_it(
    things: list[tuple[tuple[int, int, int, int], int, int]], iou: float
) -> None:
    boxes = np.array([[x, y, x + w, y + h] for (x, y, w, h), _, _ in things], np.float32).reshape(-1, 4)
    scores = np.array([score / 10 for _, score, _ in things], np.float32)
    classes = np.array([kind for _, _, kind in things], np.int64)
    rows = suppress_overlaps(boxes, scores, iou, classes)
    kept, kept_scores = boxes[rows], scores[rows]
    assert (np.diff(kept_scores) <= 0).all()
    clash = (iou_matrix(kept, kept) > iou) & (classes[rows][:, None] == classes[rows][None, :])
    assert clash.sum() == (iou_matrix(kept, kept).diagonal() > iou).sum(), "two that were kept are one"
    for box, score, kind in zip(boxes, scores, classes, strict=True):
        rivals = classes[rows] == kind
        covered = iou_matrix(box[None], kept[rivals])[0]
        assert ((covered > iou) & (kept_scores[rivals] >= score)).any() or (covered == 1).any()


def test_overlaps_of_empty_boxes_are_no_numbers_gone_wrong() -> None:
    empty = np.zeros((2, 4), np.float32)
    assert iou_matrix(empty, empty).tolist() == [[0, 0], [0, 0]]
    assert iou_pairs(empty, empty).tolist() == [0, 0]


def test_overlaps_keep_the_type_of_the_boxes() -> None:
    boxes = np.array([[0, 0, 2, 2], [1, 0, 3, 2]])
    for kind in (np.float32, np.float64):
        found = iou_matrix(boxes.astype(kind), boxes.astype(kind))
        assert found.dtype == kind
        np.testing.assert_array_equal(found, np.array([[1, 1 / 3], [1 / 3, 1]], kind))


def test_shares_of_boxes_that_lie_inside_others() -> None:
    others = np.array([[0.0, 0, 20, 20], [5, 0, 10, 10], [50, 50, 60, 60]])
    box, empty = np.array([[0.0, 0, 10, 10]]), np.zeros((1, 4))
    assert inside_shares(others, box).tolist() == [[1.0], [0.5], [0.0]]
    assert inside_shares(others, empty).tolist() == [[0], [0], [0]]
    assert inside_shares(np.empty((0, 4)), box).shape == (0, 1)
