"""3D boxes between rows."""

import numpy as np
import pytest

from ops.boxes3d.at_times import angles_between, between, rows_around


def test_moments_lie_between_the_rows_of_their_own_track() -> None:
    track, time = np.array([0, 0, 1]), np.array([100, 300, 200])
    before, after, share = rows_around(
        track, time, np.array([0, 0, 0, 0, 1, 2, -1]), np.array([100, 150, 300, 400, 250, 100, 100])
    )
    assert before.tolist() == [0, 0, 1, 1, 2, -1, -1] and after.tolist() == [0, 1, 1, 1, 2, -1, -1]
    assert share == pytest.approx([0, 0.25, 0, 0, 0, 0, 0])
    early = rows_around(track, time, np.array([1, 0]), np.array([50, 50]))
    assert early[0].tolist() == [2, 0] and early[1].tolist() == [2, 0] and not early[2].any()


def test_without_rows_nothing_is_known() -> None:
    none = np.zeros(0, np.int64)
    before, after, share = rows_around(none, none, np.array([-1]), np.array([5]))
    assert before.tolist() == after.tolist() == [-1] and share.tolist() == [0]


def test_values_are_on_lines_and_angles_go_the_shorter_way() -> None:
    before, after, share = np.array([0]), np.array([1]), np.array([0.25])
    assert between(np.array([[0.0, 4], [8, 0]]), before, after, share)[0] == pytest.approx([2, 3])
    angles = np.radians([170.0, -170.0])
    assert np.degrees(angles_between(angles, before, after, share))[0] == pytest.approx(175)
    assert np.degrees(angles_between(angles, before, after, np.array([0.75])))[0] == pytest.approx(-175)
