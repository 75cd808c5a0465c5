"""Queries open only the files and row groups that they need, in every layout of files."""

import shutil
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

import storage.store.parquet
from schemas.errors import QueryError
from storage.maintenance.compaction import compact
from storage.sql.connection import open_sql
from storage.sql.query import run_query
from storage.store.store import Store
from tests.storage.rows import NOW, make_rows
from tests.storage.sql_site import commit, files_read, print_of, rows_of, scans_of

DAYS = ("2026-01-05", "2026-01-06", "2026-02-03", "2026-03-02")
CAMERAS = tuple(f"cam{number:02}" for number in range(10))


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Ten cameras, four days in three months, two units a day of three rows each."""
    store = Store.create(tmp_path_factory.mktemp("many") / "store")
    for camera in CAMERAS:
        for day in DAYS:
            for unit in ("u1", "u2"):
                fingerprint = print_of(camera, day, unit)
                commit(store, "counts", make_rows("counts", 3, camera), fingerprint, unit, camera, day)
    return store


def as_units(store: Store) -> None:
    """Files of one unit each, in folders of days."""


def as_days(store: Store) -> None:
    compact(store, month_rows=0)


def as_months(store: Store) -> None:
    compact(store)


def as_partial(store: Store) -> None:
    """Files of months, one unit of each of which was run again."""
    compact(store)
    later = NOW + timedelta(days=1)
    for camera in CAMERAS:
        for day in DAYS:
            rows = make_rows("counts", 3, camera)
            commit(store, "counts", rows, print_of(camera, day, "again"), "u1", camera, day, later)


@pytest.fixture(scope="module", params=[as_units, as_days, as_months, as_partial], ids=lambda layout: layout.__name__)
def laid_out(
    many: Store, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[duckdb.DuckDBPyConnection]:
    """The store of ten cameras in each of the layouts that files may have."""

    root = tmp_path_factory.mktemp("laid") / "store"
    shutil.copytree(many.blobs.url, root)
    store = Store.create(root)
    layout: Callable[[Store], None] = request.param
    layout(store)
    with open_sql(store) as con:
        yield con


@pytest.mark.slow
def test_layouts_hold_the_same_rows(laid_out: duckdb.DuckDBPyConnection) -> None:
    expected = [(camera, date.fromisoformat(day), 6) for camera in CAMERAS for day in DAYS]
    assert rows_of(laid_out, "SELECT camera, date, count(*) FROM counts GROUP BY ALL ORDER BY ALL") == expected
    assert rows_of(laid_out, "SELECT count(*) FROM counts_all WHERE current") == [(240,)]


def test_a_camera_reads_its_own_files_only(laid_out: duckdb.DuckDBPyConnection) -> None:
    query = "SELECT count(*) FROM counts WHERE camera = 'cam03'"
    assert rows_of(laid_out, query) == [(24,)]
    scans = scans_of(laid_out, query)
    assert scans
    for scan in scans:
        assert "camera=" in str(scan["File Filters"])
        read, of = map(int, scan["Scanning Files"].split("/"))
        assert read * len(CAMERAS) == of, "one camera in ten"
        assert int(scan["Total Files Read"]) == read


def test_a_day_leaves_other_months_out_of_the_plan(laid_out: duckdb.DuckDBPyConnection) -> None:
    per_month = len(scans_of(laid_out, "SELECT count(*) FROM counts WHERE date = '2026-02-03'"))
    assert len(scans_of(laid_out, "SELECT count(*) FROM counts")) >= 3 * per_month > 0
    assert rows_of(laid_out, "SELECT count(*) FROM counts WHERE date = '2026-02-03'") == [(60,)]


def test_a_camera_day_reads_one_day(laid_out: duckdb.DuckDBPyConnection) -> None:
    query = "SELECT count(*) FROM counts WHERE camera = 'cam03' AND date = '2026-01-06'"
    assert rows_of(laid_out, query) == [(6,)]
    scans = scans_of(laid_out, query)
    for scan in scans:
        # A file's day is in its path, or rows of other days are skipped by their statistics.
        assert "/date=" in str(scan["File Filters"]) or "_date='2026-01-06'::DATE" in str(scan["Filters"])
    names = [name for scan in scans for name in str(scan.get("Filename(s)", "")).split(", ") if name]
    assert names
    for name in names:
        assert "/camera=cam03/date=2026-01-06/" in name or "/camera=cam03/month=2026-01/" in name
    assert files_read(laid_out, query.replace("counts", "counts_all")) <= 4


def test_a_day_of_a_month_reads_no_other_days_rows(
    many: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage.store.parquet, "MIN_GROUP_ROWS", 1)  # so that each small unit has its row group
    shutil.copytree(many.blobs.url, tmp_path / "store")
    store = Store.create(tmp_path / "store")
    compact(store)
    (file,) = (tmp_path / "store" / "counts" / "camera=cam03" / "month=2026-01").iterdir()
    _damage_other_days(file, date(2026, 1, 6))
    with open_sql(store) as con:
        day = "SELECT sum(mean_count) FROM counts WHERE camera = 'cam03' AND date = '2026-01-06'"
        assert rows_of(con, day) != [(None,)]
        with pytest.raises(QueryError):
            run_query(con, day.replace("2026-01-06", "2026-01-05"))


def _damage_other_days(file: Path, day: date) -> None:
    """Overwrites the values of rows of other days, so that reading them fails."""
    metadata = pq.ParquetFile(file).metadata
    column_of = {metadata.schema.column(index).name: index for index in range(metadata.num_columns)}
    damaged = 0
    with file.open("r+b") as content:
        for group in map(metadata.row_group, range(metadata.num_row_groups)):
            if group.column(column_of["_date"]).statistics.min == day:
                continue
            column = group.column(column_of["mean_count"])
            content.seek(column.dictionary_page_offset or column.data_page_offset)
            content.write(b"\xff" * column.total_compressed_size)
            damaged += 1
    assert damaged == 2
