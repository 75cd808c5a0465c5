"""Writes rows to GeoJSON (RFC 7946), GeoPackage, GeoParquet 1.1 and CSV, for GIS programs and spreadsheets."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import shapely
from pyproj import CRS

from schemas.errors import UserError
from schemas.tables import Privacy
from storage.exports.geometries import (
    GEOMETRY,
    Geometries,
    crs_of,
    geometries_of,
    geometry_column,
    is_binary,
    reproject,
    total_bounds,
    track_lines,
)
from storage.exports.results import write_result
from storage.files import atomic_file, temporary_path
from storage.site.file import WGS84

Columns = dict[str, pa.ChunkedArray]


def export(table: pa.Table, target: Path, crs: str, as_lines: bool = False) -> int:
    """Writes a table to ``.geojson``, ``.gpkg``, ``.parquet`` or ``.csv`` atomically, replacing an existing file.

    GeoJSON is in longitude and latitude, as RFC 7946 requires, GeoPackage and GeoParquet in the site's CRS; features of
    a pixel layer have a CRS of pixels in all three. CSV keeps the columns as they are, and a geometry column as WKT.
    Binary columns are left out, since pictures do not leave the site; a row without a position is written without a
    geometry.

    Args:
        table: rows with ``x_m`` and ``y_m`` (metres in ``crs``), or ``lon`` and ``lat``, or WKB in ``geometry``.
        target: the file to write.
        crs: the site's CRS.
        as_lines: write one line per track instead of one point per row, see ``track_lines``.

    Returns:
        Number of rows written.

    Raises:
        UserError: the suffix is unknown, the table may not leave the site or has no positions, or the file cannot be
            written.
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
    name = geometry_column(rows)
    if name is not None:
        geometries = shapely.from_wkb(rows[name].to_numpy(zero_copy_only=False))
        texts = pa.array(shapely.to_wkt(geometries, rounding_precision=8), pa.string())
        rows = rows.set_column(rows.column_names.index(name), name, texts)
    write_result(_without_binary(rows), "csv", target)


def _write_geojson(rows: pa.Table, target: Path, crs: CRS) -> None:
    columns = _times_as_text(_plain_columns(rows))
    if crs.is_engineering:
        _write_gdal(columns, geometries_of(rows, crs), target, "GeoJSON", crs.to_wkt(), {}, partial(_name_crs, crs))
        return
    geometries = reproject(geometries_of(rows, crs), crs, CRS.from_user_input(WGS84))
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
    _write_gdal(_plain_columns(rows), geometries_of(rows, crs), target, "GPKG", crs.to_wkt(), {"GEOMETRY_NAME": "geom"})


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
    table = _with_geometries(
        {field.name: _storable(rows[field.name]) for field in _without_binary(rows).schema}, geometries
    )
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
    from pyogrio.errors import DataSourceError, FeatureError, FieldError, GeometryError

    kinds = {geometry.geom_type for geometry in geometries if geometry is not None}
    temporary = temporary_path(target).with_suffix(target.suffix.lower())
    try:
        write_arrow(
            _with_geometries(columns, geometries),
            temporary,
            layer=target.stem,
            driver=driver,
            geometry_name=GEOMETRY,
            geometry_type=kinds.pop() if len(kinds) == 1 else "Unknown",
            crs=crs,
            layer_options=layer_options,
        )
        finish(temporary)
        temporary.replace(target)
    except (DataSourceError, FeatureError, FieldError, GeometryError, OSError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"cannot write {target}: {reason}; free some space or name another file") from error
    finally:
        temporary.unlink(missing_ok=True)


def _with_geometries(columns: Columns, geometries: Geometries) -> pa.Table:
    return pa.table({**columns, GEOMETRY: pa.array(shapely.to_wkb(geometries), pa.binary())})


def _without_binary(rows: pa.Table) -> pa.Table:
    return rows.select([field.name for field in rows.schema if not is_binary(field.type)])


def _plain_columns(rows: pa.Table) -> Columns:
    """Returns the columns in types that GDAL can write: text, numbers, booleans, dates and UTC times."""
    return {field.name: _plain(rows[field.name]) for field in _without_binary(rows).schema}


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _plain(column.cast(kind.value_type))
    if pa.types.is_decimal(kind):
        # DuckDB's sums of integers are decimals of 38 digits.
        return column.cast(pa.float64())
    if pa.types.is_timestamp(kind):
        return column.cast(pa.timestamp("us", kind.tz and "UTC"))
    if pa.types.is_nested(kind):
        return _as_text(column, lambda value: json.dumps(value, default=str))
    if pa.types.is_time(kind):
        return _as_text(column, str)
    return _storable(column)


def _storable(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Returns a column in a type that both Parquet and GDAL have: durations become text."""
    kind = column.type
    is_duration = pa.types.is_interval(kind) or pa.types.is_duration(kind)
    return _as_text(column, str) if is_duration or pa.types.is_null(kind) else column


def _as_text(column: pa.ChunkedArray, format_value: Callable[[object], str]) -> pa.ChunkedArray:
    texts = [None if value is None else format_value(value) for value in column.to_pylist()]
    return pa.chunked_array([pa.array(texts, pa.string())])


def _times_as_text(columns: Columns) -> Columns:
    """Returns times as ISO 8601 text, to the microsecond, with ``Z`` for UTC: JSON has no type for times."""
    texts = {
        name: pc.strftime(times, format="%Y-%m-%dT%H:%M:%SZ" if times.type.tz else "%Y-%m-%dT%H:%M:%S")
        for name, times in columns.items()
        if pa.types.is_timestamp(times.type)
    }
    return columns | texts
