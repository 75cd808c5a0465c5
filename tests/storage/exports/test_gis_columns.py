"""Every name and type of a column that DuckDB can give reaches every format, or a message names the column."""

import csv
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import pytest

from schemas.errors import QueryError
from storage.exports.geo import export
from storage.exports.gis_columns import free_name
from storage.sql.macros import load_spatial
from storage.sql.query import run_query
from tests.storage.exports.gis_files import RD, read

PLACE = "121000.0::DOUBLE AS x_m, 486000.0::DOUBLE AS y_m"
GDAL = (".geojson", ".gpkg")
ALL = (*GDAL, ".parquet", ".csv")


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(":memory:") as connection:
        load_spatial(connection)
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


def written(con: duckdb.DuckDBPyConnection, query: str, target: Path) -> list[dict[str, object]]:
    """Exports a query's result, and reads the attributes of its rows."""
    export(run_query(con, query), target, RD)
    if target.suffix == ".csv":
        with target.open(newline="") as file:
            return list(csv.DictReader(file))
    if target.suffix == ".parquet":
        return pq.read_table(target).drop_columns("geometry").to_pylist()
    if target.suffix == ".geojson":  # GDAL reads some text as times, and some names as keys
        return [feature["properties"] for feature in json.loads(target.read_text())["features"]]
    layer = target.stem if target.suffix == ".gpkg" else None  # beside it, a GeoPackage has styles
    frame = pyogrio.read_dataframe(target, layer=layer, read_geometry=False)
    return frame.to_dict("records")


@pytest.mark.parametrize("suffix", ALL)
@pytest.mark.parametrize(
    "name",
    ["Geometry", "GEOMETRY", "geom", "GEOM", "wkb_geometry", "fid", "FID", "ogc_fid", "OGC_FID", "rowid", "id", "type",
     "properties", "select", " ", "a\"b", "a'b", "a\nb", "a,b;c", "Straße", "日本", "n" * 300, "x;DROP TABLE a", "%s"],
)  # fmt: skip
@pytest.mark.parametrize("value", ["1", "'text'", "1.5"])
def test_a_column_keeps_its_name_and_values(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, name: str, value: str, suffix: str
) -> None:
    quoted = name.replace('"', '""')
    rows = written(con, f'SELECT {value} AS "{quoted}", {PLACE} FROM range(2)', tmp_path / f"out{suffix}")
    found = "OGC_FID_1" if (name, suffix) == ("OGC_FID", ".geojson") else name  # GDAL would take it for the key
    assert [str(row[found]) for row in rows] == [value.strip("'")] * 2


@pytest.mark.parametrize("suffix", ALL)
def test_names_that_are_the_same_get_a_number(con: duckdb.DuckDBPyConnection, tmp_path: Path, suffix: str) -> None:
    (row,) = written(con, f"SELECT 1 AS a, 2 AS a, 3 AS a_1, {PLACE}", tmp_path / f"same{suffix}")
    assert {name: int(str(value)) for name, value in row.items() if name.startswith("a")} == {
        "a": 1,
        "a_2": 2,
        "a_1": 3,
    }
    (row,) = written(con, f'SELECT 1 AS a, 2 AS "A", 3 AS "A_1", {PLACE}', tmp_path / f"case{suffix}")
    values = {name: int(str(value)) for name, value in row.items() if name.lower().startswith("a")}
    assert values == {"a": 1, "A_2" if suffix in GDAL else "A": 2, "A_1": 3}


@pytest.mark.parametrize("suffix", [*GDAL, ".parquet"])
def test_a_column_named_geometry_that_is_none_gets_a_number(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, suffix: str
) -> None:
    (row,) = written(con, f"SELECT 'x' AS geometry, 'y' AS \"Geometry\", {PLACE}", tmp_path / f"out{suffix}")
    assert (row["geometry_1"], row["Geometry"]) == ("x", "y")
    assert read(tmp_path / f"out{suffix}").geometry.iloc[0].geom_type == "Point"


TYPES = [
    ("170141183460469231731687303715884105727::HUGEINT", "170141183460469231731687303715884105727"),
    ("-7::HUGEINT", -7),
    ("sum(3)", 3),
    ("340282366920938463463374607431768211455::UHUGEINT", "340282366920938463463374607431768211455"),
    ("18446744073709551615::UBIGINT", "18446744073709551615"),
    ("9223372036854775807::UBIGINT", 9223372036854775807),
    ("1.50::DECIMAL(38, 10)", 1.5),
    ("12345678901234567890.12::DECIMAL(38, 2)", "12345678901234567890.12"),
    ("'ab0c0000-0000-0000-0000-000000000001'::UUID", "ab0c0000-0000-0000-0000-000000000001"),
    ("INTERVAL '1 month 3 days 1.5 seconds'", "1 month 3 days 00:00:01.5"),
    ("-INTERVAL 3 MINUTE", "-00:03:00"),
    ("TIMETZ '10:00:00+02'", "10:00:00+02"),
    ("'101'::BIT", "101"),
    ("union_value(n := 2)", "2"),
    ("42::VARIANT", "42"),
    ("'x'::ENUM('x', 'y')", "x"),
    ("TRUE", True),
    ("NULL", None),
    ("NULL::INTERVAL", None),
    ("NULL::STRUCT(a INT)", None),
]


