"""A zone has the tiles that show some of it: pixel zones as drawn, map zones where the camera sees them."""

import numpy as np
import pytest
import shapely

from ops.ground.zone_tiles import zone_tiles
from schemas.tables.motion import TILE_GRID
from schemas.values import Bools, CameraView, Feature, FeatureKind
from tests.ops.ground_scene import SIZE_PX, make_view, plane_of, project, site

PLAIN = CameraView("cam1", "", "UTC", True)
FRAME_PX = (240, 160)
"""Tiles of 10 x 10 pixels."""


def feature(geometry: shapely.Geometry, space: str = "pixel", camera: str | None = "cam1") -> Feature:
    kind = FeatureKind.LINE if "Line" in geometry.geom_type else FeatureKind.ZONE
    return Feature("z", "layer", kind, space, camera, geometry)  # type: ignore[arg-type]


def cells(tiles: Bools) -> set[tuple[int, int]]:
    return {(int(column), int(row)) for row, column in np.argwhere(tiles)}


@pytest.mark.parametrize(
    ("box", "found"),
    [
        ((20, 30, 40, 50), {(2, 3), (3, 3), (2, 4), (3, 4)}),
        ((25, 35, 26, 36), {(2, 3)}),
        ((29.5, 35, 30.5, 36), {(2, 3), (3, 3)}),
        ((-50, -50, 1, 1), {(0, 0)}),
        ((239, 159, 500, 500), {(23, 15)}),
        ((300, 10, 320, 20), set()),
    ],
)
def test_a_pixel_zone_has_the_tiles_that_it_covers_in_part(box: tuple[float, ...], found: set[tuple[int, int]]) -> None:
    assert cells(zone_tiles(PLAIN, [feature(shapely.box(*box))], FRAME_PX, None)["z"]) == found


def test_pixel_zones_are_drawn_in_the_image_size_if_there_is_one() -> None:
    view = CameraView("cam1", "", "UTC", True, image_size_px=(2400, 1600))
    assert cells(zone_tiles(view, [feature(shapely.box(210, 310, 290, 390))], FRAME_PX, None)["z"]) == {(2, 3)}


def test_what_does_not_concern_a_camera_has_no_entry() -> None:
    others = [
        feature(shapely.box(0, 0, 9, 9), camera="cam2"),
        feature(shapely.box(0, 0, 9, 9), "map", None),
        feature(shapely.LineString([(0, 0), (9, 9)])),
    ]
    assert zone_tiles(PLAIN, others, FRAME_PX, None) == {}


def test_a_map_zone_has_the_tiles_in_which_the_camera_sees_it() -> None:
    east, north = site(0, 8)
    zone = shapely.box(east - 1, north - 1, east + 1, north + 1)
    tiles = zone_tiles(make_view(), [feature(zone, "map", None)], SIZE_PX, plane_of(make_view()))["z"]
    corners = project(np.array([site(*corner) for corner in ((-1, 7), (1, 7), (1, 9), (-1, 9))]))
    size = np.array(SIZE_PX) / TILE_GRID
    low, high = np.floor(corners.min(axis=0) / size), np.floor(corners.max(axis=0) / size)
    columns, rows = np.flatnonzero(tiles.any(axis=0)), np.flatnonzero(tiles.any(axis=1))
    assert (columns[0], rows[0]) == tuple(low) and (columns[-1], rows[-1]) == tuple(high)


def test_a_map_zone_that_reaches_behind_the_camera_and_to_the_horizon_fills_the_picture() -> None:
    east, north = site(0, 0)
    zone = shapely.box(east - 500, north - 500, east + 500, north + 500)
    tiles = zone_tiles(make_view(), [feature(zone, "map", None)], SIZE_PX, plane_of(make_view()))["z"]
    assert tiles.all(), "the horizon is above it"


def test_a_map_zone_behind_the_camera_has_no_tile() -> None:
    east, north = site(0, -8)
    zone = shapely.box(east - 1, north - 1, east + 1, north + 1)
    assert not zone_tiles(make_view(), [feature(zone, "map", None)], SIZE_PX, plane_of(make_view()))["z"].any()
