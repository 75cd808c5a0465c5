"""The picture of `nightshift calibrate`: background, depth, floor and a grid of metres, for the owner's eyes alone."""

from datetime import date
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa

from jobs.commands.calibrate import ground_model_rows
from jobs.commands.excerpts import find_camera
from jobs.commands.results import query
from jobs.site import Site, refuse_within_site
from ops.anonymize.geometry import static_mask
from ops.depth_models.kinds import Depth, MetricDepth
from ops.depth_models.rows import unpack_depth
from ops.floor.scale_fit import FixedScale
from ops.ground.picture import Scene, draw_ground
from ops.ground.pinhole import PinholeGround
from ops.ground.places import known_ground
from schemas.errors import SelectionError, UserError
from schemas.values import Bools, CameraView, Uint8
from storage.files import atomic_path
from storage.sql.text import quote_text

PICTURE_SUFFIX = ".png"


def write_picture(site: Site, camera: str, target: Path, day: date | None = None, as_of: str | None = None) -> None:
    """Writes the picture of a camera's ground as a PNG that only its owner can read.

    It is drawn on the background, which shows nobody; where it might, and on privacy masks, it is covered.

    Raises:
        UserError: the target is no PNG, or lies in the archive or the store.
        SelectionError: there is no such camera, no ground of that day, or no background to draw on.
    """
    if target.suffix.lower() != PICTURE_SUFFIX:
        raise UserError(f"--picture {target}: give a name that ends in {PICTURE_SUFFIX}")
    refuse_within_site(site, target, "--picture")
    camera = find_camera(site, camera)
    rows = ground_model_rows(site, camera, day, as_of)
    picture = draw_ground(_scene(site, camera, rows, as_of))
    with atomic_path(target, private=True) as path:
        path.write_bytes(cv2.imencode(PICTURE_SUFFIX, picture)[1].tobytes())


def _scene(site: Site, camera: str, rows: list[dict[str, Any]], as_of: str | None) -> Scene:
    where = f"camera = {quote_text(camera)} AND date = DATE '{rows[0]['date'].isoformat()}'"
    depth_row = _first(site, f"SELECT * FROM depth_maps WHERE {where} ORDER BY view LIMIT 1", as_of)
    floor_row = _first(site, f"SELECT * FROM floors WHERE {where} ORDER BY view LIMIT 1", as_of)
    same = "" if depth_row is None else f"segment_id = {quote_text(depth_row['segment_id'])} DESC, "
    wanted = f"SELECT * FROM backgrounds WHERE {where} ORDER BY {same}unknown_share, segment_id LIMIT 1"
    background = _first(site, wanted, as_of)
    if background is None:
        raise SelectionError(
            f"there is no background of {camera} to draw on: run `nightshift run --camera {camera} --ops background`"
        )
    view, used = site.files.config.camera_view(camera), next((row for row in rows if row["used"]), None)
    ground = known_ground(view, {"ground_models": pa.Table.from_pylist(rows)})
    known = used is not None and used["focal_px"] is not None
    return Scene(
        _picture(background["png"], cv2.IMREAD_COLOR),
        _hidden(background, view),
        None if ground is None else ground.plane,
        _pinhole(used) if used is not None and known else None,
        None if depth_row is None else _depth(depth_row, floor_row),
        None if floor_row is None or floor_row["mask_png"] is None else _mask(floor_row["mask_png"]),
    )


def _first(site: Site, sql: str, as_of: str | None) -> dict[str, Any] | None:
    return next(iter(query(site, sql, as_of=as_of).to_pylist()), None)


def _picture(png: bytes, flags: int) -> Uint8:
    return np.asarray(cv2.imdecode(np.frombuffer(png, np.uint8), flags), np.uint8)


def _mask(png: bytes) -> Bools:
    return np.asarray(_picture(png, cv2.IMREAD_GRAYSCALE) > 0)


def _hidden(background: dict[str, Any], view: CameraView) -> Bools:
    """Returns the pixels that may show somebody, or that a privacy mask covers."""
    hidden = _mask(background["unknown_png"]) | _mask(background["doubtful_png"])
    if view.privacy_masks:
        size = (background["width"], background["height"])
        hidden = hidden | (static_mask(view.privacy_masks, view.image_size_px, size) > 0)
    return hidden


def _pinhole(row: dict[str, Any]) -> PinholeGround:
    tilt, roll = np.radians([row["tilt_deg"], row["roll_deg"]]).tolist()
    return PinholeGround((row["width"], row["height"]), row["focal_px"], tilt, roll, row["height_m"])


def _depth(row: dict[str, Any], floor: dict[str, Any] | None) -> Depth:
    """Returns a depth map in metres, where its scale is known."""
    depth = unpack_depth(row)
    if isinstance(depth, MetricDepth) or floor is None or floor["scale"] is None:
        return depth
    return FixedScale(floor["scale"], floor["shift"], np.zeros((2, 2)), 0, 0.0).metric(depth)
