import json
from pathlib import Path
from typing import Any

import geopandas
import pytest
import shapely
from shapely.geometry import LineString, MultiPolygon, Polygon, box

import storage.site.file
import storage.site.layers
from schemas.values import FeatureKind
from storage.site.file import load_site
from storage.site.layers import load_features, load_layer, load_references
from tests.storage.site.gis_layers import (
    DAM_SQUARE_RD,
    collection,
    error_of,
    new_site,
    site_with,
    square,
    to_lonlat,
    with_geojson,
    without_layers,
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return new_site(tmp_path)


def test_a_site_without_layers_has_no_features(root: Path) -> None:
    assert load_features(load_site(root)) == ()


def test_lonlat_geojson_lands_on_the_metre_grid(root: Path) -> None:
    line = LineString([DAM_SQUARE_RD, (DAM_SQUARE_RD[0] + 5, DAM_SQUARE_RD[1])])
    document = collection(({"id": "dam"}, to_lonlat(square())), ({"id": "door"}, to_lonlat(line)))
    dam, door = load_features(with_geojson(root, document))
    assert (dam.feature_id, dam.kind, dam.space, dam.layer, dam.camera) == (
        "dam",
        FeatureKind.ZONE,
        "map",
        "zones",
        None,
    )
    assert dam.geometry.hausdorff_distance(square()) < 0.01
    assert door.kind is FeatureKind.LINE
    assert shapely.get_coordinates(door.geometry) == pytest.approx(shapely.get_coordinates(line), abs=0.01)


def test_the_way_from_a_crs_to_degrees_is_looked_for_once(root: Path) -> None:
    site = with_geojson(root, collection(({"id": "dam"}, square()), crs="urn:ogc:def:crs:EPSG::28992"))
    storage.site.file.to_lonlat.cache_clear()
    for _ in range(3):
        load_features(site)
    assert storage.site.file.to_lonlat.cache_info().misses == 1


def test_a_crs_that_geojson_names_is_honoured(root: Path) -> None:
    site = with_geojson(root, collection(({"id": "dam"}, square()), crs="urn:ogc:def:crs:EPSG::28992"))
    (dam,) = load_features(site)
    assert dam.geometry.equals_exact(square(), 1e-6)


@pytest.mark.parametrize("suffix", ["gpkg", "fgb", "shp"])
@pytest.mark.parametrize("crs", ["EPSG:32631", "EPSG:4326", "EPSG:3035"])
def test_every_format_and_axis_order_lands_in_the_same_place(root: Path, suffix: str, crs: str) -> None:
    frame = geopandas.GeoDataFrame({"zone": ["dam"]}, geometry=[square()], crs="EPSG:28992").to_crs(crs)
    frame.to_file(root / f"layers/a.{suffix}")
    (dam,) = load_features(site_with(root, f'name = "a"\nfile = "layers/a.{suffix}"\nid_field = "zone"'))
    assert dam.feature_id == "dam"
    assert dam.geometry.hausdorff_distance(square()) < 0.01


def test_pixel_layers_keep_their_coordinates(root: Path) -> None:
    pixels = Polygon([(100, 1050), (1900, 1050), (1900, 400)])
    document = collection(({"id": "floor"}, pixels))
    (root / "site.toml").write_text((root / "site.toml").read_text() + '\n[[cameras]]\nid = "gate"\n')
    (floor,) = load_features(with_geojson(root, document, 'space = "pixel"\ncamera = "gate"'))
    assert floor.geometry.equals(pixels)
    assert (floor.space, floor.camera) == ("pixel", "gate")


def test_ids_come_from_the_field_else_from_the_number(root: Path) -> None:
    document = collection(
        ({"id": 7}, to_lonlat(square())), ({"id": None}, to_lonlat(square())), ({"id": 9}, to_lonlat(square()))
    )
    assert [each.feature_id for each in load_features(with_geojson(root, document))] == ["7", "1", "9"]


def test_features_keep_the_order_of_layers_and_files(root: Path) -> None:
    for name, ids in (("a", "zx"), ("b", "yw")):
        document = collection(*(({"id": each}, to_lonlat(square())) for each in ids))
        (root / f"layers/{name}.geojson").write_text(json.dumps(document))
    site = site_with(root, *(f'name = "{name}"\nfile = "layers/{name}.geojson"' for name in "ba"))
    assert [each.feature_id for each in load_features(site)] == ["y", "w", "z", "x"]


def test_multi_part_features_stay_one(root: Path) -> None:
    both = MultiPolygon([square(), square(east_m=50)])
    (feature,) = load_features(with_geojson(root, collection(({"id": "both"}, to_lonlat(both)))))
    assert feature.geometry.area == pytest.approx(200, rel=1e-4)


def test_a_bow_tie_is_repaired(root: Path) -> None:
    x, y = DAM_SQUARE_RD
    tie = Polygon([(x, y), (x + 10, y + 10), (x + 10, y), (x, y + 10)])
    (feature,) = load_features(with_geojson(root, collection(({"id": "tie"}, to_lonlat(tie)))))
    assert feature.geometry.is_valid
    assert feature.geometry.area == pytest.approx(50, rel=1e-3)


def test_a_spike_does_not_survive_the_repair(root: Path) -> None:
    x, y = DAM_SQUARE_RD
    spiked = Polygon([(x, y), (x + 10, y), (x + 20, y), (x + 10, y), (x + 10, y + 10), (x, y + 10)])
    document = collection(({"id": "spiked"}, spiked), crs="EPSG:28992")
    (feature,) = load_features(with_geojson(root, document))
    assert feature.geometry.geom_type == "Polygon"
    assert feature.geometry.area == pytest.approx(100)


def test_heights_are_dropped(root: Path) -> None:
    high = shapely.force_3d(to_lonlat(square()), 12.0)
    (feature,) = load_features(with_geojson(root, collection(({"id": "high"}, high))))
    assert not feature.geometry.has_z


@pytest.mark.parametrize(
    ("features", "says"),
    [
        ([({"id": "pole"}, shapely.Point(4.9, 52.37))], "feature 'pole' is a Point; a layer needs polygons"),
        ([({"id": "gone"}, None)], "feature 'gone' has no geometry"),
        ([({"id": "dot"}, LineString([(4.9, 52.37), (4.9, 52.37)]))], "feature 'dot' is a line of no length"),
        ([({"id": "flat"}, Polygon([(4, 52), (5, 52), (4, 52)]))], "feature 'flat' encloses nothing"),
        ([({"id": "a"}, box(4, 52, 5, 53)), ({"id": "a"}, box(4, 52, 5, 53))], "id 'a' occurs twice"),
        ([({"id": "view"}, box(4, 52, 5, 53))], "'view': this id is taken"),
        ([], "has no features"),
    ],
)
def test_a_useless_feature_is_named(root: Path, features: list[Any], says: str) -> None:
    message = error_of(with_geojson(root, collection(*features)))
    assert says in message
    assert "zones.geojson" in message


def test_ids_must_differ_across_layers(root: Path) -> None:
    (root / "layers/more.geojson").write_text(json.dumps(collection(({"id": "a"}, to_lonlat(square())))))
    with_geojson(root, collection(({"id": "a"}, to_lonlat(square()))))
    message = error_of(site_with(root, 'name = "more"\nfile = "layers/more.geojson"'))
    assert "'a' occurs twice (in the layers zones and more)" in message


def test_a_missing_file_is_told_with_its_line(root: Path) -> None:
    site = site_with(root, 'name = "zones"\nfile = "layers/nowhere.gpkg"')
    line = (root / "site.toml").read_text().splitlines().index('file = "layers/nowhere.gpkg"') + 1
    assert f"site.toml, line {line}: layer zones: there is no file {root}/layers/nowhere.gpkg" in error_of(site)


@pytest.mark.parametrize("content", ["junk", "", '{"type": "FeatureCollection", "features": [{'])
def test_a_file_that_is_no_layer_is_told(root: Path, content: str) -> None:
    assert "zones.geojson cannot be read as a GIS layer" in error_of(with_geojson(root, content))


def test_metres_passed_off_as_degrees_are_told(root: Path) -> None:
    assert "lies outside of where EPSG:28992 is defined" in error_of(
        with_geojson(root, collection(({"id": "dam"}, square())))
    )


def test_a_shapefile_without_its_prj_is_told(root: Path) -> None:
    geopandas.GeoDataFrame({"id": ["dam"]}, geometry=[square()], crs="EPSG:28992").to_file(root / "layers/a.shp")
    (root / "layers/a.prj").unlink()
    assert "names no CRS" in error_of(site_with(root, 'name = "a"\nfile = "layers/a.shp"'))


def test_of_several_layers_in_a_geopackage_the_namesake_is_read(root: Path) -> None:
    path = root / "layers/all.gpkg"
    for name in ("streets", "zones"):
        frame = geopandas.GeoDataFrame({"id": [f"in_{name}"]}, geometry=[square()], crs="EPSG:28992")
        frame.to_file(path, layer=name)
    (feature,) = load_features(site_with(root, 'name = "zones"\nfile = "layers/all.gpkg"'))
    assert feature.feature_id == "in_zones"
    without_layers(root)
    message = error_of(site_with(root, 'name = "doors"\nfile = "layers/all.gpkg"'))
    assert "holds the layers streets, zones" in message


def test_what_counts_does_not_read_a_reference_layer(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "layers/streets.geojson").write_text("not read")
    with_geojson(root, collection(({"id": "dam"}, to_lonlat(square()))))
    site = site_with(root, 'name = "streets"\nfile = "layers/streets.geojson"\nrole = "reference"')
    read, read_file = [], storage.site.layers.read_layer_file
    monkeypatch.setattr(
        storage.site.layers,
        "read_layer_file",
        lambda path, name, columns: read.append(name) or read_file(path, name, columns),
    )
    assert [feature.feature_id for feature in load_features(site)] == ["dam"]
    assert read == ["zones"]
    (root / "layers/streets.geojson").unlink()
    assert "layer streets: there is no file" in error_of(site)


def test_a_reference_layer_may_have_any_geometry_and_ids_that_repeat(root: Path) -> None:
    pole, dot = shapely.Point(4.9, 52.37), LineString([(4.9, 52.37), (4.9, 52.37)])
    document = collection(*(({"id": "view"}, to_lonlat(shape)) for shape in (square(),)), *(
        ({"id": "a"}, shape) for shape in (pole, dot, None)
    ))  # fmt: skip
    site = with_geojson(root, document, 'role = "reference"')
    features = load_layer(site, 0).features
    assert load_references(site) == tuple(features)
    assert load_features(site) == ()
    assert [feature.feature_id for feature in features] == ["view", "a", "a", "a"]
    assert {feature.kind for feature in features} == {FeatureKind.REFERENCE}
    assert [feature.geometry.geom_type for feature in features] == [
        "Polygon",
        "Point",
        "LineString",
        "GeometryCollection",
    ]
    assert features[0].geometry.hausdorff_distance(square()) < 0.01


@pytest.mark.parametrize("role", ["count", "reference"])
def test_attributes_keep_their_types(root: Path, role: str) -> None:
    rows = [{"id": "dam", "lanes": 3, "Name": "Dam", "width_m": 2.5, "paved": True}, {"id": "door", "Name": None}]
    document = collection(*((row, to_lonlat(square())) for row in rows))
    features, attributes, _ = load_layer(with_geojson(root, document, f'role = "{role}"'), 0)
    assert [feature.feature_id for feature in features] == ["dam", "door"]
    nothing = {"lanes": None, "width_m": None, "paved": None}
    assert attributes.to_pylist() == [rows[0], rows[1] | nothing]
    assert [type(value) for value in attributes.to_pylist()[0].values()] == [str, int, str, float, bool]


@pytest.mark.parametrize("names_encoding", [True, False])
def test_attributes_of_a_shapefile_in_another_encoding(root: Path, names_encoding: bool) -> None:
    frame = geopandas.GeoDataFrame({"name": ["Großstraße"]}, geometry=[square()], crs="EPSG:28992")
    frame.to_file(root / "layers/a.shp", encoding="ISO-8859-1")
    if not names_encoding:
        (root / "layers/a.cpg").unlink()
    _, attributes, _ = load_layer(site_with(root, 'name = "a"\nfile = "layers/a.shp"'), 0)
    assert attributes.to_pylist() == [{"name": "Großstraße"}]


@pytest.mark.slow
@pytest.mark.assets
def test_real_layers_are_read(root: Path, assets: Path) -> None:
    streets = assets / "gis/amsterdam_roads.fgb"
    (shapefile,) = (assets / "gis/nyc_taxi_zones").rglob("*.shp")
    roads = load_features(site_with(root, f'name = "roads"\nfile = "{streets}"\nid_field = "none"'))
    assert {feature.kind for feature in roads} == {FeatureKind.LINE}
    x, y = roads[0].geometry.coords[0]
    assert 100_000 < x < 140_000
    assert 470_000 < y < 500_000
    without_layers(root)
    (root / "site.toml").write_text((root / "site.toml").read_text().replace("EPSG:28992", "EPSG:32618"))
    zones = load_features(site_with(root, f'name = "taxi"\nfile = "{shapefile}"\nid_field = "none"'))
    assert {feature.kind for feature in zones} == {FeatureKind.ZONE}
    assert all(feature.geometry.is_valid for feature in zones)
