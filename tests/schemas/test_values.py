"""Value types say what is wrong with what they are given."""

from dataclasses import replace

import numpy as np
import pytest

from schemas.values import CameraView, ControlPoint, FrameBatch, UnitContext
from tests.support.fakes import make_batch, make_segment, make_unit

FRAMES = np.zeros((3, 4, 5, 3), np.uint8)
NUMBERS = np.arange(3)


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        (FRAMES[0], "frames.shape = \\(4, 5, 3\\)"),
        (FRAMES[..., :2], "\\(3, 4, 5, 2\\)"),
        (FRAMES.astype(np.float32), "float32"),
        (FRAMES[:2], "lengths differ"),
    ],
)
def test_a_batch_prints_the_shape_that_it_refuses(frames: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FrameBatch(frames, NUMBERS, NUMBERS)


def test_a_batch_has_the_length_of_its_frames_and_a_short_repr() -> None:
    batch = FrameBatch(FRAMES, NUMBERS, NUMBERS)
    assert len(batch) == 3
    assert repr(batch) == "FrameBatch((3, 4, 5, 3), pts=[0]..[2])"


def test_frames_of_a_segment_keep_its_clock() -> None:
    segment = make_segment(2, duration_s=10.0, fps=10.0)
    batch = make_batch(FRAMES, segment, first=5)
    for pts, time_us in zip(batch.pts.tolist(), batch.times_us.tolist(), strict=True):
        passed_s = (pts - segment.footage_start_pts) * segment.time_base
        assert time_us == round(segment.footage_start.timestamp() * 1e6) + passed_s * 1_000_000


def test_segments_follow_each_other() -> None:
    one, two = make_segment(0), make_segment(1)
    assert (one.end, one.end_pts) == (two.start, two.start_pts)
    assert one.duration_s == 10.0


def test_a_unit_has_one_segment_or_says_so() -> None:
    segment = make_segment()
    assert make_unit([segment]).segment is segment
    several: UnitContext = make_unit([segment, make_segment(1)])
    with pytest.raises(ValueError, match="too many values"):
        _ = several.segment


def test_a_camera_is_calibrated_when_it_has_four_control_points() -> None:
    camera = CameraView("a", "A", "UTC", fixed=True)
    assert not camera.calibrated
    assert not replace(camera, control_points=(ControlPoint(0, 0, 0, 0),) * 3).calibrated, "they place it only"
    assert replace(camera, control_points=(ControlPoint(0, 0, 0, 0),) * 4).calibrated
