"""A connection reads the store and nothing else."""

import tempfile
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path

import duckdb
import fsspec
import geopandas as gpd
import pyarrow.parquet as pq
import pytest
from shapely.geometry import Point

import storage.sql.connection
from schemas.errors import QueryError
from schemas.tables import TABLES
from schemas.tables.views import VIEWS
from storage.maintenance.compaction import compact
from storage.sql.connection import open_sql
from storage.sql.macros import spatial_available
from storage.sql.query import run_query
from storage.store.store import Store
from tests.storage.rows import make_rows, put
from tests.storage.sql_site import make_site, rows_of


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


@pytest.mark.slow
def test_a_large_sort_spills_and_leaves_nothing(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = storage.sql.connection._lock

    def lock_small(con: duckdb.DuckDBPyConnection, root: str, readable: Iterable[str]) -> None:
        con.execute("SET memory_limit = '40MB'")
        lock(con, root, readable)

    monkeypatch.setattr(storage.sql.connection, "_lock", lock_small)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    numbered = "SELECT row_number() OVER (ORDER BY hash(i)) AS n FROM range(1500000) t(i)"
    with open_sql(store) as con:
        assert rows_of(con, f"SELECT max(n) FROM ({numbered})") == [(1_500_000,)]
        (spill,) = tmp_path.glob("nightshift-*/*")
        assert spill.parent.stat().st_mode & 0o777 == 0o700, "it holds rows of sensitive tables"
    assert not list(tmp_path.glob("nightshift-*/*"))


@pytest.mark.parametrize("folder", ["a b'c", "x[1]*?", "camera=zz", "date=2020-01-01", "ünï"])
def test_any_folder_can_hold_a_store(tmp_path: Path, folder: str) -> None:
    store = Store.create(tmp_path / folder / "store")
    put(store, "detections", make_rows("detections"))
    with open_sql(store) as con:
        for table in ("detections", "detections_all"):
            assert rows_of(con, f"SELECT DISTINCT camera, date FROM {table}") == [("cam1", date(2026, 3, 2))]


def test_a_connection_stays_as_it_was_opened(store: Store) -> None:
    put(store, "detections", make_rows("detections", 2), unit="a")
    with open_sql(store) as con:
        put(store, "detections", make_rows("detections", 3), unit="b", fingerprint="e" * 64)
        assert rows_of(con, "SELECT count(*) FROM detections") == [(2,)]
        compact(store)
        assert rows_of(con, "SELECT count(*) FROM detections") == [(2,)]
        assert rows_of(con, "SELECT count(*) FROM receipts") == [(1,)]


def test_cursors_see_the_same(store: Store, tmp_path: Path) -> None:
    put(store, "detections", make_rows("detections"))
    with open_sql(store, make_site(tmp_path / "site")) as con:
        cursor = con.cursor()
        for table in ("detections", "detections_all", "receipts", "features"):
            assert rows_of(cursor, f"SELECT count(*) FROM {table}") == rows_of(con, f"SELECT count(*) FROM {table}")
        assert rows_of(cursor, "SELECT count(*) FROM features") == [(3,)]
        with pytest.raises(QueryError):
            run_query(cursor, "SELECT * FROM read_text('/proc/self/environ')")


def test_a_connection_for_one_query_has_what_it_names(store: Store) -> None:
    put(store, "detections", make_rows("detections"))
    put(store, "tracks", make_rows("tracks"))
    with open_sql(store, query="SELECT count(*) FROM Detections") as con:
        assert rows_of(con, "SELECT count(*) FROM detections") == [(3,)]
        assert rows_of(con, "SELECT count(*) FROM receipts") == [(2,)]
        assert run_query(con, "DESCRIBE tracks_all").num_rows == len(TABLES["tracks"].columns) + 7
        for hidden in ("tracks", "detections_all", "cameras", "features"):
            with pytest.raises(QueryError, match="as one word in the query"):
                run_query(con, f"FROM {hidden}")
        for text in ("FROM tracks WHERE camera = 'cam1'", "SELECT unit FROM detections_all WHERE current"):
            with pytest.raises(QueryError, match="as one word in the query"):
                run_query(con, text)


@pytest.mark.parametrize("query", ["SHOW TABLES", "SELECT table_name FROM information_schema.tables", None])
def test_a_list_of_tables_has_those_that_the_query_does_not_name(store: Store, query: str | None) -> None:
    with open_sql(store, query=query) as con:
        listed = {name for (name,) in rows_of(con, query or "SHOW TABLES")}
    assert listed >= {*TABLES, *VIEWS, "detections_all"}


def test_a_name_that_is_wrong_is_set_right_whatever_the_query_names(store: Store) -> None:
    for wrong, right in (("FROM detection", "detections"), ("FROM heat_maps(1)", "heat_map")):
        with open_sql(store, query=wrong) as con, pytest.raises(QueryError, match=f'Did you mean "{right}"'):
            run_query(con, wrong)


def test_views_are_created_when_they_are_named(store: Store) -> None:
    with open_sql(store, query="FROM detections") as con:
        listed = {name for (name,) in con.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall()}
        assert "detections" in listed and not listed & {"tracks", "tracks_all", "detections_all", "coverage"}


@pytest.fixture
def remote(store: Store) -> Iterator[Store]:
    """A store below a prefix of fsspec's file system in memory, beside a file that is not its own."""
    put(store, "detections", make_rows("detections"))
    memory = fsspec.filesystem("memory")
    memory.put(store.blobs.url, "/bucket/prefix", recursive=True)
    memory.pipe("/bucket/secret.csv", b"word\nhush\n")
    yield Store.open("memory://bucket/prefix")
    memory.rm("/bucket", recursive=True)


def test_an_object_store_is_read_below_its_prefix_only(remote: Store) -> None:
    with open_sql(remote) as con:
        for table in ("detections", "detections_all"):
            assert rows_of(con, f"SELECT count(*) FROM {table} WHERE camera = 'cam1'") == [(3,)]
        for source in (
            "read_text('memory://bucket/secret.csv')",
            "read_csv('memory:///bucket/secret.csv')",
            "read_text('memory://bucket/prefix/detections/../../secret.csv')",
            "read_text('memory://bucket/prefix/_receipts/**')",
            "glob('memory://bucket/*')",
            "read_text('/etc/passwd')",
        ):
            with pytest.raises(QueryError, match="disabled by configuration"):
                run_query(con, f"FROM {source}")
