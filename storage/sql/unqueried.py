"""Creates what the query of a connection does not name, for lists of all tables and for messages about a name.

A view takes DuckDB a millisecond or two, and there are more than a hundred: together they would be most of the time of
a query. A query that lists tables gets them at once, one that DuckDB finds no table or function for before it runs
again. So every message is the one of a connection for any query.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache

import duckdb

from schemas.tables import TableSpec
from schemas.tables.views import VIEWS
from storage.sql.areas import create_area_macros
from storage.sql.changes import create_change_macro
from storage.sql.lazy import AS_ONE_WORD, INTERNAL
from storage.sql.text import quote_name
from storage.sql.tracks import create_track_macros
from storage.sql.versions import ADDED, VERSIONS_SUFFIX
from storage.sql.views import IN_FILES, no_rows

_LISTS_TABLES = re.compile(r"\b(show|describe|desc|pragma)\b|information_schema|duckdb_|sqlite_|pg_", re.IGNORECASE)


def lists_tables(query: str) -> bool:
    """Returns whether a query may list tables that it does not name."""
    return _LISTS_TABLES.search(query) is not None


def create_unqueried(con: duckdb.DuckDBPyConnection) -> bool:
    """Creates the views that are missing; a query that reads one gets an error with advice.

    Returns:
        Whether this is a connection of ``open_sql``; in another one nothing is created.
    """
    schemas = con.execute("SELECT schema_name FROM information_schema.schemata").fetchall()
    if (INTERNAL,) not in schemas:
        return False
    con.execute(_views())
    create_area_macros(con)
    create_change_macro(con)
    create_track_macros(con)
    return True


@cache
def _views() -> str:
    return ";".join(
        f"CREATE VIEW IF NOT EXISTS {quote_name(name)} AS {no_rows(spec, more, AS_ONE_WORD)}"
        for name, spec, more in _all_views()
    )


def _all_views() -> Iterator[tuple[str, TableSpec, Mapping[str, str]]]:
    """Yields name, table and further columns of each view."""
    for name, spec in IN_FILES.items():
        yield name, spec, {}
        yield f"{name}{VERSIONS_SUFFIX}", spec, ADDED
    for name, spec in VIEWS.items():
        yield name, spec, {}
