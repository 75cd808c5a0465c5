"""Boxes between observed frames, and smoothed ones."""

from dataclasses import replace

import numpy as np
import pytest

from ops.tracking.detections import Detections
from ops.tracking.interpolate import WANDER, interpolate
from tests.ops.walkers import Walker, _one, steady

LEFT = Walker(x=50, y=100, vx=40)


def test_a_walker_who_hides_is_interpolated_on_the_frames_between() -> None:
    times_s = steady(8, 10)
    got = _one([replace(LEFT, hidden_s=(3.0, 4.2))], times_s)
    points = got["tracklet_points"]
    assert len(got["tracklets"]["tracklet_id"]) == 1
    assert len(points["time"]) == len(times_s)
    hidden = [3.0 <= time < 4.2 for time in times_s]
    assert [state == "interpolated" for state in points["state"]] == hidden
    assert [value is None for value in points["confidence"]] == hidden
    assert [value is None for value in points["detection"]] == hidden
    np.testing.assert_allclose(points["x1"], [LEFT.box(time)[0] for time in times_s], atol=0.5)


def test_smoothing_takes_jitter_and_leaves_straight_lines() -> None:
    frame_s = steady(5, 10)
    line = np.stack([10 * frame_s, 5 * frame_s, 10 * frame_s + 20, 5 * frame_s + 60], axis=1)
    jitter = np.random.default_rng(7).normal(0, 2, line.shape)
    everything = np.arange(len(frame_s))
    for noise, least_gain in ((0 * jitter, None), (jitter, 1.5)):
        detections = Detections(frame_s, everything, line + noise, np.ones(len(frame_s)))
        boxes = interpolate(detections, everything, smooth_s=0.3).boxes
        if least_gain is None:
            np.testing.assert_allclose(boxes, line, atol=1e-9)
        else:
            assert np.std(jitter) / np.std(boxes - line) > least_gain


def test_a_gap_is_filled_and_the_less_sure_the_further_from_both_ends() -> None:
    frame = np.array([0, 10, 20])
    boxes = np.array([[0, 0, 40, 100], [100, 0, 140, 100], [200, 0, 240, 100]], np.float64)
    detections = Detections(np.arange(21) / 10, frame, boxes, np.ones(3))
    filled = interpolate(detections, np.arange(3), smooth_s=0.0)
    np.testing.assert_array_equal(filled.frames, np.arange(21))
    np.testing.assert_allclose(filled.boxes[:, 0], np.arange(21) * 10.0)
    assert filled.sigma_px[[0, 10, 20]].tolist() == [0, 0, 0]
    # A Brownian bridge of one second: half of the standard deviation that an open end has after that second.
    assert filled.sigma_px[5] == filled.sigma_px.max() == pytest.approx(0.5 * WANDER * 100)
    np.testing.assert_allclose(filled.sigma_px[:11], filled.sigma_px[10::-1])


def test_a_lone_detection_is_sure() -> None:
    detections = Detections(np.array([0.0]), np.array([0]), np.array([[0.0, 0, 40, 100]]), np.ones(1))
    filled = interpolate(detections, np.array([0]), smooth_s=0.3)
    assert (filled.frames.tolist(), filled.sigma_px.tolist()) == ([0], [0])


def test_nobody_is_where_they_left_the_view() -> None:
    frame = np.array([0, 10, 20, 40])
    boxes = np.array([[20, 0, 60, 100], [0, 0, 30, 100], [0, 0, 25, 100], [90, 0, 130, 100]], np.float64)
    detections = Detections(np.arange(41) / 10, frame, boxes, np.ones(4), size_px=(640, 480))
    filled = interpolate(detections, np.arange(4), smooth_s=0.0)
    np.testing.assert_array_equal(filled.frames, [*range(11), *range(20, 41)])
