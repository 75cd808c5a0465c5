"""Writes rows to GeoJSON (RFC 7946), GeoPackage, GeoParquet 1.1 and CSV, for GIS programs and spreadsheets."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import shapely
from pyproj import CRS

from schemas.errors import UserError
from schemas.tables import Privacy
from storage.exports.geometries import (
    Geometries,
    crs_of,
    geometries_of,
    reproject,
    total_bounds,
    track_lines,
)
from storage.exports.geometry_columns import GEOMETRY, is_binary, is_geometry
from storage.exports.gis_columns import (
    Columns,
    attributes,
    free_name,
    gdal_columns,
    parquet_columns,
    times_as_text,
)
from storage.exports.results import write_result
from storage.files import atomic_file, temporary_path
from storage.site.file import WGS84

_SQLITE_SUFFIXES = ("-journal", "-wal", "-shm")
"""Ends of the names of files that SQLite keeps beside an open GeoPackage."""
_ARROW_KEY = "OGC_FID"
"""The column that GDAL takes for the key of features, where a format names no other."""


def export(table: pa.Table, target: Path, crs: str, as_lines: bool = False) -> int:
    """Writes a table to ``.geojson``, ``.gpkg``, ``.parquet`` or ``.csv`` atomically, replacing an existing file.

    GeoJSON is in longitude and latitude, as RFC 7946 requires, GeoPackage and GeoParquet in the site's CRS; features of
    a pixel layer have a CRS of pixels in all three. CSV keeps the columns as they are, and geometry columns as WKT.
    Binary columns are left out, since pictures do not leave the site; a row without a position is written without a
    geometry. Names that a format reserves, or that repeat another, get a number.

    Args:
        table: rows with ``x_m`` and ``y_m`` (metres in ``crs``), or ``lon`` and ``lat``, or WKB in ``geometry``.
        target: the file to write.
        crs: the site's CRS.
        as_lines: write one line per track instead of one point per row, see ``track_lines``.

    Returns:
        Number of rows written.

    Raises:
        UserError: the suffix is unknown, the table may not leave the site or has no positions, the file cannot be
            written, or another program has it open.
        QueryError: a column has a value that the format cannot hold.
    """
    write = _WRITERS.get(target.suffix.lower())
    if write is None:
        raise UserError(f"{target}: cannot write {target.suffix or 'no suffix'}; end the name in {', '.join(_WRITERS)}")
    metadata = table.schema.metadata or {}
    if metadata.get(b"nightshift.privacy") == Privacy.SENSITIVE.encode():
        name = metadata.get(b"nightshift.table", b"?").decode()
        raise UserError(f"table {name} has the privacy class 'sensitive' and is not exported")
    if not target.parent.is_dir():
        raise UserError(f"cannot write {target}: there is no folder {target.parent}; create it, or name another")
    rows = track_lines(table) if as_lines else table
    site_crs = CRS.from_user_input(crs)
    write(rows, target, site_crs if target.suffix.lower() == ".csv" else crs_of(rows, site_crs))
    return int(rows.num_rows)


def _write_csv(rows: pa.Table, target: Path, _crs: CRS) -> None:
    shown = [field.name for field in rows.schema if is_geometry(field) or not is_binary(field.type)]
    write_result(rows.select(shown), "csv", target)


def _write_geojson(rows: pa.Table, target: Path, crs: CRS) -> None:
    columns = times_as_text(gdal_columns(attributes(rows), reserved=_ARROW_KEY))
    if crs.is_engineering:
        _write_gdal(columns, geometries_of(rows, crs), target, "GeoJSON", crs.to_wkt(), {}, partial(_name_crs, crs))
        return
    geometries = reproject(geometries_of(rows, crs), crs, CRS.from_user_input(WGS84))
    geometries[shapely.is_empty(geometries)] = None  # RFC 7946, 3.1, has null in their place
    # Eight decimals are about a millimetre; GDAL's default for RFC 7946 is seven.
    options = {"RFC7946": "YES", "COORDINATE_PRECISION": "8"}
    _write_gdal(columns, geometries, target, "GeoJSON", WGS84, options)


def _name_crs(crs: CRS, path: Path) -> None:
    """Writes the CRS into a GeoJSON file, as GeoJSON had it before RFC 7946: without one, pixels are taken for degrees.

    GDAL reads this member, but writes it only for a CRS with a number in a registry.
    """
    before, kind, after = path.read_bytes().partition(b'"type": "FeatureCollection",\n')
    named = json.dumps({"type": "name", "properties": {"name": crs.to_wkt()}})
    path.write_bytes(b"".join((before, kind, f'"crs": {named},\n'.encode(), after)))


def _write_geopackage(rows: pa.Table, target: Path, crs: CRS) -> None:
    columns = gdal_columns(attributes(rows))
    # GDAL writes a column that has the name of the key into the key.
    names = {"GEOMETRY_NAME": free_name("geom", columns), "FID": free_name("fid", columns)}
    _refuse_open(target)
    _write_gdal(columns, geometries_of(rows, crs), target, "GPKG", crs.to_wkt(), names)


def _refuse_open(target: Path) -> None:
    """Rejects a GeoPackage that another program has open.

    That program's changes are in a file beside it, which SQLite would apply to the file that takes its place.
    """
    for suffix in _SQLITE_SUFFIXES:
        beside = target.resolve().with_name(target.resolve().name + suffix)
        if beside.exists():
            raise UserError(
                f"cannot write {target}: a program has it open, or did not close it ({beside.name} lies beside it); "
                "close it there, or name another file"
            )


def _write_geoparquet(rows: pa.Table, target: Path, crs: CRS) -> None:
    """GeoParquet 1.1, https://geoparquet.org/releases/v1.1.0/: WKB, and the CRS as PROJJSON."""
    geometries = geometries_of(rows, crs)
    description: dict[str, object] = {
        "encoding": "WKB",
        "geometry_types": sorted({geometry.geom_type for geometry in geometries if geometry is not None}),
        "crs": crs.to_json_dict(),
    }
    bounds = total_bounds(geometries)
    if bounds is not None:
        description["bbox"] = list(bounds)
    geo = {"version": "1.1.0", "primary_column": GEOMETRY, "columns": {GEOMETRY: description}}
    table = _with_geometries(parquet_columns(attributes(rows)), GEOMETRY, geometries)
    try:
        with atomic_file(target.resolve()) as file:
            pq.write_table(table.replace_schema_metadata({"geo": json.dumps(geo)}), file, compression="zstd")
    except OSError as error:
        raise UserError(f"cannot write {target}: {error.strerror}; name another file") from error


