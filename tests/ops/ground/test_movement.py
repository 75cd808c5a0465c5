"""Movement on the ground: its speed, heading and what is surely too fast."""

import numpy as np
import pytest

from ops.ground.feet import feet_of
from ops.ground.movement import Movement, MovementParams, is_impossible, movement
from ops.ground.smooth import local_line
from ops.trajectories import Trajectories
from tests.ops.ground_scene import ORIGIN_M, SIZE_PX, join, make_points, make_view, plane_of, project
from tests.support.fakes import make_segment

SEGMENT = make_segment(duration_s=30, size_px=SIZE_PX)


def moved(velocity: tuple[float, float], label: str = "person") -> tuple[Movement, Trajectories]:
    times_s = np.arange(20) / 10
    places = ORIGIN_M + np.array([-1.0, 7.0]) + np.array(velocity) * times_s[:, None]
    points = make_points(SEGMENT, times_s, project(places), label=label)
    trajectories = Trajectories.from_table(points)
    view = make_view()
    feet = feet_of(points, trajectories, view, [SEGMENT])
    sigma_px = feet.sigma_px(MovementParams())
    lines = local_line(trajectories.time_us, feet.pixels, sigma_px[:, 1] ** -2.0, trajectories.track, 1.0)
    return movement(plane_of(view), feet.pixels, lines, sigma_px), trajectories


def test_speed_and_heading_are_those_of_the_walk():
    got, _ = moved((0.6, 0.8))
    assert got.speed_m_s == pytest.approx(np.full(20, 1.0), abs=0.1)
    assert got.heading_deg(0.3) == pytest.approx(np.full(20, np.degrees(np.arctan2(0.6, 0.8))), abs=6)
    assert np.isnan(got.heading_deg(3.0)).all()
    hidden = got.where(np.arange(20) < 10)
    assert np.isnan(hidden.speed_m_s).tolist() == [False] * 10 + [True] * 10


def test_only_people_and_only_what_is_surely_too_fast_is_impossible():
    fast, people = moved((0.0, 6.0))
    assert is_impossible(fast, people, 2.0)[5:15].all()
    assert not is_impossible(fast, people, 6.0).any(), "within three standard deviations"
    cars, trajectories = moved((0.0, 6.0), "car")
    assert not is_impossible(cars, trajectories, 2.0).any()


def test_interpolated_feet_are_less_certain():
    times_s, foot = np.array([0.0]), np.array([[320.0, 400.0]])
    points = join(
        *(make_points(SEGMENT, times_s, foot, state, state=[state]) for state in ("interpolated", "observed"))
    )
    trajectories = Trajectories.from_table(points)
    feet = feet_of(points, trajectories, make_view(), [SEGMENT])
    sigma_px = feet.sigma_px(MovementParams())
    assert sigma_px[0] == pytest.approx(2 * sigma_px[1])
