"""Types of DuckDB that Arrow would hold wrongly, or that no file format has: a result has text in their place."""

from typing import Any

import duckdb
import pyarrow as pa

from schemas.errors import QueryError
from storage.sql.text import quote_name

_AS_TEXT = {
    "bignum",  # arrives as bytes of DuckDB's own
    "bit",  # arrives as bytes of DuckDB's own
    "interval",  # CSV, JSON, Parquet and GIS files have no type of months, days and nanoseconds
    "time with time zone",  # arrives without its zone
    "time_ns",  # Python's times have microseconds
    "uhugeint",  # arrives as a signed number: its largest value as -1
    "union",  # Parquet has none
    "variant",  # Arrow has none
}
"""Names of DuckDB's types."""

TOO_LARGE = (
    "the query or its result needs more than it may use: select less, aggregate, "
    "or raise memory_gb or spill_gb in [sql] of site.toml"
)
_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB")
_BATCH_ROWS = 100_000


def fetch_arrow(con: duckdb.DuckDBPyConnection, statement: duckdb.Statement) -> pa.Table:
    """Runs a statement and returns its result.

    Intervals are text as DuckDB prints them, such as ``1 day 00:03:00``; so are the other types that Arrow or Parquet
    lack, in columns and inside lists, structs and maps.

    Raises:
        duckdb.Error: DuckDB refuses the statement.
        QueryError: the result is too large for memory.
    """
    result = con.execute(statement)
    columns = result.description or []
    if not any(_has_text(kind) for _, kind, *_ in columns):
        return _bounded(con, result.to_arrow_reader(_BATCH_ROWS))
    # Runs it again: DuckDB knows the types before it computes more than the first rows.
    casts = ", ".join(
        f"CAST(#{number} AS {_cast(kind)}) AS {quote_name(name)}" if _has_text(kind) else f"#{number}"
        for number, (name, kind, *_) in enumerate(columns, start=1)
    )
    return _bounded(con, con.sql(statement).project(casts).to_arrow_reader(_BATCH_ROWS))


def _bounded(con: duckdb.DuckDBPyConnection, reader: pa.RecordBatchReader) -> pa.Table:
    """Reads a result that may be as large as the memory that DuckDB may use, which does not count what it gave away."""
    limit = _memory_limit_bytes(con.cursor())
    batches, size = [], 0
    for batch in reader:
        batches.append(batch)
        size += batch.nbytes
        if size > limit:
            raise QueryError(TOO_LARGE)
    return pa.Table.from_batches(batches, reader.schema)


def _memory_limit_bytes(con: duckdb.DuckDBPyConnection) -> float:
    """Returns DuckDB's setting, which it shows as ``3.7 GiB``."""
    (shown,) = con.execute("SELECT current_setting('memory_limit')").fetchone() or ("",)
    number, unit = shown.split()
    return float(number) * 1024.0 ** _UNITS.index(unit)


def _has_text(kind: Any) -> bool:
    return kind.id in _AS_TEXT or _is_unnamed(kind) or any(map(_has_text, _children(kind).values()))


def _cast(kind: Any) -> str:
    """Returns the SQL of a type that has text in place of the types that Arrow lacks."""
    if not _has_text(kind):
        return str(kind)
    children = {name: _cast(child) for name, child in _children(kind).items()}
    if kind.id in _AS_TEXT or _is_unnamed(kind):
        return "VARCHAR"
    if kind.id == "struct":
        return f"STRUCT({', '.join(f'{quote_name(name)} {cast}' for name, cast in children.items())})"
    if kind.id == "map":
        return f"MAP({children['key']}, {children['value']})"
    return f"{children['child']}[{dict(kind.children).get('size', '')}]"


def _is_unnamed(kind: Any) -> bool:
    """Returns whether a type is that of ``row(1, 2)``, whose fields have no names."""
    return kind.id == "struct" and not all(name for name, _ in kind.children)


def _children(kind: Any) -> dict[str, Any]:
    """Returns the types inside a nested type, by name."""
    nested = kind.children if kind.id in ("struct", "map", "list", "array") else ()
    return {name: child for name, child in nested if name != "size" or kind.id != "array"}
