"""SQL over Arrow tables in memory, by DuckDB.

A new database takes about 10 ms, a cursor of an open one 0.2 ms, and opening a store needs several connections.
"""

import os
from collections.abc import Mapping
from threading import Lock

import duckdb
import numpy as np
import pyarrow as pa

from storage.machine import usable_cpus


class _Databases:
    """The one database of this process."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.current: duckdb.DuckDBPyConnection | None = None
        self.inherited: list[duckdb.DuckDBPyConnection | None] = []

    def forget(self) -> None:
        """Leaves the parent's database alone after a fork: its threads do not exist here, so closing it would hang."""
        self.inherited.append(self.current)
        self.lock, self.current = Lock(), None


_DATABASES = _Databases()
os.register_at_fork(after_in_child=_DATABASES.forget)


def connect_arrow() -> duckdb.DuckDBPyConnection:
    """Opens a connection for registered Arrow tables; close it after use.

    Registered tables and temporary tables belong to one connection. Other tables would be visible to every connection
    of this process: do not create them.
    """
    with _DATABASES.lock:
        if _DATABASES.current is None:
            _DATABASES.current = duckdb.connect(config={"threads": usable_cpus()})  # it does not know affinity
        return _DATABASES.current.cursor()


def query(sql: str, parameters: Mapping[str, object] | None = None, **tables: pa.Table) -> pa.Table:
    """Returns the result of a query over Arrow tables, by name."""
    with connect_arrow() as con:
        for name, table in tables.items():
            con.register(name, table)
        return con.execute(sql, parameters).to_arrow_table()


def numbered(table: pa.Table, *columns: str) -> pa.Table:
    """Returns columns of a table, and the column ``number``, which counts its rows from 0."""
    return table.select(columns).append_column("number", pa.array(np.arange(table.num_rows)))
