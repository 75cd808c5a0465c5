"""SQL over the store through DuckDB: a view per table, read-only, offline.

A query can read the tables of this store and nothing else: no other file, no network, no environment, and it changes
nothing. ``unsafe`` lifts that.
"""

import importlib.util
import re
import secrets
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from schemas.errors import QueryError
from schemas.tables import TABLES, TableSpec
from schemas.values import Feature
from storage.journal import Journal
from storage.receipts import files_of, receipts_table
from storage.results import ResultFormat, write_result
from storage.store import Store
from storage.visible import visible

__all__ = ["ResultFormat", "open_sql", "run_query", "spatial_available", "write_result"]

SPATIAL_PACKAGE = "duckdb_extension_spatial"
_NOT_IN_FILES = ("cameras", "runs", "receipts", "quarantine")
"""Tables that are not partitioned by camera and date."""

_EXPLAIN = re.compile(r"\s*explain\b\s*(analyze\b\s*)?(\([^)]*\)\s*)?", re.IGNORECASE)
_READ_ONLY = "a query is SELECT, WITH, FROM, DESCRIBE, SHOW, SUMMARIZE, PRAGMA table_info, or EXPLAIN of one of these"


def open_sql(
    store: Store,
    cameras: pa.Table | None = None,
    features: Sequence[Feature] | None = None,
    unsafe: bool = False,
) -> duckdb.DuckDBPyConnection:
    """Opens the store for SQL, as it stands now.

    There is a view for every table of ``TABLES``, with the partition column ``date`` (the local date at which the unit
    starts) where the table is written by ops, and ``features``, the zones and lines of the site. Beside DuckDB's own
    functions there are ``local_time(camera, ts)``, ``map_distance_m(x1, y1, x2, y2)`` and ``in_zone(x, y, zone)``.

    Args:
        cameras: the site's cameras, as the table ``cameras``; without it no camera has a local time.
        features: zones and lines, for ``in_zone``.
        unsafe: queries may also read and write other files, attach databases, and change settings.

    Returns:
        An in-memory connection. Time zone is UTC.
    """
    root = store.root.resolve()
    con = duckdb.connect(":memory:")
    _configure(con)
    has_spatial = _load_spatial(con)
    receipts = store.receipts()
    seen = visible(store, receipts)
    journal = Journal(root)
    _keep(con, "receipts", receipts_table(receipts, seen))
    _keep(con, "runs", journal.runs())
    _keep(con, "quarantine", journal.quarantine_table())
    _keep(con, "cameras", TABLES["cameras"].empty() if cameras is None else cameras)
    for name, spec in TABLES.items():
        if name not in _NOT_IN_FILES:
            _create_view(con, spec, root, files_of(seen, name))
    _keep_features(con, features or (), has_spatial)
    _create_macros(con, has_spatial)
    if not unsafe:
        _lock(con, root)
    return con


def spatial_available(con: duckdb.DuckDBPyConnection) -> bool:
    """Whether spatial functions (``ST_...``, ``in_zone``) work in this connection."""
    # Not duckdb_extensions(): it looks into the home folder, which a locked connection may not.
    found = con.execute(
        "SELECT count(*) FROM duckdb_functions() WHERE lower(function_name) = 'st_intersects'"
    ).fetchone()
    return bool(found and found[0])


def run_query(con: duckdb.DuckDBPyConnection, sql: str) -> pa.Table:
    """The result of one statement, which must be read-only unless the connection was opened ``unsafe``.

    Raises:
        QueryError: the statement is not read-only, or DuckDB refuses it; one line.
    """
    try:
        statements = con.extract_statements(sql)
        if not _is_unsafe(con):
            _check_read_only(con, statements)
        if not statements:
            raise QueryError("there is no statement in the query")
        for statement in statements[:-1]:
            con.execute(statement)
        table: pa.Table = con.execute(statements[-1]).to_arrow_table()
    except (duckdb.Error, pa.ArrowException) as error:
        raise QueryError(_one_line(error)) from error
    except RuntimeError as error:
        # So DuckDB tells of Ctrl-C, whose handler it holds while it works.
        if "interrupted" in str(error):
            raise KeyboardInterrupt from error
        raise
    return table.rename_columns(_told_apart(table.column_names))


