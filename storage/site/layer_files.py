"""Reads one layer of a GIS file: its geometries, its attributes and its CRS, all unchanged.

GeoParquet is read by its own libraries, since the GDAL that comes with pyogrio has no driver for it; every other format
by GDAL, as Arrow: unlike a data frame, Arrow keeps whole numbers beside missing ones.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import shapely
from pyproj import CRS

from schemas.errors import SiteError
from storage.site.file import WGS84

Shapes = npt.NDArray[np.object_]
"""``(N,)`` geometries of shapely; None where a feature has none."""

GEOPARQUET = (".parquet", ".geoparquet")
_GEOJSON = (".geojson", ".json")
_GEO_KEY = b"geo"  # of a GeoParquet file's metadata, as its specification has it


class LayerFile(NamedTuple):
    """The features of one layer of a file.

    Attributes:
        shapes: ``(N,)``, in ``crs``.
        attributes: all columns but the geometry.
        crs: None if the file names none; GeoJSON without one is longitude and latitude (RFC 7946).
    """

    shapes: Shapes
    attributes: pa.Table
    crs: CRS | None


def read_layer_file(path: Path, name: str, columns: Sequence[str] | None = None) -> LayerFile:
    """Returns the features of a file.

    Args:
        path: the file.
        name: of its layers, the one that is read; a file with one layer may call it anything.
        columns: attributes to read, of those that there are; None for all.

    Raises:
        SiteError: the file is unreadable or empty, or has no geometry.
    """
    from pyogrio.errors import DataLayerError, DataSourceError, FeatureError, GeometryError

    by_gdal = (DataSourceError, DataLayerError, FeatureError, GeometryError)
    read = _read_geoparquet if path.suffix.lower() in GEOPARQUET else _read_gdal
    try:
        found = read(path, name, columns)
    except (*by_gdal, shapely.GEOSException, pa.ArrowException, UnicodeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise SiteError(f"layer {name}: {path} cannot be read as a GIS layer: {reason}") from error
    if not len(found.shapes):
        raise SiteError(f"layer {name}: {path} has no features; draw a polygon or a line, or remove the layer")
    return found


def _read_gdal(path: Path, name: str, columns: Sequence[str] | None) -> LayerFile:
    from pyogrio import read_arrow, read_info

    inside = _inside(path, name)
    info = read_info(path, layer=inside)
    if info["geometry_type"] is None:
        raise SiteError(f"layer {name}: {path} has no geometry; a layer needs polygons or lines")
    # GDAL turns text into UTF-8 if the file names its encoding; named here as UTF-8, it would be taken as it is.
    encoding = None if info["encoding"] == "UTF-8" else info["encoding"]
    meta, table = read_arrow(path, layer=inside, columns=columns, encoding=encoding)
    # GDAL calls a geometry column without a name so.
    geometry = meta["geometry_name"] or "wkb_geometry"
    shapes = shapely.from_wkb(table[geometry].to_numpy(zero_copy_only=False))
    named = meta["crs"] or (WGS84 if path.suffix.lower() in _GEOJSON else None)
    return LayerFile(shapes, table.drop_columns(geometry), None if named is None else CRS.from_user_input(named))


def _inside(path: Path, name: str) -> str | int:
    """Returns which of a file's layers to read: the only one with a geometry, or the namesake."""
    from pyogrio import list_layers

    layers = [(str(layer), kind) for layer, kind in list_layers(path)]
    # QGIS keeps styles in a table beside the layers.
    inside = [layer for layer, kind in layers if kind is not None] or [layer for layer, _ in layers]
    if len(inside) > 1 and name not in inside:
        raise SiteError(f"{path} holds the layers {', '.join(inside)}: name the layer like the one to use")
    if len(inside) > 1:
        return name
    return inside[0] if len(layers) > 1 else 0


def _read_geoparquet(path: Path, name: str, columns: Sequence[str] | None) -> LayerFile:
    import json

    import pyarrow.parquet as pq
    from geopandas import read_parquet

    metadata = pq.read_schema(path).metadata or {}
    if _GEO_KEY not in metadata:
        raise SiteError(f"layer {name}: {path} is Parquet without geometry: write it as GeoParquet")
    geo = json.loads(metadata[_GEO_KEY])
    series = read_parquet(path, columns=[geo["primary_column"]]).geometry
    # Boxes that serve to skip row groups are no attributes, and neither are other geometries.
    boxes = {path[0] for each in geo["columns"].values() for path in each.get("covering", {}).get("bbox", {}).values()}
    plain = [each for each in pq.read_schema(path).names if each not in {*geo["columns"], *boxes, "__index_level_0__"}]
    wanted = plain if columns is None else [each for each in plain if each in columns]
    return LayerFile(series.to_numpy(), pq.read_table(path, columns=wanted).replace_schema_metadata(), series.crs)
