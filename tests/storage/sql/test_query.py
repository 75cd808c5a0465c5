import signal
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from schemas.errors import QueryError
from schemas.site_limits import SqlConfig
from storage.machine import usable_memory_bytes
from storage.sql.connection import open_sql
from storage.sql.query import run_query
from storage.store.store import Store
from tests.storage.sql_site import make_site, rows_of

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


# Limits


@pytest.mark.parametrize(
    "query",
    [
        "SELECT count(DISTINCT h) FROM (SELECT hash(range) AS h FROM range(5000000))",
        "SELECT list(range) FROM range(20000000)",
        "SELECT range AS a, range AS b FROM range(20000000)",
        "SELECT INTERVAL 1 DAY AS i, range FROM range(20000000)",
    ],
)
def test_a_query_that_needs_too_much_is_refused(tmp_path: Path, query: str) -> None:
    site = make_site(tmp_path)
    limits = SqlConfig(memory_gb=0.05, spill_gb=0.01)
    small = replace(site, config=site.config.model_copy(update={"sql": limits}))
    with open_sql(Store.open(small.store), small) as con:
        with pytest.raises(QueryError, match=r"raise memory_gb or spill_gb in \[sql\] of site.toml") as raised:
            run_query(con, query)
        assert "\n" not in str(raised.value)
        assert rows_of(con, "SELECT count(*) FROM range(1000)") == [(1000,)]
    with open_sql(Store.open(site.store), site) as con:
        assert run_query(con, query).num_rows > 0


def test_limits_are_within_what_there_is(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    greedy = replace(site, config=site.config.model_copy(update={"sql": SqlConfig(memory_gb=1e6, spill_gb=1e6)}))
    for opened, gigabytes in ((site, 4), (greedy, usable_memory_bytes() * 0.75 / 1e9)):
        with open_sql(Store.open(opened.store), opened) as con:
            ((shown,),) = rows_of(con, "SELECT current_setting('memory_limit')")
            assert float(str(shown).removesuffix(" GiB")) * 1.024**3 == pytest.approx(gigabytes, rel=0.05)
