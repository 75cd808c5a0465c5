"""Reads what is drawn of tracks: their numbers, their boxes at the times of frames, the lines that they crossed."""

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jobs.commands.excerpts import PublishedTime
from ops.arrays import boxes_of
from ops.track_drawing import DrawnBoxes, DrawnCrossing, colour_of
from schemas.errors import SelectionError
from storage.sql.query import run_query
from storage.sql.text import quote_text

ROWS_READ = "tracks, track_boxes, zone_events, date"
"""What the connection must have, as ``jobs.commands.results.connect`` takes it."""

SURE_S = 0.2
"""Seconds to the next detection within which a box is drawn as one that was detected: looks are ten a second, and boxes
would flicker."""

_WINDOW_FRAMES = 500  # whose boxes are in memory at a time
_IDS_NAMED = 5

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

_CROSSINGS = """
SELECT feature, track_id, epoch_us(time) AS at_us FROM zone_events
WHERE camera = {camera} AND kind = 'cross' AND time >= TIMESTAMPTZ {start} AND time < TIMESTAMPTZ {end} ORDER BY time
"""


@dataclass(frozen=True)
class NumberedTrack:
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


def read_tracks(
    connection: duckdb.DuckDBPyConnection,
    found: PublishedTime,
    wanted: Collection[str],
    labels: Collection[str],
    timezone: str,
) -> Mapping[str, NumberedTrack]:
    """Returns the tracks of a camera and time, by id.

    Args:
        connection: as ``ROWS_READ`` says.
        found: the camera and time.
        wanted: ids of the only ones; empty for all.
        labels: their only classes; empty for all.
        timezone: of the camera.

    Raises:
        SelectionError: an asked track is not in that time.
    """
    start, end = (each.astimezone(ZoneInfo(timezone)) for each in found.shown)
    midnight = datetime.combine(start.date(), time.min, ZoneInfo(timezone))
    sql = _TRACKS.format(
        camera=quote_text(found.camera),
        midnight=quote_text(midnight.isoformat()),
        first=quote_text((start.date() - timedelta(days=1)).isoformat()),
        last=quote_text(end.date().isoformat()),
    )
    rows = run_query(connection, sql).to_pylist()
    living = {
        row["track_id"]: NumberedTrack(**row) for row in rows if row["start_time"] < end and row["end_time"] >= start
    }
    unknown = [track for track in wanted if track not in living]
    if unknown:
        more = f" and {len(living) - _IDS_NAMED} more" if len(living) > _IDS_NAMED else ""
        raise SelectionError(
            f"track {unknown[0]!r} is not seen by {found.camera} in that time: there are "
            f"{', '.join(sorted(living)[:_IDS_NAMED]) or 'none'}{more}"
        )
    return {
        track: drawn
        for track, drawn in living.items()
        if (not wanted or track in wanted) and (not labels or drawn.label in labels)
    }


def read_boxes(
    connection: duckdb.DuckDBPyConnection, camera: str, times_us: Sequence[int], tracks: Mapping[str, NumberedTrack]
) -> Iterator[tuple[int, DrawnBoxes]]:
    """Yields the time of each frame, with the boxes of tracks at it.

    Args:
        connection: as ``ROWS_READ`` says.
        camera: its id.
        times_us: of the frames, rising.
        tracks: the only ones, by id.
    """
    sure_us = round(SURE_S * 1e6)
    known = pa.array(list(tracks), pa.string())
    for first in range(0, len(times_us), _WINDOW_FRAMES):
        asked = times_us[first : first + _WINDOW_FRAMES]
        begin, end = bisect_left(times_us, asked[0] - sure_us), bisect_right(times_us, asked[-1] + sure_us)
        around = list(times_us[begin:end])
        sql = _BOXES.format(camera=quote_text(camera), times_us=around, sure_us=sure_us)
        rows = run_query(connection, sql)
        rows = rows.filter(pc.is_in(rows["track_id"], known))
        numbers = np.array([tracks[track].number for track in rows["track_id"].to_pylist()], np.int64)
        labels = [tracks[track].label for track in rows["track_id"].to_pylist()]
        corners, is_sure = boxes_of(rows), rows["is_sure"].to_numpy()
        at_us = rows["at_us"].to_numpy()
        edges = (np.searchsorted(at_us, asked, side) for side in ("left", "right"))
        for time_us, now in zip(asked, map(slice, *edges), strict=True):
            yield time_us, DrawnBoxes(numbers[now], labels[now], corners[now], is_sure[now])


def read_crossings(
    connection: duckdb.DuckDBPyConnection, found: PublishedTime, tracks: Mapping[str, NumberedTrack]
) -> list[DrawnCrossing]:
    """Returns the crossings of lines that were counted within the clip's time, by tracks that are drawn."""
    start, end = (quote_text(each.isoformat()) for each in found.shown)
    rows = run_query(connection, _CROSSINGS.format(camera=quote_text(found.camera), start=start, end=end)).to_pylist()
    return [
        DrawnCrossing(row["feature"], tracks[row["track_id"]].number, row["at_us"])
        for row in rows
        if row["track_id"] in tracks
    ]
