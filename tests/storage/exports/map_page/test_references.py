"""Reference layers are the map's background: around the site, below the rest, and never its extent."""

from pathlib import Path

import numpy as np
import pytest
import shapely
from shapely.geometry import GeometryCollection, LineString, MultiPoint, Point, Polygon, box

from schemas.values import Feature, FeatureKind
from storage.exports.map_page.references import draw_references
from tests.storage.exports.map_page.drawn import X, Y, draw, walk, with_camera, zone

HALL = zone("hall", box(X, Y, X + 20, Y + 20))


def street(shape: object, layer: str = "streets", space: str = "map") -> Feature:
    return Feature("s", layer, FeatureKind.REFERENCE, space, "gate" if space == "pixel" else None, shape)


def test_the_page_draws_them_apart_from_what_counts(root: Path) -> None:
    site = with_camera(root)
    before = draw(site, walk("t1", [0, 1], [0, 1]), [HALL]).scene
    far = street(LineString([(X - 9e5, Y), (X - 8e5, Y)]))
    near = street(LineString([(X - 5, Y + 5), (X + 90, Y + 5)]))
    page = draw(site, walk("t1", [0, 1], [0, 1]), [HALL, near, far])
    assert {key: value for key, value in page.scene.items() if key != "references"} == {
        key: value for key, value in before.items() if key != "references"
    }
    assert page.scene["references"] == [{"layer": "streets", "parts": [[-500, 500, 7000, 500]]}], "cut 50 m around"
    assert "streets" not in page.words


def test_streets_alone_are_a_map(root: Path) -> None:
    from storage.site.file import load_site

    page = draw(load_site(root), None, [street(LineString([(X, Y), (X + 30, Y + 30)]))])
    assert not page.scene["empty"]
    assert page.scene["extent"] == [0, 0, 30, 30]
    assert page.scene["references"][0]["parts"] == [[0, 0, 3000, 3000]]


def test_those_in_pixels_are_not_drawn_and_not_listed(root: Path) -> None:
    page = draw(with_camera(root), None, [street(box(0, 0, 9, 9), space="pixel")])
    assert page.scene["references"] == []
    assert "camera's pixels" not in page.words


@pytest.mark.parametrize(
    ("shape", "parts"),
    [
        (Point(3, 4), [[300, 400]]),
        (MultiPoint([(1, 1), (500, 1)]), [[100, 100]]),
        (LineString([(0, 0), (5, 0.001), (10, 0)]), [[0, 0, 1000, 0]]),
        (box(0, 0, 4, 4), 1),
        (Polygon(box(0, 0, 9, 9).exterior, [box(3, 3, 6, 6).exterior]), 2),
        (GeometryCollection([Point(1, 1), GeometryCollection([LineString([(0, 0), (1, 0)])])]), 2),
        (GeometryCollection(), 0),
        (box(5000, 5000, 6000, 6000), 0),
    ],
)
def test_any_geometry_becomes_points_lines_and_rings(shape: object, parts: object) -> None:
    (layer,) = draw_references([street(shape)], (0.0, 0.0, 40.0, 40.0), (0.0, 0.0))
    assert (layer["parts"] if isinstance(parts, list) else len(layer["parts"])) == parts


def test_a_city_of_streets_stays_small() -> None:
    rng = np.random.default_rng(1)
    starts = rng.uniform(-10_000, 10_000, (20_000, 1, 2))
    lines = shapely.linestrings(starts + np.cumsum(rng.normal(0, 3, (20_000, 30, 2)), axis=1))
    (layer,) = draw_references([street(line) for line in lines], (0.0, 0.0, 100.0, 100.0), (0.0, 0.0))
    assert 0 < len(layer["parts"]) < 40
    assert all(abs(number) <= 20_000 for part in layer["parts"] for number in part)
