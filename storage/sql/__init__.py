"""SQL over the store through DuckDB: a view per table, read-only, offline.

A query can read this store's tables and nothing else: no other file, no network, no environment. ``unsafe`` lifts that.
Design: docs/decisions/0013-object-stores-and-sql.md.
"""
