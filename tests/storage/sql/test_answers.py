"""Views that answer what is asked most: people once, stays whole, and what is known of a day."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from schemas.tables import TABLES
from schemas.tables.views import VIEWS
from schemas.values import Quarantined
from storage.sql.connection import open_sql
from storage.sql.query import run_query
from storage.sql.views import _TYPES
from storage.store.journal import Journal
from storage.store.store import Store
from tests.storage.rows import make_receipt, make_rows
from tests.storage.sql_site import commit, make_site, print_of, rows_of

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)  # 13:00 in Amsterdam
DAY = date(2026, 3, 2)
TOMORROW = DAY + timedelta(1)
MIDNIGHT = datetime(2026, 3, 2, 23, tzinfo=UTC)


@pytest.fixture
def site(tmp_path):
    return make_site(tmp_path)


@pytest.fixture
def store(site):
    return Store.create(site.store)


def stays(store, day, *rows, camera="cam1"):
    """Commits stays of (track, start, end, cut_start, cut_end), in the whole view and in zone hall."""
    columns = {name: [] for name in TABLES["stays"].schema.names}
    for track, start, end, cut_start, cut_end in rows:
        for zone in ("view", "hall"):
            row = {
                "camera": camera,
                "zone": zone,
                "track_id": track,
                "label": "car" if track.startswith("car") else "person",
                "start_time": start,
                "end_time": end,
                "dwell_s": (end - start).total_seconds(),
                "cut_start": cut_start,
                "cut_end": cut_end,
            }
            for name, value in row.items():
                columns[name].append(value)
    commit(store, "stays", TABLES["stays"].conform(columns), print_of("s", camera, day), "day", camera, str(day))


def counts(store, day, *starts, camera="cam1"):
    """Commits an observed minute of the whole view at each time, with two people at once."""
    count = len(starts)
    rows = make_rows("counts", count, camera).to_pydict()
    rows |= {"zone": ["view"] * count, "label": ["person"] * count, "bin_start": list(starts)}
    rows |= {"bin_s": [60.0] * count, "observed_s": [60.0] * count, "max_count": [2] * count}
    commit(store, "counts", TABLES["counts"].conform(rows), print_of("c", camera, day), "day", camera, str(day))


def minutes(number):
    return timedelta(minutes=number)


def test_views_have_the_columns_of_their_description(site, store):
    with open_sql(store, site) as con:
        for name, spec in VIEWS.items():
            described = {column.name: _TYPES[str(column.type)] for column in spec.columns}
            found = rows_of(con, f"SELECT column_name, column_type FROM (DESCRIBE {name})")
            assert dict(found) == described
            assert rows_of(con, f"FROM {name}") == []


@pytest.mark.parametrize("known", [False, True])
def test_who_stays_for_many_minutes_and_hours_is_one_person(site, store, known):
    stays(
        store,
        DAY,
        ("a", NOON + minutes(50), NOON + minutes(125), True, True),  # 13:50 to 15:05
        ("b", NOON + minutes(10), NOON + minutes(11), True, True),
        ("b", NOON + minutes(20), NOON + minutes(21), True, True),
        ("c", NOON + minutes(59), NOON + minutes(60), True, True),  # ends as 14:00 begins
        ("car", NOON, NOON + minutes(1), True, True),
    )
    counts(store, DAY, NOON, NOON + minutes(1), NOON + minutes(240))
    query = "SELECT hour, people, max_count, observed_s FROM people_by_hour WHERE zone = 'view' ORDER BY hour"
    with open_sql(store, site, query=query if known else None) as con:
        assert rows_of(con, query) == [
            (NOON, 3, 2, 120.0),
            (NOON + minutes(60), 1, 0, 0.0),
            (NOON + minutes(120), 1, 0, 0.0),
            (NOON + minutes(240), 0, 2, 60.0),
        ]
    query = "SELECT date, people, observed_s FROM people_by_day WHERE zone = 'view'"
    with open_sql(store, site, query=query if known else None) as con:
        assert rows_of(con, query) == [(DAY, 3, 180.0)]
        assert rows_of(con, query.replace("view", "hall")) == [(DAY, 3, 0.0)]


def test_who_passes_midnight_is_one_person_on_each_day(site, store):
    stays(store, DAY, ("a", MIDNIGHT - minutes(1), MIDNIGHT + minutes(2), True, True))  # its segment passes midnight
    stays(store, TOMORROW, ("a", MIDNIGHT + minutes(2), MIDNIGHT + minutes(9), True, False))
    counts(store, DAY, MIDNIGHT - minutes(1), MIDNIGHT)
    counts(store, TOMORROW, MIDNIGHT + minutes(2))
    with open_sql(store, site) as con:
        by_day = "SELECT date, people, observed_s FROM people_by_day WHERE zone = 'view' ORDER BY date"
        assert rows_of(con, by_day) == [(DAY, 1, 60.0), (TOMORROW, 1, 120.0)]
        by_hour = "SELECT date, hour, people FROM people_by_hour WHERE zone = 'view' ORDER BY hour"
        assert rows_of(con, by_hour) == [(DAY, MIDNIGHT - minutes(60), 1), (TOMORROW, MIDNIGHT, 1)]
        one = "SELECT people FROM people_by_hour WHERE zone = 'view' AND date = '2026-03-03'"
        assert rows_of(con, one) == [(1,)]


def test_the_hour_that_comes_twice_is_two_hours_of_one_day(site, store):
    day, first = date(2026, 10, 25), datetime(2026, 10, 25, 0, tzinfo=UTC)  # 02:00 in Amsterdam, and again at 01:00 UTC
    stays(store, day, ("a", first + minutes(10), first + minutes(70), True, True))
    with open_sql(store, site) as con:
        found = "SELECT date, local_hour, hour, people FROM people_by_hour WHERE zone = 'view' ORDER BY hour"
        assert rows_of(con, found) == [
            (day, "2026-10-25T02:00:00+02:00", first, 1),
            (day, "2026-10-25T02:00:00+01:00", first + minutes(60), 1),
        ]
        assert rows_of(con, "SELECT local_hour::TIMESTAMPTZ = hour FROM people_by_hour") == [(True,)] * 4
        found = "SELECT date, local_start, start_time FROM dwell WHERE zone = 'view'"
        assert rows_of(con, found) == [(day, "2026-10-25T02:10:00+02:00", first + minutes(10))]
        assert rows_of(con, "SELECT date, people FROM people_by_day WHERE zone = 'view'") == [(day, 1)]


def test_a_stay_is_whole_across_midnight_and_says_what_is_cut(site, store):
    second = timedelta(seconds=1)
    stays(
        store,
        DAY,
        ("over", MIDNIGHT - minutes(5), MIDNIGHT, False, True),
        ("gap", NOON, NOON + minutes(1), True, True),
        ("gap", NOON + minutes(1) + 2.5 * second, NOON + minutes(2), True, False),
    )
    later = MIDNIGHT + minutes(2)  # the end of a segment that passes midnight
    stays(store, DAY, ("late", MIDNIGHT - minutes(1), later, False, True), camera="cam2")
    stays(store, TOMORROW, ("late", later, later + minutes(1), True, True), camera="cam2")
    stays(store, TOMORROW, ("over", MIDNIGHT + 0.1 * second, MIDNIGHT + minutes(5), True, False))
    with open_sql(store, site) as con:
        query = "SELECT track_id, date, dwell_s, cut_start, cut_end FROM dwell WHERE zone = 'hall' ORDER BY ALL"
        assert rows_of(con, query) == [
            ("gap", DAY, 57.5, True, False),
            ("gap", DAY, 60.0, True, True),
            ("late", DAY, 240.0, False, True),
            ("over", DAY, 600.0, False, False),
        ]


def segments(store, day, *spans, camera="cam1"):
    count = len(spans)
    rows = make_rows("segments", count, camera).to_pydict()
    rows |= {"segment_id": [f"{day}-{number}" for number in range(count)], "date": [str(day)] * count}
    rows |= {"start_time": [start for start, _ in spans], "end_time": [end for _, end in spans]}
    commit(store, "segments", TABLES["segments"].conform(rows), print_of("g", camera, day), "day", camera, str(day))


def test_coverage_says_what_is_known_of_a_day(site, store):
    ends = MIDNIGHT + timedelta(days=2)
    segments(store, DAY, (NOON, NOON + minutes(10)), (NOON + minutes(5), NOON + minutes(15)))
    segments(store, DAY + timedelta(2), (ends - minutes(1), ends + minutes(3)))
    store.commit(make_receipt(op="detect", unit=f"{DAY}-0"))
    footage = make_rows("footage", 1, "cam1").to_pydict() | {"start_time": [NOON], "lost_s": [2.5]}
    commit(store, "footage", TABLES["footage"].conform(footage), print_of("f"))
    entry = Quarantined("detect", "cam1", str(DAY), f"{DAY}-1", "f", "bug", "r", "d", None, NOON, "run")
    Journal(store.blobs).quarantine(entry)
    Journal(store.blobs).quarantine(replace(entry, camera="cam2"))
    day_s = 24 * 3600.0
    with open_sql(store, site) as con:
        found = [tuple(row.values()) for row in run_query(con, "FROM coverage ORDER BY ALL").to_pylist()]
    assert found == [
        ("cam1", DAY, 900.0, 600.0, 2.5, 1, 1, 11 * 3600.0 - 900.0),
        ("cam1", DAY + timedelta(1), 0.0, 0.0, 0.0, 0, 1, day_s),
        ("cam1", DAY + timedelta(2), 60.0, 0.0, 0.0, 0, 1, day_s - 60.0),
        ("cam1", DAY + timedelta(3), 180.0, 0.0, 0.0, 0, 0, 0.0),
        ("cam2", DAY, 0.0, 0.0, 0.0, 1, 0, 0.0),
    ]
