"""Tables that are made when a query asks for them, and not before."""

from collections.abc import Callable
from functools import cache, partial

import duckdb
import pyarrow as pa

from schemas.errors import NightshiftError, QueryError

INTERNAL = "_nightshift"
"""Schema of what queries are not shown."""

AS_ONE_WORD = "write the name of the table as one word in the query"


def create_lazy(
    con: duckdb.DuckDBPyConnection, name: str, schema: pa.Schema, make: Callable[[], pa.Table], internal: bool = False
) -> None:
    """Creates a view of a table that ``make`` gives, once, when a query first reads it.

    Args:
        schema: of what ``make`` gives.
        internal: the view stands in the schema ``INTERNAL``, which must be there.
    """
    table = _LazyTable(schema, cache(make))
    if internal:
        con.execute(f"USE {INTERNAL}")
    # Not `register`, whose views cursors do not see.
    con.from_arrow(table).create_view(name)
    con.execute("USE memory.main")


def make_now(make: Callable[[], pa.Table], is_queried: bool) -> Callable[[], pa.Table]:
    """Makes a table now, if it may be asked for, and gives it, or the error of making it, when a query reads it.

    For what needs PROJ, which crashes in the threads of DuckDB's own that lazy tables are made in.
    """
    if not is_queried:
        return partial(_fail, QueryError(AS_ONE_WORD))
    try:
        table = make()
    except NightshiftError as error:
        return partial(_fail, error)
    return lambda: table


def _fail(error: NightshiftError) -> pa.Table:
    raise error


class _LazyTable:
    """A table by the Arrow PyCapsule interface, of which DuckDB takes the schema first and the rows when it scans."""

    def __init__(self, schema: pa.Schema, make: Callable[[], pa.Table]) -> None:
        self._schema = schema
        self._make = make

    def __arrow_c_schema__(self) -> object:
        return self._schema.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._make().__arrow_c_stream__(requested_schema)
