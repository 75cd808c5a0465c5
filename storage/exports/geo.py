"""Writes rows to files for GIS programs, spreadsheets and people, by the suffix of the file's name."""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import shapely
from pyproj import CRS

from schemas.errors import UserError
from schemas.tables import Privacy
from storage.exports.density import CELL_M, density_cells, is_cells
from storage.exports.field_facts import facts_of
from storage.exports.formats.density_tiff import write_density_tiff
from storage.exports.formats.flatgeobuf import write_flatgeobuf
from storage.exports.formats.geojson import write_geojson
from storage.exports.formats.geopackage import write_geopackage, write_geopackage_layers
from storage.exports.formats.geoparquet import write_geoparquet
from storage.exports.formats.layer import UNKNOWN_KIND, Layer, field_documents
from storage.exports.formats.moving_features import write_moving_features
from storage.exports.formats.pictures import write_picture
from storage.exports.formats.pmtiles import write_pmtiles
from storage.exports.formats.wkt_csv import write_csv
from storage.exports.geometries import crs_of, geometries_of, has_position, track_lines
from storage.exports.geometry_columns import geometry_column
from storage.exports.third_parties import Protected, protect
from storage.files import sync_folder, temporary_path, write_atomic

_CSV = ".csv"
_WRITERS: dict[str, Callable[[Layer, Path], None]] = {
    ".geojson": write_geojson,
    ".gpkg": write_geopackage,
    ".parquet": write_geoparquet,
    _CSV: write_csv,
    ".fgb": write_flatgeobuf,
    ".mfjson": write_moving_features,
    ".pmtiles": write_pmtiles,
    ".tif": write_density_tiff,
    ".png": write_picture,
    ".svg": write_picture,
}
"""All formats; each writes a layer to a hidden path beside the target."""
SUFFIXES = tuple(_WRITERS)
_SQLITE_SUFFIXES = ("-journal", "-wal", "-shm")
"""Ends of the names of files that SQLite keeps beside an open GeoPackage."""
_BESIDE_CSV = "-metadata.json"
"""End of the name of the file beside a CSV that describes it, https://www.w3.org/TR/tabular-metadata/."""


