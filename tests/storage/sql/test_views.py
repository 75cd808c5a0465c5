"""Views of live rows: what a query sees, before and after compaction, and in an object store."""

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.errors import QueryError, SelectionError
from schemas.tables import TABLES
from storage.maintenance.compaction import compact
from storage.sql.connection import open_sql
from storage.sql.query import run_query
from storage.sql.views import IN_FILES
from storage.store.journal import Journal, RunRecord
from storage.store.store import Store
from tests.storage.rows import DATE, NOW, make_receipt, make_rows, put
from tests.storage.sql_site import commit, make_site, print_of, root_of, rows_of
from tests.storage.store.test_journal import ENTRY

# Tables


@pytest.fixture(scope="module")
def every(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """A store with some rows in every table, opened."""
    store = Store.create(tmp_path_factory.mktemp("every") / "store")
    for name in IN_FILES:
        put(store, name, make_rows(name, 5), unit="u1", fingerprint=print_of(name))
    with open_sql(store) as connection:
        yield connection


@pytest.mark.parametrize("name", IN_FILES)
def test_every_table_is_read_as_it_was_written(every: duckdb.DuckDBPyConnection, name: str) -> None:
    rows = make_rows(name, 5)
    found = run_query(every, f"FROM {name}")
    assert set(found["date"].to_pylist()) == {date(2026, 3, 2)}
    found = found.select(rows.column_names).cast(pa.schema([field.remove_metadata() for field in rows.schema]))
    assert TABLES[name].conform(found).equals(rows)


def test_empty_and_filled_tables_have_the_same_columns_and_types(
    every: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    with open_sql(Store.open(tmp_path / "none")) as empty:
        for name in [*TABLES, *(f"{name}_all" for name in IN_FILES)]:
            columns = f"SELECT column_name, column_type FROM (DESCRIBE {name})"
            assert rows_of(every, columns) == rows_of(empty, columns)
            assert run_query(empty, f"FROM {name}").num_rows == 0
    assert list(tmp_path.iterdir()) == []


def test_readers_see_only_what_is_committed_and_newest(store: Store) -> None:
    put(store, "counts", make_rows("counts", 2), fingerprint="a" * 64)
    put(store, "counts", make_rows("counts", 5), fingerprint="b" * 64, committed=NOW + timedelta(hours=1))
    store.write_table("counts", make_rows("counts"), camera="cam1", date=DATE, unit="lost", fingerprint="c")
    (root_of(store) / "counts" / "camera=cam1" / f"date={DATE}" / ".tmp-1.parquet").write_bytes(b"half")
    with open_sql(store) as con:
        assert rows_of(con, "SELECT count(*) FROM counts") == [(5,)]
        assert rows_of(con, "SELECT count(*), count(*) FILTER (current) FROM receipts") == [(2, 1)]


def test_a_unit_that_became_empty_has_no_rows(store: Store) -> None:
    put(store, "counts", make_rows("counts", 2), fingerprint="a" * 64)
    put(store, "counts", TABLES["counts"].empty(), fingerprint="b" * 64, committed=NOW + timedelta(hours=1))
    with open_sql(store) as con:
        assert rows_of(con, "SELECT count(*) FROM counts") == [(0,)]
        assert rows_of(con, "SELECT count(*) FROM counts_all") == [(2,)]


def test_runs_quarantine_and_cameras_are_tables(store: Store, tmp_path: Path) -> None:
    journal = Journal(store.blobs)
    journal.write_run(RunRecord("r1", NOW))
    journal.quarantine(replace(ENTRY, unit="\udcff.mp4"))
    put(store, "footage", make_rows("footage", 1, "cam9"), camera="cam9")
    with open_sql(store, make_site(tmp_path / "site"), calibration_error_m=lambda: {"cam2": 0.25}) as con:
        assert rows_of(con, "SELECT run_id, state, started FROM runs") == [("r1", "running", NOW)]
        assert rows_of(con, "SELECT op, reason FROM quarantine") == [("detect", "truncated")]
        cameras = rows_of(con, "SELECT camera, x_m, calibration_error_m FROM cameras")
        assert cameras == [("cam1", None, None), ("cam2", 120001.0, 0.25), ("cam9", None, None)]


def test_receipts_are_a_table(store: Store) -> None:
    receipt = store.commit(make_receipt(op="detect", camera="cam2"))
    with open_sql(store) as con:
        found = rows_of(con, "SELECT op, committed, rows FROM receipts WHERE camera = 'cam2' AND date = '2026-03-02'")
    assert found == [("detect", receipt.committed, 7)]


def test_a_segment_after_midnight_has_its_own_date(store: Store) -> None:
    rows = make_rows("segments", 2)
    dates = pa.array(["2026-03-02", "2026-03-03"])
    put(store, "segments", rows.set_column(rows.schema.get_field_index("date"), rows.schema.field("date"), dates))
    with open_sql(store) as con:
        found = rows_of(con, "SELECT date FROM segments WHERE camera = 'cam1' ORDER BY start_time")
        assert found == [(date(2026, 3, 2),), (date(2026, 3, 3),)]
        assert rows_of(con, "SELECT count(*) FROM segments_all WHERE date = '2026-03-03'") == [(1,)]


def test_camera_ids_that_look_like_numbers_stay_text(store: Store) -> None:
    for camera in ("007", "7"):
        put(store, "detections", make_rows("detections", 1, camera), camera=camera)
    with open_sql(store) as con:
        assert rows_of(con, "SELECT camera FROM detections ORDER BY 1") == [("007",), ("7",)]


def test_a_column_that_is_newer_than_a_file_is_null_there(store: Store) -> None:
    receipt = put(store, "footage", make_rows("footage", 2), unit="old")
    put(store, "footage", make_rows("footage", 2), unit="new", fingerprint="e" * 64)
    file = root_of(store) / receipt.files["footage"]
    pq.write_table(pq.read_table(file, partitioning=None).drop_columns(["codec"]), file)
    with open_sql(store) as con:
        assert rows_of(con, "SELECT count(*), count(codec) FROM footage") == [(4, 2)]


def test_a_file_torn_later_is_named(store: Store) -> None:
    put(store, "detections", make_rows("detections"), unit="a")
    receipt = put(store, "detections", make_rows("detections"), unit="b", fingerprint="e" * 64)
    os.truncate(root_of(store) / receipt.files["detections"], 100)
    with open_sql(store) as con, pytest.raises(QueryError, match=Path(receipt.files["detections"]).name):
        run_query(con, "FROM detections")


def test_a_torn_receipt_hides_only_its_unit(store: Store) -> None:
    put(store, "detections", make_rows("detections"))
    torn = root_of(store) / "_receipts" / "detect" / "cam1" / DATE / "x-f.json"
    torn.parent.mkdir(parents=True)
    torn.write_bytes(b"")
    with open_sql(store) as con:
        assert rows_of(con, "SELECT count(*) FROM detections") == [(3,)]


def test_a_store_swept_since_says_to_open_it_again(store: Store) -> None:
    for unit in ("a", "b"):
        put(store, "detections", make_rows("detections"), unit=unit, fingerprint=print_of(unit))
    with open_sql(store) as con:
        compact(store, grace_h=0.0)
        compact(store, grace_h=0.0)
        with pytest.raises(QueryError, match="open the store again"):
            run_query(con, "FROM detections")
    with open_sql(store) as con:
        assert rows_of(con, "SELECT count(*) FROM detections") == [(6,)]


@pytest.mark.slow
def test_as_of_a_run(store: Store) -> None:
    for number, run_id in enumerate(("first", "second")):
        time = NOW + timedelta(days=number)
        rows = make_rows("counts", 2 + number)
        commit(store, "counts", rows, print_of(run_id), committed=time, run_id=run_id)
        Journal(store.blobs).finish_run(RunRecord(run_id, time, ended=time + timedelta(hours=1), state="done"))
    for _ in range(2):
        for as_of, rows_then in (("first", 2), ("second", 3), (None, 3)):
            with open_sql(store, as_of=as_of) as con:
                assert rows_of(con, "SELECT count(*) FROM counts") == [(rows_then,)]
        compact(store, grace_h=0.0)
    with pytest.raises(SelectionError, match="third"):
        open_sql(store, as_of="third")


def test_the_last_scan_decides_in_merged_files_too(store: Store) -> None:
    """Superseded rows stay in the merged file, and are not live."""
    for unit in ("u1", "u2"):
        commit(store, "counts", make_rows("counts", 4), print_of(unit), unit)
    compact(store)
    later = NOW + timedelta(hours=1)
    commit(store, "counts", make_rows("counts", 1), print_of("again"), "u1", committed=later)
    with open_sql(store) as con:
        assert rows_of(con, "SELECT count(*) FROM counts") == [(5,)]
        assert rows_of(con, "SELECT unit, current, count(*) FROM counts_all GROUP BY ALL ORDER BY ALL") == [
            ("u1", False, 4),
            ("u1", True, 1),
            ("u2", True, 4),
        ]


# Object stores
