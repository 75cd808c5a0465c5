"""Geometries of rows: points from coordinate columns, shapes from geometry columns, lines from tracks."""

import json

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError

from schemas.errors import UserError
from storage.exports.geometry_columns import GEOMETRY, geometry_column
from storage.site.file import WGS84
from storage.site.pixel_crs import MIXED, pixel_crs
from storage.sql.text import quote_name

_MARGIN_DEG = 0.5
"""How far outside the area of a CRS geometries may be."""
_NEEDS = (
    "a file for maps needs the columns x_m and y_m, or lon and lat, or zone or line, or a geometry column made by a "
    "spatial function; or write a .csv"
)

Geometries = npt.NDArray[np.object_]


def crs_of(rows: pa.Table, crs: CRS) -> CRS:
    """Returns the CRS to write rows in: the site's, or pixels for features of pixel layers.

    Raises:
        UserError: the rows are features of the map and of pixels, or may be.
    """
    name = geometry_column(rows)
    coordinates = _coordinates(rows.schema.field(name)) if name is not None else None
    if coordinates != MIXED:
        return (isinstance(coordinates, str) and pixel_crs(coordinates)) or crs
    spaces = set(rows["space"].to_pylist()) if "space" in rows.column_names else {"map", "pixel"}
    if len(spaces) > 1:
        raise UserError(
            "these rows may be features of the map and features in pixels, which do not fit into one file: "
            "export one layer (layer_NAME), or SELECT * FROM features WHERE space = 'map'"
        )
    return (pixel_crs() if spaces == {"pixel"} else None) or crs


def geometries_of(rows: pa.Table, crs: CRS) -> Geometries:
    """Returns one geometry per row in a CRS, as ``crs_of`` has it; None where a row has no position.

    Raises:
        UserError: the rows have neither coordinates nor geometries, or these are no numbers, no WKB, or far from where
            the CRS is used.
    """
    name = geometry_column(rows)
    if name is not None:
        geometries = from_wkb(rows.schema.field(name), rows[name])
        own = _own_crs(rows.schema.field(name))
        geometries = reproject(geometries, own or crs, crs)
        _check_area_of_use(geometries, crs)
        return geometries
    if {"x_m", "y_m"} <= set(rows.column_names):
        return _points(rows, "x_m", "y_m")
    if {"lon", "lat"} <= set(rows.column_names):
        return reproject(_points(rows, "lon", "lat"), CRS.from_user_input(WGS84), crs)
    raise UserError(f"these rows ({', '.join(rows.column_names)}) have no position: {_NEEDS}")


def has_position(rows: pa.Table) -> bool:
    """Returns whether rows have geometries or coordinates."""
    names = set(rows.column_names)
    return geometry_column(rows) is not None or {"x_m", "y_m"} <= names or {"lon", "lat"} <= names


def track_lines(positions: pa.Table) -> pa.Table:
    """Returns one line per track, in order of time, from points on the ground; tracks of one point are left out.

    Args:
        positions: ``track_id``, ``time``, ``x_m``, ``y_m``, optionally ``camera`` and ``label``.

    Returns:
        ``camera`` and ``label`` if given, ``track_id``, ``start_time``, ``end_time``, ``points``, ``length_m``,
        ``mean_speed_m_s`` (along the line) and ``geometry`` (WKB, CRS as ``x_m`` and ``y_m``).

    Raises:
        UserError: a column is missing.
    """
    needed = ("track_id", "time", "x_m", "y_m")
    missing = [name for name in needed if name not in positions.column_names]
    if missing:
        raise UserError(f"lines need the columns {', '.join(needed)}; missing: {', '.join(missing)}")
    names = [name for name in ("camera", "track_id", "label") if name in positions.column_names]
    keys = [name for name in names if name != "label"]
    rows = positions.select([*names, "time", "x_m", "y_m"]).drop_null()
    rows = rows.sort_by([(name, "ascending") for name in (*keys, "time")])
    first, points = _runs(rows, keys)
    coordinates = np.column_stack([rows["x_m"].to_numpy(), rows["y_m"].to_numpy()])[np.repeat(points > 1, points)]
    first, points = first[points > 1], points[points > 1]
    lines = shapely.linestrings(coordinates, indices=np.repeat(np.arange(len(first)), points))
    length_m = shapely.length(lines)
    start, end = rows["time"].take(first), rows["time"].take(first + points - 1)
    duration_s = pc.divide(pc.cast(pc.cast(pc.subtract(end, start), pa.duration("us")), pa.int64()), 1e6)
    columns = {name: rows[name].take(first) for name in names}
    columns |= {"start_time": start, "end_time": end, "points": pa.array(points), "length_m": pa.array(length_m)}
    columns["mean_speed_m_s"] = pc.divide(pa.chunked_array([length_m]), duration_s)
    columns[GEOMETRY] = pa.array(shapely.to_wkb(lines), pa.binary())
    return pa.table(columns)


