"""SQL over the store through DuckDB: a view per table, read-only, offline.

A query can read this store's tables and nothing else: no other file, no network, no environment. ``unsafe`` lifts that.
Design: docs/decisions/0013-object-stores-and-sql.md.
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
