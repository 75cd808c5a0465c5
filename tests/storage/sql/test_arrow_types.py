from collections.abc import Iterator

import duckdb
import pyarrow as pa
import pytest

from storage.sql.arrow_types import fetch_arrow


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(":memory:") as connection:
        yield connection


def fetch(con: duckdb.DuckDBPyConnection, query: str) -> pa.Table:
    (statement,) = con.extract_statements(query)
    return fetch_arrow(con, statement)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("INTERVAL 3 MINUTE", "00:03:00"),
        ("INTERVAL '1 month 3 days 1.5 seconds'", "1 month 3 days 00:00:01.5"),
        ("-INTERVAL 3 MINUTE", "-00:03:00"),
        ("TIMESTAMPTZ '2026-03-03 10:00:00.5+00' - TIMESTAMPTZ '2026-03-02 09:00:00+00'", "1 day 01:00:00.5"),
        ("340282366920938463463374607431768211455::UHUGEINT", "340282366920938463463374607431768211455"),
        ("TIMETZ '10:00:00+02'", "10:00:00+02"),
        ("'10:00:00.123456789'::TIME_NS", "10:00:00.123456789"),
        ("'101'::BIT", "101"),
        ("'123456789012345678901234567890123456789012'::BIGNUM", "123456789012345678901234567890123456789012"),
        ("42::VARIANT", "42"),
        ("union_value(n := 2)", "2"),
        ("[INTERVAL 1 DAY, NULL]", ["1 day", None]),
        ("[INTERVAL 1 DAY]::INTERVAL[1]", ["1 day"]),
        ("{'a b': INTERVAL 1 DAY, 'size': 2}", {"a b": "1 day", "size": 2}),
        ("[{'a': [INTERVAL 1 DAY]}]", [{"a": ["1 day"]}]),
        ("MAP {'a': INTERVAL 1 DAY}", [("a", "1 day")]),
        ("row(INTERVAL 1 DAY, 2)", "(1 day, 2)"),
        ("[row(1, 2)]", ["(1, 2)"]),
        ("NULL::INTERVAL", None),
    ],
)
def test_types_that_arrow_lacks_are_text(con: duckdb.DuckDBPyConnection, value: str, text: object) -> None:
    assert fetch(con, f"SELECT {value} AS v, 7 AS other").to_pylist() == [{"v": text, "other": 7}]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT INTERVAL 1 DAY AS a, 2 AS a; -- the end",
        "/* ; */ FROM (VALUES (INTERVAL 1 DAY, 2)) AS t(a, a_1);;",
        'WITH t AS (SELECT INTERVAL 1 DAY AS a, 2 AS "a""b") FROM t',
        "SELECT a, 2 FROM (SELECT unnest([INTERVAL 2 DAY, INTERVAL 1 DAY]) AS a) ORDER BY a LIMIT 1",
        'SELECT INTERVAL 1 DAY AS "#2", 2',
    ],
)
def test_any_query_may_have_them(con: duckdb.DuckDBPyConnection, query: str) -> None:
    columns = fetch(con, query).columns
    assert [column.to_pylist() for column in columns] == [["1 day"], [2]]


def test_no_rows_keep_their_columns(con: duckdb.DuckDBPyConnection) -> None:
    table = fetch(con, "SELECT INTERVAL 1 DAY AS a FROM range(0)")
    assert (table.num_rows, table.column_names, table.schema.field("a").type) == (0, ["a"], pa.string())


def test_other_types_are_as_arrow_has_them(con: duckdb.DuckDBPyConnection) -> None:
    table = fetch(con, "SELECT 1::TINYINT AS n, [1.5]::DECIMAL(3, 1)[] AS d, {'a': DATE '2026-03-02'} AS s")
    assert [str(kind) for kind in table.schema.types] == [
        "int8", "list<l: decimal128(3, 1)>", "struct<a: date32[day]>"
    ]  # fmt: skip
