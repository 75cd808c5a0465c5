"""Jumps on the ground: another person ends a track; fast movement, or a box that errs for a moment, does not."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from ops.ground.feet import feet_of
from ops.ground.jumps import cut_at_jumps, find_jumps
from ops.ground.movement import MovementParams
from ops.trajectories import Trajectories
from tests.ops.ground_scene import ORIGIN_M, SIZE_PX, join, make_points, make_view, plane_of, project
from tests.support.fakes import make_segment

SEGMENT = make_segment(duration_s=60, size_px=SIZE_PX)
VIEW = make_view()
TIMES_S = np.arange(60) / 10


def walk(velocity=(0.6, 0.8), begin=(-2.0, 6.0), times_s=TIMES_S):
    return ORIGIN_M + np.array(begin) + np.array(velocity) * times_s[:, None]


def jumps(points: pa.Table, max_speed_m_s: float = 7.0) -> list[int]:
    """Points at which another person takes over."""
    trajectories = Trajectories.from_table(points)
    feet = feet_of(points, trajectories, VIEW, [SEGMENT])
    sigma_px = feet.sigma_px(MovementParams())
    found = find_jumps(trajectories, feet.pixels, sigma_px, plane_of(VIEW), max_speed_m_s, 0.4)
    return np.flatnonzero(found).tolist()


@pytest.mark.parametrize("metres", [(3.0, 0.0), (-3.5, 1.0), (0.0, 7.0)])
def test_a_track_ends_at_the_first_point_of_another_person(metres):
    truth = walk()
    truth[30:] += metres
    points = make_points(SEGMENT, TIMES_S, project(truth))
    assert jumps(points) == [30]
    assert jumps(points, max_speed_m_s=1000.0) == []
    at = points.schema.get_field_index("label")
    assert jumps(points.set_column(at, "label", pa.array(["car"] * 60))) == [], "cars may be fast"


def test_every_jump_of_every_track_is_found():
    one, two = walk(), walk((-0.5, 0.6), (2.0, 6.0))
    one[20:] += (4.0, 0.0)
    one[40:] -= (4.0, 0.0)
    two[50:] -= (4.0, 0.0)
    points = join(make_points(SEGMENT, TIMES_S, project(one), "a"), make_points(SEGMENT, TIMES_S, project(two), "b"))
    assert jumps(points) == [20, 40, 110]


def test_who_rides_a_bicycle_is_one_person():
    """9 m/s across the view, surely faster than anybody on foot, at every point."""
    times_s = np.arange(16) / 10
    riding = make_points(SEGMENT, times_s, project(walk((9.0, 0.0), (-7.0, 12.0), times_s)))
    assert jumps(riding) == []


def test_a_box_that_errs_for_a_moment_comes_back():
    truth = walk()
    truth[30:33] += (4.5, 0.0)
    assert jumps(make_points(SEGMENT, TIMES_S, project(truth))) == []


@pytest.mark.parametrize("seed", range(8))
def test_noise_of_the_stated_size_is_no_jump(seed):
    noise = np.repeat(np.random.default_rng(seed).normal(size=(15, 2)), 4, axis=0) * 0.05 * 80
    assert jumps(make_points(SEGMENT, TIMES_S, project(walk((0.3, 1.2))) + noise)) == []


def test_points_beyond_a_jump_are_named_after_the_first_of_them():
    truth = walk()
    truth[30:] += (3.0, 0.0)
    points = make_points(SEGMENT, TIMES_S, project(truth))
    tracklets = pa.array(["s-000"] * 20 + ["t-004"] * 40)
    shuffled = points.append_column("tracklet_id", tracklets).take(np.random.default_rng(1).permutation(60))
    names = cut_at_jumps(shuffled, VIEW, plane_of(VIEW), [SEGMENT], MovementParams(), 0.4)
    beyond = np.array(shuffled["pts"]) >= points["pts"][30].as_py()
    assert set(np.array(names)[~beyond]) == {"a"}
    assert set(np.array(names)[beyond]) == {f"t-004-{points['pts'][30]}"}


def test_frames_of_other_sizes_are_scaled():
    truth = walk()
    truth[30:] += (3.0, 0.0)
    half = replace(SEGMENT, width=320, height=240)
    points = make_points(half, TIMES_S, project(truth) / 2, height_px=40).append_column(
        "tracklet_id", pa.array(["s-000"] * 60)
    )
    assert len(set(cut_at_jumps(points, VIEW, plane_of(VIEW), [half], MovementParams(), 0.4))) == 2
