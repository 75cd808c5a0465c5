"""The tiles of zones come from site.toml, the layers and, for the size of frames, the last scan."""

import json
from pathlib import Path

import numpy as np
import pytest

from jobs.site import Site, open_site
from jobs.zone_tiles import zone_tiles_table, zones_of_camera
from schemas.tables.motion import unpack_tiles
from tests.conftest import Nightshift
from tests.storage.sql_site import make_site


def square(zone: str, low: float, high: float) -> dict[str, object]:
    corners = [[low, low], [high, low], [high, high], [low, high], [low, low]]
    return {"type": "Feature", "properties": {"id": zone}, "geometry": {"type": "Polygon", "coordinates": [corners]}}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """cam1 has the pixel zone mat, from 10 to 20; the map zones need control points, which nobody has."""
    make_site(tmp_path)
    return open_site(tmp_path)


def test_without_footage_and_image_size_a_zone_cannot_be_placed(site: Site) -> None:
    assert zones_of_camera(site.files, site.store, "cam1") == {}
    assert zones_of_camera(site.files, site.store, "cam2") == {}


def test_the_image_size_places_a_zone(site: Site) -> None:
    toml = site.files.root / "site.toml"
    toml.write_text(toml.read_text().replace('id = "cam1"', 'id = "cam1"\nimage_size = [240, 160]'))
    (row,) = zone_tiles_table(open_site(site.files.root).files, site.store).to_pylist()
    assert (row["camera"], row["zone"]) == ("cam1", "mat")
    assert np.argwhere(unpack_tiles(row["tiles"])).tolist() == [[1, 1]]


@pytest.mark.slow
def test_the_newest_footage_places_a_zone_without_image_size(nightshift: Nightshift, fresh_site: Path) -> None:
    layer = {"type": "FeatureCollection", "features": [square("spot", 1, 3)]}
    (fresh_site / "spot.geojson").write_text(json.dumps(layer))
    (fresh_site / "site.toml").write_text(
        'name = "plain"\ncrs = "EPSG:28992"\ntimezone = "Europe/Amsterdam"\n[[cameras]]\nid = "gate"\n'
        '[[layers]]\nname = "spots"\nfile = "spot.geojson"\nspace = "pixel"\ncamera = "gate"\n'
    )
    assert nightshift("scan", "--site", fresh_site).code == 1, "one file is cut off"
    site = open_site(fresh_site)
    tiles = zones_of_camera(site.files, site.store, "gate")["spot"]
    assert np.argwhere(tiles).tolist() == [[0, 0]]
