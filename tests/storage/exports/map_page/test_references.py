"""Reference layers are the map's background: around the site, below the rest, and never its extent."""

from pathlib import Path

import numpy as np
import pytest
import shapely
from shapely.geometry import GeometryCollection, LineString, MultiPoint, Point, Polygon, box

from schemas.values import Feature, FeatureKind
from storage.exports.map_page.references import MAX_PLACES, clip_references
from storage.site.file import load_site
from tests.storage.exports.map_page.drawn import X, Y, draw, walk, with_camera, zone

LINE = ["LineString"]
HALL = zone("hall", box(X, Y, X + 20, Y + 20))


def street(shape: object, layer: str = "streets", space: str = "map") -> Feature:
    return Feature("s", layer, FeatureKind.REFERENCE, space, "gate" if space == "pixel" else None, shape)


def test_the_page_draws_them_apart_from_what_counts(root: Path) -> None:
    site = with_camera(root)
    before = draw(site, walk("t1", [0, 1], [0, 1]), [HALL])
    far = street(LineString([(X - 9e5, Y), (X - 8e5, Y)]))
    near = street(LineString([(X - 5, Y + 5), (X + 90, Y + 5)]))
    page = draw(site, walk("t1", [0, 1], [0, 1]), [HALL, near, far])
    assert page.scene == before.scene
    assert "layer-reference" in page.source
    assert "layer-reference" not in before.source
    assert "streets" not in page.words


def test_streets_alone_are_a_map(root: Path) -> None:
    page = draw(load_site(root), None, [street(LineString([(X, Y), (X + 30, Y + 30)]))])
    assert "Nothing to draw" not in page.words
    assert page.scene["extent"] == [0, 0, 30, 30]


def test_those_in_pixels_are_not_drawn_and_not_listed(root: Path) -> None:
    page = draw(with_camera(root), None, [street(box(0, 0, 9, 9), space="pixel")])
    assert "layer-reference" not in page.source
    assert "camera's pixels" not in page.words


@pytest.mark.parametrize(
    ("shape", "kinds"),
    [
        (Point(3, 4), ["Point"]),
        (MultiPoint([(1, 1), (500, 1)]), ["Point"]),
        (LineString([(0, 0), (5, 0.001), (10, 0)]), LINE),
        (Polygon(box(0, 0, 9, 9).exterior, [box(3, 3, 6, 6).exterior]), ["Polygon"]),
        (
            GeometryCollection([Point(1, 1), GeometryCollection([LineString([(0, 0), (1, 0)])])]),
            ["Point", "LineString"],
        ),
        (GeometryCollection(), []),
        (box(5000, 5000, 6000, 6000), []),
    ],
)
def test_any_geometry_becomes_points_lines_and_polygons(shape: object, kinds: list[str]) -> None:
    assert sorted(part.geom_type for part in clip_references([street(shape)], (0.0, 0.0, 40.0, 40.0))) == sorted(kinds)


def test_a_city_of_streets_stays_small() -> None:
    rng = np.random.default_rng(1)
    starts = rng.uniform(-10_000, 10_000, (20_000, 1, 2))
    lines = shapely.linestrings(starts + np.cumsum(rng.normal(0, 3, (20_000, 30, 2)), axis=1))
    parts = clip_references([street(line) for line in lines], (0.0, 0.0, 100.0, 100.0))
    assert 0 < len(parts) < 60
    assert all(abs(edge) <= 300 for part in parts for edge in part.bounds)
    dense = [street(line) for line in shapely.linestrings(rng.uniform(0, 100, (3000, 40, 2)))]
    assert shapely.get_num_coordinates(clip_references(dense, (0.0, 0.0, 100.0, 100.0))).sum() <= MAX_PLACES
