"""Reads results: queries and exports.

How SQL reads the store: docs/decisions/0013-object-stores-and-sql.md.
"""

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import duckdb
import pyarrow as pa

from jobs.site import Site
from schemas.errors import SelectionError
from schemas.tables import TABLES, Privacy
from schemas.tables.views import VIEWS
from storage.sql.connection import open_sql
from storage.sql.query import as_query, run_query
from storage.sql.versions import VERSIONS_SUFFIX
from storage.sql.views import refused_rows

_REFUSAL = "table {name} is of privacy class 'sensitive' and is not exported"


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


def export_result(site: Site, table_or_query: str, target: Path, as_lines: bool, as_of: str | None = None) -> int:
    """Writes a table or a query's result to a GIS or CSV file, and returns the number of rows.

    Args:
        as_lines: positions become one line per track instead of points.

    Raises:
        SelectionError: the table does not exist or may not leave the site, or there is no such run.
        QueryError: the query reads such a table, DuckDB refuses it, or it would change something.
    """
    from storage.exports.geo import export  # GIS libraries, which SQL does not need
    from storage.exports.places import with_floors, with_places
    from storage.site.layers import load_features

    sql = as_query(table_or_query)
    if sql != table_or_query:
        _check_exportable(site, table_or_query)
    with closing(connect(site, as_of=as_of, for_query=sql, sensitive=False)) as connection:
        _refuse_sensitive(connection)
        rows = run_query(connection, sql)
    rows = with_floors(rows, {camera.id: camera.floor for camera in site.files.config.cameras})
    if target.suffix.lower() != ".csv":
        rows = with_places(rows, lambda: load_features(site.files))
    return export(rows, target, site.files.config.crs, as_lines)


def _check_exportable(site: Site, name: str) -> None:
    layers = [f"layer_{layer.name}" for layer in site.files.config.layers]
    spec = TABLES.get(name) or TABLES.get(name.removesuffix(VERSIONS_SUFFIX))
    if spec is None and name not in ("features", *VIEWS, *layers):
        there = ", ".join([*TABLES, *VIEWS, "features", *layers])
        raise SelectionError(f"there is no table {name!r}; there are {there}")
    if spec is not None and spec.privacy is Privacy.SENSITIVE:
        raise SelectionError(_REFUSAL.format(name=spec.name))


def _refuse_sensitive(connection: duckdb.DuckDBPyConnection) -> None:
    """Replaces each sensitive table by an empty one that raises an error if a query reads it, however it names it."""
    kinds: dict[str, dict[str, str]] = {}
    for view, column, kind in connection.execute(
        "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE NOT internal ORDER BY column_index"
    ).fetchall():
        kinds.setdefault(view, {})[column] = kind
    for spec in TABLES.values():
        for view in (spec.name, spec.name + VERSIONS_SUFFIX) if spec.privacy is Privacy.SENSITIVE else ():
            if view in kinds:
                sql = refused_rows(kinds[view], _REFUSAL.format(name=spec.name))
                connection.execute(f"CREATE OR REPLACE VIEW {view} AS {sql}")
