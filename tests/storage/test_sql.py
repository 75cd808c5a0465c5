import os
import signal
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import geopandas as gpd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from shapely.geometry import Point, box

import storage.sql
from schemas.errors import QueryError
from schemas.tables import TABLES
from schemas.values import Feature, FeatureKind
from storage.journal import Journal, RunRecord
from storage.sql import open_sql, run_query, spatial_available
from storage.store import Store
from tests.storage.rows import DATE, NOW, make_receipt, make_rows, put
from tests.storage.test_journal import ENTRY

IN_FILES = [name for name in TABLES if name not in ("cameras", "runs", "receipts", "quarantine")]
CAMERAS = TABLES["cameras"].conform(
    {
        "camera": ["cam1", "cam2"],
        "name": ["one", "two"],
        "timezone": ["Europe/Amsterdam", "America/New_York"],
        "fixed": [True, True],
        "calibrated": [True, False],
    }
)
FEATURES = (
    Feature("hall", "zones", FeatureKind.ZONE, "map", None, box(0, 0, 2, 2)),
    Feature("door", "zones", FeatureKind.ZONE, "map", None, box(5, 5, 6, 6)),
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.create(tmp_path / "store")


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store of two cameras and two days of detections, which no query can change."""
    store = Store.create(tmp_path_factory.mktemp("filled") / "store")
    for camera in ("cam1", "cam2"):
        for day in ("2026-03-02", "2026-03-03"):
            put(store, "detections", make_rows("detections", 3, camera), camera=camera, date=day)
    return store


@pytest.fixture(scope="module")
def con(filled: Store) -> Iterator[duckdb.DuckDBPyConnection]:
    """The filled store, opened."""
    with open_sql(filled, CAMERAS, FEATURES) as connection:
        yield connection


def rows_of(con: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[object, ...]]:
    return [tuple(row.values()) for row in run_query(con, sql).to_pylist()]


# Views


@pytest.fixture(scope="module")
def every(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """A store with some rows in every table, opened."""
    store = Store.create(tmp_path_factory.mktemp("every") / "store")
    for name in IN_FILES:
        put(store, name, make_rows(name, 5))
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
    with open_sql(Store(tmp_path / "none")) as empty:
        for name in TABLES:
            columns = f"SELECT column_name, column_type FROM (DESCRIBE {name})"
            assert rows_of(every, columns) == rows_of(empty, columns)
            assert run_query(empty, f"FROM {name}").num_rows == 0


def test_readers_see_only_what_is_committed_and_newest(store: Store) -> None:
    put(store, "counts", make_rows("counts", 2), fingerprint="a" * 64)
    put(store, "counts", make_rows("counts", 5), fingerprint="b" * 64, committed=NOW + timedelta(hours=1))
    store.write_table("counts", make_rows("counts"), camera="cam1", date=DATE, unit="lost", fingerprint="c")
    (store.root / "counts" / "camera=cam1" / f"date={DATE}" / ".tmp-1.parquet").write_bytes(b"half")
    with open_sql(store) as con:
        assert rows_of(con, "SELECT count(*) FROM counts") == [(5,)]
        assert rows_of(con, "SELECT count(*), count(*) FILTER (current) FROM receipts") == [(2, 1)]


def test_a_unit_that_became_empty_has_no_rows(store: Store) -> None:
    put(store, "counts", make_rows("counts", 2), fingerprint="a" * 64)
    put(store, "counts", TABLES["counts"].empty(), fingerprint="b" * 64, committed=NOW + timedelta(hours=1))
    with open_sql(store) as con:
        assert rows_of(con, "SELECT count(*) FROM counts") == [(0,)]


def test_runs_quarantine_and_cameras_are_tables(store: Store) -> None:
    journal = Journal(store.root)
    journal.start_run(RunRecord("r1", NOW))
    journal.set_aside(replace(ENTRY, unit="\udcff.mp4"))
    with open_sql(store, CAMERAS) as con:
        assert rows_of(con, "SELECT run_id, state, started FROM runs") == [("r1", "running", NOW)]
        assert rows_of(con, "SELECT op, reason FROM quarantine") == [("detect", "truncated")]
        assert rows_of(con, "SELECT camera FROM cameras") == [("cam1",), ("cam2",)]


def test_camera_and_date_prune_files(con: duckdb.DuckDBPyConnection) -> None:
    query = "SELECT count(*) FROM detections WHERE camera = 'cam1' AND date = DATE '2026-03-03'"
    assert rows_of(con, query) == [(3,)]
    ((_, plan),) = rows_of(con, f"EXPLAIN {query}")
    assert "File Filters" in str(plan)
    assert "1/4" in str(plan)


def test_a_segment_after_midnight_has_its_own_date(store: Store) -> None:
    rows = make_rows("segments", 2)
    dates = pa.array(["2026-03-02", "2026-03-03"])
    put(store, "segments", rows.set_column(rows.schema.get_field_index("date"), rows.schema.field("date"), dates))
    with open_sql(store) as con:
        found = rows_of(con, "SELECT date FROM segments WHERE camera = 'cam1' ORDER BY start_time")
    assert found == [(date(2026, 3, 2),), (date(2026, 3, 3),)]


def test_camera_ids_that_look_like_numbers_stay_text(store: Store) -> None:
    for camera in ("007", "7"):
        put(store, "detections", make_rows("detections", 1, camera), camera=camera)
    with open_sql(store) as con:
        assert rows_of(con, "SELECT camera FROM detections ORDER BY 1") == [("007",), ("7",)]


@pytest.mark.parametrize("folder", ["a b'c", "x[1]*?", "camera=zz", "ünï"])
def test_any_folder_can_hold_a_store(tmp_path: Path, folder: str) -> None:
    store = Store.create(tmp_path / folder / "store")
    put(store, "detections", make_rows("detections"))
    with open_sql(store) as con:
        assert rows_of(con, "SELECT DISTINCT camera, date FROM detections") == [("cam1", date(2026, 3, 2))]


def test_a_missing_file_spoils_only_its_table(store: Store) -> None:
    receipt = put(store, "detections", make_rows("detections"))
    put(store, "tracks", make_rows("tracks"))
    (store.root / receipt.files["detections"]).unlink()
    with open_sql(store) as con:
        assert rows_of(con, "SELECT count(*) FROM tracks") == [(3,)]
        with pytest.raises(QueryError, match=r"table detections cannot be read: .*\.parquet"):
            run_query(con, "SELECT count(*) FROM detections")


def test_a_file_torn_later_is_named(store: Store) -> None:
    put(store, "detections", make_rows("detections"), unit="a")
    receipt = put(store, "detections", make_rows("detections"), unit="b")
    os.truncate(store.root / receipt.files["detections"], 100)
    with open_sql(store) as con, pytest.raises(QueryError, match=Path(receipt.files["detections"]).name):
        run_query(con, "FROM detections")


def test_a_torn_receipt_hides_only_its_unit(store: Store) -> None:
    put(store, "detections", make_rows("detections"))
    torn = store.root / "_receipts" / "detect" / "cam1" / DATE / "x-f.json"
    torn.parent.mkdir(parents=True)
    torn.write_bytes(b"")
    with open_sql(store) as con:
        assert rows_of(con, "SELECT count(*) FROM detections") == [(3,)]


# Macros


def test_local_time_is_of_the_cameras_own_zone(con: duckdb.DuckDBPyConnection) -> None:
    found = rows_of(
        con,
        "SELECT camera, local_time(camera, TIMESTAMPTZ '2026-07-01 12:00:00+00') FROM cameras ORDER BY 1",
    )
    assert found == [("cam1", datetime(2026, 7, 1, 14)), ("cam2", datetime(2026, 7, 1, 8))]
    winter = "SELECT DISTINCT local_time(camera, time)::TIMESTAMP(0) FROM detections WHERE camera = 'cam1'"
    assert rows_of(con, winter) == [(datetime(2026, 3, 2, 23),)]
    assert rows_of(con, "SELECT local_time('nobody', now())") == [(None,)]


def test_local_time_without_cameras_is_null(store: Store) -> None:
    with open_sql(store) as con:
        assert rows_of(con, "SELECT local_time('cam1', now())") == [(None,)]


def test_map_distance(con: duckdb.DuckDBPyConnection) -> None:
    assert rows_of(con, "SELECT map_distance_m(1, 1, 4, 5)") == [(5.0,)]


@pytest.fixture
def spatial(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    if not spatial_available(con):
        pytest.skip("no package duckdb-extension-spatial for this machine")
    return con


def test_in_zone(spatial: duckdb.DuckDBPyConnection) -> None:
    points = "(VALUES (1.0, 1.0), (5.5, 5.5), (9.0, 9.0)) AS p(x, y)"
    assert rows_of(spatial, f"SELECT in_zone(x, y, 'hall') FROM {points}") == [(True,), (False,), (False,)]
    each = "SELECT feature_id, in_zone(1, 1, feature_id) FROM features ORDER BY 1"
    assert rows_of(spatial, each) == [("door", False), ("hall", True)]
    with pytest.raises(QueryError, match="no zone cellar"):
        run_query(spatial, "SELECT in_zone(1, 1, 'cellar')")


def test_features_have_geometry(spatial: duckdb.DuckDBPyConnection) -> None:
    found = rows_of(spatial, "SELECT feature_id, layer, kind, space, ST_Area(geometry) FROM features ORDER BY 1")
    assert found == [("door", "zones", "zone", "map", 1.0), ("hall", "zones", "zone", "map", 4.0)]


def test_without_the_spatial_package_the_rest_works(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage.sql, "SPATIAL_PACKAGE", "no_such_package")
    put(store, "detections", make_rows("detections"))
    with open_sql(store, CAMERAS, FEATURES) as con:
        assert not spatial_available(con)
        assert rows_of(con, "SELECT count(*) FROM detections") == [(3,)]
        assert rows_of(con, "SELECT geometry FROM features WHERE feature_id = 'hall'")[0][0] == box(0, 0, 2, 2).wkt
        with pytest.raises(QueryError, match="install the package duckdb-extension-spatial"):
            run_query(con, "SELECT in_zone(1, 1, 'hall')")


def test_nothing_is_written_to_home_or_the_current_folder(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "empty"))
    monkeypatch.chdir(tmp_path / "empty")
    put(store, "detections", make_rows("detections"))
    with open_sql(store, CAMERAS, FEATURES) as con:
        run_query(con, "SELECT * FROM detections ORDER BY time")
        run_query(con, "SELECT in_zone(1, 1, 'hall')" if spatial_available(con) else "SELECT 1")
    assert list((tmp_path / "empty").iterdir()) == []


# Read-only


@pytest.mark.parametrize(
    "query",
    [
        "SELECT 1",
        "WITH x AS (SELECT 1) SELECT * FROM x;",
        "FROM detections LIMIT 1",
        "VALUES (1)",
        "-- a comment\nSELECT 1",
        "EXPLAIN SELECT 1",
        "EXPLAIN ANALYZE SELECT count(*) FROM detections",
        "EXPLAIN (FORMAT json) SELECT 1",
        "explain analyze with x as (select 1) from x",
        "DESCRIBE detections",
        "SHOW TABLES",
        "SUMMARIZE detections",
        "PRAGMA table_info('detections')",
        "PIVOT detections ON camera IN ('cam1') USING count(*)",
    ],
)
def test_what_a_query_may_be(con: duckdb.DuckDBPyConnection, query: str) -> None:
    assert run_query(con, query).num_rows > 0


@pytest.mark.parametrize(
    "query",
    [
        "COPY (SELECT 1) TO '{store}/detections/x.csv'",
        "EXPLAIN ANALYZE COPY (SELECT 1) TO '{store}/detections/x.csv'",
        "EXPLAIN /* */ ANALYZE COPY (SELECT 1) TO '{store}/detections/x.csv'",
        "/* */ EXPLAIN ANALYZE COPY (SELECT 1) TO '{store}/detections/x.csv'",
        "EXPLAIN (ANALYZE) COPY (SELECT 1) TO '{store}/detections/x.csv'",
        "EXPLAIN ANALYZE CREATE TABLE x AS SELECT 1",
        "EXPLAIN ANALYZE EXPLAIN ANALYZE COPY (SELECT 1) TO '{store}/detections/x.csv'",
        "SELECT 1; COPY (SELECT 1) TO '{store}/detections/x.csv'",
        "SELECT * FROM query('COPY (SELECT 1) TO ''{store}/detections/x.csv''')",
        "ATTACH '{store}/x.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "CREATE TABLE x AS SELECT 1",
        "CREATE TEMP VIEW x AS SELECT 1",
        "CREATE MACRO x() AS 1",
        "DROP VIEW detections",
        "DELETE FROM cameras",
        "UPDATE cameras SET name = ''",
        "INSERT INTO cameras SELECT * FROM cameras",
        "SET threads = 1",
        "SET VARIABLE x = 1",
        "RESET threads",
        "SET enable_external_access = true",
        "PRAGMA profile_output = '{store}/x'",
        "PRAGMA enable_profiling",
        "CALL enable_logging(storage = 'file')",
        "EXPORT DATABASE '{store}/x'",
        "PREPARE x AS SELECT 1",
        "BEGIN",
        "USE memory",
        "CHECKPOINT",
        "VACUUM",
    ],
)
def test_what_a_query_may_not_be(con: duckdb.DuckDBPyConnection, filled: Store, query: str) -> None:
    before = sorted(filled.root.rglob("*"))
    with pytest.raises(QueryError) as caught:
        run_query(con, query.format(store=filled.root))
    assert "\n" not in str(caught.value)
    assert sorted(filled.root.rglob("*")) == before
    assert rows_of(con, "SELECT count(*) FROM cameras") == [(2,)]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM read_text('{secret}')",
        "SELECT * FROM read_blob('{secret}')",
        "SELECT * FROM read_csv('{secret}')",
        "SELECT * FROM '{secret}'",
        "SELECT * FROM read_json('{secret}')",
        "SELECT * FROM sniff_csv('{secret}')",
        "SELECT * FROM glob('{outside}/*')",
        "SELECT * FROM read_text('{outside}/*')",
        "SELECT * FROM read_text('{store}/detections/../../secret.csv')",
        "SELECT * FROM read_text('{store}/_receipts/**')",
        "SELECT * FROM read_parquet('{outside}/other.parquet')",
        "SELECT * FROM parquet_metadata('{outside}/other.parquet')",
        "SELECT * FROM read_text('/proc/self/environ')",
        "SELECT * FROM read_csv('http://127.0.0.1:9/x.csv')",
        "SELECT getenv('HOME')",
        "SELECT * FROM a_python_variable",
        "SELECT * FROM sqlite_scan('{secret}', 'x')",
    ],
)
def test_a_query_reads_nothing_else(con: duckdb.DuckDBPyConnection, filled: Store, query: str) -> None:
    a_python_variable = make_rows("detections")
    outside = filled.root.parent
    secret = outside / "secret.csv"
    secret.write_text("word\nhush\n")
    pq.write_table(a_python_variable, outside / "other.parquet")
    with pytest.raises(QueryError) as caught:
        run_query(con, query.format(secret=secret, outside=outside, store=filled.root))
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("suffix", ["geojson", "gpkg", "fgb", "shp"])
def test_gis_readers_read_nothing_else(spatial: duckdb.DuckDBPyConnection, tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"layer.{suffix}"
    gpd.GeoDataFrame({"a": [1]}, geometry=[Point(1, 2)], crs=28992).to_file(file)
    layer = f'<OGRVRTLayer name="layer"><SrcDataSource>{file}</SrcDataSource></OGRVRTLayer>'
    vrt = f"<OGRVRTDataSource>{layer}</OGRVRTDataSource>"
    for source in (file, f"file://{file}", f"/vsisubfile/0_100000,{file}", vrt):
        for reader in ("ST_Read", "ST_Read_Meta", "ST_ReadSHP"):
            with pytest.raises(QueryError):
                run_query(spatial, f"SELECT * FROM {reader}('{source}')")


def test_unsafe_lifts_that(store: Store, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a\n1\n")
    with open_sql(store, unsafe=True) as con:
        assert rows_of(con, f"SELECT * FROM read_csv('{tmp_path}/x.csv')") == [(1,)]
        run_query(con, f"COPY (SELECT 2 AS a) TO '{tmp_path}/y.csv'")
        assert rows_of(con, "CREATE TABLE t AS SELECT 3 AS b; SELECT b FROM t") == [(3,)]
    assert (tmp_path / "y.csv").read_text() == "a\n2\n"


# Errors


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("", "no statement"),
        ("  -- nothing", "no statement"),
        ("SELEKT 1", 'syntax error at or near "SELEKT"'),
        ("SELECT 'open", "unterminated"),
        ("SELECT * FROM nowhere", "nowhere does not exist"),
        ("SELECT nothing FROM detections", '"nothing" not found'),
        ("SELECT 1; SELECT 2", "one statement at a time"),
        ("SELECT CAST('x' AS INTEGER)", "Could not convert"),
    ],
)
def test_errors_are_one_line(con: duckdb.DuckDBPyConnection, query: str, message: str) -> None:
    with pytest.raises(QueryError) as caught:
        run_query(con, query)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_columns_of_one_name_are_told_apart(con: duckdb.DuckDBPyConnection) -> None:
    assert run_query(con, "SELECT 1 AS a, 2 AS a, 3 AS a_1").column_names == ["a", "a_2", "a_1"]


def test_ctrl_c_ends_a_query(con: duckdb.DuckDBPyConnection) -> None:
    timer = threading.Timer(0.3, signal.raise_signal, [signal.SIGINT])
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        run_query(con, "SELECT count(*) FROM range(100000000) a, range(100000) b WHERE a.range * b.range % 7 = 3")
    assert rows_of(con, "SELECT 1") == [(1,)]


def test_a_large_sort_spills_and_leaves_nothing(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = storage.sql._lock

    def lock_small(con: duckdb.DuckDBPyConnection, root: Path) -> None:
        con.execute("SET memory_limit = '40MB'")
        lock(con, root)

    monkeypatch.setattr(storage.sql, "_lock", lock_small)
    monkeypatch.setattr(storage.sql.tempfile, "gettempdir", lambda: str(tmp_path))
    numbered = "SELECT row_number() OVER (ORDER BY hash(i)) AS n FROM range(1500000) t(i)"
    with open_sql(store) as con:
        assert rows_of(con, f"SELECT max(n) FROM ({numbered})") == [(1_500_000,)]
        assert list(tmp_path.glob("nightshift-sql-*"))
    assert not list(tmp_path.glob("nightshift-sql-*"))


def test_cursors_see_the_same(con: duckdb.DuckDBPyConnection) -> None:
    cursor = con.cursor()
    assert run_query(cursor, "SELECT count(*) FROM detections")[0][0].as_py() == 12
    with pytest.raises(QueryError):
        run_query(cursor, "SELECT * FROM read_text('/proc/self/environ')")


def test_receipts_are_a_table(con: duckdb.DuckDBPyConnection) -> None:
    receipt = make_receipt(op="detections", camera="cam2")
    found = rows_of(con, "SELECT op, committed, rows FROM receipts WHERE camera = 'cam2' AND date = '2026-03-02'")
    assert found == [(receipt.op, receipt.committed, 7)]
