"""Writes tables and queries to files for other programs: one table or query, or the whole site as one GeoPackage."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from jobs.commands.results import connect
from jobs.site import Site
from schemas.errors import QueryError, SelectionError
from schemas.tables import TABLES, Privacy, TableSpec
from schemas.tables.views import VIEWS
from storage.sql.query import as_query, run_query
from storage.sql.versions import VERSIONS_SUFFIX
from storage.sql.views import refused_rows

if TYPE_CHECKING:
    from storage.exports.geo import Exported, ExportOptions

_REFUSAL = "table {name} is of privacy class 'sensitive' and is not exported"
_PERSONAL = "table {name} is of people"
_FILE = ".parquet"
_COUNTS = ("counts", "flows")
DENSITY_SQL = (
    "SELECT p.track_id, p.time, p.x_m, p.y_m, coalesce(s.site_track_id, p.track_id) AS site_track_id "
    "FROM positions p LEFT JOIN site_tracks s USING (camera, track_id, date) "
    "WHERE p.label = 'person' AND p.x_m IS NOT NULL AND p.y_m IS NOT NULL ORDER BY ALL"
)
"""The positions of people for a density: whom two cameras see is one person."""


def export_result(
    site: Site, table_or_query: str, target: Path, options: "ExportOptions | None" = None, as_of: str | None = None
) -> "Exported":
    """Writes a table or a query's result to a file in the format of its suffix.

    The rows of a table are in the order of its key, so that features have the same numbers in every export.

    Raises:
        SelectionError: the table does not exist or may not leave the site, or there is no such run.
        QueryError: the query reads such a table, DuckDB refuses it, or it would change something.
        UserError: see ``storage.exports.geo.export``.
    """
    from storage.exports.geo import ExportOptions, export  # GIS libraries, which SQL does not need
    from storage.exports.places import with_places, with_storeys
    from storage.store.layer_versions import features_as_of

    asked = options or ExportOptions()
    sql = as_query(table_or_query)
    if sql != table_or_query:
        _check_exportable(site, table_or_query)
        asked = replace(asked, table=table_or_query.removesuffix(VERSIONS_SUFFIX))
        sql += _order(table_or_query)
        if (table_or_query, target.suffix.lower()) == ("positions", ".tif"):
            sql = DENSITY_SQL
    if asked.least_people:
        asked = replace(asked, personal=may_be_personal(site, sql, as_of))
    rows = with_storeys(exportable_rows(site, sql, as_of), storeys_of(site))
    if target.suffix.lower() != ".csv":
        rows = with_places(rows, lambda: features_as_of(site.files, site.store, as_of))
    return export(rows, target, site.files.config.crs, asked)


def storeys_of(site: Site) -> dict[str, int]:
    """Returns the storey of each camera."""
    return {camera.id: camera.storey for camera in site.files.config.cameras}


def exportable_rows(site: Site, sql: str, as_of: str | None = None) -> pa.Table:
    """Returns a query's result; a query that reads a sensitive table raises an error."""
    with closing(connect(site, as_of=as_of, for_query=sql, sensitive=False)) as connection:
        _refuse(connection, _is_sensitive, _REFUSAL)
        return run_query(connection, sql)


def may_be_personal(site: Site, sql: str, as_of: str | None = None) -> bool:
    """Returns whether a query reads a pseudonymous table, counts or files, whose rows may be of few people."""
    if _FILE in sql:
        return True
    with closing(connect(site, as_of=as_of, for_query=sql, sensitive=False)) as connection:
        _refuse(connection, _of_people, _PERSONAL)
        try:
            run_query(connection, sql)
        except QueryError as error:
            if any(_PERSONAL.format(name=spec.name) in str(error) for spec in TABLES.values()):
                return True
            raise
    return False


def _order(name: str) -> str:
    spec = _spec(name)
    if spec is None or name.endswith(VERSIONS_SUFFIX):
        return ""
    return f" ORDER BY {', '.join(dict.fromkeys((*spec.order, *spec.key)))}"


def _spec(name: str) -> TableSpec | None:
    return TABLES.get(name) or VIEWS.get(name) or TABLES.get(name.removesuffix(VERSIONS_SUFFIX))


def _check_exportable(site: Site, name: str) -> None:
    layers = [f"layer_{layer.name}" for layer in site.files.config.layers]
    spec = _spec(name)
    if spec is None and name not in ("features", *layers):
        there = ", ".join([*TABLES, *VIEWS, "features", *layers])
        raise SelectionError(f"there is no table {name!r}; there are {there}")
    if spec is not None and spec.privacy is Privacy.SENSITIVE:
        raise SelectionError(_REFUSAL.format(name=spec.name))


def _is_sensitive(spec: TableSpec) -> bool:
    return spec.privacy is Privacy.SENSITIVE


def _of_people(spec: TableSpec) -> bool:
    """Returns whether rows are of people: a mean of few of them tells of few, too."""
    return spec.privacy is Privacy.PSEUDONYMOUS or spec.name in _COUNTS


def _refuse(connection: duckdb.DuckDBPyConnection, chosen: Callable[[TableSpec], bool], refusal: str) -> None:
    """Replaces each chosen table by an empty one that raises an error if a query reads it, however it names it."""
    kinds: dict[str, dict[str, str]] = {}
    for view, column, kind in connection.execute(
        "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE NOT internal ORDER BY column_index"
    ).fetchall():
        kinds.setdefault(view, {})[column] = kind
    for spec in TABLES.values():
        for view in (spec.name, spec.name + VERSIONS_SUFFIX) if chosen(spec) else ():
            if view in kinds:
                sql = refused_rows(kinds[view], refusal.format(name=spec.name))
                connection.execute(f"CREATE OR REPLACE VIEW {view} AS {sql}")
