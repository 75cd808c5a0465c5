"""Draws tracks on published video, so that a person can judge them by looking. Raw footage is never opened."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import duckdb
import numpy as np
import shapely

from jobs.commands.audits import PublishedFootage
from jobs.commands.excerpts import PublishedTime, find_published_time, sound_files
from jobs.commands.results import connect, query
from jobs.site import Site
from jobs.stored_ground import stored_ground
from jobs.track_rows import ROWS_READ, SURE_S, NumberedTrack, read_boxes, read_crossings, read_tracks
from ops.arrays import datetime_us
from ops.ground.view import concerns, in_picture
from ops.track_drawing import Shape, TrackDrawing
from schemas.errors import SelectionError, UserError
from schemas.values import FeatureKind, FrameBatch, Uint8
from storage.blobs import LocalBlobs
from storage.fonts import label_font
from storage.site.layers import load_features
from storage.sql.text import quote_text
from storage.video.published import read_frames, read_ticks
from storage.video.source import pts_to_us
from storage.video.writer import PartWriter, write_frames

TRAIL_S = 2.0

TIME_BASE = Fraction(1, 90_000)
"""Time unit of the clip, in seconds: that of MPEG."""

CRF = 20
"""Quality of x264: a little better than published video, of which this is another generation."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class RenderRequest:
    """What to draw.

    Attributes:
        start, end: local times, or with an offset.
        tracks: ids of the only tracks to draw; empty for all.
        labels: the only classes to draw; empty for all.
        trail_s: seconds during which the foot points of a track stay visible.
        as_of: run whose tracks are drawn, on video that is published now; None for those of now.
    """

    camera: str
    start: datetime
    end: datetime
    tracks: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    trail_s: float = TRAIL_S
    as_of: str | None = None


@dataclass(frozen=True)
class Rendered:
    """A clip with tracks drawn on it.

    Attributes:
        sources: published files that it shows, in order.
        recorded_s: seconds of video within the asked time.
        tracks: those that are drawn, by their numbers.
    """

    camera: str
    start: datetime
    end: datetime
    sources: tuple[str, ...]
    recorded_s: float
    frames: int
    tracks: tuple[NumberedTrack, ...]


def render_tracks(
    site: Site, request: RenderRequest, target: Path, on_progress: Progress = lambda _done, _total: None
) -> Rendered:
    """Writes a clip of published video with tracks, their trails, zones, counts and the local time drawn on it.

    Args:
        target: the MP4 file; what exists is replaced.
        on_progress: called with frames done and frames in all.

    Raises:
        UserError: the target is no MP4 or lies in the archive or the store, the time ends before it begins, or the
            frame size changes within it.
        SelectionError: there is no such camera, run or track, or nothing published of that time.
        NightshiftError: a published file was altered.
        StoreFull: no space is left.
    """
    found = find_published_time(site, request.camera, request.start, request.end, target)
    footage = _footage(site, found)
    size_px = _size_px(footage)
    shapes = zones_in_frames(site, footage[0], size_px, request.as_of)
    with (
        sound_files(site, found) as files,
        closing(connect(site, as_of=request.as_of, for_query=ROWS_READ)) as connection,
    ):
        tracks = read_tracks(connection, found, request.tracks, request.labels, footage[0].timezone)
        crossings = read_crossings(connection, found, tracks)
        drawing = TrackDrawing(size_px, shapes, label_font(), request.trail_s, crossings)
        parts, length_us = [], 0
        for each, (row, path) in zip(footage, files, strict=True):
            parts.append(_Part.of(each, path, found, request.trail_s, length_us))
            start_s, end_s = found.part_s(row)
            length_us += round((end_s - start_s) * 1e6)
        total = sum(part.shown for part in parts)
        if not total:
            raise SelectionError(
                f"no frame of {found.camera} is between {found.start.isoformat()} and {found.end.isoformat()}: give a "
                "longer time"
            )

        def frames() -> Iterator[FrameBatch]:
            drawn = (frame for part in parts for frame in _drawn_frames(connection, part, tracks, drawing))
            for done, frame in enumerate(_timed(drawn), 1):
                yield frame
                on_progress(done, total)

        written = write_frames(_sink(target, footage[0], length_us), frames())
    drawn = tuple(sorted(tracks.values(), key=lambda track: track.number))
    return Rendered(found.camera, found.start, found.end, found.sources, found.recorded_s, written.frames, drawn)


