"""Frames fit into a network's input and boxes come back to where they were."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.detect.letterbox import PAD_GREY, Fit, fit_into, letterbox, to_source

SIDES = st.tuples(st.integers(1, 4000), st.integers(1, 4000))


@pytest.mark.parametrize(
    ("frame_px", "centred", "fit"),
    [
        ((1280, 720), True, Fit(640, 360, 0, 140)),
        ((480, 360), True, Fit(640, 480, 0, 80)),  # enlarged
        ((360, 480), True, Fit(480, 640, 80, 0)),
        ((640, 427), True, Fit(640, 427, 0, 106)),  # odd border: the larger half at the bottom
        ((1280, 720), False, Fit(640, 360, 0, 0)),
    ],
)
def test_fits_are_as_ultralytics_and_yolox_make_them(frame_px: tuple[int, int], centred: bool, fit: Fit) -> None:
    assert fit_into(frame_px, (640, 640), centred) == fit


def test_the_border_is_grey_and_the_canvas_may_be_dirty() -> None:
    frame = np.full((20, 40, 3), 200, np.uint8)
    canvas = np.zeros((64, 64, 3), np.uint8)
    fit = fit_into((40, 20), (64, 64), True)
    letterbox(frame, fit, canvas)
    inside = canvas[fit.top : fit.top + fit.height, fit.left : fit.left + fit.width]
    assert fit == Fit(64, 32, 0, 16)
    assert (inside == 200).all()
    assert (canvas == PAD_GREY).sum() == canvas.size - inside.size


def test_the_canvas_is_the_same_as_ultralytics_draws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YOLO_CONFIG_DIR", str(tmp_path))
    from ultralytics.data.augment import LetterBox

    frame = np.random.default_rng(1).integers(0, 256, (36, 61, 3), dtype=np.uint8)
    canvas = np.zeros((96, 96, 3), np.uint8)
    letterbox(frame, fit_into((61, 36), (96, 96), True), canvas)
    assert (canvas == LetterBox((96, 96), auto=False)(image=frame)).all()


@given(SIDES, SIDES, st.booleans(), st.lists(st.floats(0, 1), min_size=4, max_size=4))
def test_boxes_come_back(
    frame_px: tuple[int, int], input_px: tuple[int, int], centred: bool, corners: list[float]
) -> None:
    fit = fit_into(frame_px, input_px, centred)
    x1, x2, y1, y2 = sorted(corners[:2]) + sorted(corners[2:])
    size = np.array([fit.width, fit.height] * 2)
    there = np.array([[x1, y1, x2, y2]]) * size + np.array([fit.left, fit.top] * 2)
    back = to_source(there.astype(np.float32), fit, frame_px)
    np.testing.assert_allclose(
        back, np.array([[x1, y1, x2, y2]]) * (frame_px * 2), rtol=1e-3, atol=2e-3 * max(frame_px)
    )
    assert (back >= 0).all()
    assert (back <= np.array(frame_px * 2)).all()


def test_boxes_are_clipped_to_the_whole_frame() -> None:
    fit = Fit(100, 50, 0, 25)
    boxes = np.array([[-10, -10, 200, 200]], np.float32)
    assert to_source(boxes, fit, (1000, 500)).tolist() == [[0, 0, 1000, 500]]
