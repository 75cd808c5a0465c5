"""Prepares reference layers, such as streets and buildings, as the background of the map page."""

from collections.abc import Iterator, Sequence

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from schemas.values import Feature, Float64
from storage.exports.map_page.trajectories import Bounds, Point

MARGIN_SHARE = 1.5
"""How far beyond the map's initial extent references are drawn on each side, share of its longer side."""
LEAST_MARGIN_M = 50.0
DETAIL_SHARE = 1 / 8000
"""Detail that is left out, share of the drawn area's width: a quarter of a pixel of the initial view."""
MAX_PLACES = 60_000
"""Most corners that are drawn: of more, detail is left out."""


def clip_references(references: Sequence[Feature], bounds: Bounds) -> list[BaseGeometry]:
    """Returns the points, lines and polygons of reference layers around the map, in their order.

    A layer may be a whole city: what is far from the map, and detail that no screen shows, is left out.

    Args:
        references: features of any geometry on the map.
        bounds: the map's initial extent.
    """
    west, south, east, north = bounds
    margin = max(MARGIN_SHARE * max(east - west, north - south), LEAST_MARGIN_M)
    area = (west - margin, south - margin, east + margin, north + margin)
    detail_m = DETAIL_SHARE * (area[2] - area[0])
    shapes = np.array([feature.geometry for feature in references], dtype=object)
    near = shapes[shapely.intersects(shapes, shapely.box(*area))] if len(shapes) else shapes
    parts = [part for shape in near for part in _parts(shapely.clip_by_rect(shape, *area))]
    while True:
        drawn: list[BaseGeometry] = [part.simplify(detail_m) for part in parts]
        drawn = [part for part in drawn if not part.is_empty]
        if shapely.get_num_coordinates(drawn).sum() <= MAX_PLACES or detail_m > margin:
            return drawn
        detail_m *= 2


def rings(polygon: BaseGeometry, origin: Point) -> list[Float64]:
    """Returns the outline and the holes of a polygon, each ``(N, 2)`` metres from the origin."""
    return [shapely.get_coordinates(ring) - origin for ring in shapely.get_rings(polygon)]


def _parts(shape: BaseGeometry) -> Iterator[BaseGeometry]:
    for part in shapely.get_parts(shape):
        if part.geom_type in ("Point", "LineString", "Polygon"):
            yield part
        elif part.geom_type == "LinearRing":
            yield shapely.LineString(part.coords)
        elif not part.is_empty:
            yield from _parts(part)  # a collection within a collection
