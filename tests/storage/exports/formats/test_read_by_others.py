"""Each format is read by a program that is not the one that wrote it, where the environment has one."""

import io
import json
import sqlite3
import warnings
import zipfile
from contextlib import closing
from pathlib import Path
from xml.etree import ElementTree as ET

import geopandas
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import pytest
import rasterio
import shapely
from geojson_validator import validate_structure
from PIL import Image
from pyproj import CRS

from schemas.errors import UserError
from storage.exports.formats.pictures import nice_length
from storage.exports.geo import ExportOptions, export, export_layers, make_layer
from tests.storage.exports.gis_files import RD, positions

ASKED = ExportOptions(table="positions")
SHAPES = {
    "geometry": shapely.to_wkb(
        [
            shapely.Point(121000, 486000),
            shapely.box(121000, 486000, 121009, 486009),
            shapely.multipolygons([shapely.box(121000, 486000, 121001, 486001)]),
            shapely.LineString([(121000, 486000), (121003, 486004)]),
        ]
    )
}


def test_a_geopackage_has_a_style_aliases_and_real_times(walk: pa.Table, tmp_path: Path) -> None:
    target = tmp_path / "out.gpkg"
    export(walk, target, RD, ASKED)
    with closing(sqlite3.connect(target)) as file:
        ((table, qml, default),) = file.execute("SELECT f_table_name, styleQML, useAsDefault FROM layer_styles")
        aliases = dict(file.execute("SELECT column_name, name FROM gpkg_data_columns"))
        ((kind,),) = file.execute("SELECT typeof(time) FROM out LIMIT 1")
        first = file.execute("SELECT fid, time FROM out ORDER BY fid").fetchone()
        registered = dict(file.execute("SELECT table_name, data_type FROM gpkg_contents"))
    style = ET.fromstring(qml)
    temporal = style.find("temporal")
    assert temporal is not None and temporal.attrib["enabled"] == "1" and temporal.attrib["startField"] == "time"
    assert style.find("renderer-v2") is not None
    assert (table, default, registered["layer_styles"]) == ("out", 1, "attributes")
    assert (aliases["speed_m_s"], aliases["time"]) == ("speed [m/s]", "time [UTC]")
    assert (kind, first) == ("text", (1, "2026-03-02T22:00:00.123Z"))
    assert str(geopandas.read_file(target, layer="out")["time"].dtype) == "datetime64[ms, UTC]"


def test_a_geopackage_has_one_geometry_type_a_layer(tmp_path: Path) -> None:
    export(pa.table(SHAPES), tmp_path / "out.gpkg", RD)
    layers = {name: kind for name, kind in pyogrio.list_layers(tmp_path / "out.gpkg") if kind is not None}
    assert layers == {"out_points": "Point", "out_polygons": "MultiPolygon", "out_linestrings": "LineString"}


def test_several_layers_have_a_project_that_plays_them(walk: pa.Table, tmp_path: Path) -> None:
    crs = CRS.from_user_input(RD)
    layers = [make_layer(name, walk, crs, ExportOptions(title=name.title())) for name in ("one", "two")]
    export_layers(layers, tmp_path / "night.gpkg")
    with closing(sqlite3.connect(tmp_path / "night.gpkg")) as file:
        ((name, content),) = file.execute("SELECT name, content FROM qgis_projects")
    with zipfile.ZipFile(io.BytesIO(bytes.fromhex(content))) as archive:
        project = ET.fromstring(archive.read("night.qgs"))
    assert name == "night"
    assert [layer.findtext("datasource") for layer in project.iter("maplayer")] == [
        "./night.gpkg|layername=two",
        "./night.gpkg|layername=one",
    ]
    assert project.findtext("projectCrs/spatialrefsys/authid") == RD
    assert project.findtext("ProjectTimeSettings/TemporalRange/start") == "2026-03-02T22:00:00Z"
    assert not project.findall("layer-tree-group/layer-tree-group")


def test_geojson_is_valid_with_units_and_ids(walk: pa.Table, tmp_path: Path) -> None:
    export(walk, tmp_path / "out.geojson", RD, ASKED)
    document = json.loads((tmp_path / "out.geojson").read_text())
    assert validate_structure(document) == {}
    assert [feature["id"] for feature in document["features"]] == [0, 1, 2]
    assert document["fields"]["speed_m_s"]["unit"] == "m/s"
    assert all(round(x, 7) == x for feature in document["features"] for x in feature["geometry"]["coordinates"])


def test_geoparquet_covers_its_features_with_boxes(tmp_path: Path) -> None:
    walk = positions({"a": [(121000 + number, 486000) for number in range(10)]})
    export(walk, tmp_path / "out.parquet", RD, ASKED)
    part = geopandas.read_parquet(tmp_path / "out.parquet", bbox=(121002.5, 485999, 121004.5, 486001))
    assert part.geometry.x.tolist() == [121003, 121004]
    geo = json.loads(pq.read_schema(tmp_path / "out.parquet").metadata[b"geo"])
    assert geo["version"] == "1.1.0" and geo["columns"]["geometry"]["covering"]["bbox"]["xmin"] == ["bbox", "xmin"]
    statistics = pq.ParquetFile(tmp_path / "out.parquet").metadata.row_group(0)
    edges = {
        statistics.column(n).path_in_schema: statistics.column(n).statistics for n in range(statistics.num_columns)
    }
    assert (edges["bbox.xmin"].min, edges["bbox.xmax"].max) == (121000, 121009)


