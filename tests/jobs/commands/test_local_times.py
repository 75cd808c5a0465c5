"""A local time is one moment, or two where the clock changes."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from jobs.commands.local_times import moments
from schemas.errors import UserError

AMSTERDAM = ZoneInfo("Europe/Amsterdam")


def test_the_hour_that_comes_twice_is_two_moments() -> None:
    assert moments("--since", datetime(2026, 10, 25, 2, 30), AMSTERDAM) == [
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
        datetime(2026, 10, 25, 1, 30, tzinfo=UTC),
    ]


def test_other_times_and_times_with_an_offset_are_one_moment() -> None:
    noon = datetime(2026, 7, 1, 10, tzinfo=UTC)
    assert set(moments("--since", datetime(2026, 7, 1, 12), AMSTERDAM)) == {noon}
    assert moments("--since", noon.astimezone(timezone(timedelta(hours=5))), AMSTERDAM) == [noon]


def test_a_time_in_no_plausible_year_is_refused() -> None:
    with pytest.raises(UserError, match=r"--since is 0202-03-01T00:00:00.*no plausible time"):
        moments("--since", datetime(202, 3, 1), AMSTERDAM)
