"""Writes a layer through GDAL, for the formats that it has a driver for."""

from pathlib import Path

from storage.exports.formats.layer import Layer, geometry_name, with_geometries
from storage.exports.gis_columns import Columns


def write_gdal(
    layer: Layer,
    columns: Columns,
    path: Path,
    driver: str,
    crs: str,
    layer_options: dict[str, str],
    dataset_options: dict[str, str] | None = None,
) -> None:
    """Writes features with a driver of GDAL; a GeoPackage that exists gets one more layer.

    Raises:
        OSError: GDAL cannot write the file, or wrote less than all features.
    """
    from pyogrio import write_arrow
    from pyogrio.errors import DataLayerError, DataSourceError, FeatureError, FieldError, GeometryError

    name = geometry_name(columns)
    try:
        write_arrow(
            with_geometries(columns, name, layer),
            path,
            layer=layer.name,
            driver=driver,
            geometry_name=name,
            geometry_type=layer.geometry_type,
            crs=crs,
            layer_options=layer_options,
            dataset_options=dataset_options or {},
        )
    except (DataLayerError, DataSourceError, FeatureError, FieldError, GeometryError) as error:
        raise OSError(0, " ".join(str(error).split())) from error
