import json
from pathlib import Path

import pytest
import shapely
from pyproj import Transformer
from shapely.geometry import Polygon, box

from schemas.errors import SiteError
from schemas.values import FeatureKind
from storage.site.layers import load_features, load_layer
from tests.storage.site.gis_layers import (
    DAM_SQUARE_RD,
    collection,
    error_of,
    new_site,
    site_with,
    square,
    with_frame,
    with_geojson,
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return new_site(tmp_path)


@pytest.mark.parametrize(
    ("suffix", "crs", "axes"),
    [
        ("geojson", "OGC:CRS84", "longitude and latitude"),
        ("parquet", "EPSG:4326", "longitude and latitude"),
        ("gpkg", "EPSG:28992", "east and north"),
        ("gpkg", "EPSG:32631", "east and north"),
    ],
)
def test_swapped_axes_are_told(root: Path, suffix: str, crs: str, axes: str) -> None:
    convert = Transformer.from_crs("EPSG:28992", crs, always_xy=True)
    right = shapely.transform(square(), convert.transform, interleaved=False)
    swapped = shapely.transform(right, lambda x, y: (y, x), interleaved=False)
    assert f"{axes} are swapped: as they are, EPSG:28992" in error_of(with_frame(root, [swapped], crs, suffix))


@pytest.mark.parametrize("role", ["count", "reference"])
def test_what_is_repaired_is_said(root: Path, role: str) -> None:
    x, y = DAM_SQUARE_RD
    tie = Polygon([(x, y), (x + 10, y + 10), (x + 10, y), (x, y + 10)])
    document = collection(({"id": "tie"}, tie), ({"id": "dam"}, square()), crs="EPSG:28992")
    layer = load_layer(with_geojson(root, document, f'role = "{role}"'), 0)
    assert layer.notices == ("layer zones: feature tie crosses itself and was repaired; look at it on the map page",)
    assert [feature.geometry.is_valid for feature in layer.features] == [True, True]
    assert layer.features[0].geometry.area == pytest.approx(50)


def test_empty_geometries_and_repeated_ids_of_a_reference_layer_are_said(root: Path) -> None:
    shapes = ({"id": "a"}, square()), ({"id": "a"}, None), ({"id": "b"}, Polygon())
    layer = load_layer(with_geojson(root, collection(*shapes, crs="EPSG:28992"), 'role = "reference"'), 0)
    assert layer.notices == (
        "layer zones: 2 features (a, b) have no geometry",
        "layer zones: feature a occurs more than once: a join by feature_id gives a row for each; id_field names "
        "another property",
    )


def test_heights_and_mixed_types_are_read(root: Path) -> None:
    x, y = DAM_SQUARE_RD
    shapes = [shapely.force_3d(square(), 2.0), shapely.from_wkt(f"LINESTRING Z ({x} {y} 3, {x + 5} {y} 3)")]
    zone, line = load_features(with_frame(root, shapes, "EPSG:28992", "fgb"))
    assert (zone.kind, line.kind) == (FeatureKind.ZONE, FeatureKind.LINE)
    assert not shapely.has_z([zone.geometry, line.geometry]).any()


def test_a_collection_is_no_zone(root: Path) -> None:
    both = shapely.GeometryCollection([square(), shapely.Point(DAM_SQUARE_RD)])
    message = error_of(with_geojson(root, collection(({"id": "both"}, both), crs="EPSG:28992")))
    assert "feature 'both' is a GeometryCollection; a layer needs polygons" in message


def test_features_have_the_floor_of_their_layer_or_camera(root: Path) -> None:
    toml = root / "site.toml"
    toml.write_text(toml.read_text() + '\n[[cameras]]\nid = "attic"\nstorey = 3\n')
    (root / "layers/b.geojson").write_text(json.dumps(collection(({"id": "mat"}, box(0, 0, 9, 9)))))
    document = collection(({"id": "shop"}, square()), crs="EPSG:28992")
    with_geojson(root, document, "storey = -1")
    site = site_with(root, 'name = "b"\nfile = "layers/b.geojson"\nspace = "pixel"\ncamera = "attic"')
    assert {feature.feature_id: feature.storey for feature in load_features(site)} == {"shop": -1, "mat": 3}


def test_a_pixel_layer_names_no_storey(root: Path) -> None:
    (root / "site.toml").write_text((root / "site.toml").read_text() + '\n[[cameras]]\nid = "gate"\n')
    with pytest.raises(SiteError, match="layer a: its camera has a storey"):
        site_with(root, 'name = "a"\nfile = "a.geojson"\nspace = "pixel"\ncamera = "gate"\nstorey = 0')
