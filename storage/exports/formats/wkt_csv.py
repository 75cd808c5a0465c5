"""Writes CSV with geometries as WKT in a column `WKT`, the name by which GDAL and QGIS know them."""

from pathlib import Path

import pyarrow as pa
import shapely

from storage.exports.formats.layer import Layer
from storage.exports.geometry_columns import geometry_column
from storage.exports.gis_columns import free_name
from storage.exports.results import csv_text

_WKT = "WKT"


def write_csv(layer: Layer, path: Path) -> None:
    """Writes the columns as they are; points get a last column with their WKT, in the site's CRS."""
    rows, geometry = layer.shown, geometry_column(layer.rows)
    if geometry is not None:
        wkt = free_name(_WKT, [name for name in rows.column_names if name != geometry])
        rows = rows.rename_columns([wkt if name == geometry else name for name in rows.column_names])
    elif layer.kinds:
        texts = shapely.to_wkt(layer.geometries, rounding_precision=8)
        rows = rows.append_column(free_name(_WKT, rows.column_names), pa.array(texts, pa.string()))
    with path.open("wb") as file:
        file.writelines(piece.encode() for piece in csv_text(rows))
