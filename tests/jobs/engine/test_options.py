"""Until when a run may last."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from jobs.engine.options import RunOptions, default_workers, next_time, parse_clock
from schemas.errors import UserError

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
EVENING = datetime(2026, 3, 2, 21, 0, tzinfo=UTC)  # 22:00 in Amsterdam


def test_the_earlier_of_two_limits_holds():
    assert RunOptions().deadline(AMSTERDAM, EVENING) is None
    at_six = datetime(2026, 3, 3, 5, 0, tzinfo=UTC)
    assert RunOptions(until=time(6)).deadline(AMSTERDAM, EVENING) == at_six
    assert RunOptions(max_hours=0.5).deadline(AMSTERDAM, EVENING) == EVENING + timedelta(minutes=30)
    assert RunOptions(until=time(6), max_hours=0.5).deadline(AMSTERDAM, EVENING) == EVENING + timedelta(minutes=30)
    assert RunOptions(until=time(6), max_hours=100).deadline(AMSTERDAM, EVENING) == at_six


def test_a_time_of_day_is_the_next_one():
    assert next_time(time(22, 30), AMSTERDAM, EVENING) == EVENING + timedelta(minutes=30)
    assert next_time(time(22, 0), AMSTERDAM, EVENING) == EVENING + timedelta(days=1)


def test_what_is_no_time_of_day_is_the_users_mistake():
    assert parse_clock("06:00") == time(6)
    with pytest.raises(UserError, match="write it as 06:00"):
        parse_clock("late")


@pytest.mark.parametrize(("cpus", "gigabytes", "workers"), [(8, 64, 8), (64, 8, 5), (4, 1, 1)])
def test_workers_are_one_per_cpu_as_far_as_memory_suffices(monkeypatch, cpus, gigabytes, workers):
    monkeypatch.setattr("jobs.engine.options.usable_cpus", lambda: cpus)
    monkeypatch.setattr("jobs.engine.options.usable_memory_bytes", lambda: gigabytes * 10**9)
    assert default_workers() == workers
