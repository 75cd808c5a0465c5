"""Features in pixels of a camera do not land on the map."""

import json

import pytest
from shapely.geometry import box

from jobs.commands.exports import export_result
from jobs.commands.results import query
from jobs.site import open_site
from schemas.errors import QueryError, UserError
from storage.store.reader import open_store
from storage.store.store import Store
from tests.storage.exports.gis_files import read
from tests.storage.sql_site import EAST_M, NORTH_M, make_site

MAT = box(10, 10, 20, 20)


@pytest.fixture
def site(tmp_path):
    make_site(tmp_path)
    Store.create(tmp_path / "store")
    return open_site(tmp_path)


@pytest.mark.parametrize("suffix", [".geojson", ".gpkg", ".parquet"])
@pytest.mark.parametrize(
    "asked",
    [
        "layer_door-marks",
        'SELECT geometry FROM "layer_door-marks"',
        'SELECT ST_Envelope(geometry) AS place FROM "layer_door-marks"',
        "SELECT * FROM features WHERE space = 'pixel'",
    ],
)
def test_pixel_features_have_a_crs_of_pixels(site, tmp_path, suffix, asked):
    target = tmp_path / f"out{suffix}"
    assert export_result(site, asked, target).rows == 1
    frame = read(target)
    assert frame.crs.is_engineering and "pixels" in frame.crs.name
    assert frame.geometry.iloc[0].equals(MAT)


@pytest.mark.parametrize("suffix", [".geojson", ".gpkg", ".parquet"])
@pytest.mark.parametrize("asked", ["layer_zones", "SELECT * FROM features WHERE space = 'map'"])
def test_map_features_stay_on_the_map(site, tmp_path, suffix, asked):
    target = tmp_path / f"out{suffix}"
    assert export_result(site, asked, target).rows == 2
    frame = read(target)
    assert frame.crs.to_epsg() == (4326 if suffix == ".geojson" else 28992)
    assert frame.to_crs("EPSG:28992").total_bounds == pytest.approx(
        [EAST_M, NORTH_M, EAST_M + 6, NORTH_M + 6], abs=0.01
    )
    if suffix == ".geojson":
        assert "crs" not in json.loads(target.read_text())


@pytest.mark.parametrize("asked", ["features", "SELECT feature_id, geometry FROM features"])
def test_both_in_one_file_are_refused(site, tmp_path, asked):
    with pytest.raises(UserError, match="layer_NAME"):
        export_result(site, asked, tmp_path / "out.gpkg")
    assert not (tmp_path / "out.gpkg").exists()
    assert export_result(site, asked, tmp_path / "out.csv").rows == 3


def test_pixels_are_not_compared_with_the_map(site):
    marks, zones = 'FROM "layer_door-marks"', "FROM layer_zones"
    both = f"SELECT ST_Intersects(a.geometry, ST_SetCRS(b.geometry, 'EPSG:28992')) FROM ({marks}) a, ({zones}) b"
    with pytest.raises(QueryError, match="pixels of cam1"):
        query(site, both)


def test_a_frame_of_pixel_features_has_no_crs(site, tmp_path):
    with open_store(tmp_path) as store:
        assert store.geo('SELECT geometry FROM "layer_door-marks"').crs is None
        assert store.geo("SELECT geometry FROM layer_zones").crs.to_epsg() == 28992
