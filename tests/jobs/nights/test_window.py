"""When it is night: across midnight, on some weekdays, and where clocks change."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.nights.window import DAYS, NightWindow, days_text, parse_days
from schemas.errors import UserError

AMSTERDAM = ZoneInfo("Europe/Amsterdam")


def window(at: str, until: str, days: str = "mon-sun") -> NightWindow:
    return NightWindow(time.fromisoformat(at), time.fromisoformat(until), AMSTERDAM, parse_days(days))


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=AMSTERDAM).astimezone(UTC)


@pytest.mark.parametrize(
    ("at", "until", "now", "night"),
    [
        ("01:00", "06:00", "2026-03-03T01:00", "2026-03-03"),
        ("01:00", "06:00", "2026-03-03T05:59", "2026-03-03"),
        ("01:00", "06:00", "2026-03-03T06:00", None),
        ("01:00", "06:00", "2026-03-03T00:59", None),
        ("01:00", "06:00", "2026-03-03T09:00", None),
        ("22:00", "06:00", "2026-03-03T23:00", "2026-03-03"),
        ("22:00", "06:00", "2026-03-04T05:00", "2026-03-03"),
        ("22:00", "06:00", "2026-03-04T12:00", None),
        ("22:00", "21:00", "2026-03-04T12:00", "2026-03-03"),
    ],
)
def test_a_night_is_between_its_two_times(at, until, now, night):
    found = window(at, until).night_at(local(now))
    assert (found and found.date) == night
    if found:
        assert found.starts <= local(now) < found.ends


def test_nights_begin_on_their_weekdays_and_may_end_on_others():
    week = window("22:00", "06:00", "mon-fri")
    friday = local("2026-03-06T23:00")
    assert week.night_at(friday).date == "2026-03-06"
    assert week.night_at(friday + timedelta(hours=6)).date == "2026-03-06", "Saturday 05:00 is Friday's night"
    assert week.night_at(friday + timedelta(days=1)) is None
    assert week.next_night(friday).date == "2026-03-09"
    assert week.last_night(local("2026-03-08T12:00")).date == "2026-03-06"


@pytest.mark.parametrize(
    ("at", "until", "day", "hours"),
    [
        ("01:00", "06:00", "2026-03-29", 4),  # clocks go from 02:00 to 03:00
        ("01:00", "06:00", "2026-10-25", 6),  # and from 03:00 to 02:00
        ("02:30", "06:00", "2026-03-29", 3.5),  # a time that this day lacks: from the earliest moment that may be meant
        ("02:30", "06:00", "2026-10-25", 4.5),  # a time that is twice: from the first
        ("22:00", "02:30", "2026-10-24", 4.5),  # until the first
    ],
)
def test_clocks_that_change_in_the_night(at, until, day, hours):
    nights = window(at, until)
    night = nights.next_night(local(f"{day}T00:00") - timedelta(hours=1))
    assert night.date == day
    assert night.ends - night.starts == timedelta(hours=hours)


@given(
    at=st.times(),
    until=st.times(),
    days=st.sets(st.integers(0, 6), min_size=1),
    now=st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)),
)
def test_next_and_last_night_surround_now(at, until, days, now):
    at, until = at.replace(second=0, microsecond=0), until.replace(second=0, microsecond=0)
    if at == until:
        return
    nights = NightWindow(at, until, AMSTERDAM, frozenset(days))
    assert nights.last_night(now).ends <= now < nights.next_night(now).starts
    during = nights.night_at(now)
    assert during is None or nights.last_night(now).date < during.date < nights.next_night(now).date
    assert parse_days(days_text(nights.days)) == nights.days


@pytest.mark.parametrize("text", ["", "monday", "mon-", "-fri", "mon,,tue", "1-5"])
def test_days_that_are_none_are_refused(text):
    with pytest.raises(UserError, match="--days"):
        parse_days(text)


def test_days_may_go_over_sunday():
    assert {DAYS[day] for day in parse_days("fri-mon")} == {"fri", "sat", "sun", "mon"}
    assert days_text(parse_days("sat,sun,mon,wed")) == "mon,wed,sat-sun"


def test_a_night_needs_two_times():
    with pytest.raises(UserError, match="both 01:00"):
        window("01:00", "01:00")
