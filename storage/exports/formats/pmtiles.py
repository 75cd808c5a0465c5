"""Writes PMTiles, https://github.com/protomaps/PMTiles: vector tiles of a web map in one file, in EPSG:3857."""

from pathlib import Path

from pyproj import CRS

from schemas.errors import UserError
from storage.exports.formats.gdal import write_gdal
from storage.exports.formats.layer import Layer, one_type
from storage.exports.geometries import reproject
from storage.exports.gis_columns import gdal_columns, times_as_text

_TILES = "EPSG:3857"
_LEAST_ZOOM, _MOST_ZOOM = 8, 20
"""A tile of zoom 20 is about 38 m wide at the equator and has 4096 steps, so a step is a centimetre; the driver has no
zoom past 22."""


def write_pmtiles(layer: Layer, path: Path) -> None:
    """Writes tiles of zooms 8 to 20; map viewers enlarge the last. Positions are rounded to a centimetre.

    Raises:
        UserError: there is nothing to draw, or the features are in pixels.
    """
    if layer.crs.is_engineering:
        raise UserError("features in pixels are on no map: write a .gpkg")
    if not layer.kinds:
        raise UserError("a .pmtiles of no features cannot be made: choose other rows, or write a .gpkg")
    from dataclasses import replace

    single = one_type(layer)
    moved = reproject(single.geometries, layer.crs, CRS.from_user_input(_TILES))
    columns = times_as_text(gdal_columns(layer.columns))
    options = {
        "NAME": layer.title or layer.name,
        "DESCRIPTION": layer.description,
        "MINZOOM": str(_LEAST_ZOOM),
        "MAXZOOM": str(_MOST_ZOOM),
    }
    write_gdal(replace(single, geometries=moved), columns, path, "PMTiles", _TILES, {}, options)
