"""The 3D boxes of a camera's tracks at the frames of a footage file, in KITTI's convention."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jobs.footage_frames import FootageFrames
from jobs.site import Site
from jobs.stored_ground import stored_ground
from ops.arrays import encode_column, float_columns, times_us
from ops.boxes3d.at_times import angles_between, between, rows_around
from ops.ground.camera_matrix import CameraMatrix, camera_matrix, observation_angle
from schemas.errors import SelectionError
from schemas.frame_boxes3d import FrameBoxes3d
from schemas.values import Float64, Int64
from storage.box_files.kitti3d import kind_of_label
from storage.sql.query import run_query
from storage.sql.text import quote_text

BOXES3D_TABLES = "boxes3d, ground_models, track_boxes, track_points, receipts"
"""What a connection needs."""

_FAR_US = 1_000_000
"""Time from the nearest row of ``boxes3d`` from which a box has no place: longer than between two rows, at any rate."""

_LINEAR = ("height_m", "width_m", "length_m", "location_x_m", "location_y_m", "location_z_m", "truncated", "score")
_SIDES = ("x1", "y1", "x2", "y2")


def camera_of(site: Site, connection: Any, frames: FootageFrames) -> CameraMatrix:
    """Returns the camera whose coordinates 3D boxes have: of its control points, or of the ground of the footage's day.

    Args:
        site: of the camera.
        connection: to the store, with ``BOXES3D_TABLES``.
        frames: of the footage.

    Raises:
        SelectionError: nobody knows its ground, or it looks straight down.
    """
    ground = stored_ground(connection, site.files.config.camera_view(frames.camera), frames.segments[0].date)
    found = None if ground is None else camera_matrix(ground.plane)
    if found is None:
        why = "has no known ground (`nightshift calibrate` says why)" if ground is None else "looks straight down"
        raise SelectionError(f"{frames.camera} {why}, so that there are no 3D boxes")
    return found


def image_from_level(camera: CameraMatrix, footage: FootageFrames) -> Float64:
    """Returns KITTI's P ``(3, 4)``, from the coordinates of 3D boxes to pixels of the footage."""
    return np.asarray(np.diag([*np.array(footage.size_px) / camera.size_px, 1.0]) @ camera.image_from_level)


def boxes3d_at_frames(connection: Any, frames: FootageFrames, numbers: Int64, label: str | None = None) -> FrameBoxes3d:
    """Returns the 3D boxes of tracks at frames of a footage file, also at those between the rows of ``boxes3d``.

    Args:
        connection: to the store, with ``BOXES3D_TABLES``.
        frames: of the footage file.
        numbers: ``(M,)`` of the frames, from 1, ascending.
        label: of the tracks; None for all.

    Returns:
        Sorted by frame; identities count from 1, in order of appearance. Their scores are those of the tracks.
    """
    asked_us = frames.time_us[numbers - 1]
    flat = _flat_boxes(connection, frames, asked_us, label)
    rows = _rows(connection, frames, asked_us)
    names = pc.unique(rows["track_id"]).sort()
    track = pc.index_in(rows["track_id"], names).to_numpy().astype(np.int64)
    asked = pc.index_in(flat["track_id"], names).fill_null(-1).to_numpy().astype(np.int64)
    moments = flat["time_us"].to_numpy()
    before, after, share = rows_around(track, times_us(rows), asked, moments)
    row_us = times_us(rows)
    near = before >= 0
    if len(row_us):
        near &= np.minimum(np.abs(row_us[before] - moments), np.abs(row_us[after] - moments)) < _FAR_US
    flat, before, after, share = flat.filter(pa.array(near)), before[near], after[near], share[near]
    moved = between(float_columns(rows, _LINEAR), before, after, share)
    rotation = angles_between(float_columns(rows, ("rotation_y",))[:, 0], before, after, share)
    nearest = np.where(share < 0.5, before, after)
    location = moved[:, 3:6]
    order = {name: number for number, name in enumerate(dict.fromkeys(flat["track_id"].to_pylist()), 1)}
    labels, code = encode_column(flat, "label")
    kinds = np.array([kind_of_label(each) for each in labels] or [""])
    return FrameBoxes3d(
        frame=numbers[np.searchsorted(asked_us, flat["time_us"].to_numpy())],
        identity=np.array([order[name] for name in flat["track_id"].to_pylist()], np.int64),
        kind=kinds[code],
        truncated=moved[:, 6],
        occluded=rows["occluded"].to_numpy()[nearest].astype(np.int64),
        alpha=observation_angle(rotation, location),
        box=float_columns(flat, _SIDES),
        size_m=moved[:, :3],
        location_m=location,
        rotation_y=rotation,
        score=moved[:, 7],
    )


def _flat_boxes(connection: Any, frames: FootageFrames, asked_us: Int64, label: str | None) -> pa.Table:
    asked = ", ".join(map(str, asked_us.tolist()))
    of_label = "" if label is None else f"WHERE label = {quote_text(label)}"
    return run_query(
        connection,
        "SELECT track_id, label, epoch_us(time) AS time_us, x1, y1, x2, y2 FROM track_boxes("
        f"{quote_text(frames.camera)}, list_transform([{asked}]::BIGINT[], lambda us: make_timestamptz(us))) "
        f"{of_label} ORDER BY time, track_id",
    )


def _rows(connection: Any, frames: FootageFrames, asked_us: Int64) -> pa.Table:
    first, last = int(asked_us.min()) - _FAR_US, int(asked_us.max()) + _FAR_US
    columns = ", ".join((*_LINEAR, "rotation_y", "occluded"))
    return run_query(
        connection,
        f"SELECT track_id, time, {columns} FROM boxes3d WHERE camera = {quote_text(frames.camera)} "
        f"AND time BETWEEN make_timestamptz({first}::BIGINT) AND make_timestamptz({last}::BIGINT) "
        "ORDER BY track_id, time",
    )