@dataclass(frozen=True)
class _Part:
    """What a clip needs of one published file.

    Attributes:
        ticks: of its frames, from a trail's length before the clip to the clip's end.
        times_us: the same, as the tables have them.
        shown: number of these frames that the clip shows: the last ones.
        begin_us: time that is shown at the clip's start, or would be if all before it were this file's.
    """

    footage: PublishedFootage
    path: Path
    ticks: Sequence[int]
    times_us: Sequence[int]
    shown: int
    begin_us: int

    @classmethod
    def of(cls, footage: PublishedFootage, path: Path, found: PublishedTime, trail_s: float, before_us: int) -> "_Part":
        """Reads the times of a file's frames, without decoding; ``before_us`` is the length of the parts before it."""
        first = footage.segments[0]
        start_us, end_us = datetime_us(found.start), datetime_us(found.end)
        first_us = datetime_us(first.footage_start)
        every = (
            (ticks, first_us + pts_to_us(ticks // first.time_base.numerator, first.time_base))
            for ticks in read_ticks(path)
        )
        lead_us = round((trail_s + SURE_S) * 1e6)
        kept = [(ticks, time_us) for ticks, time_us in every if start_us - lead_us <= time_us < end_us]
        ticks, times_us = zip(*kept, strict=True) if kept else ((), ())
        shown = sum(time_us >= start_us for time_us in times_us)
        begin_us = max(start_us, datetime_us(footage.video["start_time"])) - before_us
        return cls(footage, path, ticks, times_us, shown, begin_us)


def _footage(site: Site, found: PublishedTime) -> list[PublishedFootage]:
    """Returns the footage of each published file."""
    ids = ", ".join(quote_text(row["footage_id"]) for row in found.rows)
    # The same content may lie at two paths; the row that a scan could cut into segments is the useful one.
    sql = (
        f"SELECT DISTINCT ON (footage_id) * FROM footage WHERE camera = {quote_text(found.camera)} "
        f"AND footage_id IN ({ids}) ORDER BY footage_id, cuts IS NULL, path"
    )
    footage = {row["footage_id"]: row for row in query(site, sql).to_pylist()}
    timezone = site.files.config.camera_view(found.camera).timezone
    return [
        PublishedFootage(found.camera, row["footage_id"], footage[row["footage_id"]], row, timezone)
        for row in found.rows
    ]


def _size_px(footage: Sequence[PublishedFootage]) -> tuple[int, int]:
    sizes = sorted({each.size_px for each in footage})
    if len(sizes) > 1:
        names = " and ".join(f"{width} x {height}" for width, height in sizes)
        raise UserError(f"the frames of {footage[0].camera} are {names} pixels in that time: render each part alone")
    return sizes[0]


def zones_in_frames(site: Site, footage: PublishedFootage, size_px: tuple[int, int], as_of: str | None) -> list[Shape]:
    """Returns the zones and lines that a camera sees, in pixels of its frames: those on the map by the day's ground."""
    view = site.files.config.camera_view(footage.camera)
    with closing(connect(site, as_of=as_of, for_query="ground_models")) as connection:
        ground = stored_ground(connection, view, footage.segments[0].date)
    plane = ground.plane if ground is not None and ground.on_map else None
    scale = np.array(size_px) / np.array(view.image_size_px or size_px)
    shapes = []
    for feature in load_features(site.files):
        if not concerns(view, feature, plane):
            continue
        if feature.space == "map" and plane is not None:
            place = in_picture(plane, feature.geometry, size_px)
        else:
            place = shapely.transform(feature.geometry, lambda points: points * scale)
        shapes.append(Shape(feature.feature_id, feature.kind is FeatureKind.ZONE, place))
    return shapes


def _drawn_frames(
    connection: duckdb.DuckDBPyConnection, part: _Part, tracks: Mapping[str, NumberedTrack], drawing: TrackDrawing
) -> Iterator[tuple[int, Uint8]]:
    """Yields frames of a file with everything drawn on them, and their times in the clip in microseconds."""
    boxes = read_boxes(connection, part.footage.camera, part.times_us, tracks)
    ahead = len(part.ticks) - part.shown
    for _, (time_us, drawn) in zip(range(ahead), boxes, strict=False):
        drawing.follow(time_us, drawn)
    if not part.shown:
        return
    images = read_frames(part.path, part.footage.size_px, part.ticks[ahead], part.ticks[-1])
    for (_, image), (time_us, drawn) in zip(images, boxes, strict=True):
        text = part.footage.local_text(_EPOCH + timedelta(microseconds=time_us))
        yield time_us - part.begin_us, drawing.draw(image, time_us, text, drawn)


def _timed(frames: Iterable[tuple[int, Uint8]]) -> Iterator[FrameBatch]:
    """Yields frames for the writer."""
    last_pts = -1
    for time_us, image in frames:
        last_pts = max(round(Fraction(time_us, 1_000_000) / TIME_BASE), last_pts + 1)
        yield FrameBatch(image[None], np.array([last_pts], np.int64), np.array([time_us], np.int64))


def _sink(target: Path, footage: PublishedFootage, length_us: int) -> PartWriter:
    """Returns the writer of the clip: it takes a segment, for the time base and the end of the last frame."""
    end_pts = round(Fraction(length_us, 1_000_000) / TIME_BASE)
    whole = replace(
        footage.segments[0], time_base=TIME_BASE, footage_start_pts=0, start_pts=0, end_pts=end_pts, index=0
    )
    return PartWriter(LocalBlobs(target.parent), target.name, whole, CRF, index_first=True)
