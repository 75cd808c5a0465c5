import csv
import io
import json
import math
import os
import threading
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.errors import QueryError, UserError
from schemas.tables import TABLES
from storage.exports.results import write_result
from storage.sql.connection import open_sql
from storage.sql.query import run_query
from storage.store.store import Store
from tests.storage.rows import make_rows

MIXED = pa.table(
    {
        "time": pa.array([datetime(2026, 3, 2, 22, 0, 0, 500, tzinfo=UTC), None], pa.timestamp("us", tz="UTC")),
        "local": pa.array([datetime(2026, 3, 2, 23), None], pa.timestamp("us")),
        "date": pa.array([date(2026, 3, 2), None]),
        "text": ['a "b", c\nd', None],
        "real": [1.5, math.nan],
        "whole": [1, None],
        "truth": [True, None],
        "bytes": [b"\x00\xff", None],
        "sum": pa.array([Decimal(7), None], pa.decimal128(38, 0)),
        "list": [[1, 2], None],
        "struct": [{"a": 1.5}, None],
    }
)


def test_json_is_a_list_of_rows() -> None:
    first, second = json.loads(write_result(MIXED, "json", None))
    assert first == {
        "time": "2026-03-02T22:00:00.000500Z",
        "local": "2026-03-02T23:00:00",
        "date": "2026-03-02",
        "text": 'a "b", c\nd',
        "real": 1.5,
        "whole": 1,
        "truth": True,
        "bytes": "AP8=",
        "sum": 7,
        "list": [1, 2],
        "struct": {"a": 1.5},
    }
    assert set(second.values()) == {None}


def test_csv_has_a_header_and_empty_fields() -> None:
    text = write_result(MIXED, "csv", None)
    header, first, second = csv.reader(io.StringIO(text))
    assert header == MIXED.column_names
    assert dict(zip(header, first, strict=True)) == {
        "time": "2026-03-02T22:00:00.000500Z",
        "local": "2026-03-02T23:00:00",
        "date": "2026-03-02",
        "text": 'a "b", c\nd',
        "real": "1.5",
        "whole": "1",
        "truth": "true",
        "bytes": "AP8=",
        "sum": "7",
        "list": "[1, 2]",
        "struct": '{"a": 1.5}',
    }
    assert second == ["", "", "", "", "nan", "", "", "", "", "", ""]


@pytest.mark.parametrize("name", TABLES)
def test_every_table_can_be_written(tmp_path: Path, name: str) -> None:
    rows = make_rows(name, 4)
    assert len(json.loads(write_result(rows, "json", None))) == 4
    assert len(list(csv.reader(io.StringIO(write_result(rows, "csv", None))))) == 5
    assert write_result(rows, "parquet", tmp_path / "x.parquet") == ""
    assert pq.read_table(tmp_path / "x.parquet").equals(rows)


def test_no_rows() -> None:
    empty = MIXED.slice(0, 0)
    assert json.loads(write_result(empty, "json", None)) == []
    assert write_result(empty, "csv", None) == ",".join(MIXED.column_names) + "\n"


def test_more_rows_than_a_chunk(tmp_path: Path) -> None:
    many = pa.table({"number": list(range(25_000))})
    write_result(many, "json", tmp_path / "x.json")
    assert [row["number"] for row in json.loads((tmp_path / "x.json").read_text())] == list(range(25_000))
    assert len(write_result(many, "csv", None).splitlines()) == 25_001


@pytest.mark.parametrize("format", ["csv", "json"])
def test_a_file_holds_what_the_text_says(tmp_path: Path, format: Literal["csv", "json"]) -> None:
    target = tmp_path / "out"
    target.write_text("old")
    assert write_result(MIXED, format, target) == ""
    assert target.read_text(encoding="utf-8") == write_result(MIXED, format, None)
    assert list(tmp_path.iterdir()) == [target]


