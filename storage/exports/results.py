"""Writes query results as CSV, JSON and Parquet."""

import base64
import csv
import io
import json
import math
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.errors import QueryError, UserError
from storage.files import atomic_file

ResultFormat = Literal["csv", "json", "parquet"]
_BATCH_ROWS = 10_000


def write_result(table: pa.Table, format: ResultFormat, target: Path | None) -> str:
    """Writes a result to a file atomically, or returns it as text.

    CSV has a header and empty fields for null. JSON is a list of one object per row. In both, times are ISO 8601 with
    ``Z`` for UTC, and binary values are base64; NaN and infinity are null in JSON.

    Args:
        table: the result.
        format: the file format.
        target: the file, replaced if it exists; None to return the text.

    Returns:
        The text; empty if ``target`` was given.

    Raises:
        UserError: the target cannot be written, or none is given for Parquet.
        QueryError: the result has a type that the format cannot hold.
    """
    if target is None:
        if format == "parquet":
            raise UserError("a Parquet result is not text: name a file with -o FILE")
        return "".join(_TEXT[format](table))
    try:
        # A pipe or /dev/stdout must be written to, not replaced by a file.
        special = target.exists() and not target.is_file()
        with target.open("wb") if special else atomic_file(target.resolve()) as file:
            _fill(table, format, file)
    except OSError as error:
        raise UserError(f"cannot write {target}: {error.strerror}; name another file with -o FILE") from error
    return ""


def _fill(table: pa.Table, format: ResultFormat, file: BinaryIO) -> None:
    if format != "parquet":
        file.writelines(piece.encode() for piece in _TEXT[format](table))
        return
    try:
        pq.write_table(table, file, compression="zstd")
    except pa.ArrowException as error:
        raise QueryError(f"this result cannot be written as Parquet: {error}; cast the column in the query") from error


def _csv(table: pa.Table) -> Iterator[str]:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.column_names)
    for rows in _batches(table):
        writer.writerows([_csv_field(value) for value in row.values()] for row in rows)
        yield text.getvalue()
        text.seek(0)
        text.truncate()
    yield text.getvalue()


def _csv_field(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return value
    plain = _plain(value)
    return json.dumps(plain, ensure_ascii=False) if isinstance(plain, list | dict) else plain


def _json(table: pa.Table) -> Iterator[str]:
    before = "[\n"
    for rows in _batches(table):
        lines = (json.dumps(_plain(row), ensure_ascii=False, allow_nan=False) for row in rows)
        yield before + ",\n".join(lines)
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


_TEXT: dict[str, Callable[[pa.Table], Iterator[str]]] = {"csv": _csv, "json": _json}


def _batches(table: pa.Table) -> Iterator[list[dict[str, object]]]:
    """Yields rows as Python values, in batches that bound the memory."""
    for start in range(0, table.num_rows, _BATCH_ROWS):
        yield table.slice(start, _BATCH_ROWS).to_pylist()


def _plain(value: object) -> object:
    """Returns a value that JSON can hold."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Decimal):
        # DuckDB's sums of integers have 128 bits and arrive as decimals.
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list) or type(value) is tuple:
        return [_plain(each) for each in value]
    return str(value)
