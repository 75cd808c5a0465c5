import json
from pathlib import Path
from typing import Any

import geopandas
import pandas
import pyarrow
import pyarrow.parquet as pq
import pyogrio
import pytest
import shapely
from pyproj import Transformer
from shapely.geometry import box

from storage.site.layers import load_features, load_layer
from tests.storage.site.gis_layers import error_of, new_site, site_with, square, to_lonlat, with_frame


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return new_site(tmp_path)


def test_us_survey_feet_become_metres(root: Path) -> None:
    (root / "site.toml").write_text((root / "site.toml").read_text().replace("EPSG:28992", "EPSG:32618"))
    # EPSG:2263 (New York, US survey feet) of 583960, 4507523 in UTM zone 18N, by PROJ's cs2cs.
    x, y = Transformer.from_crs("EPSG:32618", "EPSG:2263", always_xy=True).transform(583960.0, 4507523.0)
    assert x > 900_000  # feet, not metres
    (plot,) = load_features(with_frame(root, [box(x, y, x + 3937, y + 3937)], "EPSG:2263", "gpkg"))
    # 3937 US survey feet are 1200 m.
    assert plot.geometry.area == pytest.approx(1200.0**2, rel=2e-3)
    assert plot.geometry.distance(shapely.Point(583960, 4507523)) < 0.01


def test_geoparquet_keeps_its_attributes(root: Path) -> None:
    lanes = [2, None]
    shapes = [square(), square(east_m=50)]
    site = with_frame(root, shapes, "EPSG:28992", "parquet", id=["a", "b"], lanes=pandas.array(lanes, dtype="Int64"))
    layer = load_layer(site, 0)
    assert [feature.feature_id for feature in layer.features] == ["a", "b"]
    assert layer.features[0].geometry.equals(square())
    assert layer.attributes.to_pydict() == {"id": ["a", "b"], "lanes": lanes}


def test_geoparquet_without_a_crs_is_longitude_and_latitude(root: Path) -> None:
    path = root / "layers/a.parquet"
    frame = geopandas.GeoDataFrame({"id": ["dam"]}, geometry=[to_lonlat(square())], crs="OGC:CRS84")
    frame.to_parquet(path)
    table = pq.read_table(path)
    geo = json.loads(table.schema.metadata[b"geo"])
    del geo["columns"]["geometry"]["crs"]
    pq.write_table(table.replace_schema_metadata({b"geo": json.dumps(geo)}), path)
    (dam,) = load_features(site_with(root, 'name = "a"\nfile = "layers/a.parquet"'))
    assert dam.geometry.hausdorff_distance(square()) < 0.01


@pytest.mark.parametrize(
    ("content", "says"),
    [({"id": [1]}, "is Parquet without geometry: write it as GeoParquet"), (None, "cannot be read as a GIS layer")],
)
def test_parquet_that_is_no_geoparquet_is_told(root: Path, content: dict[str, Any] | None, says: str) -> None:
    path = root / "layers/a.parquet"
    path.write_text("junk") if content is None else pq.write_table(pyarrow.table(content), path)
    assert says in error_of(site_with(root, 'name = "a"\nfile = "layers/a.parquet"'))


def test_styles_of_qgis_are_no_layer(root: Path) -> None:
    path = root / "layers/a.gpkg"
    geopandas.GeoDataFrame({"id": ["dam"]}, geometry=[square()], crs="EPSG:28992").to_file(path, layer="plots")
    pyogrio.write_dataframe(pandas.DataFrame({"styleQML": ["<qgis/>"]}), path, layer="layer_styles", append=True)
    (dam,) = load_features(site_with(root, 'name = "a"\nfile = "layers/a.gpkg"'))
    assert dam.feature_id == "dam"
