"""Writes FlatGeobuf, https://flatgeobuf.org: one layer with a spatial index, which web maps read in parts."""

from pathlib import Path

from schemas.errors import UserError
from storage.exports.formats.gdal import write_gdal
from storage.exports.formats.layer import UNKNOWN_KIND, Layer, one_type
from storage.exports.gis_columns import gdal_columns


def write_flatgeobuf(layer: Layer, path: Path) -> None:
    """Writes features in the site's CRS; the order in the file is that of the spatial index.

    Raises:
        UserError: the features have several geometry types.
    """
    single = one_type(layer)
    if single.geometry_type == UNKNOWN_KIND and single.kinds:
        raise UserError(
            f"these rows have {' and '.join(single.kinds)}, and a FlatGeobuf has one geometry type: choose with "
            "WHERE ST_GeometryType(geometry) = 'POLYGON', or write a .gpkg"
        )
    options = {"TITLE": layer.title or layer.name, "DESCRIPTION": layer.description}
    write_gdal(single, gdal_columns(layer.columns), path, "FlatGeobuf", layer.crs.to_wkt(), options)
