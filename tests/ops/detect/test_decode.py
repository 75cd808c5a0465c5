"""Outputs of each layout become the boxes that went in, and suppression keeps the surest."""

import numpy as np

from ops.detect.decode import YOLOX_STRIDES, Boxes, Decoder, suppress
from schemas.values import Float32

INPUT_PX = (64, 32)


def decoder(layout: str, wanted: tuple[int, ...] = (0, 2), confidence: float = 0.3, iou: float = 0.5) -> Decoder:
    return Decoder(layout, INPUT_PX, wanted, confidence, iou)


def yolo_output(rows: list[tuple[float, ...]]) -> Float32:
    """``(1, 4 + classes, N)`` from rows of centre x, centre y, width, height and scores."""
    return np.array(rows, np.float32).T[None]


def test_yolo_gives_the_best_wanted_class_of_each_column() -> None:
    output = yolo_output(
        [
            (10, 20, 4, 8, 0.9, 0.1, 0.2),
            (40, 20, 4, 8, 0.31, 0.99, 0.4),  # class 1 is not wanted, so it is class 2
            (50, 20, 4, 8, 0.29, 0.99, 0.1),
        ]
    )
    found = decoder("yolo")(output)
    assert found.xyxy.tolist() == [[8, 16, 12, 24], [38, 16, 42, 24]]
    assert found.classes.tolist() == [0, 2]
    np.testing.assert_allclose(found.confidence, [0.9, 0.4])


def test_yolox_decodes_its_grid() -> None:
    rows = sum((INPUT_PX[0] // stride) * (INPUT_PX[1] // stride) for stride in YOLOX_STRIDES)
    output = np.zeros((1, rows, 5 + 3), np.float32)
    # stride 8 has 8 x 4 cells, stride 16 has 4 x 2: the cell x = 3, y = 1 of stride 16 is row 32 + 4 + 3.
    output[0, 39] = [0.5, 0.25, np.log(2), np.log(1.5), 0.8, 0.9, 0, 0]
    output[0, 40] = [0, 0, 0, 0, 0.5, 0.5, 0, 0]  # sure that there is something, not what: 0.25
    output[0, 5] = [0, 0, 0, 0, 0.9, 0, 1, 0]  # not wanted
    found = decoder("yolox")(output)
    centre, size = np.array([3.5, 1.25]) * 16, np.array([2, 1.5]) * 16
    np.testing.assert_allclose(found.xyxy, [[*(centre - size / 2), *(centre + size / 2)]], rtol=1e-5)
    np.testing.assert_allclose(found.confidence, [0.72], rtol=1e-6)
    assert found.classes.tolist() == [0]


def test_outputs_that_are_already_suppressed_are_taken_as_they_are() -> None:
    rows = [(0, 0, 9, 9, 0.5, 2), (0, 0, 9, 9, 0.6, 2), (1, 1, 5, 5, 0.9, 1), (1, 1, 5, 5, 0.1, 0)]
    found = decoder("yolo")(np.array([rows], np.float32))
    np.testing.assert_allclose(found.confidence, [0.6, 0.5])
    assert found.classes.tolist() == [2, 2]


def test_nothing_is_found_in_nothing() -> None:
    assert len(decoder("yolo")(np.zeros((1, 7, 50), np.float32))) == 0
    assert len(decoder("yolox")(np.zeros((1, 42, 8), np.float32))) == 0


def test_suppression_is_within_a_class() -> None:
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [0, 0, 10, 10]], np.float32)
    found = suppress(Boxes(boxes, np.array([0.5, 0.6, 0.4], np.float32), np.array([0, 0, 1])), 0.5)
    np.testing.assert_allclose(found.confidence, [0.6, 0.4])
    assert found.classes.tolist() == [0, 1]