def test_a_link_is_followed_and_a_pipe_written_to(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write_result(MIXED, "csv", tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").is_file()

    os.mkfifo(tmp_path / "pipe")
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append((tmp_path / "pipe").read_text()))
    reader.start()
    write_result(MIXED, "csv", tmp_path / "pipe")
    reader.join(10)
    assert read == [write_result(MIXED, "csv", None)]
    assert (tmp_path / "pipe").is_fifo()


def test_parquet_needs_a_file() -> None:
    with pytest.raises(UserError, match="-o FILE"):
        write_result(MIXED, "parquet", None)


def test_a_target_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot write"):
        write_result(MIXED, "csv", tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write"):
        write_result(MIXED, "csv", tmp_path / "file" / "below")


def test_results_of_queries_with_types_of_their_own(tmp_path: Path) -> None:
    with open_sql(Store.open(tmp_path / "none")) as con:
        table = run_query(
            con,
            "SELECT INTERVAL 1 DAY AS i, uuid() AS u, TIME '01:02' AS t, MAP {'a': 1} AS m, 1.50 AS d, sum(2) AS s, "
            "'inf'::DOUBLE AS f, TIMESTAMPTZ '2026-03-02 23:00:00+01' AS ts",
        )
    (row,) = json.loads(write_result(table, "json", None))
    assert (row["t"], row["m"], row["d"], row["s"], row["f"], row["ts"]) == (
        "01:02:00", [["a", 1]], 1.5, 2, None, "2026-03-02T22:00:00Z"
    )  # fmt: skip
    assert (row["i"], len(row["u"])) == ("1 day", 36)
    assert write_result(table, "csv", None).count("\n") == 2
    write_result(table, "parquet", tmp_path / "x.parquet")
    assert pq.read_table(tmp_path / "x.parquet")["i"].to_pylist() == ["1 day"]


def test_a_type_that_parquet_lacks(tmp_path: Path) -> None:
    intervals = pa.array([pa.MonthDayNano([0, 1, 0])], pa.month_day_nano_interval())
    with pytest.raises(QueryError, match="cast the column"):
        write_result(pa.table({"i": intervals}), "parquet", tmp_path / "x.parquet")
    assert not (tmp_path / "x.parquet").exists()


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\tx", "\rx", "\n=1", "=", "-", "--1", "-1e5x", "+cmd|' /C calc'!A0", "＝1+1",
     "-1 day =1", "-00:03:00+1", "=x;=1", "=x\r=1"],
)  # fmt: skip
def test_csv_text_is_no_formula(text: str) -> None:
    table = pa.table({text: [text], "list": [[text]], "label": pa.array([text]).dictionary_encode()})
    header, row = csv.reader(io.StringIO(write_result(table, "csv", None), newline=""))
    assert (header[0], row[0], row[2]) == (f"'{text}", f"'{text}", f"'{text}")
    assert json.loads(row[1]) == [text]
    assert json.loads(write_result(table, "json", None))[0][text] == text


@pytest.mark.parametrize(
    "value",
    [-1, -1.5, -math.inf, Decimal("-1.50"), "-1", "+31612345678", "-1.5e-3", "-.5", "-00:03:00", "-3 days -00:00:01.5",
     "-1 years -2 months", "a=1", "'=1", " =1", "", "2026-03-02", "- 1"],
)  # fmt: skip
def test_csv_numbers_stay_numbers(value: object) -> None:
    (_, row) = csv.reader(io.StringIO(write_result(pa.table({"v": [value], "w": [1]}), "csv", None)))
    assert row[0] == ("'- 1" if value == "- 1" else str(value))


def test_numbers_of_more_digits_than_a_float_has_stay_exact() -> None:
    table = pa.table({"v": pa.array([Decimal("12345678901234567890.12"), Decimal("0.10")], pa.decimal128(38, 2))})
    assert write_result(table, "csv", None) == "v\n12345678901234567890.12\n0.10\n"
    assert [row["v"] for row in json.loads(write_result(table, "json", None))] == ["12345678901234567890.12", 0.1]


@pytest.mark.parametrize("format", ["csv", "json"])
def test_a_time_that_python_cannot_hold(format: Literal["csv", "json"], tmp_path: Path) -> None:
    table = pa.table({"n": [1], "the time": pa.array([2**63 - 1], pa.timestamp("us"))})
    with pytest.raises(QueryError, match=r'column the time .* write CAST\("the time" AS VARCHAR\)'):
        write_result(table, format, tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_csv_cells_with_separators_of_any_spreadsheet_are_quoted() -> None:
    table = pa.table({"a": ["x;=1", "x\t=1", "x\r=1", None], "b": [1, 2, 3, 4]})
    assert write_result(table, "csv", None) == 'a,b\n"x;=1",1\n"x\t=1",2\n"x\r=1",3\n,4\n'
    assert write_result(table.select(["a"]).slice(3), "csv", None) == 'a\n""\n'


def test_geometries_are_wkt(tmp_path: Path) -> None:
    with open_sql(Store.open(tmp_path / "none")) as con:
        table = run_query(con, "SELECT ST_Point(1, 2) AS a, ST_Point(3, 4) AS b, NULL::GEOMETRY AS c")
    assert write_result(table, "csv", None) == "a,b,c\nPOINT (1 2),POINT (3 4),\n"
    assert json.loads(write_result(table, "json", None)) == [{"a": "POINT (1 2)", "b": "POINT (3 4)", "c": None}]
