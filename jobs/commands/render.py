"""Draws tracks on published video, so that a person can judge them by looking. Raw footage is never opened."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from jobs.commands.audits import PublishedFootage
from jobs.commands.excerpts import PublishedTime, find_published_time, sound_files
from jobs.commands.results import connect, query
from jobs.site import Site
from ops.arrays import boxes_of, datetime_us
from ops.ground.homography import ground_plane
from ops.ground.view import concerns, in_picture
from ops.track_drawing import DrawnBoxes, Shape, TrackDrawing, colour_of
from schemas.errors import SelectionError, UserError
from schemas.values import FeatureKind, FrameBatch, Uint8
from storage.blobs import LocalBlobs
from storage.fonts import label_font
from storage.site.layers import load_features
from storage.sql.query import run_query
from storage.sql.text import quote_text
from storage.video.published import read_frames, read_ticks
from storage.video.source import pts_to_us
from storage.video.writer import PartWriter, write_frames

TRAIL_S = 2.0

SURE_S = 0.2
"""Seconds to the next detection within which a box is drawn as one that was detected: looks are ten a second, and boxes
would flicker."""

TIME_BASE = Fraction(1, 90_000)
"""Time unit of the clip, in seconds: that of MPEG."""

CRF = 20
"""Quality of x264: a little better than published video, of which this is another generation."""

_WINDOW_FRAMES = 500  # whose boxes are in memory at a time
_IDS_NAMED = 5
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_TRACKS = """
SELECT track_id, any_value(label) AS label, min(start_time) AS start_time, max(end_time) AS end_time,
    row_number() OVER (ORDER BY min(start_time), track_id)
    - count(*) FILTER (min(start_time) < {midnight}::TIMESTAMPTZ) OVER () AS number
FROM tracks WHERE camera = {camera} AND date BETWEEN DATE {first} AND DATE {last} GROUP BY track_id
"""

_BOXES = """
SELECT epoch_us(time) AS at_us, track_id, label, x1, y1, x2, y2, count(*) FILTER (state = 'observed') OVER (
    PARTITION BY track_id ORDER BY epoch_us(time) RANGE BETWEEN {sure_us} PRECEDING AND {sure_us} FOLLOWING
) > 0 AS is_sure
FROM track_boxes({camera}, list_transform({times_us}::BIGINT[], lambda us: make_timestamptz(us)))
ORDER BY at_us, track_id
"""

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
class DrawnTrack:
    """A track of the clip.

    Attributes:
        number: what it is called in the picture: its place among the tracks that began on the local day on which the
            clip begins; those of the day before count down from 0.
        colour: ``#RRGGBB``, the same in every clip of that day.
    """

    number: int
    track_id: str
    label: str
    start_time: datetime
    end_time: datetime

    @property
    def colour(self) -> str:
        """Colour of the track, ``#RRGGBB``."""
        blue, green, red = colour_of(self.number)
        return f"#{red:02X}{green:02X}{blue:02X}"


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
    tracks: tuple[DrawnTrack, ...]


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
    drawing = TrackDrawing(size_px, _shapes(site, found.camera, size_px), label_font(), request.trail_s)
    with (
        sound_files(site, found) as files,
        closing(connect(site, as_of=request.as_of, for_query="tracks, track_boxes, date")) as connection,
    ):
        tracks = _tracks(connection, found, request, footage[0].timezone)
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


def _shapes(site: Site, camera: str, size_px: tuple[int, int]) -> list[Shape]:
    """Returns the zones and lines that a camera sees, in pixels of its frames."""
    view = site.files.config.camera_view(camera)
    plane = ground_plane(view)
    scale = np.array(size_px) / np.array(view.image_size_px or size_px)
    shapes = []
    for feature in load_features(site.files):
        if not concerns(view, feature):
            continue
        seen = feature.geometry
        if feature.space == "map" and plane is not None:
            seen = in_picture(plane, seen)
        place = shapely.transform(seen, lambda points: points * scale)
        shapes.append(Shape(feature.feature_id, feature.kind is FeatureKind.ZONE, place))
    return shapes


