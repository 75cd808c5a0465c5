"""Prepares reference layers, such as streets and buildings, as the background of the map page."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from schemas.values import Feature
from storage.exports.map_page.trajectories import Bounds, Point

MARGIN_SHARE = 1.0
"""How far beyond the map's initial extent references are drawn on each side, share of its width or height."""
LEAST_MARGIN_M = 50.0
DETAIL_SHARE = 1 / 4000
"""Detail that is left out, share of the drawn area's width: a quarter of a pixel on a screen of 1000."""


def draw_references(references: Sequence[Feature], bounds: Bounds, origin: Point) -> list[dict[str, Any]]:
    """Returns the lines, outlines and points of reference layers around the map, in centimetres from the origin.

    A layer may be a whole city: what is far from the map, and detail that no screen shows, is left out.

    Args:
        references: features of any geometry on the map.
        bounds: the map's initial extent.
        origin: of the scene.

    Returns:
        By layer: its name and its parts as flat lists; a part of one position is a point.
    """
    west, south, east, north = bounds
    margin_x = max(MARGIN_SHARE * (east - west), LEAST_MARGIN_M)
    margin_y = max(MARGIN_SHARE * (north - south), LEAST_MARGIN_M)
    area = (west - margin_x, south - margin_y, east + margin_x, north + margin_y)
    detail_m = DETAIL_SHARE * (area[2] - area[0])
    drawn: dict[str, list[list[int]]] = {}
    for feature in references:
        parts = drawn.setdefault(feature.layer, [])
        if feature.geometry.intersects(shapely.box(*area)):
            shape = shapely.clip_by_rect(feature.geometry, *area)
            parts += [_centimetres(part, origin) for part in _parts(shape, detail_m)]
    return [{"layer": layer, "parts": parts} for layer, parts in drawn.items()]


def _parts(shape: BaseGeometry, detail_m: float) -> Iterator[BaseGeometry]:
    """Yields the points, lines and rings of a shape."""
    for part in shapely.get_parts(shape):
        if part.geom_type in ("Point", "LineString", "LinearRing"):
            yield part if part.geom_type == "Point" else part.simplify(detail_m)
        elif part.geom_type == "Polygon":
            yield from (ring.simplify(detail_m) for ring in shapely.get_rings(part))
        elif not part.is_empty:
            yield from _parts(part, detail_m)  # a collection within a collection


def _centimetres(shape: BaseGeometry, origin: Point) -> list[int]:
    places = (shapely.get_coordinates(shape) - origin) * 100
    flat: list[int] = np.rint(places).astype(np.int64).ravel().tolist()
    return flat
