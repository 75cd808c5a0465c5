"""Writes GeoParquet 1.1, https://geoparquet.org/releases/v1.1.0/: WKB, the CRS as PROJJSON, a box of every feature."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely

from storage.exports.formats.layer import Layer, with_geometries
from storage.exports.geometries import Geometries, total_bounds
from storage.exports.geometry_columns import GEOMETRY
from storage.exports.gis_columns import free_name, parquet_columns

_GROUP_ROWS = 50_000
"""Rows of a row group: its statistics hold the box around them, so that readers skip groups elsewhere."""
_EDGES = ("xmin", "ymin", "xmax", "ymax")


def write_geoparquet(layer: Layer, path: Path) -> None:
    """Writes features in the site's CRS, in the order of the rows."""
    columns = parquet_columns(layer.columns)
    boxes = free_name("bbox", columns)
    description: dict[str, object] = {
        "encoding": "WKB",
        "geometry_types": layer.kinds,
        "crs": layer.crs.to_json_dict(),
        "covering": {"bbox": {edge: [boxes, edge] for edge in _EDGES}},
    }
    bounds = total_bounds(layer.geometries)
    if bounds is not None:
        description["bbox"] = list(bounds)
    table = with_geometries(columns, GEOMETRY, layer).append_column(boxes, _boxes(layer.geometries))
    geo = {"version": "1.1.0", "primary_column": GEOMETRY, "columns": {GEOMETRY: description}}
    metadata = {"geo": json.dumps(geo), "title": layer.title or layer.name}
    if layer.note:
        metadata["note"] = layer.note
    pq.write_table(table.replace_schema_metadata(metadata), path, compression="zstd", row_group_size=_GROUP_ROWS)


def _boxes(geometries: Geometries) -> pa.Array:
    bounds = shapely.bounds(geometries) if len(geometries) else np.empty((0, 4))
    missing = pa.array(~np.isfinite(bounds).all(axis=1))
    edges = [pa.array(bounds[:, number], pa.float64(), from_pandas=True) for number in range(4)]
    return pa.StructArray.from_arrays(edges, list(_EDGES), mask=missing)
