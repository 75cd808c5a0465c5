"""Opens a store for SQL: creates settings, views and macros, and then locks the connection."""

import secrets
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from functools import cache, partial
from pathlib import Path

import duckdb
import pyarrow as pa

from schemas.site_limits import SqlConfig
from schemas.site_views import LayerConfig
from schemas.tables import TABLES, Privacy
from schemas.tables.views import VIEWS
from schemas.values import Feature
from storage.blobs import LocalBlobs
from storage.exports.export_records import exports_table
from storage.exports.review_records import reviews_table
from storage.exports.sign_off_records import SignedFile, Verdict, read_sign_offs, sign_offs_table, verdicts
from storage.files import private_scratch
from storage.machine import usable_cpus, usable_memory_bytes
from storage.maintenance.holds import holds_table
from storage.maintenance.tombstones import purges_table
from storage.site.file import SiteFiles, cameras_table
from storage.sql.answers import CALIBRATIONS, create_answers, read_with
from storage.sql.areas import MACROS_READ, ZONE_AREAS, create_area_macros, zone_areas
from storage.sql.changes import ASK_ZONES, CHANGES_READ, ZONE_TILES, create_change_macro, create_tile_macros
from storage.sql.dates import CAMERA_MACROS, Dates, create_date_macros, named_days
from storage.sql.lazy import INTERNAL, create_lazy, make_now
from storage.sql.macros import (
    create_layers,
    features_table,
    layer_view,
    load_spatial,
    mentions_geometry,
)
from storage.sql.places import PLACE_FUNCTIONS
from storage.sql.text import escape_glob, quote_text
from storage.sql.tracks import POINTS_READ, create_track_macros
from storage.sql.unqueried import create_unqueried, lists_tables
from storage.sql.versions import create_versions
from storage.sql.views import IN_FILES, FileLists, TakeSnapshot, create_views
from storage.store.journal import Journal
from storage.store.layer_versions import (
    LayerRecord,
    current_rows,
    features_as_of,
    layer_versions_table,
    layers_at,
    read_layer_rows,
)
from storage.store.named_files import PUBLISHED_TABLE
from storage.store.runs import complete_runs
from storage.store.snapshot import Snapshot, end_of_run, take_snapshot
from storage.store.store import Store

GB = 1e9
CalibrationErrors = Callable[[], Mapping[str, float]]
ZoneTiles = Callable[[], pa.Table]
Calibrations = Callable[[], pa.Table]

_TABLE_MACROS = {
    "changes_in": (CHANGES_READ,),
    "track_boxes": (POINTS_READ,),
    "track_parts": (POINTS_READ,),
    **MACROS_READ,
}
"""By table macro: the tables that it reads."""


