import signal
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

import duckdb
import geopandas as gpd
import pyarrow.parquet as pq
import pytest
from shapely.geometry import Point

import storage.sql.connection
from schemas.errors import QueryError
from storage.sql.connection import open_sql
from storage.sql.macros import spatial_available
from storage.sql.query import run_query
from storage.store.store import Store
from tests.storage.rows import make_rows, put
from tests.storage.sql_site import make_site, rows_of


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store of two cameras and two days of detections, which no query can change."""
    store = Store.create(tmp_path_factory.mktemp("filled") / "store")
    for camera in ("cam1", "cam2"):
        for day in ("2026-03-02", "2026-03-03"):
            put(store, "detections", make_rows("detections", 3, camera), camera=camera, date=day)
    return store


@pytest.fixture(scope="module")
def con(filled: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """The filled store, opened."""
    with open_sql(filled, make_site(tmp_path_factory.mktemp("site"))) as connection:
        yield connection


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
        "DELETE FROM receipts",
        "UPDATE receipts SET op = ''",
        "INSERT INTO receipts SELECT * FROM receipts",
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
    before = sorted(Path(filled.blobs.url).rglob("*"))
    with pytest.raises(QueryError) as caught:
        run_query(con, query.format(store=Path(filled.blobs.url)))
    assert "\n" not in str(caught.value)
    assert sorted(Path(filled.blobs.url).rglob("*")) == before
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
    outside = Path(filled.blobs.url).parent
    secret = outside / "secret.csv"
    secret.write_text("word\nhush\n")
    pq.write_table(a_python_variable, outside / "other.parquet")
    with pytest.raises(QueryError) as caught:
        run_query(con, query.format(secret=secret, outside=outside, store=Path(filled.blobs.url)))
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    "query",
    [
        "ATTACH '{outside}/x.db'",
        "COPY (SELECT 1) TO '{outside}/x.csv'",
        "COPY (SELECT 1) TO '{outside}/store/_receipts/x.json'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "SET allowed_directories = ['/']",
        "FROM read_csv('/etc/passwd')",
        "FROM read_text('http://127.0.0.1:9/x')",
        "EXPORT DATABASE '{outside}/x'",
    ],
)
def test_the_connection_itself_is_locked(con: duckdb.DuckDBPyConnection, filled: Store, query: str) -> None:
    with pytest.raises(duckdb.Error):
        con.execute(query.format(outside=Path(filled.blobs.url).parent))


@pytest.fixture
def spatial(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    if not spatial_available(con):
        pytest.skip("no package duckdb-extension-spatial for this machine")
    return con


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
        ("FROM layer_nowhere", "layer_nowhere does not exist"),
    ],
)
def test_errors_are_one_line(con: duckdb.DuckDBPyConnection, query: str, message: str) -> None:
    with pytest.raises(QueryError) as caught:
        run_query(con, query)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_columns_of_one_name_get_numbers(con: duckdb.DuckDBPyConnection) -> None:
    assert run_query(con, "SELECT 1 AS a, 2 AS a, 3 AS a_1").column_names == ["a", "a_2", "a_1"]


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Ctrl-C is heard, also where the tests run in the background of a shell, which ignores it there."""
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, former)


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_ends_a_query(con: duckdb.DuckDBPyConnection) -> None:
    timer = threading.Timer(0.3, signal.raise_signal, [signal.SIGINT])
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        run_query(con, "SELECT count(*) FROM range(100000000) a, range(100000) b WHERE a.range * b.range % 7 = 3")
    assert rows_of(con, "SELECT 1") == [(1,)]


@pytest.mark.slow
def test_a_large_sort_spills_and_leaves_nothing(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = storage.sql.connection._lock

    def lock_small(con: duckdb.DuckDBPyConnection, root: str, readable: Iterable[str]) -> None:
        con.execute("SET memory_limit = '40MB'")
        lock(con, root, readable)

    monkeypatch.setattr(storage.sql.connection, "_lock", lock_small)
    monkeypatch.setattr(storage.sql.connection.tempfile, "gettempdir", lambda: str(tmp_path))
    numbered = "SELECT row_number() OVER (ORDER BY hash(i)) AS n FROM range(1500000) t(i)"
    with open_sql(store) as con:
        assert rows_of(con, f"SELECT max(n) FROM ({numbered})") == [(1_500_000,)]
        assert list(tmp_path.glob("nightshift-sql-*"))
    assert not list(tmp_path.glob("nightshift-sql-*"))
