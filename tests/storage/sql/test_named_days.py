"""A query that names a date compares no rows of days that lie within it, and reads none of the others."""

from datetime import date, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from schemas.errors import QueryError
from storage.maintenance.compaction import compact
from storage.sql.connection import open_sql
from storage.sql.dates import named_days
from storage.sql.query import run_query
from tests.storage.sql.test_dates import AMSTERDAM, AROUND_S, NEW_YORK, midnight, put, site, store
from tests.storage.sql_site import rows_of, scans_of

__all__ = ["site", "store"]  # fixtures

DAYS = [date(2026, 3, 25) + timedelta(number) for number in range(10)]  # summer time begins on 29 March
COUNT = "SELECT camera, date, count(*) FROM {} WHERE {} GROUP BY ALL ORDER BY ALL"


@pytest.mark.parametrize(
    ("query", "days"),
    [
        ("SELECT 1", set()),
        ("date = '2026-03-02'", {(2, 28), (3, 1), (3, 2), (3, 3), (3, 4)}),
        ("time > '2026-03-02T10:00:00Z'", {(2, 28), (3, 1), (3, 2), (3, 3), (3, 4)}),
        ("date = '2026-13-45' OR date = '0001-01-01' OR x = '9999-12-31'", set()),
    ],
)
def test_days_around_the_dates_in_a_query(query, days):
    assert named_days(query) == {date(2026, *each) for each in days}


@pytest.fixture(params=["units", "days", "months"])
def filled(request, site, store):
    """Ten days of two cameras in two time zones, with rows around each midnight."""
    for table in ("detections", "counts"):
        for camera, zone in (("cam1", AMSTERDAM), ("cam2", NEW_YORK)):
            for day in DAYS:
                ends = midnight(zone, day + timedelta(1))
                begins = midnight(zone, day)
                times = [ends + timedelta(seconds=s) for s in AROUND_S] + [begins + timedelta(hours=2)]
                put(store, table, camera, zone, day, times)
    if request.param != "units":
        compact(store, month_rows=0 if request.param == "days" else 10**6)
    return store


CONDITIONS = [
    *(f"date = '{day}'" for day in (DAYS[0] - timedelta(1), DAYS[3], DAYS[4], DAYS[-1] + timedelta(1))),
    "date BETWEEN '2026-03-27' AND '2026-03-30'",
    "date IN ('2026-03-26', '2026-04-02')",
    "date <> '2026-03-29'",
    "date > '2026-03-28' AND camera = 'cam2'",
    "date = DATE '2026-03-01' + 28",
]


def test_a_query_with_dates_has_the_rows_of_one_without(filled, site):
    counted = {"detections": CONDITIONS, "counts": CONDITIONS[::2]}
    queries = [COUNT.format(table, condition) for table in counted for condition in counted[table]]
    with open_sql(filled, site) as con:
        expected = {query: rows_of(con, query) for query in queries}
    assert sum(map(bool, expected.values())) == len(queries) - 2, "of one day, nothing is recorded"
    for query in queries:
        with open_sql(filled, site, query=query) as con:
            assert rows_of(con, query) == expected[query]


def test_bounds_of_a_named_day_are_constants(filled, site):
    query = "SELECT count(*) FROM detections WHERE date = '2026-03-29' AND camera = 'cam1'"
    with open_sql(filled, site, query=query) as con:
        assert rows_of(con, query) == [(6,)]
        read = " ".join(str(scan["Filters"]) for scan in scans_of(con, query) if int(scan["Total Files Read"]))
        assert "time<'2026-03-29 22:00:00+00'" in read, "a day of 23 hours"
        assert "time>='2026-03-28 23:00:00+00'" in read, "of the day before, what is after midnight"


@pytest.mark.parametrize("merged", [False, True])
def test_rows_of_other_days_are_not_read(site, store, monkeypatch, merged):
    """Their statistics say that none is of this day, so pages that cannot be read do no harm."""
    monkeypatch.setattr("storage.store.parquet.MIN_GROUP_ROWS", 1)  # so that each day has its row group
    for day in DAYS[:6]:
        begins = midnight(AMSTERDAM, day)
        put(store, "detections", "cam1", AMSTERDAM, day, [begins + timedelta(minutes=minute) for minute in range(60)])
    if merged:
        compact(store)
    for file in Path(store.blobs.url, "detections").rglob("*.parquet"):
        _damage_other_days(file, DAYS[4])
    query = f"SELECT sum(detection) FROM detections WHERE date = '{DAYS[4]}'"
    with open_sql(store, site, query=query) as con:
        assert rows_of(con, query) == [(sum(range(60)),)]
    with open_sql(store, site) as con, pytest.raises(QueryError):
        run_query(con, query)  # where the query is not known, rows of the day before are compared


def _damage_other_days(file, day):
    metadata = pq.ParquetFile(file).metadata
    columns = [metadata.schema.column(number).name for number in range(metadata.num_columns)]
    with file.open("r+b") as content:
        for group in map(metadata.row_group, range(metadata.num_row_groups)):
            if group.column(columns.index("_date")).statistics.min == day:
                continue
            for name in ("time", "detection"):
                column = group.column(columns.index(name))
                content.seek(column.dictionary_page_offset or column.data_page_offset)
                content.write(b"\xff" * column.total_compressed_size)