def _configure(con: duckdb.DuckDBPyConnection) -> None:
    spill = Path(tempfile.gettempdir(), f"nightshift-sql-{secrets.token_hex(8)}")
    for setting in (
        "autoinstall_known_extensions = false",
        "autoload_known_extensions = false",
        # Else a table name that is not known would be looked up among the caller's Python variables.
        "python_enable_replacements = false",
        "enable_progress_bar = false",
        "TimeZone = 'UTC'",
        f"temp_directory = {_quoted(spill)}",
    ):
        con.execute(f"SET {setting}")


def _load_spatial(con: duckdb.DuckDBPyConnection) -> bool:
    """Loads the spatial extension from its package; ``LOAD`` by path copies nothing, and needs no home folder."""
    package = importlib.util.find_spec(SPATIAL_PACKAGE)
    folders = list(package.submodule_search_locations or ()) if package else []
    for folder in folders:
        file = Path(folder, "extensions", f"v{duckdb.__version__}", "spatial.duckdb_extension")
        try:
            con.execute(f"LOAD {_quoted(file)}")
        except duckdb.Error:
            continue
        return True
    return False


def _lock(con: duckdb.DuckDBPyConnection, root: Path) -> None:
    tables = [root / name for name in TABLES if name not in _NOT_IN_FILES]
    # DuckDB compares the list in the view before it resolves patterns, and each file after.
    allowed = sorted({f"{spelled}/" for table in tables for spelled in (str(table), _unglobbed(str(table)))})
    folders = ", ".join(map(_quoted, allowed))
    con.execute(f"SET allowed_directories = [{folders}]")
    con.execute("SET enable_external_access = false")
    con.execute("SET lock_configuration = true")


def _keep(con: duckdb.DuckDBPyConnection, name: str, table: pa.Table) -> None:
    """Copies a table into the connection, where cursors of it find it too."""
    con.register("_given", table)
    con.execute(f'CREATE TABLE "{name}" AS FROM _given')
    con.unregister("_given")


def _create_view(con: duckdb.DuckDBPyConnection, spec: TableSpec, root: Path, files: Sequence[str]) -> None:
    columns = [column.name for column in spec.columns if column.name != "date"]
    has_date = len(columns) < len(spec.columns)
    if not files:
        empty = spec.empty().select(columns).append_column("date", pa.array([], pa.date32()))
        _keep(con, spec.name, empty)
        return
    selected = ", ".join(f'"{column}"' for column in columns)
    day, source = _dated_source(root, files, has_date)
    try:
        con.execute(f'CREATE VIEW "{spec.name}" AS SELECT {selected}, {day} AS "date" FROM {source}')
    except duckdb.Error as error:
        _create_broken_view(con, spec, _one_line(error))


def _dated_source(root: Path, files: Sequence[str], has_date: bool) -> tuple[str, str]:
    """SQL for a row's date, and for what to read it from.

    A list, not a glob: files that no receipt names do not exist. Camera and date in the path prune it before any file
    is opened. At 5,000 files it binds in 0.1 s (0.05 s from a variable, which cursors would not see).
    """
    listed = "[" + _unglobbed(", ".join(_quoted(f"{root}/{file}") for file in files)) + "]"
    if has_date:
        # The folder's date is the unit's; a table whose rows have one of their own shows that, and is not pruned by it.
        return '"date"::DATE', f"read_parquet({listed}, hive_partitioning = false)"
    if any(part.startswith(("camera=", "date=")) for part in root.parts):
        # The store stands in such a folder itself, and DuckDB would take that for the partition.
        day = "regexp_extract(filename, '.*/date=([^/]*)/', 1)::DATE"
        return day, f"read_parquet({listed}, hive_partitioning = false, filename = true)"
    types = "{'camera': VARCHAR, 'date': DATE}"
    return '"date"', f"read_parquet({listed}, hive_partitioning = true, hive_types = {types})"


def _create_broken_view(con: duckdb.DuckDBPyConnection, spec: TableSpec, why: str) -> None:
    """A table whose files cannot be opened says so when it is queried; the others stay of use."""
    message = _quoted(f"table {spec.name} cannot be read: {why}")
    names = dict.fromkeys([*(column.name for column in spec.columns), "date"])
    columns = ", ".join(f'NULL AS "{name}"' for name in names)
    con.execute(f'CREATE VIEW "{spec.name}" AS SELECT {columns} FROM range(1) WHERE error({message}) IS NOT NULL')