def open_sql(
    store: Store,
    site: SiteFiles | None = None,
    as_of: str | None = None,
    unsafe: bool = False,
    query: str | None = None,
    calibration_error_m: CalibrationErrors = dict,
    sensitive: bool = True,
    pending: bool = False,
    unit_dates: bool = False,
    zone_tiles: ZoneTiles = ZONE_TILES.empty_table,
    calibrations: Calibrations = CALIBRATIONS.empty_table,
) -> duckdb.DuckDBPyConnection:
    """Opens a snapshot of the store for SQL. Files of rows are opened only when a query needs them.

    Views: every table of ``TABLES`` and ``VIEWS``; tables written by ops have the column ``date`` (local date of the
    row) and a second view ``TABLE_all`` with every version of their rows; ``features`` has the site's zones and lines,
    ``layer_NAME`` the features of any one layer with their attributes. Macros: ``local_time(camera, ts)``,
    ``local_date(camera, ts)``, ``local_text(camera, ts)``, ``timezone_of(camera)``, ``map_distance_m(x1, y1, x2, y2)``,
    ``in_zone(x, y, zone)``, ``place_of(zone)``, ``distance_to_m(x, y, feature)``, ``nearest(x, y, layer)`` and
    ``areas_at(x, y, layer)``; of the table ``motion``, ``in_tiles(tiles, others)``,
    ``tiles_of(tiles)`` and the table macro ``changes_in(camera_id, zone_id)``; of the table ``track_points``, the table
    macros ``track_boxes(camera_id, times)`` and ``track_parts(least)``; of counts, ``queue_length(zone_id)`` and
    ``heat_map(cell_m)``.

    Args:
        store: the store.
        site: its cameras, zones and lines; without it there are none, and cameras have no local time.
        as_of: run whose end is the snapshot's moment; None for now.
        unsafe: queries may also read and write other files, attach databases, and change settings.
        query: the only queries that will be run, if known: the connection then opens faster, without what they do not
            name. None for any.
        calibration_error_m: returns the column of that name of the table ``cameras``, by camera.
        sensitive: whether files of tables of the privacy class ``sensitive`` may be read.
        pending: whether the table ``anonymized`` has files that await their sign-off, or were rejected.
        zone_tiles: returns the table of that name: which tiles of a camera's view show a zone.
        calibrations: returns how reviews calibrate the scores of interactions.
        unit_dates: ``date`` is the local date at which the unit that wrote a row starts, not that of the row.

    Returns:
        An in-memory connection in the time zone UTC.

    Raises:
        SelectionError: there is no such run.
    """

    text = "" if query is None else query.lower()
    behind = read_with(text) | {table for macro, tables in _TABLE_MACROS.items() if macro in text for table in tables}

    def is_queried(name: str) -> bool:
        return query is None or name in text or name in behind

    # One moment for all: the snapshot is taken now, unless the query reads nothing of the store.
    snapshot = cache(partial(take_snapshot, store, as_of))
    reads = as_of is not None or any(map(is_queried, (*TABLES, *VIEWS, *CAMERA_MACROS)))
    if reads:
        snapshot()
    con = duckdb.connect(":memory:")
    _configure(con, site.config.sql if site else SqlConfig())
    root = _root(con, store)
    has_geometry = query is None or mentions_geometry(query)
    has_spatial = has_geometry and load_spatial(con)
    con.execute(f"CREATE SCHEMA {INTERNAL}")
    cameras = _cameras(site, snapshot()) if site and reads else []

    def cameras_rows() -> pa.Table:
        if site is None:
            return TABLES["cameras"].empty()
        site.check_crs()
        return cameras_table(site, cameras, calibration_error_m())

    recorded = layers_at(store, end_of_run(store, as_of)) if as_of is not None else None

    def features() -> Sequence[Feature]:
        if site is None:
            return ()
        site.check_crs()
        return features_as_of(site, store, as_of)

    _create_records(con, store, snapshot, make_now(cameras_rows, is_queried("cameras")))
    views = [site.config.camera_view(camera) for camera in cameras] if site else []
    zones = {view.camera: view.timezone for view in views}
    create_date_macros(con, zones)
    dates = Dates({} if unit_dates else zones, is_queried("date"), named_days(text))
    lists = FileLists(con, root)
    with lists.placeholder() if reads else nullcontext():
        create_views(con, lists, snapshot, is_queried, dates, {} if pending else _released(con, store, site))
        create_versions(con, lists, snapshot, is_queried, dates)
    create_lazy(con, "calibrations", CALIBRATIONS, calibrations, internal=True)
    areas = make_now(lambda: zone_areas(features()), is_queried("zone_density"))
    create_lazy(con, "zone_areas", ZONE_AREAS, areas, internal=True)
    create_answers(con, is_queried)
    create_area_macros(con, is_queried)
    create_tile_macros(con, make_now(zone_tiles, any(map(is_queried, ASK_ZONES))))
    if is_queried("changes_in"):
        create_change_macro(con)
    create_track_macros(con, is_queried)
    if lists_tables(text):
        create_unqueried(con)
    asks_features = any(map(is_queried, ("features", "in_zone", "place_of", "distance_to_m")))
    layers = _layers(site, store, recorded, is_queried)
    create_layers(con, make_now(lambda: features_table(features()), asks_features), layers, has_spatial)
    if not unsafe:
        readable = [name for name, spec in IN_FILES.items() if sensitive or spec.privacy is not Privacy.SENSITIVE]
        _lock(con, root, readable)
    return con


def _configure(con: duckdb.DuckDBPyConnection, limits: SqlConfig) -> None:
    # DuckDB makes the folder when a query is too large for memory, and removes it; its files follow the umask.
    scratch = private_scratch()
    memory = min(limits.memory_gb * GB, 0.75 * usable_memory_bytes())
    spill = min(limits.spill_gb * GB, 0.5 * shutil.disk_usage(scratch).free)
    for setting in (
        "autoinstall_known_extensions = false",
        "autoload_known_extensions = false",
        # By default DuckDB looks an unknown table name up among the caller's Python variables.
        "python_enable_replacements = false",
        "enable_progress_bar = false",
        "TimeZone = 'UTC'",
        f"threads = {usable_cpus()}",  # DuckDB knows quotas, and not affinity
        f"temp_directory = {quote_text(scratch / secrets.token_hex(8))}",
        # By default, DuckDB takes 80 % of the machine's memory and 90 % of the disk.
        f"memory_limit = '{memory:.0f}B'",
        f"max_temp_directory_size = '{spill:.0f}B'",
    ):
        con.execute(f"SET {setting}")


