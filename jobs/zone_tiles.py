"""The tiles of each camera's view that show a zone, from ``site.toml`` and the layers."""

from collections.abc import Mapping, Sequence
from contextlib import closing

import pyarrow as pa
import pyarrow.compute as pc

from jobs.planning.inventory import recorded_inventory
from jobs.stored_ground import stored_ground
from ops.ground.homography import GroundPlane
from ops.ground.zone_tiles import zone_tiles
from schemas.tables.motion import pack_tiles
from schemas.values import Bools, Feature
from storage.site.file import SiteFiles
from storage.site.layers import load_features
from storage.sql.changes import ZONE_TILES
from storage.sql.connection import open_sql
from storage.store.store import Store


def zones_of_camera(site: SiteFiles, store: Store, camera: str) -> Mapping[str, Bools]:
    """Returns the tiles ``(rows, columns)`` of each zone that concerns a camera; none of one that it does not see.

    Zones in pixels of its frames are left out until a scan knows their size, and zones on the map until a run knows its
    ground; that of the newest day counts.

    Raises:
        SiteError: a layer cannot be read, or control points do not determine a homography.
    """
    features = load_features(site)
    return _zones(site, store, camera, features, _grounds(site, store, [camera], features, None).get(camera))


def zone_tiles_table(site: SiteFiles, store: Store, as_of: str | None = None) -> pa.Table:
    """Returns ``zone_tiles`` of SQL: a row for each zone that concerns a camera; errors as of ``zones_of_camera``.

    Args:
        site: its cameras and layers, as they are now.
        store: with the ground of cameras, and the size of their frames.
        as_of: the run after which their ground is asked for; None for now.
    """
    features = load_features(site)
    cameras = sorted({each.id for each in site.config.cameras} | {each.camera for each in features if each.camera})
    grounds = _grounds(site, store, cameras, features, as_of)
    rows = [
        (camera, zone, pack_tiles(tiles))
        for camera in cameras
        for zone, tiles in sorted(_zones(site, store, camera, features, grounds.get(camera)).items())
    ]
    columns = zip(*rows, strict=True) if rows else ((),) * len(ZONE_TILES)
    return pa.table(
        [pa.array(column, field.type) for column, field in zip(columns, ZONE_TILES, strict=True)], ZONE_TILES
    )


def _grounds(
    site: SiteFiles, store: Store, cameras: Sequence[str], features: Sequence[Feature], as_of: str | None
) -> Mapping[str, GroundPlane]:
    """Returns the ground of those cameras that control points place on the map, if zones on the map ask for it."""
    views = [view for view in map(site.config.camera_view, cameras) if view.control_points]
    if not views or all(feature.space != "map" for feature in features):
        return {}
    with closing(open_sql(store, site, as_of, query="ground_models")) as connection:
        grounds = {view.camera: stored_ground(connection, view) for view in views}
    return {camera: ground.plane for camera, ground in grounds.items() if ground is not None and ground.on_map}


def _zones(
    site: SiteFiles, store: Store, camera: str, features: Sequence[Feature], plane: GroundPlane | None
) -> Mapping[str, Bools]:
    view = site.config.camera_view(camera)
    size_px = view.image_size_px
    if size_px is None and any(feature.camera == camera for feature in features):
        size_px = _newest_size_px(store, camera)
    placed = [each for each in features if each.space == "map" or size_px is not None]
    return zone_tiles(view, placed, size_px or (1, 1), plane)


def _newest_size_px(store: Store, camera: str) -> tuple[int, int] | None:
    """Returns (width, height) of the newest footage of a camera; None if there is none."""
    timeline = recorded_inventory(store).timeline
    own = timeline.filter(pc.equal(timeline["camera"], camera))
    return (own["width"][-1].as_py(), own["height"][-1].as_py()) if own.num_rows else None
