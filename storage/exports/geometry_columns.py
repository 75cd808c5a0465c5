"""Tells geometry columns from others, without the GIS libraries: most results have none."""

import pyarrow as pa

GEOMETRY = "geometry"
_WKB_EXTENSION = b"geoarrow.wkb"


def geometry_column(rows: pa.Table) -> str | None:
    """Returns the first geometry column, or None."""
    return next((str(field.name) for field in rows.schema if is_geometry(field)), None)


def is_geometry(field: pa.Field) -> bool:
    """Returns whether a column has DuckDB's GeoArrow type, or is a binary one named ``geometry``."""
    is_geoarrow = (field.metadata or {}).get(b"ARROW:extension:name") == _WKB_EXTENSION
    return is_geoarrow or (field.name == GEOMETRY and is_binary(field.type))


def is_binary(kind: pa.DataType) -> bool:
    """Returns whether a column of this type holds bytes."""
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind))