def test_flatgeobuf_has_one_geometry_type(walk: pa.Table, tmp_path: Path) -> None:
    export(walk, tmp_path / "out.fgb", RD, ASKED)
    frame = geopandas.read_file(tmp_path / "out.fgb")
    assert len(frame) == 3 and frame.crs.to_epsg() == 28992 and str(frame["time"].dtype) == "datetime64[ms, UTC]"
    with pytest.raises(UserError, match=r"LineString and MultiPolygon and Point and Polygon.*write a \.gpkg"):
        export(pa.table(SHAPES), tmp_path / "mixed.fgb", RD)


def test_movingpandas_reads_the_paths(walk: pa.Table, tmp_path: Path) -> None:
    export(walk, tmp_path / "out.mfjson", RD)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it drops time zones, and says so for each path
        from movingpandas import read_mf_json

        paths = read_mf_json(tmp_path / "out.mfjson", traj_id_property="track_id")
    (path,) = paths.trajectories
    assert path.id == "a" and path.get_length() == pytest.approx(5, abs=0.02)
    document = json.loads((tmp_path / "out.mfjson").read_text())
    assert document["features"][0]["temporalGeometry"]["datetimes"][0] == "2026-03-02T22:00:00.123Z"
    assert document["features"][0]["temporalProperties"][0]["speed_m_s"]["values"] == [None, None]
    with pytest.raises(UserError, match="points of tracks"):
        export(pa.table(SHAPES), tmp_path / "x.mfjson", RD)


def test_density_is_seconds_and_people_per_cell(tmp_path: Path) -> None:
    walk = positions(
        {"a": [(121000.1, 486000.1), (121000.2, 486000.2), (121002.9, 486001.1)], "b": [(121000.3, 486000.1)]}
    )
    export(walk, tmp_path / "out.tif", RD, ExportOptions(cell_m=1.0))
    with rasterio.open(tmp_path / "out.tif") as file:
        bands, nodata = file.read(), file.nodata
        assert file.units == ("s/m²", "1") and file.crs.to_epsg() == 28992 and file.bounds[:2] == (121000, 486000)
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
    expected = np.array([[[-1, -1, 0], [2, -1, -1]], [[-1, -1, 1], [2, -1, -1]]], float)
    assert nodata == -1 and np.array_equal(bands, expected)
    with pytest.raises(UserError, match="density needs the columns"):
        export(pa.table({"x_m": [1.0], "y_m": [1.0]}), tmp_path / "x.tif", RD)
    far = positions({"a": [(121000, 486000), (171000, 486000), (171000, 466000)]})
    with pytest.raises(UserError, match=r"cells of 0\.5 m give a picture of 100001 x 40001"):
        export(far, tmp_path / "x.tif", RD)


def test_tiles_are_in_web_mercator(walk: pa.Table, tmp_path: Path) -> None:
    export(walk, tmp_path / "out.pmtiles", RD, ASKED)
    frame = geopandas.read_file(tmp_path / "out.pmtiles")
    assert frame.crs.to_epsg() == 3857 and set(frame["track_id"]) == {"a", "b"}
    back = frame.to_crs(RD).geometry.explode()
    assert sorted(back.x) == pytest.approx([121000, 121003, 121010], abs=0.1)


def test_maps_have_scale_legend_period_and_crs(walk: pa.Table, tmp_path: Path) -> None:
    export(walk, tmp_path / "out.svg", RD, ASKED)
    text = (tmp_path / "out.svg").read_text()
    for part in ("positions", ">N<", " m<", "Amersfoort / RD New", "2026-03-02 22:00"):
        assert part in text
    export(walk, tmp_path / "out.png", RD, ASKED)
    with Image.open(tmp_path / "out.png") as picture:
        assert picture.size == (1200, 960) and picture.info["Description"] == "positions"


@pytest.mark.parametrize(("longest", "nice"), [(1.0, 1), (1.99, 1), (2.0, 2), (49, 20), (0.07, 0.05), (5000, 5000)])
def test_scale_bars_have_round_lengths(longest: float, nice: float) -> None:
    assert nice_length(longest) == pytest.approx(nice)


def test_a_csv_for_third_parties_says_so_beside_it(tmp_path: Path) -> None:
    rows, target = pa.table({"zone": ["a", "b"], "people": [9, 1]}), tmp_path / "out.csv"
    done = export(rows, target, RD, ExportOptions(least_people=5))
    beside = tmp_path / "out.csv-metadata.json"
    document = json.loads(beside.read_text())
    assert target.read_text() == "zone,people\na,9\n"
    assert (document["url"], document["dc:description"]) == ("out.csv", done.note)
    export(rows, target, RD)
    assert not beside.exists() and target.read_text().endswith("b,1\n")
