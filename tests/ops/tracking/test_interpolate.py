"""Boxes between observed frames, and smoothed ones."""

from dataclasses import replace

import numpy as np

from ops.tracking.detections import Detections
from ops.tracking.interpolate import interpolate
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
        _, boxes = interpolate(detections, everything, smooth_s=0.3)
        if least_gain is None:
            np.testing.assert_allclose(boxes, line, atol=1e-9)
        else:
            assert np.std(jitter) / np.std(boxes - line) > least_gain