def from_wkb(field: pa.Field, column: pa.ChunkedArray) -> Geometries:
    """Returns the geometries of a column; None where it is null.

    Raises:
        UserError: a value is no WKB.
    """
    try:
        geometries: Geometries = shapely.from_wkb(column.to_numpy(zero_copy_only=False))
    except shapely.errors.ShapelyError as error:
        raise UserError(
            f"column {field.name} has bytes that are no geometry ({error}): give them another name in the query"
        ) from error
    return geometries


def wkt_column(field: pa.Field, column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Returns the geometries of a column as WKT, to eight decimals.

    Raises:
        UserError: a value is no WKB.
    """
    texts = shapely.to_wkt(from_wkb(field, column), rounding_precision=8)
    return pa.chunked_array([pa.array(texts, pa.string())])


def reproject(geometries: Geometries, source: CRS, target: CRS) -> Geometries:
    """Returns geometries in another CRS; x is east and y north in both, whatever axis order the CRS defines.

    Raises:
        UserError: a geometry has no place in the other CRS.
    """
    if source == target:
        return geometries
    transform = Transformer.from_crs(source, target, always_xy=True).transform
    moved: Geometries = shapely.transform(geometries, transform, interleaved=False)
    if not np.isfinite(shapely.get_coordinates(moved)).all():
        raise UserError(
            f"some positions are on no map of {target.to_string()}: they are not in {source.to_string()}, "
            "or far from where it is used; leave them out in the query"
        )
    return moved


def total_bounds(geometries: Geometries) -> tuple[float, float, float, float] | None:
    """Returns west, south, east and north of all geometries together; None if there are none."""
    if not len(geometries):
        return None
    west, south, east, north = map(float, shapely.total_bounds(geometries))
    return (west, south, east, north) if np.isfinite([west, south, east, north]).all() else None


def _points(rows: pa.Table, x: str, y: str) -> Geometries:
    coordinates = np.column_stack([_numbers(rows, name) for name in (x, y)])
    known = np.isfinite(coordinates).all(axis=1)
    geometries: Geometries = np.full(len(coordinates), None, object)
    geometries[known] = shapely.points(coordinates[known])
    return geometries


def _numbers(rows: pa.Table, name: str) -> npt.NDArray[np.float64]:
    try:
        numbers: npt.NDArray[np.float64] = pc.cast(rows[name], pa.float64()).to_numpy()
    except pa.ArrowException as error:
        raise UserError(
            f"column {name} has values that are no numbers: "
            f"write TRY_CAST({quote_name(name)} AS DOUBLE) AS {quote_name(name)} in the query"
        ) from error
    return numbers


def _own_crs(field: pa.Field) -> CRS | None:
    """Returns the CRS in a geometry column's GeoArrow metadata, or None."""
    described = _coordinates(field)
    if described is None or described == MIXED:
        return None
    try:
        return (isinstance(described, str) and pixel_crs(described)) or CRS.from_user_input(described)
    except CRSError as error:
        raise UserError(f"column {field.name} has an unknown CRS; cast it with ST_Transform or ST_SetCRS") from error


def _coordinates(field: pa.Field) -> object:
    """Returns how a geometry column's GeoArrow metadata describes its coordinates: PROJJSON, or a name; or None."""
    return json.loads((field.metadata or {}).get(b"ARROW:extension:metadata") or b"{}").get("crs")


def _check_area_of_use(geometries: Geometries, crs: CRS) -> None:
    """Rejects geometries far from where the CRS is used, such as degrees taken for metres."""
    area = crs.area_of_use
    bounds = total_bounds(geometries)
    if area is None or bounds is None:
        return
    west, south, east, north = Transformer.from_crs(crs, WGS84, always_xy=True).transform_bounds(*bounds)
    inside = (
        np.isfinite([west, south, east, north]).all()
        and south <= area.north + _MARGIN_DEG
        and north >= area.south - _MARGIN_DEG
        and _longitudes_overlap((west, east), (area.west - _MARGIN_DEG, area.east + _MARGIN_DEG))
    )
    if not inside:
        raise UserError(
            f"the geometries lie far from where {crs.to_string()} is used; make them from x_m and y_m, "
            "in metres, such as ST_Point(x_m, y_m)"
        )


def _longitudes_overlap(a: tuple[float, float], b: tuple[float, float]) -> bool:
    """Returns whether two ranges from west to east overlap; east is less than west where one crosses 180 degrees."""
    width_a, width_b = (360.0 if east - west >= 360 else (east - west) % 360 for west, east in (a, b))
    return (b[0] - a[0]) % 360 <= width_a or (a[0] - b[0]) % 360 <= width_b


def _runs(rows: pa.Table, keys: list[str]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Returns first row and length of each run of rows with equal keys; the rows are sorted by the keys."""
    changes = np.ones(rows.num_rows, bool)
    for number, key in enumerate(keys):
        column = rows[key].combine_chunks()
        differs = pc.not_equal(column[1:], column[:-1]).to_numpy(zero_copy_only=False).astype(bool)
        changes[1:] = differs if number == 0 else changes[1:] | differs
    first = np.flatnonzero(changes)
    return first, np.diff(np.append(first, rows.num_rows))
