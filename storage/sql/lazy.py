"""Views of tables that are computed when a query first reads them."""

from collections.abc import Callable
from functools import cache, partial

import duckdb
import pyarrow as pa

from schemas.errors import NightshiftError, QueryError

INTERNAL = "_nightshift"
"""Schema of internal tables, which queries do not name."""

AS_ONE_WORD = "write the name of the table as one word in the query"


def create_lazy(
    con: duckdb.DuckDBPyConnection, name: str, schema: pa.Schema, make: Callable[[], pa.Table], internal: bool = False
) -> None:
    """Creates a view of a table that ``make`` computes once, when a query first reads it.

    Args:
        con: the connection.
        name: the view's name.
        schema: the table's schema.
        make: computes the table.
        internal: whether to create it in the schema ``INTERNAL``, which must exist.
    """
    table = _LazyTable(schema, cache(make))
    if internal:
        con.execute(f"USE {INTERNAL}")
    # Cursors do not see the views that `register` makes.
    con.from_arrow(table).create_view(name)
    if internal:
        con.execute("USE memory.main")


def make_now(make: Callable[[], pa.Table], is_queried: bool) -> Callable[[], pa.Table]:
    """Computes a table now, if a query may read it; a failure is raised only when a query does read it.

    For tables that need PROJ, which crashes in DuckDB's own threads, where lazy tables are computed.
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
    """A table behind the Arrow PyCapsule interface: DuckDB reads the schema at once, the rows when it scans."""

    def __init__(self, schema: pa.Schema, make: Callable[[], pa.Table]) -> None:
        self._schema = schema
        self._make = make

    def __arrow_c_schema__(self) -> object:
        return self._schema.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._make().__arrow_c_stream__(requested_schema)