@pytest.mark.parametrize("suffix", ALL)
@pytest.mark.parametrize(("value", "expected"), TYPES)
def test_a_value_of_every_type(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, value: str, expected: object, suffix: str
) -> None:
    query = f"SELECT {value} AS v, any_value(121000.0) AS x_m, any_value(486000.0) AS y_m"
    (row,) = written(con, query, tmp_path / f"out{suffix}")
    found = row["v"]
    if suffix == ".csv":
        shown = {None: "", True: "true"}.get(expected, str(expected))  # type: ignore[call-overload]
        assert str(found).rstrip("0") == shown.rstrip("0") if expected == 1.5 else found == shown
    elif expected is None:
        assert found is None or pd.isna(found)
    else:
        assert str(found) == str(expected) or float(str(found)) == float(str(expected))


NESTED = [
    ("{'a': 1, 'b': [1.5, NULL]}", {"a": 1, "b": [1.5, None]}),
    ("[DATE '2026-03-02']", ["2026-03-02"]),
    ("{'t': TIMESTAMPTZ '2026-03-02 10:00:00+00', 'n': 'nan'::DOUBLE}", {"t": "2026-03-02T10:00:00Z", "n": None}),
    ("MAP {'a': INTERVAL 1 DAY}", [["a", "1 day"]]),
    ("[[1], []]", [[1], []]),
]


@pytest.mark.parametrize("suffix", [".gpkg", ".csv"])
@pytest.mark.parametrize(("value", "expected"), NESTED)
def test_nested_values_are_json(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, value: str, expected: object, suffix: str
) -> None:
    (row,) = written(con, f"SELECT {value} AS v, {PLACE}", tmp_path / f"out{suffix}")
    assert json.loads(str(row["v"])) == expected


@pytest.mark.parametrize("suffix", ALL)
@pytest.mark.parametrize("time", ["'infinity'::TIMESTAMP", "'-infinity'::DATE", "'12000-01-01'::TIMESTAMPTZ",
                                  "'0044-03-15 (BC)'::DATE"])  # fmt: skip
def test_a_time_that_no_format_but_parquet_holds(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, time: str, suffix: str
) -> None:
    rows = run_query(con, f'SELECT {time} AS "the time", {PLACE}')
    target = tmp_path / f"out{suffix}"
    if suffix == ".parquet":
        assert export(rows, target, RD).rows == 1
        same = con.execute(f"SELECT \"the time\" = {time} FROM '{target}'").fetchone()
        assert same == (True,)
        return
    with pytest.raises(QueryError, match=r'column the time has a time outside .* CAST\("the time" AS VARCHAR\)'):
        export(rows, target, RD)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", GDAL)
def test_text_that_gdal_would_cut_off(con: duckdb.DuckDBPyConnection, tmp_path: Path, suffix: str) -> None:
    with pytest.raises(QueryError, match=r'column v has text with a NUL character.*replace\("v", chr\(0\)'):
        written(con, f"SELECT 'a' || chr(0) || 'b' AS v, {PLACE}", tmp_path / f"out{suffix}")


@pytest.mark.parametrize("suffix", ALL)
def test_a_second_geometry_is_text(con: duckdb.DuckDBPyConnection, tmp_path: Path, suffix: str) -> None:
    query = "SELECT ST_Point(121000, 486000) AS a, ST_Point(121000, 486001) AS b"
    (row,) = written(con, query, tmp_path / f"out{suffix}")
    assert row["b"] == "POINT (121000 486001)"


def test_the_keys_of_a_geopackage_are_beside_the_columns(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    target = tmp_path / "out.gpkg"
    export(run_query(con, f"SELECT 7 AS fid, 'x' AS geom, 8 AS \"FID_1\", {PLACE} FROM range(2)"), target, RD)
    with closing(sqlite3.connect(target)) as database:
        names = [row[1] for row in database.execute("PRAGMA table_info('out')")]
        assert names[:2] == ["fid_2", "geom_1"]
        assert database.execute("SELECT fid_2, fid, geom FROM out").fetchall() == [(1, 7, "x"), (2, 7, "x")]


def test_a_free_name_differs_in_more_than_capital_letters() -> None:
    assert free_name("fid", ["a"]) == "fid"
    assert free_name("fid", ["FID", "Fid_1"]) == "fid_2"


def test_nanoseconds_become_microseconds(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    target = tmp_path / "out.geojson"
    export(run_query(con, f"SELECT '2026-03-02 10:00:00.123456789'::TIMESTAMP_NS AS t, {PLACE}"), target, RD)
    assert json.loads(target.read_text())["features"][0]["properties"]["t"] == "2026-03-02T10:00:00.123456"


def test_columns_without_rows_stay_columns(tmp_path: Path, con: duckdb.DuckDBPyConnection) -> None:
    rows = run_query(con, f"SELECT NULL AS a, INTERVAL 1 DAY AS b, [1] AS c, sum(1) AS d, {PLACE} GROUP BY ALL LIMIT 0")
    for suffix in ALL:
        assert export(rows, tmp_path / f"out{suffix}", RD).rows == 0
    assert list(pyogrio.read_info(tmp_path / "out.gpkg", layer="out")["fields"]) == ["a", "b", "c", "d", "x_m", "y_m"]
    assert isinstance(rows, pa.Table)
