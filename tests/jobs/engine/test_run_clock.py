"""The time of a run never runs behind what the store has."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from jobs.engine.run_clock import RunClock

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)).map(lambda moment: moment.replace(tzinfo=UTC))


def test_with_a_clock_that_is_right_it_is_the_wall_clock():
    assert RunClock(NOON - timedelta(days=1), lambda: NOON).now() == NOON
    assert RunClock(None, lambda: NOON).now() == NOON


def test_with_a_clock_that_was_set_back_it_goes_on_after_the_newest():
    clock = RunClock(NOON, lambda: NOON - timedelta(days=30))
    assert clock.now() == NOON + timedelta(microseconds=1)


@given(st.lists(MOMENTS, min_size=1), st.lists(MOMENTS))
def test_what_is_committed_later_is_newer_whatever_the_wall_clock_does(walls, known):
    ticks = iter(walls)
    clock = RunClock(None, lambda: next(ticks))
    for moment in known:
        clock.advance_past(moment)
    given_out = []
    for _ in walls:
        given_out.append(clock.now())
        clock.advance_past(given_out[-1])
    assert given_out == sorted(set(given_out))
    assert all(moment < given_out[0] for moment in known)
