"""Writes GeoPackage: a layer per geometry type, with times that QGIS can play, and QGIS styles inside."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from storage.exports.formats.gdal import write_gdal
from storage.exports.formats.layer import Layer, by_type, newest_time
from storage.exports.formats.qgis_project import add_project
from storage.exports.formats.styles import qml_of
from storage.exports.gis_columns import free_name, gdal_columns
from storage.sql.text import quote_name

# The table as QGIS makes it; a default style in it is used when the layer is opened.
_STYLES = """
CREATE TABLE layer_styles (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, f_table_catalog TEXT(256), f_table_schema TEXT(256),
    f_table_name TEXT(256), f_geometry_column TEXT(256), styleName TEXT(30), styleQML TEXT, styleSLD TEXT,
    useAsDefault BOOLEAN, description TEXT, owner TEXT(30), ui TEXT(30), update_time DATETIME)
"""


def write_geopackage(layer: Layer, path: Path) -> None:
    """Writes features in the site's CRS; the key of each is its number in the order of the rows."""
    write_geopackage_layers([layer], path)


def write_geopackage_layers(layers: Sequence[Layer], path: Path, project: str = "") -> None:
    """Writes several layers, each split into one per geometry type.

    Args:
        layers: the layers, in drawing order.
        path: the file.
        project: adds a QGIS project: the name that the file will have, or empty.
    """
    parts = [part for layer in layers for part in by_type(layer)]
    keys = []
    for part in parts:
        columns = gdal_columns(part.columns)
        # GDAL writes a column that has the name of the key into the key.
        names = {"GEOMETRY_NAME": free_name("geom", columns), "FID": free_name("fid", columns)}
        texts = {"IDENTIFIER": part.title or part.name, "DESCRIPTION": part.description}
        write_gdal(part, columns, path, "GPKG", part.crs.to_wkt(), names | texts)
        keys.append(names["GEOMETRY_NAME"])
    when = newest_time(parts)
    try:
        with closing(sqlite3.connect(path)) as file, file:
            _add_styles(file, list(zip(parts, keys, strict=True)), when)
            if project:
                add_project(file, parts, project, when)
            # GDAL writes the time of writing; the same rows give the same bytes.
            file.execute("UPDATE gpkg_contents SET last_change = ?", [when])
        with closing(sqlite3.connect(path)) as file:
            for part, geometry in zip(parts, keys, strict=True):
                _check_whole(file, part, geometry)
    except sqlite3.Error as error:
        raise OSError(0, str(error)) from error


def _check_whole(file: sqlite3.Connection, layer: Layer, geometry: str) -> None:
    """Raises an OSError if features, or their places in the index, are missing.

    GDAL makes the index as it closes the file, and is silent where the disk is full by then.
    """
    places = sum(shape is not None for shape in layer.geometries)
    tables = {quote_name(layer.name): layer.rows.num_rows, quote_name(f"rtree_{layer.name}_{geometry}"): places}
    for table, expected in tables.items():
        ((found,),) = file.execute(f"SELECT count(*) FROM {table}")
        if found != expected:
            raise OSError(0, f"{found} of {expected} rows reached {table}")


def _add_styles(file: sqlite3.Connection, parts: list[tuple[Layer, str]], when: str) -> None:
    file.execute(_STYLES)
    for layer, geometry in parts:
        file.execute(
            "INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name, f_geometry_column, styleName, "
            "styleQML, styleSLD, useAsDefault, description, owner, update_time) "
            "VALUES ('', '', ?, ?, ?, ?, '', 1, ?, '', ?)",
            [layer.name, geometry, layer.name[:30], qml_of(layer), layer.title or layer.name, when],
        )
    file.execute(
        "INSERT INTO gpkg_contents (table_name, data_type, identifier, description, last_change) "
        "VALUES ('layer_styles', 'attributes', 'layer_styles', 'Styles of QGIS', ?)",
        [when],
    )
