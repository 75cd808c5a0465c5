"""Features, cameras and coordinates of the map page."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from pyproj import Transformer
from shapely.geometry import LineString, Polygon, box

from schemas.tables import TABLES
from storage.site.file import load_site
from tests.storage.exports.map_page.drawn import START, X, Y, draw, walk, with_camera, zone


def test_longitude_and_latitude_under_the_cursor_agree_with_pyproj(root: Path) -> None:
    scene = draw(with_camera(root), walk("t1", [0, 2000], [0, 1500])).scene
    fitted, (west, south) = scene["lonlat"], scene["origin"]
    to_lonlat = Transformer.from_crs("EPSG:28992", "OGC:CRS84", always_xy=True)
    for x, y in ((X, Y), (X + 2000, Y + 1500), (X - 500, Y + 800)):
        u, v = (x - west - fitted["x"]) / fitted["half"], (y - south - fitted["y"]) / fitted["half"]
        terms = np.array([1, u, v, u * u, u * v, v * v])
        assert (terms @ fitted["lon"], terms @ fitted["lat"]) == pytest.approx(to_lonlat.transform(x, y), abs=2e-7)


def test_zones_keep_their_holes_and_lines_their_direction(root: Path) -> None:
    ring = Polygon(box(X, Y, X + 9, Y + 9).exterior, [box(X + 3, Y + 3, X + 6, Y + 6).exterior])
    line = LineString([(X, Y), (X + 4, Y), (X + 4, Y + 2)])
    scene = draw(
        with_camera(root), None, [zone("ring", ring), zone("door", line), zone("px", box(0, 0, 9, 9), "pixel")]
    ).scene
    shapes = {feature["id"]: feature for feature in scene["features"]}
    assert sorted(shapes) == ["door", "ring"]
    assert [len(part) for part in shapes["ring"]["parts"]] == [10, 10]
    assert shapes["door"]["parts"] == [[0, 0, 400, 0, 400, 200]]
    assert shapes["ring"]["corner"] == [0, 900]


def test_the_view_of_a_camera_is_the_hull_of_its_positions(root: Path) -> None:
    (camera,) = draw(with_camera(root), walk("t1", [0, 4, 4, 0, 2], [1, 1, 5, 5, 3])).scene["cameras"]
    corners = set(zip(camera["hull"][::2], camera["hull"][1::2], strict=True))
    assert corners == {(0, 100), (400, 100), (400, 500), (0, 500)}
    assert camera["place"] == [0, 0]


def test_the_table_of_zones_weighs_bins_by_what_was_observed(root: Path) -> None:
    bins = {
        "camera": ["gate"] * 2, "zone": ["hall"] * 2, "label": ["person"] * 2, "bin_s": [60.0] * 2,
        "bin_start": [START, START + timedelta(minutes=1)], "observed_s": [60.0, 20.0], "mean_count": [1.0, 3.0],
        "max_count": [2, 4], "distinct_tracks": [2, 4], "dwell_s": [60.0, 60.0],
    }  # fmt: skip
    words = draw(with_camera(root), counts=TABLES["counts"].conform(bins)).words
    assert "hall gate person 1.50 4 0:02:00" in words


def test_a_camera_without_a_place_is_named(root: Path) -> None:
    path = root / "site.toml"
    path.write_text(path.read_text() + '\n[[cameras]]\nid = "dock"\n')
    page = draw(load_site(root))
    assert "gives no position: dock" in page.words
    assert page.scene["cameras"][0]["place"] is None
