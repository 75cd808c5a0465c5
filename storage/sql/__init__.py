"""SQL over the store through DuckDB: a view per table, read-only, offline.

A query can read the tables of this store and nothing else: no other file, no network, no environment, and it changes
nothing. ``unsafe`` lifts that.
"""

from storage.sql.connection import open_sql
from storage.sql.macros import spatial_available
from storage.sql.query import as_query, check_read_only, one_line_message, run_query
from storage.sql.versions import VERSIONS_SUFFIX

__all__ = [
    "VERSIONS_SUFFIX",
    "as_query",
    "check_read_only",
    "one_line_message",
    "open_sql",
    "run_query",
    "spatial_available",
]
