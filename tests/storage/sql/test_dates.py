"""The column ``date`` is the local date of the row, whenever its unit began."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from schemas.tables import TABLES
from storage.maintenance.compaction import compact
from storage.site.file import load_site
from storage.sql.connection import open_sql
from storage.store.store import Store
from tests.storage.rows import make_rows
from tests.storage.sql_site import commit, files_read, make_site, print_of, rows_of, scans_of

AMSTERDAM, NEW_YORK = ZoneInfo("Europe/Amsterdam"), ZoneInfo("America/New_York")
AROUND_S = (-3600, -1, 0, 1, 3600)


@pytest.fixture
def site(tmp_path):
    return make_site(tmp_path)


@pytest.fixture
def store(site):
    return Store.create(site.store)


def at(table, times, camera):
    """Rows of a table, one at each time."""
    spec = TABLES[table]
    rows = make_rows(table, len(times), camera)
    number = rows.schema.get_field_index(spec.row_time)
    return spec.conform(rows.set_column(number, spec.row_time, pa.array(times, rows.schema.field(number).type)))


def midnight(zone, day):
    """The first moment of a local day."""
    return datetime.combine(day, datetime.min.time(), zone).astimezone(UTC)


def put(store, table, camera, zone, day, times):
    rows = at(table, times, camera)
    commit(store, table, rows, print_of(table, camera, day), "u1", camera, day.isoformat())
    return [moment.astimezone(zone).date() for moment in sorted(times)]


@pytest.mark.parametrize("query", [None, "FROM {} WHERE date", "FROM {}"], ids=["any", "dates", "no dates"])
@pytest.mark.parametrize("day", [date(2026, 3, 2), date(2026, 3, 28), date(2026, 3, 29), date(2026, 10, 24)])
@pytest.mark.parametrize("table", ["counts", "detections", "tracks", "static_regions"])
def test_rows_after_midnight_have_the_next_date(site, store, table, day, query):
    expected = {}
    for camera, zone in (("cam1", AMSTERDAM), ("cam2", NEW_YORK)):
        ends = midnight(zone, day + timedelta(1))
        expected[camera] = put(store, table, camera, zone, day, [ends + timedelta(seconds=s) for s in AROUND_S])
        assert set(expected[camera]) == {day, day + timedelta(1)}
    time = TABLES[table].row_time
    with open_sql(store, site, query=query and query.format(table)) as con:
        for camera, dates in expected.items():
            found = rows_of(con, f"SELECT date FROM {table} WHERE camera = '{camera}' ORDER BY {time}")
            assert [each for (each,) in found] == dates


def test_bins_that_begin_before_their_unit_have_the_day_before(site, store):
    """Bins of a day are aligned to UTC: the first one of a local day began in the evening before."""
    day = date(2026, 3, 3)
    starts = [datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 3, tzinfo=UTC)]
    put(store, "counts", "cam1", AMSTERDAM, day, starts)
    for query in (None, "SELECT bin_start FROM counts"):
        with open_sql(store, site, query=query) as con:
            assert rows_of(con, "SELECT date FROM counts ORDER BY 1") == [(date(2026, 3, 2),), (day,)]


def test_a_midnight_that_comes_twice_or_never_begins_the_day(tmp_path):
    """Havana's clocks go from 01:00 back to 00:00; Beirut's from 00:00 to 01:00."""
    make_site(tmp_path)
    config = (tmp_path / "site.toml").read_text()
    config = config.replace("Europe/Amsterdam", "America/Havana").replace("America/New_York", "Asia/Beirut")
    (tmp_path / "site.toml").write_text(config)
    site = load_site(tmp_path)
    store = Store.create(site.store)
    for camera, zone, day, begins in (
        ("cam1", ZoneInfo("America/Havana"), date(2026, 11, 1), datetime(2026, 11, 1, 4, tzinfo=UTC)),
        ("cam2", ZoneInfo("Asia/Beirut"), date(2026, 3, 29), datetime(2026, 3, 28, 22, tzinfo=UTC)),
    ):
        times = [begins + timedelta(minutes=minutes) for minutes in (-1, 0, 30, 59, 61, 125)]
        dates = put(store, "detections", camera, zone, day - timedelta(1), times)
        assert dates == [day - timedelta(1)] + [day] * 5
        with open_sql(store, site) as con:
            found = rows_of(con, f"SELECT date FROM detections WHERE camera = '{camera}' ORDER BY time")
            assert [each for (each,) in found] == dates


@pytest.mark.parametrize("layout", ["units", "days", "months"])
def test_a_day_is_complete_and_opens_two_days_of_files(site, store, layout):
    days = [date(2026, 1, 5) + timedelta(number) for number in range(40)]
    for day in days:
        ends = midnight(AMSTERDAM, day + timedelta(1))
        put(store, "detections", "cam1", AMSTERDAM, day, [ends + timedelta(seconds=s) for s in AROUND_S])
    if layout != "units":
        compact(store, month_rows=0 if layout == "days" else 10**6)
    with open_sql(store, site) as con:
        for day, rows in ((days[0], 2), (days[20], 5), (date(2026, 2, 1), 5), (days[-1] + timedelta(1), 3)):
            query = f"SELECT count(*) FROM detections WHERE date = '{day}' AND camera = 'cam1'"
            assert rows_of(con, query) == [(rows,)]
            assert files_read(con, query) <= 2
            assert len(scans_of(con, query)) <= 4, "other months are not in the plan"
        total = rows_of(con, "SELECT date, count(*) FROM detections GROUP BY date ORDER BY date")
        assert total == [(days[0], 2), *((day, 5) for day in days[1:]), (days[-1] + timedelta(1), 3)]
        assert rows_of(con, "SELECT count(*) FROM detections") == [(200,)]


def test_versions_have_the_same_dates(site, store):
    day = date(2026, 3, 2)
    times = [midnight(AMSTERDAM, date(2026, 3, 3)) + timedelta(seconds=s) for s in AROUND_S]
    dates = put(store, "counts", "cam1", AMSTERDAM, day, times)
    with open_sql(store, site) as con:
        found = rows_of(con, "SELECT date, unit, current FROM counts_all ORDER BY bin_start")
        assert found == [(each, "u1", False) for each in dates] or found == [(each, "u1", True) for each in dates]


def test_dates_of_units_for_those_who_compare_units(site, store):
    times = [midnight(AMSTERDAM, date(2026, 3, 3)) + timedelta(seconds=s) for s in AROUND_S]
    put(store, "counts", "cam1", AMSTERDAM, date(2026, 3, 2), times)
    with open_sql(store, site, unit_dates=True) as con:
        assert rows_of(con, "SELECT DISTINCT date FROM counts") == [(date(2026, 3, 2),)]


def test_rows_without_a_time_have_the_date_of_their_unit(site, store):
    assert TABLES["view_motion"].row_time is None and TABLES["segments"].row_time is None
    commit(store, "view_motion", make_rows("view_motion", 1, "cam1"), print_of("v"), date="2026-03-02")
    with open_sql(store, site) as con:
        assert rows_of(con, "SELECT date FROM view_motion") == [(date(2026, 3, 2),)]
