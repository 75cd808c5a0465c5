"""Headings: of movement, and of standing before and after it."""

import numpy as np
import pytest

from ops.boxes3d.headings import SOURCES, headings

NAN = np.nan


def test_standing_keeps_the_last_heading_or_takes_the_next() -> None:
    heading = np.array([NAN, 90, 100, NAN, NAN, NAN, 10, NAN])
    speed = np.array([0.1, 1, 1, 0.1, NAN, 0.0, 1, 0.0])
    found = headings(heading, speed, np.full(8, 0.1), np.array([0, 0, 0, 0, 1, 2, 2, 2]), np.ones(8, np.bool_), 0.5)
    assert [SOURCES[each] for each in found.source.tolist()] == [
        "next",
        "motion",
        "motion",
        "last",
        "none",
        "next",
        "motion",
        "last",
    ]
    assert np.degrees(found.yaw_rad) == pytest.approx([90, 90, 100, 100, 0, 10, 10, 10])
    assert np.isinf(found.sigma_rad[4]) and np.isfinite(np.delete(found.sigma_rad, 4)).all()
    assert found.sigma_rad[1] == pytest.approx(np.arctan(0.1))


def test_who_can_turn_on_the_spot_faces_less_surely_and_unsure_speeds_tell_nothing() -> None:
    heading, track = np.array([90.0, NAN]), np.zeros(2, np.int64)
    car, person = (
        headings(heading, np.array([1.0, 0]), np.full(2, 0.1), track, np.full(2, s), 0.5) for s in (True, False)
    )
    assert car.sigma_rad[1] < np.radians(10) < np.radians(50) < person.sigma_rad[1]
    unsure = headings(heading, np.array([1.0, 0]), np.full(2, 0.6), track, np.ones(2, np.bool_), 0.5)
    assert [SOURCES[each] for each in unsure.source.tolist()] == ["none", "none"]
