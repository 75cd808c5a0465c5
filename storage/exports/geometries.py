"""Places of rows: points from coordinate columns, shapes from geometry columns, lines from tracks."""

import json

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError

from schemas.errors import UserError
from storage.site.file import WGS84

GEOMETRY = "geometry"
_WKB_EXTENSION = b"geoarrow.wkb"
_NEEDS = (
    "a file for maps needs the columns x_m and y_m, or lon and lat, or a geometry column made by a spatial function; "
    "or write a .csv"
)

Geometries = npt.NDArray[np.object_]


def geometries_of(rows: pa.Table, crs: CRS) -> Geometries:
    """One shape a row in the site's CRS; None where a row has no place."""
    name = geometry_column(rows)
    if name is not None:
        shapes: Geometries = shapely.from_wkb(rows[name].to_numpy(zero_copy_only=False))
        own = _own_crs(rows.schema.field(name))
        shapes = reproject(shapes, own or crs, crs)
        _check_place(shapes, crs)
        return shapes
    if {"x_m", "y_m"} <= set(rows.column_names):
        return _points(rows, "x_m", "y_m")
    if {"lon", "lat"} <= set(rows.column_names):
        return reproject(_points(rows, "lon", "lat"), CRS.from_user_input(WGS84), crs)
    raise UserError(f"these rows ({', '.join(rows.column_names)}) have no place: {_NEEDS}")


def track_lines(positions: pa.Table) -> pa.Table:
    """One line a track, in order of time, from points on the ground; a track of one point is no line and is left out.

    Args:
        positions: ``track_id``, ``time``, ``x_m``, ``y_m``, and ``camera`` and ``label`` if there.

    Returns:
        ``camera`` and ``label`` as above, ``track_id``, ``start_time``, ``end_time``, ``points``, ``length_m``,
        ``mean_speed_m_s`` (along the line) and ``geometry`` (WKB, CRS as ``x_m`` and ``y_m``).

    Raises:
        UserError: a column is missing.
    """
    needed = ("track_id", "time", "x_m", "y_m")
    missing = [name for name in needed if name not in positions.column_names]
    if missing:
        raise UserError(f"lines need the columns {', '.join(needed)}; {', '.join(missing)} is not there")
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


def geometry_column(rows: pa.Table) -> str | None:
    """The column that DuckDB marks as a geometry, else a binary one of that name."""
    for field in rows.schema:
        marked = (field.metadata or {}).get(b"ARROW:extension:name") == _WKB_EXTENSION
        if marked or (field.name == GEOMETRY and is_binary(field.type)):
            return str(field.name)
    return None


def reproject(shapes: Geometries, source: CRS, target: CRS) -> Geometries:
    """Geometries in another CRS; x is east and y north on both sides, whatever axis order a CRS names."""
    if source == target:
        return shapes
    transform = Transformer.from_crs(source, target, always_xy=True).transform
    moved: Geometries = shapely.transform(shapes, transform, interleaved=False)
    return moved


def total_bounds(shapes: Geometries) -> tuple[float, float, float, float] | None:
    """West, south, east and north of all shapes together; None if there is none."""
    if not len(shapes):
        return None
    west, south, east, north = map(float, shapely.total_bounds(shapes))
    return (west, south, east, north) if np.isfinite([west, south, east, north]).all() else None


def is_binary(kind: pa.DataType) -> bool:
    """Whether a column of this type holds bytes."""
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind))


def _points(rows: pa.Table, x: str, y: str) -> Geometries:
    columns = [pc.cast(rows[name], pa.float64()).to_numpy() for name in (x, y)]
    coordinates = np.column_stack(columns)
    there = np.isfinite(coordinates).all(axis=1)
    shapes: Geometries = np.full(len(coordinates), None, object)
    shapes[there] = shapely.points(coordinates[there])
    return shapes


def _own_crs(field: pa.Field) -> CRS | None:
    """The CRS that a geometry column's GeoArrow metadata names, if it does."""
    described = json.loads((field.metadata or {}).get(b"ARROW:extension:metadata") or b"{}").get("crs")
    if described is None:
        return None
    try:
        return CRS.from_user_input(described)
    except CRSError as error:
        raise UserError(f"column {field.name} has an unknown CRS; cast it with ST_Transform or ST_SetCRS") from error


def _check_place(shapes: Geometries, crs: CRS) -> None:
    """Refuses shapes that are far from where the CRS is used: degrees taken for metres would land in the sea."""
    area = crs.area_of_use
    bounds = total_bounds(shapes)
    if area is None or bounds is None:
        return
    west, south, east, north = Transformer.from_crs(crs, WGS84, always_xy=True).transform_bounds(*bounds)
    margin_deg = 0.5
    inside = np.isfinite([west, south, east, north]).all() and (
        west <= area.east + margin_deg
        and east >= area.west - margin_deg
        and south <= area.north + margin_deg
        and north >= area.south - margin_deg
    )
    if not inside:
        raise UserError(
            f"the geometries lie far from where {crs.to_string()} is used; make them from x_m and y_m, "
            "in metres, such as ST_Point(x_m, y_m)"
        )


def _runs(rows: pa.Table, keys: list[str]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """First row and length of each run of rows with equal keys; the rows are sorted by them."""
    changes = np.ones(rows.num_rows, bool)
    for number, key in enumerate(keys):
        column = rows[key].combine_chunks()
        differs = pc.not_equal(column[1:], column[:-1]).to_numpy(zero_copy_only=False).astype(bool)
        changes[1:] = differs if number == 0 else changes[1:] | differs
    first = np.flatnonzero(changes)
    return first, np.diff(np.append(first, rows.num_rows))
