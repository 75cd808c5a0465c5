"""The tiles of zones come from site.toml, the layers and, for the size of frames, the last scan."""

import json
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pyarrow as pa
import pytest
import shapely
from shapely.geometry import mapping

from jobs.commands.audits import PublishedFootage
from jobs.commands.render import zones_in_frames
from jobs.site import Site, open_site
from jobs.zone_tiles import zone_tiles_table, zones_of_camera
from ops.ground.zone_tiles import zone_tiles
from schemas.tables.motion import unpack_tiles
from storage.site.layers import load_features
from tests.conftest import Nightshift
from tests.ops.ground_scene import SIZE_PX, make_view, measured_ground, plane_of, project
from tests.ops.ground_scene import site as site_place
from tests.storage.sql_site import commit, make_site
from tests.support.fakes import START, make_segment


def square(zone: str, low: float, high: float) -> dict[str, object]:
    corners = [[low, low], [high, low], [high, high], [low, high], [low, low]]
    return {"type": "Feature", "properties": {"id": zone}, "geometry": {"type": "Polygon", "coordinates": [corners]}}


def square_around(zone: str, east: float, north: float) -> dict[str, object]:
    return {
        "type": "Feature",
        "properties": {"id": zone},
        "geometry": mapping(shapely.box(east - 1, north - 1, east + 1, north + 1)),
    }


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


@pytest.fixture
def placed_site(tmp_path: Path) -> Site:
    """cam1 has two control points, and a zone of 2 m on the map, 8 m before it."""
    east, north = site_place(0, 8)
    layer = {"type": "FeatureCollection", "features": [square_around("spot", east, north)]}
    layer["crs"] = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::28992"}}
    (tmp_path / "spot.geojson").write_text(json.dumps(layer))
    control = make_view().control_points[:2]
    points = ", ".join(f"{{u = {p.u_px}, v = {p.v_px}, x = {p.x_m}, y = {p.y_m}}}" for p in control)
    (tmp_path / "site.toml").write_text(
        'name = "a"\ncrs = "EPSG:28992"\ntimezone = "Europe/Amsterdam"\n[[layers]]\nname = "a"\nfile = "spot.geojson"\n'
        f'[[cameras]]\nid = "cam1"\nimage_size = {list(SIZE_PX)}\ncontrol_points = [{points}]\n'
    )
    return open_site(tmp_path)


def test_a_measured_ground_on_the_map_places_its_zones(placed_site: Site) -> None:
    site = placed_site
    assert zones_of_camera(site.files, site.store, "cam1") == {}
    zones = load_features(site.files)
    day = START.date().isoformat()
    for ground, date, seen in ((measured_ground(), "2026-03-01", False), (measured_ground(on_map=True), day, True)):
        start = ground.schema.get_field_index("start_time")
        times = pa.array([datetime.fromisoformat(f"{date}T12:00:00Z")] * len(ground), ground.schema.field(start).type)
        commit(
            site.store, "ground_models", ground.set_column(start, ground.schema.field(start), times), date, date=date
        )
        found = zones_of_camera(site.files, site.store, "cam1")
        assert list(found) == (["spot"] if seen else []), "the newest day counts"
    surveyed = zone_tiles(make_view(), zones, SIZE_PX, plane_of(make_view()))
    assert np.array_equal(found["spot"], surveyed["spot"]) and 0 < found["spot"].sum() < found["spot"].size
    (row,) = zone_tiles_table(site.files, site.store).to_pylist()
    assert np.array_equal(unpack_tiles(row["tiles"]), found["spot"])


def test_rendered_clips_show_the_zones_that_a_measured_ground_places(placed_site: Site) -> None:
    site = placed_site
    segment = make_segment(size_px=SIZE_PX)
    footage = cast(PublishedFootage, SimpleNamespace(camera="cam1", segments=(segment,)))
    assert zones_in_frames(site, footage, SIZE_PX, None) == []
    commit(site.store, "ground_models", measured_ground(on_map=True), "print", date=segment.date)
    (shape,) = zones_in_frames(site, footage, (SIZE_PX[0] // 2, SIZE_PX[1] // 2), None)
    corners = project(np.array([site_place(*corner) for corner in ((-1, 7), (1, 7), (1, 9), (-1, 9))])) / 2
    assert shapely.hausdorff_distance(shape.geometry, shapely.Polygon(corners)) < 0.5


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
