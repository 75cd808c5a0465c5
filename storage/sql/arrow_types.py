"""Types of DuckDB that Arrow would hold wrongly, or that no file format has: a result has text in their place."""

from typing import Any

import duckdb
import pyarrow as pa

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


def fetch_arrow(con: duckdb.DuckDBPyConnection, statement: duckdb.Statement) -> pa.Table:
    """Runs a statement and returns its result.

    Intervals are text as DuckDB prints them, such as ``1 day 00:03:00``; so are the other types that Arrow or Parquet
    lack, in columns and inside lists, structs and maps.

    Raises:
        duckdb.Error: DuckDB refuses the statement.
    """
    result = con.execute(statement)
    columns = result.description or []
    if not any(_has_text(kind) for _, kind, *_ in columns):
        return result.to_arrow_table()
    # Runs it again: DuckDB knows the types before it computes more than the first rows.
    casts = ", ".join(
        f"CAST(#{number} AS {_cast(kind)}) AS {quote_name(name)}" if _has_text(kind) else f"#{number}"
        for number, (name, kind, *_) in enumerate(columns, start=1)
    )
    return con.sql(statement).project(casts).to_arrow_table()


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
