"""Columns in the types and under the names that GIS programs know."""

import json
from collections.abc import Callable, Iterable

import pyarrow as pa
import pyarrow.compute as pc

from schemas.errors import QueryError
from storage.exports.geometries import wkt_column
from storage.exports.geometry_columns import GEOMETRY, geometry_column, is_binary, is_geometry
from storage.exports.results import no_such_time, plain
from storage.sql.text import quote_name

Columns = dict[str, pa.ChunkedArray]


def attributes(rows: pa.Table) -> Columns:
    """Returns the columns beside the geometry: further geometries as WKT, and no binary ones.

    A column named ``geometry`` that is none gets a number, since the geometry has that name.
    """
    geometry = geometry_column(rows)
    columns: Columns = {}
    for field in rows.schema:
        name = free_name(GEOMETRY, rows.column_names) if field.name == GEOMETRY else field.name
        if is_geometry(field) and field.name != geometry:
            columns[name] = wkt_column(field, rows[field.name])
        elif not is_binary(field.type):
            columns[name] = rows[field.name]
    return columns


def parquet_columns(columns: Columns) -> Columns:
    """Returns columns in types that Parquet has, and GIS programs read: durations and columns of nulls become text."""
    return {name: _storable(column) for name, column in columns.items()}


def gdal_columns(columns: Columns, reserved: str | None = None) -> Columns:
    """Returns columns in types that GDAL can write: text, numbers, booleans, dates and UTC times.

    Lists, structs and maps become JSON; numbers that neither 64 bits nor a float hold exactly become text. Names that
    differ only in capital and small letters, which are the same to GDAL, get a number.

    Args:
        columns: the columns.
        reserved: a name that gets a number too.

    Raises:
        QueryError: a column has a time that GDAL cannot write, or text with a NUL character, where it would end.
    """
    found: Columns = {}
    for name, column in columns.items():
        is_taken = name == reserved or name.lower() in {each.lower() for each in found}
        found[free_name(name, [*found, *columns]) if is_taken else name] = _gdal(name, column)
    for name, column in found.items():
        if pa.types.is_string(column.type) and pc.any(pc.match_substring(column, "\0")).as_py():
            raise QueryError(
                f"column {name} has text with a NUL character, which GIS files cannot hold: "
                f"write replace({quote_name(name)}, chr(0), '') AS {quote_name(name)} in the query"
            )
    return found


def times_as_text(columns: Columns) -> Columns:
    """Returns times as ISO 8601 text, to the microsecond, with ``Z`` for UTC: JSON has no type for times."""
    texts = {
        name: pc.strftime(times, format="%Y-%m-%dT%H:%M:%SZ" if times.type.tz else "%Y-%m-%dT%H:%M:%S")
        for name, times in columns.items()
        if pa.types.is_timestamp(times.type)
    }
    return columns | texts


def free_name(name: str, taken: Iterable[str]) -> str:
    """Returns a name, with a number if it is taken; capital and small letters are the same."""
    folded = {each.lower() for each in taken}
    candidate, number = name, 0
    while candidate.lower() in folded:
        number += 1
        candidate = f"{name}_{number}"
    return candidate


def _gdal(name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _gdal(name, column.cast(kind.value_type))
    if pa.types.is_decimal(kind) or pa.types.is_uint64(kind):
        return _number(column)
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return _time(name, column)
    if pa.types.is_nested(kind):
        return _as_text(name, column, lambda value: json.dumps(plain(value), ensure_ascii=False))
    if pa.types.is_time(kind):
        return _as_text(name, column, str)
    return _storable(column)


def _number(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Returns integers, if the numbers are whole, or floats; as text if they would not be exact.

    DuckDB's sums of integers are decimals of 38 digits.
    """
    whole = pa.types.is_uint64(column.type) or column.type.scale == 0
    try:
        numbers = column.cast(pa.int64() if whole else pa.float64())
        if whole or pc.all(pc.equal(numbers.cast(column.type), column)).as_py() is not False:
            return numbers
    except pa.ArrowInvalid:
        pass  # 64 bits are too few
    return _as_text("", column, str)


def _time(name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
    try:
        pc.min_max(column).as_py()  # GDAL writes other years as nonsense
    except (OverflowError, ValueError) as error:
        raise no_such_time(name) from error
    if pa.types.is_date(column.type):
        return column
    return column.cast(pa.timestamp("us", column.type.tz and "UTC"), safe=False)  # not exact for nanoseconds


def _storable(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    is_duration = pa.types.is_interval(kind) or pa.types.is_duration(kind)
    return _as_text("", column, str) if is_duration or pa.types.is_null(kind) else column


def _as_text(name: str, column: pa.ChunkedArray, format_value: Callable[[object], str]) -> pa.ChunkedArray:
    try:
        values = column.to_pylist()
    except (OverflowError, ValueError) as error:
        raise no_such_time(name) from error
    return pa.chunked_array(
        [pa.array([None if value is None else format_value(value) for value in values], pa.string())]
    )