def _keep_features(con: duckdb.DuckDBPyConnection, features: Sequence[Feature], has_spatial: bool) -> None:
    rows: Mapping[str, list[str | None]] = {
        "feature_id": [feature.feature_id for feature in features],
        "layer": [feature.layer for feature in features],
        "kind": [str(feature.kind) for feature in features],
        "space": [feature.space for feature in features],
        "camera": [feature.camera for feature in features],
        "wkt": [feature.geometry.wkt for feature in features],
    }
    _keep(con, "_features", pa.table({name: pa.array(values, pa.string()) for name, values in rows.items()}))
    geometry = "ST_GeomFromText(wkt)" if has_spatial else "wkt"
    con.execute(f"CREATE TABLE features AS SELECT * EXCLUDE (wkt), {geometry} AS geometry FROM _features")
    con.execute("DROP TABLE _features")


def _create_macros(con: duckdb.DuckDBPyConnection, has_spatial: bool) -> None:
    zones = con.execute("SELECT camera, timezone FROM cameras ORDER BY camera").fetchall()
    known = ", ".join(f"{_quoted(camera)}: {_quoted(zone)}" for camera, zone in zones)
    timezone = f"map_extract_value(MAP {{{known}}}, camera)" if known else "NULL::VARCHAR"
    con.execute(f"CREATE MACRO local_time(camera, ts) AS timezone({timezone}, ts::TIMESTAMPTZ)")
    con.execute("CREATE MACRO map_distance_m(x1, y1, x2, y2) AS sqrt((x2 - x1) ** 2 + (y2 - y1) ** 2)")
    if has_spatial:
        # The columns are renamed so that an argument named as one of them is the caller's.
        con.execute(
            "CREATE MACRO in_zone(x, y, zone) AS ST_Intersects(ST_Point(x, y), ("
            "SELECT if(count(*) = 0, error('no zone ' || zone || ': see the table features'), ST_Union_Agg(_geometry)) "
            "FROM features AS _zones(_id, _layer, _kind, _space, _camera, _geometry) "
            "WHERE _id = zone AND _kind = 'zone'))"
        )
    else:
        con.execute(
            "CREATE MACRO in_zone(x, y, zone) AS error('in_zone needs the spatial extension: install the package "
            f"duckdb-extension-spatial {duckdb.__version__}')"
        )


def _is_unsafe(con: duckdb.DuckDBPyConnection) -> bool:
    found = con.execute("SELECT current_setting('enable_external_access')").fetchone()
    return bool(found and found[0])


def _check_read_only(con: duckdb.DuckDBPyConnection, statements: Sequence[duckdb.Statement]) -> None:
    if len(statements) > 1:
        raise QueryError("one statement at a time (PIVOT needs its values named: PIVOT ... ON column IN (...))")
    for statement in statements:
        kind = statement.type
        if kind == duckdb.StatementType.EXPLAIN:
            # EXPLAIN ANALYZE runs what it explains, so that must be a query by itself.
            _, end = match.span() if (match := _EXPLAIN.match(statement.query)) else (0, 0)
            kinds = [inner.type for inner in con.extract_statements(statement.query[end:])] if end else []
            kind = kinds[0] if len(kinds) == 1 else kind
        if kind != duckdb.StatementType.SELECT:
            raise QueryError(f"{kind.name} refused: {_READ_ONLY}")


def _told_apart(names: Sequence[str]) -> list[str]:
    """Column names, those that stand twice with a number behind them."""
    taken: list[str] = []
    for name in names:
        free, number = name, 0
        while free in taken or (number and free in names):
            number += 1
            free = f"{name}_{number}"
        taken.append(free)
    return taken


def _one_line(error: Exception) -> str:
    """DuckDB's message without the echo of the query below it."""
    lines = [line.strip() for line in str(error).splitlines()]
    echo = next((number for number, line in enumerate(lines) if re.match(r"LINE \d+:", line)), len(lines))
    return " ".join(line for line in lines[:echo] if line)


def _unglobbed(paths: str) -> str:
    """Paths in which DuckDB sees no pattern."""
    return re.sub(r"[*?\[]", lambda match: f"[{match[0]}]", paths)


def _quoted(text: str | Path) -> str:
    return "'" + str(text).replace("'", "''") + "'"
