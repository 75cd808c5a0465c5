"""Which frames are looked at, and which in tiles: the same ones when a stretch is encoded again."""

import numpy as np

from ops.anonymize.verify.schedule import MOST_HELD_US, TILES_EVERY_US, ClearView, LookSchedule

SECOND = 1_000_000


def test_the_first_frame_of_each_slot_is_due_and_the_first_of_a_stretch() -> None:
    schedule = LookSchedule(2.0)
    times_us = [300_000 + 100_000 * number for number in range(12)]
    assert [time_us for time_us in times_us if schedule.is_due(time_us)] == [300_000, 500_000, SECOND]
    assert [time_us for time_us in times_us[2:] if schedule.is_due(time_us)] == [500_000, SECOND], "encoded again"


def test_at_no_rate_nothing_is_due() -> None:
    schedule = LookSchedule(0.0)
    assert not any(schedule.is_due(second * SECOND) for second in range(5))


def test_tiles_are_due_once_per_slot_and_again_for_the_same_frame() -> None:
    schedule = LookSchedule(1.0)
    times_us = [TILES_EVERY_US * 10 + second * SECOND for second in range(9)]
    assert [schedule.are_tiles_due(time_us) for time_us in times_us] == [True, *[False] * 3] * 2 + [True]
    assert schedule.are_tiles_due(times_us[-1]) and not schedule.are_tiles_due(times_us[-1] + SECOND)
    schedule.look_in_all_tiles()
    assert all(schedule.are_tiles_due(times_us[-1] + second * SECOND) for second in range(2, 8))


def test_a_clear_view_holds_for_its_picture_and_its_time_and_not_before_it() -> None:
    view, grey = ClearView(), np.full((30, 40, 3), 90, np.uint8)
    assert not view.holds(grey, 0)
    view.look(grey, 10 * SECOND, found_nobody=True)
    assert view.holds(grey + np.uint8(3), 10 * SECOND) and view.holds(grey, 10 * SECOND + TILES_EVERY_US - 1)
    assert not view.holds(grey, 10 * SECOND - 1)
    assert not view.holds(grey, 10 * SECOND + TILES_EVERY_US)
    assert not view.holds(grey + np.uint8(9), 11 * SECOND)
    view.look(grey, 14 * SECOND, found_nobody=True)
    assert view.holds(grey, 14 * SECOND + 2 * TILES_EVERY_US - 1)
    view.look(grey + np.uint8(9), 23 * SECOND, found_nobody=True)
    assert not view.holds(grey + np.uint8(9), 23 * SECOND + TILES_EVERY_US), "another view begins anew"
    view.look(grey + np.uint8(9), 24 * SECOND, found_nobody=False)
    assert not view.holds(grey + np.uint8(9), 24 * SECOND)


def test_no_look_holds_for_ever() -> None:
    view, grey, time_us = ClearView(), np.full((30, 40, 3), 90, np.uint8), 0
    for _ in range(8):
        view.look(grey, time_us, found_nobody=True)
        time_us += MOST_HELD_US
    assert view.holds(grey, time_us - 1)
    assert not view.holds(grey, time_us)
