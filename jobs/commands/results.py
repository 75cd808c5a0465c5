"""Reads results: queries.

How SQL reads the store: docs/decisions/0013-object-stores-and-sql.md.
"""

from collections.abc import Mapping
from contextlib import closing

import duckdb
import pyarrow as pa

from jobs.site import Site
from storage.sql.connection import open_sql
from storage.sql.query import run_query


def connect(
    site: Site,
    unsafe: bool = False,
    as_of: str | None = None,
    for_query: str | None = None,
    sensitive: bool = True,
    pending: bool = False,
) -> duckdb.DuckDBPyConnection:
    """Opens DuckDB over a site: every table of its store, the cameras of site.toml, the features of its layers.

    Args:
        unsafe: queries may also read and write other files, attach databases, and change settings.
        as_of: show the tables as this run left them; None for now.
        for_query: the only query that the connection is for: views that it does not name are not made, which opens
            faster; None for any query.
        sensitive: whether files of tables of the privacy class ``sensitive`` may be read.
        pending: whether the table ``anonymized`` has files that await their sign-off, or were rejected.

    Raises:
        SelectionError: there is no such run.
    """

    def errors() -> Mapping[str, float]:
        from jobs.planning.configure import calibration_errors  # imports every op, which few queries need

        return calibration_errors(site.files)

    def zones() -> pa.Table:
        from jobs.zone_tiles import zone_tiles_table  # GIS libraries, which few queries need

        return zone_tiles_table(site.files, site.store, as_of)

    def calibrations() -> pa.Table:
        from jobs.calibrations import calibrations_table  # ops, which few queries need

        return calibrations_table(site.store)

    return open_sql(
        site.store,
        site.files,
        as_of,
        unsafe,
        for_query,
        errors,
        sensitive,
        pending,
        zone_tiles=zones,
        calibrations=calibrations,
    )


def query(site: Site, sql: str, unsafe: bool = False, as_of: str | None = None, pending: bool = False) -> pa.Table:
    """Returns the result of a query; arguments as for ``connect``.

    Raises:
        QueryError: DuckDB refuses it, or it would change something.
        SelectionError: there is no such run.
    """
    with closing(connect(site, unsafe, as_of, sql, pending=pending)) as connection:
        return run_query(connection, sql)
