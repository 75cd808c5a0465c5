"""Checks the geometries of a layer, repairs polygons that cross themselves, and moves them to the site's CRS."""

from pathlib import Path

import numpy as np
import shapely
from pyproj import CRS, Transformer
from shapely.geometry.base import BaseGeometry

from schemas.errors import SiteError
from schemas.values import Bools, FeatureKind
from storage.site.file import to_lonlat
from storage.site.layer_files import Shapes

KINDS = {
    "Polygon": FeatureKind.ZONE,
    "MultiPolygon": FeatureKind.ZONE,
    "LineString": FeatureKind.LINE,
    "MultiLineString": FeatureKind.LINE,
}
"""What counts, by the type of its geometry."""

_NEAR_DEG = 1.0
"""How far beyond the area that a CRS is meant for a site may lie."""


def to_site(shapes: Shapes, crs: CRS | None, site_crs: str, path: Path) -> Shapes:
    """Returns geometries ``(N,)`` in the site's CRS, x east and y north, whatever axis order their own names.

    Raises:
        SiteError: the file names no CRS, its axes are swapped, or the site's CRS is not defined there.
    """
    if crs is None:
        raise SiteError(f"{path}: names no CRS (a shapefile needs its .prj beside it); save it again with its CRS")
    target = CRS.from_user_input(site_crs)
    if _are_swapped(shapes, crs, target):
        x, y = ("longitude", "latitude") if crs.is_geographic else ("east", "north")
        raise SiteError(
            f"{path}: {x} and {y} are swapped: as they are, {site_crs} ({target.name}) does not cover them, and the "
            f"other way round it does; write {x} first, then {y}"
        )
    if crs.is_exact_same(target):
        return shapes
    convert = Transformer.from_crs(crs, target, always_xy=True)
    moved: Shapes = shapely.transform(shapes, convert.transform, interleaved=False)
    lost = np.flatnonzero(np.isinf(shapely.bounds(moved)).any(axis=1))
    if len(lost):
        raise SiteError(
            f"{path}: feature number {lost[0]} lies outside of where {site_crs} is defined; either its coordinates "
            f"are not in {crs.name}, as the file says, or the site's crs is wrong"
        )
    return moved


def _are_swapped(shapes: Shapes, crs: CRS, target: CRS) -> bool:
    """Returns whether most features are where the site's CRS is used only once their axes are swapped."""
    area = target.area_of_use
    bounds = shapely.bounds(shapes)
    bounds = bounds[np.isfinite(bounds).all(axis=1)]
    if area is None or not len(bounds):
        return False
    lonlat = to_lonlat(crs)
    x, y = np.median((bounds[:, :2] + bounds[:, 2:]) / 2, axis=0)

    def covers(first: float, second: float) -> bool:
        lon, lat = lonlat.transform(first, second)
        return bool(
            area.west - _NEAR_DEG <= lon <= area.east + _NEAR_DEG
            and area.south - _NEAR_DEG <= lat <= area.north + _NEAR_DEG
        )

    return not covers(x, y) and covers(y, x)


def usable(shape: BaseGeometry | None, where: str) -> BaseGeometry:
    """Returns a valid polygon or line; parts of a multi-part one stay together.

    Args:
        shape: in two dimensions.
        where: the file and the feature, for messages.

    Raises:
        SiteError: it is empty, encloses nothing, or is neither polygon nor line.
    """
    if shape is None or shape.is_empty:
        raise SiteError(f"{where} has no geometry; draw it again or remove it")
    kind = KINDS.get(shape.geom_type)
    if kind is None:
        raise SiteError(f"{where} is a {shape.geom_type}; a layer needs polygons (zones) or lines")
    if kind is FeatureKind.LINE:
        if shape.length == 0:
            raise SiteError(f"{where} is a line of no length; draw it again or remove it")
        return shape
    whole = shape if shape.is_valid else repaired(shape)
    if whole.is_empty:
        raise SiteError(f"{where} encloses nothing; draw it again or remove it")
    return whole


def repaired(polygon: BaseGeometry) -> BaseGeometry:
    """Returns a polygon made valid, without the lines and points that the repair may add; empty if nothing is left."""
    whole = shapely.make_valid(polygon)
    polygons = [
        each for part in shapely.get_parts(whole) for each in shapely.get_parts(part) if each.geom_type == "Polygon"
    ]
    return polygons[0] if len(polygons) == 1 else shapely.MultiPolygon(polygons)


def are_invalid(shapes: Shapes) -> Bools:
    """Marks the polygons ``(N,)`` that cross themselves."""
    kinds = shapely.get_type_id(shapes)
    polygons = (kinds == shapely.GeometryType.POLYGON) | (kinds == shapely.GeometryType.MULTIPOLYGON)
    marked = np.zeros(len(shapes), dtype=np.bool_)
    marked[polygons] = ~shapely.is_valid(shapes[polygons])
    return marked
