"""Writes query results as CSV, JSON and Parquet, and gives their rows as Python values."""

import base64
import json
import math
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas.errors import QueryError, UserError
from storage.exports.geometry_columns import is_geometry
from storage.files import atomic_file
from storage.sql.text import quote_name

ResultFormat = Literal["csv", "json", "parquet"]
_BATCH_ROWS = 10_000
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""How text begins that a spreadsheet may run; some read the wide characters as the narrow ones."""
_QUOTE = '"'
_QUOTED = re.compile(r'[",;\t\r\n]')
"""What a cell is quoted for; some spreadsheets end cells at a semicolon or a tab."""
_QUANTITY = re.compile(
    r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?"  # a number
    r"|(-?\d+ (years?|months?|days?) ?)*(-?\d+:\d\d:\d\d(\.\d+)?)?"  # DuckDB's text of an interval
)


def write_result(table: pa.Table, format: ResultFormat, target: Path | None) -> str:
    """Writes a result to a file atomically, or returns it as text.

    CSV has a header and empty fields for null. JSON is a list of one object per row. In both, times are ISO 8601 with
    ``Z`` for UTC, geometries WKT, and binary values base64; NaN and infinity are null in JSON. Text that a spreadsheet
    would run as a formula begins with an apostrophe in CSV.

    Args:
        table: the result.
        format: the file format.
        target: the file, replaced if it exists; None to return the text.

    Returns:
        The text; empty if ``target`` was given.

    Raises:
        UserError: the target cannot be written, or none is given for Parquet.
        QueryError: the result has a type or a value that the format cannot hold.
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


def result_rows(table: pa.Table) -> Iterator[tuple[object, ...]]:
    """Yields rows as Python values, in batches that bound the memory; geometries are WKT.

    Raises:
        QueryError: a column has a time that Python cannot hold.
    """
    for start in range(0, table.num_rows, _BATCH_ROWS):
        batch = table.slice(start, _BATCH_ROWS)
        yield from zip(*(_values(batch, number) for number in range(table.num_columns)), strict=True)


def plain(value: object) -> object:
    """Returns a value that JSON can hold."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Decimal):
        # DuckDB's sums of integers have 128 bits and arrive as decimals.
        number = int(value) if value == value.to_integral_value() else float(value)
        return number if Decimal(str(number)) == value else str(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, list) or type(value) is tuple:
        return [plain(each) for each in value]
    return str(value)


def no_such_time(name: str) -> QueryError:
    """Returns the error about a column with a time outside the years 1 to 9999, such as infinity."""
    return QueryError(
        f"column {name} has a time outside the years 1 to 9999, which only Parquet can hold: "
        f"write CAST({quote_name(name)} AS VARCHAR) in the query"
    )


def _values(batch: pa.Table, number: int) -> Sequence[object]:
    field = batch.schema.field(number)
    column = batch.column(number)
    if is_geometry(field):
        from storage.exports.geometries import wkt_column  # GIS libraries

        column = wkt_column(field, column)
    if pa.types.is_timestamp(field.type) and field.type.unit == "ns":
        column = _without_nanoseconds(column)
    try:
        values: Sequence[object] = column.to_pylist()
    except (OverflowError, ValueError) as error:
        raise no_such_time(field.name) from error
    return values


def _without_nanoseconds(times: pa.ChunkedArray) -> pa.ChunkedArray:
    """Returns times in microseconds; as ISO 8601 text if they have nanoseconds, which Python's times have not."""
    try:
        return times.cast(pa.timestamp("us", times.type.tz))
    except pa.ArrowInvalid:
        return pc.strftime(times, format="%Y-%m-%dT%H:%M:%SZ" if times.type.tz else "%Y-%m-%dT%H:%M:%S")


def csv_text(table: pa.Table) -> Iterator[str]:
    """Yields a table as CSV, in pieces that bound the memory; see ``write_result``."""
    yield _csv_line([_no_formula(name) for name in table.column_names])
    rows = result_rows(table)
    while batch := list(islice(rows, _BATCH_ROWS)):
        yield "".join(_csv_line([_csv_field(value) for value in row]) for row in batch)


def _csv_line(cells: Sequence[str]) -> str:
    # Python's csv leaves a carriage return without quotes, at which readers end the row.
    quoted = (f'"{cell.replace(_QUOTE, 2 * _QUOTE)}"' if _QUOTED.search(cell) else cell for cell in cells)
    return (",".join(quoted) or 2 * _QUOTE) + "\n"


def _csv_field(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, int | float):
        return repr(value)
    found = plain(value)
    return _no_formula(found) if isinstance(found, str) else json.dumps(found, ensure_ascii=False)


def _no_formula(text: str) -> str:
    """Returns text that no spreadsheet runs, https://owasp.org/www-community/attacks/CSV_Injection.

    Numbers and intervals in text stay as they are.
    """
    return f"'{text}" if text.startswith(_FORMULA) and not _QUANTITY.fullmatch(text) else text


def _json(table: pa.Table) -> Iterator[str]:
    before = "[\n"
    names = table.column_names
    rows = result_rows(table)
    while batch := list(islice(rows, _BATCH_ROWS)):
        lines = (
            json.dumps(plain(dict(zip(names, row, strict=True))), ensure_ascii=False, allow_nan=False) for row in batch
        )
        yield before + ",\n".join(lines)
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


_TEXT: dict[str, Callable[[pa.Table], Iterator[str]]] = {"csv": csv_text, "json": _json}
