"""Puts a QGIS project into a GeoPackage: its layers in drawing order, with their styles and the period to play.

QGIS forgets the temporal settings of a layer's default style when it adds the layer, but keeps those of a project.
"""

import io
import json
import sqlite3
import zipfile
from collections.abc import Sequence
from xml.etree import ElementTree as ET

import numpy as np
import pyarrow.compute as pc

from storage.exports.formats.layer import Layer
from storage.exports.formats.styles import add_style
from storage.exports.geometries import total_bounds

_VERSION = "3.22.0"
_MARGIN = 0.05
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""A ZIP file knows no earlier time; the same layers give the same bytes."""


def add_project(file: sqlite3.Connection, layers: Sequence[Layer], file_name: str, when: str) -> None:
    """Adds a project with the layers, the last on top, named as the file.

    Args:
        file: the open GeoPackage.
        layers: its layers.
        file_name: the name that the GeoPackage will have: the project names it.
        when: time of the last change, ISO 8601.
    """
    name = file_name.rpartition(".")[0]
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        entry = zipfile.ZipInfo(f"{name}.qgs", _EPOCH)
        packed.writestr(entry, _document(layers, name, file_name), zipfile.ZIP_DEFLATED)
    file.execute("CREATE TABLE qgis_projects (name TEXT PRIMARY KEY, metadata BLOB, content BLOB)")
    metadata = json.dumps({"last_modified_time": when, "last_modified_user": "nightshift"})
    file.execute("INSERT INTO qgis_projects VALUES (?, ?, ?)", [name, metadata, archive.getvalue().hex()])


def _document(layers: Sequence[Layer], name: str, file_name: str) -> str:
    root = ET.Element("qgis", projectname=name, version=_VERSION)
    ET.SubElement(root, "title").text = name
    _reference_system(ET.SubElement(root, "projectCrs"), layers[0])
    tree = ET.SubElement(root, "layer-tree-group")
    order, drawn = ET.SubElement(root, "layerorder"), ET.SubElement(root, "projectlayers")
    for layer in reversed(layers):  # no groups: the Temporal Controller redraws a group as a whole
        key = f"nightshift_{layer.name}"
        ET.SubElement(
            tree, "layer-tree-layer", id=key, name=layer.title, checked="Qt::Checked", expanded="0", providerKey="ogr"
        )
        ET.SubElement(order, "layer", id=key)
        _map_layer(drawn, layer, key, file_name)
    canvas = ET.SubElement(root, "mapcanvas", name="theMapCanvas")
    ET.SubElement(canvas, "units").text = "meters"
    _extent(canvas, layers)
    _reference_system(ET.SubElement(canvas, "destinationsrs"), layers[0])
    _period(root, layers)
    properties = ET.SubElement(root, "properties")
    ET.SubElement(ET.SubElement(properties, "Paths"), "Absolute", type="bool").text = "false"
    ET.SubElement(ET.SubElement(properties, "SpatialRefSys"), "ProjectionsEnabled", type="int").text = "1"
    return ET.tostring(root, encoding="unicode")


def _map_layer(parent: ET.Element, layer: Layer, key: str, file_name: str) -> None:
    family = layer.geometry_type.removeprefix("Multi")
    kind = {"LineString": "Line", "Unknown": "Point"}.get(family, family)
    labels = "1" if layer.times is None else "0"
    element = ET.SubElement(parent, "maplayer", type="vector", geometry=kind, labelsEnabled=labels)
    ET.SubElement(element, "id").text = key
    ET.SubElement(element, "datasource").text = f"./{file_name}|layername={layer.name}"
    ET.SubElement(element, "layername").text = layer.title
    _reference_system(ET.SubElement(element, "srs"), layer)
    ET.SubElement(element, "provider", encoding="UTF-8").text = "ogr"
    add_style(element, layer)


def _reference_system(parent: ET.Element, layer: Layer) -> None:
    system = ET.SubElement(parent, "spatialrefsys", nativeFormat="Wkt")
    ET.SubElement(system, "wkt").text = layer.crs.to_wkt()
    authority = layer.crs.to_authority()
    ET.SubElement(system, "authid").text = ":".join(authority) if authority else ""


def _extent(canvas: ET.Element, layers: Sequence[Layer]) -> None:
    bounds = total_bounds(np.concatenate([layer.geometries for layer in layers]))
    if bounds is None:
        return
    west, south, east, north = bounds
    margin = max(east - west, north - south) * _MARGIN
    extent = ET.SubElement(canvas, "extent")
    edges = {"xmin": west - margin, "ymin": south - margin, "xmax": east + margin, "ymax": north + margin}
    for edge, value in edges.items():
        ET.SubElement(extent, edge).text = repr(value)


def _period(root: ET.Element, layers: Sequence[Layer]) -> None:
    moving = [layer for layer in layers if not layer.geometry_type.endswith("Polygon")]  # areas have whole hours
    times = [layer.rows[name] for layer in moving for name in layer.times or () if name and layer.rows.num_rows]
    ends = [moment for column in times for moment in pc.min_max(column).as_py().values() if moment is not None]
    if not ends:
        return
    settings = ET.SubElement(
        root, "ProjectTimeSettings", timeStep="1", timeStepUnit="s", frameRate="10", cumulativeTemporalRange="0"
    )
    span = ET.SubElement(settings, "TemporalRange")
    for tag, moment in (("start", min(ends)), ("end", max(ends))):
        ET.SubElement(span, tag).text = f"{moment:%Y-%m-%dT%H:%M:%SZ}"
