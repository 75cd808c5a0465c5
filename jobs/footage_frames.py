"""The frames of one footage file in order, with their times: what frame numbers of truth and exports refer to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jobs.planning.inventory import recorded_inventory
from jobs.site import Site
from schemas.errors import SelectionError
from schemas.frame_boxes import FrameBoxes
from schemas.values import Bools, Int64, Segment
from storage.archive.footage import raw_fps_of, segments_of_footage
from storage.arrow_sql import query as arrow_query
from storage.blobs import open_blobs
from storage.sql.query import run_query
from storage.sql.text import quote_text
from storage.video.probe import probe
from storage.video.raw import readable
from storage.video.source import pts_to_us

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LISTED = 10
"""Footage files that an error lists."""

_DONE = """
SELECT unit FROM done AS track SEMI JOIN (FROM done WHERE op = 'link') AS link
ON link.date = track.date AND link.committed >= track.committed WHERE track.op = 'track'
"""
"""Segments whose tracklets are linked to tracks: their day was linked after them."""


@dataclass(frozen=True)
class FootageFrames:
    """The frames of a footage file.

    Attributes:
        camera, path: the file, relative to the archive.
        size_px: (width, height) of its frames, upright.
        pts: ``(N,)`` rising, in the stream's time base; frame number ``n`` from 1 is in place ``n - 1``.
        time_us: ``(N,)`` microseconds since 1970 UTC.
        row: of the table ``footage``.
        segments: what of it is processed.
    """

    camera: str
    path: str
    size_px: tuple[int, int]
    pts: Int64 = field(repr=False)
    time_us: Int64 = field(repr=False)
    row: Mapping[str, Any] = field(repr=False)
    segments: tuple[Segment, ...] = field(repr=False)

    def __len__(self) -> int:
        return len(self.pts)

    def at(self, time: datetime) -> int:
        """Returns the number, from 1, of the first frame at or after a time; N + 1 if there is none."""
        micros = (time - _EPOCH) // timedelta(microseconds=1)
        return int(np.searchsorted(self.time_us, micros)) + 1

    def within(self, segment_ids: set[str]) -> Bools:
        """Returns which frames ``(N,)`` are in one of these segments."""
        inside = np.zeros(len(self), np.bool_)
        for segment in self.segments:
            if segment.segment_id in segment_ids:
                inside |= (self.pts >= segment.start_pts) & (self.pts < segment.end_pts)
        return inside


def footage_frames(
    site: Site, camera: str, path: str | None = None, at: datetime | None = None, option: str = "--footage"
) -> FootageFrames:
    """Returns the frames of a footage file: that of a path, of a time, or the camera's only one.

    Args:
        camera: its id.
        path: in the archive, or of the archive's file in any folder, or the file's name.
        at: a moment that the file shows.
        option: that selects one of several files, for messages.

    Raises:
        SelectionError: no file is that, or several are; or the file is gone, or has changed since the last scan.
        CorruptFootage: the file cannot be read.
    """
    row = _chosen(recorded_inventory(site.store).footage, camera, path, at, option)
    archive = open_blobs(site.files.archive)
    try:
        with archive.local(row["path"]) as local, readable(local, raw_fps_of(row)) as source:
            pts = probe(source, site.files.config.max_pixels).pts
    except FileNotFoundError as error:
        raise SelectionError(f"{row['path']} is no longer in the archive, so its frames have no times") from error
    if len(pts) != row["frames"]:
        raise SelectionError(f"{row['path']} changed since the last scan: run `nightshift scan` and `nightshift run`")
    start_us = (row["start_time"] - _EPOCH) // timedelta(microseconds=1)
    time_base = Fraction(row["time_base_num"], row["time_base_den"])
    turned = row["rotation_deg"] in (90, 270)
    return FootageFrames(
        camera,
        row["path"],
        (row["height"], row["width"]) if turned else (row["width"], row["height"]),
        pts,
        np.array([start_us + pts_to_us(ticks - row["start_pts"], time_base) for ticks in pts.tolist()], np.int64),
        row,
        segments_of_footage(dict(row), site.files.config.camera_view(camera).timezone),
    )


def _chosen(footage: pa.Table, camera: str, path: str | None, at: datetime | None, option: str) -> Mapping[str, Any]:
    usable = pc.and_(pc.equal(footage["camera"], camera), pc.greater(footage["frames"], 0))
    rows = footage.filter(pc.and_(usable, pc.is_null(footage["copy_of"]))).sort_by("start_time").to_pylist()
    if not rows:
        raise SelectionError(f"no usable footage of {camera} is known: `nightshift scan` looks for new files")
    listed, found = _listed([row["path"] for row in rows]), rows
    if path is not None:
        found = [row for row in rows if f"/{path}".endswith(f"/{row['path']}")]
        found = found or [row for row in rows if path == row["path"].rpartition("/")[2]]
        if not found:
            raise SelectionError(f"{camera} has no usable footage {path}; it has {listed}")
    if at is not None:
        found = [row for row in found if 0 <= (at - row["start_time"]).total_seconds() < row["duration_s"]]
        if not found:
            raise SelectionError(f"no usable footage of {camera} shows {at.isoformat()}; it has {listed}")
    if len(found) > 1:
        several = _listed([row["path"] for row in found])
        raise SelectionError(f"{camera} has {len(found)} footage files, choose one with {option}: {several}")
    return dict(found[0])


def _listed(paths: list[str]) -> str:
    more = f" and {len(paths) - _LISTED} more" if len(paths) > _LISTED else ""
    return ", ".join(paths[:_LISTED]) + more


def tracked_numbers(connection: Any, frames: FootageFrames, numbers: Int64, label: str) -> Int64:
    """Returns the numbers ``(K,)`` of those frames in which people and things were tracked.

    Args:
        connection: to the store, with the table ``receipts``.
        numbers: ``(M,)`` of frames, from 1.
        label: what is looked for, for messages.

    Raises:
        SelectionError: it is none of them.
    """
    sql = (
        "SELECT op, date, unit, committed FROM receipts "
        f"WHERE current AND camera = {quote_text(frames.camera)} AND op IN ('track', 'link')"
    )
    done = arrow_query(_DONE, done=run_query(connection, sql))
    tracked = numbers[frames.within(set(done["unit"].to_pylist()))[numbers - 1]]
    if not len(tracked):
        raise SelectionError(
            f"no {label} was looked for yet in these frames of {frames.path}: `nightshift run --camera {frames.camera}`"
            " does it, and `nightshift status` says what could not be done"
        )
    return tracked


def boxes_at_frames(connection: Any, frames: FootageFrames, label: str, numbers: Int64) -> FrameBoxes:
    """Returns the boxes of a camera's tracks at frames of a footage file, also at those between the points of tracks.

    Args:
        connection: to the store, with ``track_boxes``.
        numbers: ``(M,)`` of the frames, from 1.

    Returns:
        Sorted by frame; identities count from 1, in order of appearance.
    """
    times_us = frames.time_us[numbers - 1]
    asked = ", ".join(map(str, times_us.tolist()))
    sql = (
        "SELECT track_id, epoch_us(time) AS time_us, x1, y1, x2, y2 FROM track_boxes("
        f"{quote_text(frames.camera)}, list_transform([{asked}]::BIGINT[], lambda us: make_timestamptz(us))) "
        f"WHERE label = {quote_text(label)} ORDER BY time, track_id"
    )
    rows = run_query(connection, sql)
    tracks = rows["track_id"].to_pylist()
    numbered = {track: number for number, track in enumerate(dict.fromkeys(tracks), 1)}
    return FrameBoxes.of(
        numbers[np.searchsorted(times_us, rows["time_us"].to_numpy())],
        np.array([numbered[track] for track in tracks], np.int64),
        np.column_stack([rows[name].to_numpy() for name in ("x1", "y1", "x2", "y2")]).astype(np.float64),
    )