def _root(con: duckdb.DuckDBPyConnection, store: Store) -> str:
    """Returns the prefix of the store's files, after registering an object store's file system with DuckDB."""
    if isinstance(store.blobs, LocalBlobs):
        return str(Path(store.blobs.url).resolve())
    from storage.blobs.remote import RemoteBlobs  # fsspec, which a folder does not need

    assert isinstance(store.blobs, RemoteBlobs)
    con.register_filesystem(store.blobs.filesystem)
    return store.blobs.url


def _create_records(
    con: duckdb.DuckDBPyConnection, store: Store, snapshot: TakeSnapshot, cameras: Callable[[], pa.Table]
) -> None:
    """Creates the tables that are not stored as files by camera and date."""
    journal = Journal(store.blobs)
    makers: Mapping[str, Callable[[], pa.Table]] = {
        "cameras": cameras,
        "runs": lambda: complete_runs(journal.read_runs().rows, snapshot().receipts),
        "layer_versions": partial(layer_versions_table, store),
        "receipts": lambda: snapshot().receipts(),
        "quarantine": journal.quarantine_table,
        "purges": partial(purges_table, store),
        "holds": partial(holds_table, store),
        "exports": partial(exports_table, store),
        "sign_offs": partial(sign_offs_table, store),
        "interaction_reviews": partial(reviews_table, store),
    }
    for name, make in makers.items():
        create_lazy(con, name, TABLES[name].schema, make)


def _released(con: duckdb.DuckDBPyConnection, store: Store, site: SiteFiles | None) -> Mapping[str, str]:
    """Returns the condition of published files that may be handed out, where a site waits for sign-offs."""
    if site is None or not site.config.publish.waits:
        return {}

    def accepted() -> pa.Table:
        found = verdicts(read_sign_offs(store))
        return pa.Table.from_pylist([each._asdict() for each in found if found[each] == Verdict.ACCEPT], schema)

    schema = pa.schema([(name, pa.string()) for name in SignedFile._fields])
    create_lazy(con, "accepted", schema, accepted, internal=True)
    columns = ", ".join(SignedFile._fields)
    return {PUBLISHED_TABLE: f"({columns}) IN (SELECT ({columns}) FROM {INTERNAL}.accepted)"}


def _cameras(site: SiteFiles, snapshot: Snapshot) -> list[str]:
    """Returns the cameras of site.toml and those that have footage."""
    footage = snapshot.files.get("footage")
    names = footage.whole + footage.partial if footage else ()
    found = {name.split("/")[1].removeprefix("camera=") for name in names}
    return sorted(found | {camera.id for camera in site.config.cameras})


def _layers(
    site: SiteFiles | None, store: Store, recorded: LayerRecord | None, is_queried: Callable[[str], bool]
) -> dict[LayerConfig, Callable[[], pa.Table]]:
    """Returns what makes the rows of each layer, as recorded or as it is now; those that a query names are read."""
    makers: dict[LayerConfig, Callable[[], pa.Table]]
    if recorded is not None:
        makers = {each.config: partial(read_layer_rows, store, each) for each in recorded.layers}
    else:
        layers = enumerate(site.config.layers) if site else ()
        makers = {layer: partial(current_rows, site, store, number) for number, layer in layers if site}
    joins = any(map(is_queried, PLACE_FUNCTIONS))

    def is_read(layer: LayerConfig) -> bool:
        return is_queried(layer_view(layer).lower()) or (joins and is_queried(layer.name.lower()))

    return {layer: make_now(make, is_read(layer)) for layer, make in makers.items()}


def _lock(con: duckdb.DuckDBPyConnection, root: str, readable: Iterable[str]) -> None:
    tables = [f"{root}/{name}/" for name in readable]
    # DuckDB checks the names before it expands patterns, and each file after: both spellings must be allowed.
    allowed = ", ".join(map(quote_text, sorted({*tables, *map(escape_glob, tables)})))
    con.execute(f"SET allowed_directories = [{allowed}]")
    con.execute("SET enable_external_access = false")
    con.execute("SET lock_configuration = true")
