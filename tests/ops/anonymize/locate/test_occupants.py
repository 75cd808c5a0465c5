"""People in vehicles are covered by covering the windows, where the vehicle is large enough."""

import numpy as np
import pytest

from ops.anonymize.locate.occupants import OCCUPANTS, occupant_spans
from ops.anonymize.locate.spans import Spans, Trajectory, detection_spans, track_spans
from tests.ops.people import Box, TimedBox, cover, covered_mask, inputs_of, noise_frames
from tests.support.fakes import make_segment

SECOND = 1_000_000


def drive(*boxes: Box, owner: int = 0) -> Spans:
    return track_spans(Trajectory(np.arange(len(boxes)) * SECOND, np.array(boxes, float), owner), SECOND, 0.5, 4.0)


def test_the_upper_part_of_a_box_is_covered() -> None:
    now = occupant_spans(drive((10, 20, 90, 80), (20, 20, 100, 80)), 60.0, 480).at(SECOND // 2)
    assert now.boxes.tolist() == [[15, 20, 95, 65]]


def test_a_vehicle_that_is_cut_off_at_the_lower_edge_is_covered_completely() -> None:
    now = occupant_spans(drive((10, 420, 90, 480), (20, 420, 100, 480)), 60.0, 480).at(SECOND // 2)
    assert now.boxes.tolist() == [[15, 420, 95, 480]]


def test_a_vehicle_that_is_large_once_is_covered_all_the_time_and_a_small_one_never() -> None:
    near = drive((0, 0, 40, 30), (0, 0, 80, 60))
    for time_us in (-SECOND // 2, SECOND // 10, SECOND + SECOND // 2):
        assert len(occupant_spans(near, 60.0, 480).at(time_us).boxes)
    assert not len(occupant_spans(drive((0, 0, 40, 30), (0, 0, 78, 59)), 60.0, 480))


def test_detections_without_a_track_count_by_themselves() -> None:
    boxes = np.array([(0, 0, 90, 72), (100, 0, 140, 30)], float)
    found = detection_spans(np.array([SECOND, SECOND]), boxes, np.array([SECOND]), SECOND)
    now = occupant_spans(found, 60.0, 480).at(SECOND)
    assert now.boxes.tolist() == [[0, 0, 90, 54]] * 2


@pytest.mark.parametrize("label", ["car", "bus", "truck"])
def test_windows_are_covered_in_video_and_the_rest_of_the_vehicle_is_not(label: str) -> None:
    segment = make_segment(duration_s=1.0, size_px=(160, 120))
    frames = noise_frames(10, size=(160, 120))
    track = [TimedBox(t / 10, (30, 30, 120, 110), label=label) for t in range(10)]
    after, _ = cover(frames, inputs_of(segment, [track]), segment=segment, targets=(OCCUPANTS,), pad_share=0.0)
    rows = covered_mask(frames, after)[5, :, 75].nonzero()[0]
    assert rows.tolist() == list(range(28, 30 + 60 + 2))  # 2 px of padding on both sides


@pytest.mark.parametrize("label", ["motorcycle", "bicycle", "person"])
def test_other_labels_are_not_occupants(label: str) -> None:
    frames = noise_frames(10)
    track = [TimedBox(t / 10, (5, 5, 90, 70), label=label) for t in range(10)]
    inputs = inputs_of(make_segment(duration_s=1.0, size_px=(96, 72)), [track])
    assert not covered_mask(frames, cover(frames, inputs, targets=(OCCUPANTS,))[0]).any()
