"""A line through the points of a track, at each of them."""

import numpy as np

from ops.ground.smooth import local_line


def test_a_line_through_points_has_no_lag_and_does_not_mix_tracks():
    time_us = np.cumsum(np.random.default_rng(0).integers(20_000, 200_000, size=200))  # an uneven frame rate
    track = np.repeat([0, 1], 100)
    speeds = np.where(track[:, None] == 0, [[1.5, -2.0]], [[-4.0, 0.5]])
    values = speeds * time_us[:, None] / 1e6 + 100.0 * track[:, None]
    fitted, slope, _ = local_line(time_us, values, np.ones(200), track, 0.5)
    assert np.allclose(fitted, values, atol=1e-6)
    assert np.allclose(slope, speeds, atol=1e-6)


def test_a_lone_point_stays_where_it_is_and_has_no_slope():
    fitted, slope, _ = local_line(
        np.array([0, 10_000_000]), np.array([[1.0], [5.0]]), np.ones(2), np.zeros(2, int), 0.5
    )
    assert fitted.ravel().tolist() == [1, 5]
    assert np.isnan(slope).all()


def test_a_day_long_track_keeps_its_precision():
    time_us = np.arange(0, 86_400_000_000, 2_000_000)
    values = np.full((len(time_us), 1), 486_000.25)
    fitted, slope, _ = local_line(time_us, values, np.ones(len(values)), np.zeros(len(values), int), 5.0)
    assert np.abs(fitted - 486_000.25).max() < 1e-6
    assert np.abs(slope).max() < 1e-6
