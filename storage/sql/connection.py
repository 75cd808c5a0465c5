"""Opens a store for SQL: settings, views, macros, and last the lock."""

import secrets
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import duckdb
import pyarrow as pa

from schemas.tables import TABLES
from storage.blobs import RemoteBlobs
from storage.exports.export_records import exports_table
from storage.maintenance.tombstones import purges_table
from storage.site.file import SiteFiles, cameras_table
from storage.site.layers import load_features
from storage.sql.lazy import INTERNAL, create_lazy, make_now
from storage.sql.macros import create_layers, create_macros, features_table, load_spatial, mentions_geometry
from storage.sql.text import escape_glob, quote_text
from storage.sql.versions import create_versions
from storage.sql.views import IN_FILES, FileLists, create_views
from storage.store.journal import Journal
from storage.store.snapshot import Snapshot, take_snapshot
from storage.store.store import Store

CalibrationErrors = Callable[[], Mapping[str, float]]


def open_sql(
    store: Store,
    site: SiteFiles | None = None,
    as_of: str | None = None,
    unsafe: bool = False,
    query: str | None = None,
    calibration_error_m: CalibrationErrors = dict,
) -> duckdb.DuckDBPyConnection:
    """Opens the store for SQL, as it stands now. No file of rows is opened before a query asks for it.

    There is a view for every table of ``TABLES``, with the column ``date`` (the local date at which the unit starts)
    where the table is written by ops, and with it ``TABLE_all``, every version of its rows; ``features``, the zones and
    lines of the site, and ``layer_NAME``, those of one layer. Beside DuckDB's own functions there are
    ``local_time(camera, ts)``, ``local_date(camera, ts)``, ``timezone_of(camera)``, ``map_distance_m(x1, y1, x2, y2)``
    and ``in_zone(x, y, zone)``.

    Args:
        site: whose cameras, zones and lines these are; without it there are none, and no camera has a local time.
        as_of: the run that the tables are to be seen as of; None for now.
        unsafe: queries may also read and write other files, attach databases, and change settings.
        query: the query, or the queries, that the connection is for, if that is known: what they do not name is left
            out, and the connection opens the sooner. None for any.
        calibration_error_m: gives the column of that name of the table ``cameras``, by camera.

    Returns:
        An in-memory connection. Time zone is UTC.

    Raises:
        SelectionError: there is no such run.
    """

    def is_queried(name: str) -> bool:
        return query is None or name in query.lower()

    snapshot = take_snapshot(store, as_of)
    con = duckdb.connect(":memory:")
    _configure(con)
    root = _root(con, store)
    has_geometry = query is None or mentions_geometry(query)
    has_spatial = has_geometry and load_spatial(con)
    con.execute(f"CREATE SCHEMA {INTERNAL}")
    cameras = _cameras(site, snapshot) if site else []

    def cameras_rows() -> pa.Table:
        return cameras_table(site, cameras, calibration_error_m()) if site else TABLES["cameras"].empty()

    def features_rows() -> pa.Table:
        return features_table(load_features(site) if site else ())

    _create_records(con, store, snapshot, make_now(cameras_rows, is_queried("cameras")))
    lists = FileLists(con, root)
    with lists.standing_in():
        create_views(con, lists, snapshot, is_queried)
        create_versions(con, lists, snapshot, is_queried)
    layers = [layer.name for layer in site.config.layers] if site else []
    create_layers(con, make_now(features_rows, has_geometry), layers, has_spatial)
    views = [site.config.camera_view(camera) for camera in cameras] if site else []
    create_macros(con, {view.camera: view.timezone for view in views})
    if not unsafe:
        _lock(con, root)
    return con


def _configure(con: duckdb.DuckDBPyConnection) -> None:
    spill = Path(tempfile.gettempdir(), f"nightshift-sql-{secrets.token_hex(8)}")
    for setting in (
        "autoinstall_known_extensions = false",
        "autoload_known_extensions = false",
        # Else a table name that is not known would be looked up among the caller's Python variables.
        "python_enable_replacements = false",
        "enable_progress_bar = false",
        "TimeZone = 'UTC'",
        f"temp_directory = {quote_text(spill)}",
    ):
        con.execute(f"SET {setting}")


def _root(con: duckdb.DuckDBPyConnection, store: Store) -> str:
    """What DuckDB finds the store's files below; for an object store, after it was told how to read there."""
    if not isinstance(store.blobs, RemoteBlobs):
        return str(Path(store.blobs.url).resolve())
    con.register_filesystem(store.blobs.filesystem)
    return store.blobs.url


def _create_records(
    con: duckdb.DuckDBPyConnection,
    store: Store,
    snapshot: Snapshot,
    cameras: Callable[[], pa.Table],
) -> None:
    """The tables that are not in files by camera and date."""
    journal = Journal(store.blobs)
    makers: Mapping[str, Callable[[], pa.Table]] = {
        "cameras": cameras,
        "runs": lambda: journal.read_runs().rows,
        "receipts": snapshot.receipts,
        "quarantine": journal.quarantine_table,
        "purges": partial(purges_table, store),
        "exports": partial(exports_table, store),
    }
    for name, make in makers.items():
        create_lazy(con, name, TABLES[name].schema, make)


def _cameras(site: SiteFiles, snapshot: Snapshot) -> list[str]:
    """The cameras of site.toml, and those that have footage."""
    footage = snapshot.files.get("footage")
    names = footage.whole + footage.partial if footage else ()
    found = {name.split("/")[1].removeprefix("camera=") for name in names}
    return sorted(found | {camera.id for camera in site.config.cameras})


def _lock(con: duckdb.DuckDBPyConnection, root: str) -> None:
    tables = [f"{root}/{name}/" for name in IN_FILES]
    # DuckDB compares the list in the view before it resolves patterns, and each file after.
    allowed = ", ".join(map(quote_text, sorted({*tables, *map(escape_glob, tables)})))
    con.execute(f"SET allowed_directories = [{allowed}]")
    con.execute("SET enable_external_access = false")
    con.execute("SET lock_configuration = true")
