"""Reading results: queries, exports, the map page, and how a site stands."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from jobs.api import Opened, plan
from jobs.configure import calibration_errors
from jobs.graph import Selection
from jobs.plan import Plan
from jobs.stock import known_stock
from schemas.errors import SelectionError
from schemas.tables import TABLES, Privacy
from schemas.values import Quarantined
from storage.export import export
from storage.layers import load_features
from storage.map_page import render_map
from storage.site_file import cameras_table
from storage.sql import open_sql, run_query

_NAME = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")


def connect(opened: Opened, unsafe: bool = False) -> duckdb.DuckDBPyConnection:
    """DuckDB over the site's store: every table, the cameras as site.toml has them, the features of its layers."""
    seen = known_stock(opened.store).footage["camera"].unique().to_pylist()
    return open_sql(
        opened.store,
        cameras_table(opened.site, seen, calibration_errors(opened.site)),
        load_features(opened.site),
        unsafe,
    )


def query(opened: Opened, sql: str, unsafe: bool = False) -> pa.Table:
    """The result of a query.

    Raises:
        QueryError: DuckDB refuses it, or it would change something.
    """
    connection = connect(opened, unsafe)
    try:
        return run_query(connection, sql)
    finally:
        connection.close()


def export_result(opened: Opened, table_or_query: str, target: Path, as_lines: bool) -> int:
    """Writes a table or a query's result to a GIS or CSV file. Returns how many rows were written.

    Raises:
        SelectionError: a table that does not exist, or that is not to leave the site.
    """
    if _NAME.match(table_or_query):
        spec = TABLES.get(table_or_query)
        if spec is None:
            raise SelectionError(f"there is no table {table_or_query!r}; there are {', '.join(TABLES)}")
        if spec.privacy is Privacy.SENSITIVE:
            raise SelectionError(f"table {spec.name} is of privacy class 'sensitive' and is not exported")
        table_or_query = f"SELECT * FROM {table_or_query}"
    return export(query(opened, table_or_query), target, opened.site.config.crs, as_lines)


def draw_map(opened: Opened, target: Path) -> int:
    """Writes the map page. Returns how many positions it was drawn from."""
    connection = connect(opened)
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
    stock = known_stock(opened.store)
    planned = plan(opened, Selection(), stock)
    problems = opened.store.problems + opened.journal.problems
    return Status(opened.journal.runs(), planned, opened.journal.quarantined(), problems)
