"""Writes GeoJSON, RFC 7946: longitude and latitude to seven decimals (a centimetre), outer rings counterclockwise."""

import json
from dataclasses import replace
from pathlib import Path

from pyproj import CRS

from storage.exports.formats.gdal import write_gdal
from storage.exports.formats.layer import Layer, field_documents
from storage.exports.geometries import reproject
from storage.exports.gis_columns import gdal_columns, times_as_text
from storage.site.file import WGS84

_ARROW_KEY = "OGC_FID"
"""The column that GDAL takes for the key of features, where a format names no other."""
_KIND = b'"type": "FeatureCollection",\n'


def write_geojson(layer: Layer, path: Path) -> None:
    """Writes features with ids 0, 1, ... in the order of the rows; units and notes as members beside ``features``.

    Features in pixels have a member ``crs``, as GeoJSON had it before RFC 7946: without one, pixels are taken for
    degrees. GDAL reads this member, but writes it only for a CRS with a number in a registry.
    """
    columns = times_as_text(gdal_columns(layer.columns, reserved=_ARROW_KEY))
    members: dict[str, object] = {"fields": field_documents(layer)}
    if layer.note:
        members["note"] = layer.note
    if layer.crs.is_engineering:
        write_gdal(layer, columns, path, "GeoJSON", layer.crs.to_wkt(), {})
        members["crs"] = {"type": "name", "properties": {"name": layer.crs.to_wkt()}}
    else:
        geometries = reproject(layer.geometries, layer.crs, CRS.from_user_input(WGS84))
        options = {"RFC7946": "YES", "COORDINATE_PRECISION": "7", "ID_GENERATE": "YES"}
        write_gdal(replace(layer, geometries=geometries), columns, path, "GeoJSON", WGS84, options)
    before, kind, after = path.read_bytes().partition(_KIND)
    added = "".join(
        f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=False)},\n" for name, value in members.items()
    )
    path.write_bytes(b"".join((before, kind, added.encode(), after)))