_WRITERS: dict[str, Callable[[pa.Table, Path, CRS], None]] = {
    ".geojson": _write_geojson,
    ".gpkg": _write_geopackage,
    ".parquet": _write_geoparquet,
    ".csv": _write_csv,
}


def _write_gdal(
    columns: Columns,
    geometries: Geometries,
    target: Path,
    driver: str,
    crs: str,
    layer_options: dict[str, str],
    finish: Callable[[Path], None] = lambda _: None,
) -> None:
    """Writes through GDAL to a hidden file beside the target, and renames it when ``finish`` has completed it."""
    from pyogrio import write_arrow
    from pyogrio.errors import DataLayerError, DataSourceError, FeatureError, FieldError, GeometryError

    kinds = {geometry.geom_type for geometry in geometries if geometry is not None}
    geometry = free_name(GEOMETRY, columns)  # a column of this name would crash GDAL
    temporary = temporary_path(target.resolve()).with_suffix(target.suffix.lower())
    try:
        write_arrow(
            _with_geometries(columns, geometry, geometries),
            temporary,
            layer=target.stem,
            driver=driver,
            geometry_name=geometry,
            geometry_type=kinds.pop() if len(kinds) == 1 else "Unknown",
            crs=crs,
            layer_options=layer_options,
        )
        finish(temporary)
        temporary.replace(target.resolve())
    except (DataLayerError, DataSourceError, FeatureError, FieldError, GeometryError, OSError) as error:
        reason = " ".join(str(error).split())
        raise UserError(
            f"cannot write {target}: {reason}; free some space if the disk is full, else name another file"
        ) from error
    finally:
        for suffix in ("", *_SQLITE_SUFFIXES):
            temporary.with_name(temporary.name + suffix).unlink(missing_ok=True)


def _with_geometries(columns: Columns, name: str, geometries: Geometries) -> pa.Table:
    return pa.table({**columns, name: pa.array(shapely.to_wkb(geometries), pa.binary())})