def _tracks(
    connection: duckdb.DuckDBPyConnection, found: PublishedTime, request: RenderRequest, timezone: str
) -> Mapping[str, DrawnTrack]:
    """Returns the tracks to draw, by id.

    Raises:
        SelectionError: an asked track is not in that time.
    """
    start, end = (each.astimezone(ZoneInfo(timezone)) for each in (found.start, found.end))
    midnight = datetime.combine(start.date(), time.min, ZoneInfo(timezone))
    sql = _TRACKS.format(
        camera=quote_text(found.camera),
        midnight=quote_text(midnight.isoformat()),
        first=quote_text((start.date() - timedelta(days=1)).isoformat()),
        last=quote_text(end.date().isoformat()),
    )
    rows = run_query(connection, sql).to_pylist()
    living = {
        row["track_id"]: DrawnTrack(**row)
        for row in rows
        if row["start_time"] < found.end and row["end_time"] >= found.start
    }
    unknown = [track for track in request.tracks if track not in living]
    if unknown:
        more = f" and {len(living) - _IDS_NAMED} more" if len(living) > _IDS_NAMED else ""
        raise SelectionError(
            f"track {unknown[0]!r} is not seen by {found.camera} in that time: there are "
            f"{', '.join(sorted(living)[:_IDS_NAMED]) or 'none'}{more}"
        )
    return {
        track: drawn
        for track, drawn in living.items()
        if (not request.tracks or track in request.tracks) and (not request.labels or drawn.label in request.labels)
    }


def _drawn_frames(
    connection: duckdb.DuckDBPyConnection, part: _Part, tracks: Mapping[str, DrawnTrack], drawing: TrackDrawing
) -> Iterator[tuple[int, Uint8]]:
    """Yields frames of a file with everything drawn on them, and their times in the clip in microseconds."""
    boxes = _boxes(connection, part, tracks)
    ahead = len(part.ticks) - part.shown
    for _, (time_us, drawn) in zip(range(ahead), boxes, strict=False):
        drawing.follow(time_us, drawn)
    if not part.shown:
        return
    images = read_frames(part.path, part.footage.size_px, part.ticks[ahead], part.ticks[-1])
    for (_, image), (time_us, drawn) in zip(images, boxes, strict=True):
        text = part.footage.local_text(_EPOCH + timedelta(microseconds=time_us))
        yield time_us - part.begin_us, drawing.draw(image, time_us, text, drawn)


def _boxes(
    connection: duckdb.DuckDBPyConnection, part: _Part, tracks: Mapping[str, DrawnTrack]
) -> Iterator[tuple[int, DrawnBoxes]]:
    """Yields the time of each frame, with the boxes at it."""
    sure_us = round(SURE_S * 1e6)
    wanted = pa.array(list(tracks), pa.string())
    for first in range(0, len(part.times_us), _WINDOW_FRAMES):
        asked = part.times_us[first : first + _WINDOW_FRAMES]
        begin, end = bisect_left(part.times_us, asked[0] - sure_us), bisect_right(part.times_us, asked[-1] + sure_us)
        around = list(part.times_us[begin:end])
        sql = _BOXES.format(camera=quote_text(part.footage.camera), times_us=around, sure_us=sure_us)
        rows = run_query(connection, sql)
        rows = rows.filter(pc.is_in(rows["track_id"], wanted))
        numbers = np.array([tracks[track].number for track in rows["track_id"].to_pylist()], np.int64)
        labels = [tracks[track].label for track in rows["track_id"].to_pylist()]
        corners, is_sure = boxes_of(rows), rows["is_sure"].to_numpy()
        at_us = rows["at_us"].to_numpy()
        edges = (np.searchsorted(at_us, asked, side) for side in ("left", "right"))
        for time_us, now in zip(asked, map(slice, *edges), strict=True):
            yield time_us, DrawnBoxes(numbers[now], labels[now], corners[now], is_sure[now])


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
