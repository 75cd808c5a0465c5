"""Which frames are looked at, and which in tiles: the same ones when a stretch is encoded again."""

from ops.anonymize.verify.schedule import TILES_EVERY_US, LookSchedule

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