@dataclass(frozen=True)
class ExportOptions:
    """What to make of rows.

    Attributes:
        as_lines: one line per track instead of one point per row, see ``track_lines``.
        table: the table that the rows are; None for those of a query.
        least_people: rows of fewer people are left out, and pseudonyms dropped, see ``protect``; 0 for the owner's own
            exports, which have all.
        personal: whether rows may be of single people.
        cell_m: edge of a cell of density.
        kind: geometry type of a layer without features; None to tell it from the columns.
        title: the layer's name for people; None for that of the file.
    """

    as_lines: bool = False
    table: str | None = None
    least_people: int = 0
    personal: bool = False
    cell_m: float = CELL_M
    kind: str | None = None
    title: str | None = None


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        rows: number of rows in the file.
        note: what was left out for third parties, as the file says too; empty if nothing had to be.
    """

    rows: int
    note: str


def export(table: pa.Table, target: Path, crs: str, options: ExportOptions | None = None) -> Exported:
    """Writes a table in the format of the target's suffix, atomically; an existing file is replaced.

    GeoJSON and Moving Features are in longitude and latitude, PMTiles in EPSG:3857, all others in the site's CRS;
    features of a pixel layer have a CRS of pixels. A CSV needs no positions. Binary columns are left out, since
    pictures do not leave the site; a row without a position is written without a geometry. Names that a format
    reserves, or that repeat another, get a number.

    Args:
        table: rows with ``x_m`` and ``y_m`` (metres in ``crs``), or ``lon`` and ``lat``, or WKB in ``geometry``.
        target: the file to write.
        crs: the site's CRS.
        options: what to make of the rows.

    Raises:
        UserError: the suffix is unknown, the table may not leave the site or has no positions, the file cannot be
            written, or another program has it open.
        QueryError: a column has a value that the format cannot hold.
    """
    asked = options or ExportOptions()
    suffix = target.suffix.lower()
    write = _WRITERS.get(suffix)
    if write is None:
        raise UserError(f"{target}: cannot write {suffix or 'no suffix'}; end the name in {', '.join(SUFFIXES)}")
    metadata = table.schema.metadata or {}
    if metadata.get(b"nightshift.privacy") == Privacy.SENSITIVE.encode():
        name = metadata.get(b"nightshift.table", b"?").decode()
        raise UserError(f"table {name} has the privacy class 'sensitive' and is not exported")
    rows = track_lines(table) if asked.as_lines else table
    if suffix == ".tif" and not is_cells(rows):
        rows = density_cells(rows, asked.cell_m)
    safe = protect(rows, asked.least_people, asked.personal) if asked.least_people else Protected(rows, "")
    layer = make_layer(target.stem, safe.rows, CRS.from_user_input(crs), asked, safe.note, suffix == _CSV)
    with whole_file(target) as path:
        write(layer, path)
    if suffix == _CSV:
        _describe_csv(layer, target)
    return Exported(safe.rows.num_rows, safe.note)


def export_layers(layers: Sequence[Layer], target: Path) -> None:
    """Writes several layers and a QGIS project of them to one GeoPackage, atomically, in place of an existing file.

    Raises:
        UserError: the name ends in something else, the file cannot be written, or another program has it open.
    """
    if target.suffix.lower() != ".gpkg":
        raise UserError(f"{target}: only a GeoPackage holds several layers; end the name in .gpkg")
    with whole_file(target) as path:
        write_geopackage_layers(layers, path, target.name)


def make_layer(
    name: str, rows: pa.Table, site_crs: CRS, options: ExportOptions, note: str = "", needs_no_place: bool = False
) -> Layer:
    """Returns rows with their geometries in the CRS to write them in.

    Raises:
        UserError: they have no positions, and need them.
    """
    facts = facts_of(rows.schema, options.table)
    if needs_no_place and (geometry_column(rows) is not None or not has_position(rows)):
        return Layer(name, rows, np.full(rows.num_rows, None, object), site_crs, facts=facts, note=note)
    crs = crs_of(rows, site_crs)
    kind = "LineString" if options.as_lines else UNKNOWN_KIND if geometry_column(rows) else "Point"
    title = options.title or options.table or name
    geometries = geometries_of(rows, crs)
    geometries[shapely.is_empty(geometries)] = None  # of an empty shape nobody can say where it is
    return Layer(name, rows, geometries, crs, options.kind or kind, facts, title, note)


@contextmanager
def whole_file(target: Path) -> Iterator[Path]:
    """Yields a hidden path with the target's suffix; its file replaces the target, or vanishes if the block raises.

    Raises:
        UserError: there is no such folder, the file cannot be written, or another program has it open.
    """
    if not target.parent.is_dir():
        raise UserError(f"cannot write {target}: there is no folder {target.parent}; create it, or name another")
    if target.exists() and not target.is_file() and not target.is_dir():
        yield target  # a pipe must be written to, not replaced
        return
    _refuse_open(target)
    resolved = target.resolve()
    temporary = temporary_path(resolved).with_suffix(target.suffix.lower())
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(resolved)
        sync_folder(resolved.parent)
    except (OSError, pa.ArrowException) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UserError(
            f"cannot write {target}: {reason}; free some space if the disk is full, else name another file"
        ) from error
    finally:
        for left in resolved.parent.glob(f"{temporary.name}*"):  # SQLite and GDAL have files of their own beside it
            left.unlink(missing_ok=True)


def _refuse_open(target: Path) -> None:
    """Rejects a GeoPackage that another program has open.

    That program's changes are in a file beside it, which SQLite would apply to the file that takes its place.
    """
    if target.suffix.lower() != ".gpkg":
        return
    for suffix in _SQLITE_SUFFIXES:
        beside = target.resolve().with_name(target.resolve().name + suffix)
        if beside.exists():
            raise UserError(
                f"cannot write {target}: a program has it open, or did not close it ({beside.name} lies beside it); "
                "close it there, or name another file"
            )


def _describe_csv(layer: Layer, target: Path) -> None:
    """Writes what was left out for third parties beside a CSV, which has no place for it; or removes such a file."""
    beside = target.with_name(target.name + _BESIDE_CSV)
    if layer.note:
        document = {
            "@context": "http://www.w3.org/ns/csvw",
            "url": target.name,
            "dc:description": layer.note,
            "nightshift:fields": field_documents(layer),
        }
        write_atomic(beside, json.dumps(document, indent=2, ensure_ascii=False).encode() + b"\n")
    elif beside.is_file() and b'"nightshift:fields"' in beside.read_bytes():
        beside.unlink()  # it would describe a file that is no longer there
