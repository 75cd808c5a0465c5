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
    assert row["i"] and row["u"]
    assert write_result(table, "csv", None).count("\n") == 2
    with pytest.raises(QueryError, match="cast the column"):
        write_result(table, "parquet", tmp_path / "x.parquet")
    assert not (tmp_path / "x.parquet").exists()
