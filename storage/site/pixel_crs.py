"""Names the coordinates of features in pixels, so that no pixel is taken for a place on the map.

DuckDB's geometry type carries such a name through its functions, and refuses to compare geometries of two names.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from schemas.site_views import LayerConfig

if TYPE_CHECKING:
    from pyproj import CRS

_PIXELS = "pixels of "

MIXED = "map and pixels"
"""Name for a column with features of the map and of pixels, or of the pixels of several cameras."""


def coordinates_of(layers: Iterable[LayerConfig]) -> str | None:
    """Returns the name of the coordinates of some layers; None for the site's CRS."""
    names = {None if layer.camera is None else pixels_of(layer.camera) for layer in layers}
    return MIXED if len(names) > 1 else next(iter(names), None)


def pixels_of(camera: str | None) -> str:
    """Returns the name of the coordinates of features in pixels of a camera."""
    return f"{_PIXELS}{camera}"


def pixel_crs(name: str = "pixels") -> "CRS | None":
    """Returns a CRS of pixels (u to the right, v downwards), for a name by ``coordinates_of``; None for other names.

    It is an engineering CRS (ISO 19111): GIS programs draw it, and do not place it on Earth.
    """
    if name != "pixels" and not name.startswith(_PIXELS):
        return None
    from pyproj import CRS  # 50 ms, which most queries do not need

    return CRS.from_wkt(
        f'ENGCRS["{name}",EDATUM["picture"],CS[Cartesian,2],AXIS["u",unspecified],AXIS["v",unspecified],'
        'LENGTHUNIT["pixel",1]]'
    )
