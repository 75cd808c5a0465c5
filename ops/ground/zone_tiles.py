"""Tells which tiles of a camera's view show some of a zone."""

from collections.abc import Iterable, Mapping

import numpy as np
import shapely

from ops.ground.homography import GroundPlane
from ops.ground.view import concerns, in_picture
from schemas.tables.motion import TILE_GRID
from schemas.values import Bools, CameraView, Feature, FeatureKind


def zone_tiles(
    view: CameraView, features: Iterable[Feature], frame_size_px: tuple[int, int], plane: GroundPlane | None
) -> Mapping[str, Bools]:
    """Returns by zone the tiles ``(rows, columns)`` in which a camera sees some of it; none of a zone outside its view.

    Args:
        view: the camera.
        features: zones and lines; those that do not concern the camera, and lines, are left out.
        frame_size_px: (width, height) of its frames, in which pixel zones are drawn if it has no ``image_size_px``.
        plane: its ground on the map; None where nobody knows it.
    """
    width, height = view.image_size_px or frame_size_px
    columns, rows = TILE_GRID
    column, row = np.meshgrid(np.arange(columns), np.arange(rows))
    tile_px = (width / columns, height / rows)
    left, top = column * tile_px[0], row * tile_px[1]
    tiles = shapely.box(left, top, left + tile_px[0], top + tile_px[1])
    found = {}
    for feature in features:
        if feature.kind is FeatureKind.ZONE and concerns(view, feature, plane):
            shape = feature.geometry
            if plane is not None and feature.space == "map":
                shape = in_picture(plane, shape, (width, height))
            shapely.prepare(shape)
            # A zone that ends where a tile begins is not in it.
            found[feature.feature_id] = shapely.intersects(shape, tiles) & ~shapely.touches(shape, tiles)
    return found
