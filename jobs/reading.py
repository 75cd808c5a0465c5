"""Reading results: queries, exports, the map page, and how a site stands."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import duckdb
import pyarrow as pa

from jobs.api import Opened, plan
from jobs.planning.configure import calibration_errors
from jobs.planning.graph import Selection
from jobs.planning.inventory import recorded_inventory
from jobs.planning.plan import Plan
from schemas.errors import SelectionError
from schemas.tables import TABLES, Privacy
from schemas.values import Quarantined
from storage.exports.geo import export
from storage.exports.map_page import render_map
from storage.site.layers import load_features
from storage.sql import VERSIONS_SUFFIX, as_query, open_sql, run_query


def connect(
    opened: Opened, unsafe: bool = False, as_of: str | None = None, asked: str | None = None
) -> duckdb.DuckDBPyConnection:
    """DuckDB over the site's store: every table, the cameras as site.toml has them, the features of its layers.

    Args:
        unsafe: queries may also read and write other files, attach databases, and change settings.
        as_of: the run that the tables are to be seen as of; None for now.
        asked: the query that the connection is for, if that is known, which opens it the sooner; None for any.

    Raises:
        SelectionError: there is no such run.
    """
    errors = partial(calibration_errors, opened.site)
    return open_sql(opened.store, opened.site, as_of, unsafe, asked, errors)


def query(opened: Opened, sql: str, unsafe: bool = False, as_of: str | None = None) -> pa.Table:
    """The result of a query.

    Raises:
        QueryError: DuckDB refuses it, or it would change something.
        SelectionError: there is no such run.
    """
    connection = connect(opened, unsafe, as_of, sql)
    try:
        return run_query(connection, sql)
    finally:
        connection.close()


def export_result(opened: Opened, table_or_query: str, target: Path, as_lines: bool, as_of: str | None = None) -> int:
    """Writes a table or a query's result to a GIS or CSV file. Returns how many rows were written.

    Raises:
        SelectionError: a table that does not exist, or that is not to leave the site, or no such run.
    """
    sql = as_query(table_or_query)
    if sql != table_or_query:
        _check_exportable(opened, table_or_query)
    return export(query(opened, sql, as_of=as_of), target, opened.site.config.crs, as_lines)


def _check_exportable(opened: Opened, name: str) -> None:
    layers = [f"layer_{layer.name}" for layer in opened.site.config.layers]
    spec = TABLES.get(name) or TABLES.get(name.removesuffix(VERSIONS_SUFFIX))
    if spec is None and name not in ("features", *layers):
        raise SelectionError(f"there is no table {name!r}; there are {', '.join([*TABLES, 'features', *layers])}")
    if spec is not None and spec.privacy is Privacy.SENSITIVE:
        raise SelectionError(f"table {spec.name} is of privacy class 'sensitive' and is not exported")


def draw_map(opened: Opened, target: Path, as_of: str | None = None) -> int:
    """Writes the map page. Returns how many positions it was drawn from."""
    connection = connect(opened, as_of=as_of, asked="positions, counts, cameras")
    try:
        positions, counts = (
            TABLES[name].conform(run_query(connection, f"SELECT * EXCLUDE (date) FROM {name}"))
            for name in ("positions", "counts")
        )
        cameras = run_query(connection, "SELECT * FROM cameras")
    finally:
        connection.close()
    features = load_features(opened.site)
    render_map(opened.site, features, cameras, positions, counts, target, datetime.now(UTC))
    return int(positions.num_rows)


@dataclass(frozen=True)
class Status:
    """How a site stands."""

    runs: pa.Table
    plan: Plan
    quarantined: Sequence[Quarantined]
    problems: Sequence[str]


def status(opened: Opened) -> Status:
    """Past runs, what is committed and missing of the footage that the last scan saw, and what is in quarantine."""
    inventory = recorded_inventory(opened.store)
    planned = plan(opened, Selection(), inventory)
    problems = opened.store.problems + opened.journal.problems
    return Status(opened.journal.runs(), planned, opened.journal.quarantined(), problems)
