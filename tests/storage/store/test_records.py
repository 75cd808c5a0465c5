from datetime import datetime, timedelta, timezone

import pytest

from storage.store.records import check_time, parse_time
from tests.storage.rows import NOW


def test_times_without_a_zone_or_of_another_age() -> None:
    assert check_time("committed", NOW) == NOW
    with pytest.raises(ValueError, match="committed has no time zone"):
        check_time("committed", NOW.replace(tzinfo=None))
    far = timezone(timedelta(hours=-23))
    for time in (NOW.replace(year=1899), NOW.replace(year=2200), datetime(9999, 12, 31, 23, tzinfo=far)):
        with pytest.raises(ValueError, match="no plausible time"):
            check_time("committed", time)


@pytest.mark.parametrize(
    "text", [None, 5, "", "soon", "2026-03-02T22:00:00", "9999-12-31T23:59:59+00:00", float("nan")]
)
def test_texts_that_are_no_time(text: object) -> None:
    with pytest.raises(ValueError):
        parse_time("time", text)
    assert parse_time("time", NOW.isoformat()) == NOW
