"""Matches the tracks of two versions of the same footage by their boxes, since track ids change with the detector.

Two tracks match if their boxes overlap, with an intersection over union of at least ``MIN_IOU``, on at least
``MIN_FRAME_SHARE`` of the frames of the shorter one. Only frames that both versions observed count, so a detector that
observes more frames loses nothing by it. One track may match several, if the other version split it.
"""

from dataclasses import dataclass
from datetime import date

import duckdb

MIN_IOU = 0.5
MIN_FRAME_SHARE = 0.5


@dataclass(frozen=True)
class TrackChange:
    """Tracks of one camera-day in two versions.

    Attributes:
        lost, gained: ids of tracks that only the earlier, or only the later, version has, sorted.
        not_comparable: tracks of either version without a frame that both observed.
    """

    camera: str
    date: date
    tracks_a: int
    tracks_b: int
    lost: tuple[str, ...]
    gained: tuple[str, ...]
    not_comparable: int

    @property
    def differs(self) -> bool:
        """Whether the tracks differ or cannot all be compared; a track that was split counts."""
        return bool(self.lost or self.gained or self.not_comparable) or self.tracks_a != self.tracks_b


def compare_tracks(connection: duckdb.DuckDBPyConnection) -> list[TrackChange]:
    """Compares the tracks in ``points_a`` and ``points_b``.

    Args:
        connection: has the tables ``points_a`` and ``points_b`` (camera, date, track_id, time, x1, y1, x2, y2), and
            ``observed_a`` and ``observed_b`` (camera, time): the frames that each version observed.

    Returns:
        One value per camera-day, sorted.
    """
    connection.execute(_COMMON)
    for side in "ab":
        connection.execute(_TRACKS.format(side=side))
    connection.execute(_MATCHES.format(min_iou=MIN_IOU, min_frame_share=MIN_FRAME_SHARE))
    return [
        TrackChange(camera, day, tracks_a, tracks_b, tuple(lost), tuple(gained), not_comparable)
        for camera, day, tracks_a, tracks_b, lost, gained, not_comparable in connection.execute(_SUMMARY).fetchall()
    ]


_COMMON = """
CREATE OR REPLACE TEMP TABLE common AS
SELECT DISTINCT camera, time FROM observed_a SEMI JOIN observed_b USING (camera, time)
"""

_TRACKS = """
CREATE OR REPLACE TEMP TABLE tracks_{side} AS
SELECT camera, date, track_id, count(common.time) AS frames
FROM points_{side} LEFT JOIN common USING (camera, time) GROUP BY ALL
"""

_MATCHES = """
CREATE OR REPLACE TEMP TABLE matches AS
WITH boxes AS (
    SELECT a.camera, a.date, a.track_id AS track_a, b.track_id AS track_b,
           greatest(0, least(a.x2, b.x2) - greatest(a.x1, b.x1))
               * greatest(0, least(a.y2, b.y2) - greatest(a.y1, b.y1)) AS shared,
           (a.x2 - a.x1) * (a.y2 - a.y1) + (b.x2 - b.x1) * (b.y2 - b.y1) AS areas
    FROM points_a AS a
    JOIN points_b AS b USING (camera, date, time)
    SEMI JOIN common USING (camera, time)
), pairs AS (
    SELECT camera, date, track_a, track_b, count(*) AS frames FROM boxes
    -- areas - shared is the union; multiplied out, the condition never divides by zero
    WHERE shared > 0 AND shared >= {min_iou} * (areas - shared) GROUP BY ALL
)
SELECT pairs.camera, pairs.date, track_a, track_b
FROM pairs
JOIN tracks_a AS a ON (a.camera, a.date, a.track_id) = (pairs.camera, pairs.date, track_a)
JOIN tracks_b AS b ON (b.camera, b.date, b.track_id) = (pairs.camera, pairs.date, track_b)
WHERE pairs.frames >= {min_frame_share} * least(a.frames, b.frames)
"""

_SUMMARY = """
WITH tracks AS (
    SELECT 'a' AS side, *, track_id IN (SELECT track_a FROM matches
        WHERE (matches.camera, matches.date) = (tracks_a.camera, tracks_a.date)) AS matched FROM tracks_a
    UNION ALL
    SELECT 'b', *, track_id IN (SELECT track_b FROM matches
        WHERE (matches.camera, matches.date) = (tracks_b.camera, tracks_b.date)) FROM tracks_b
)
SELECT camera, date,
       count(*) FILTER (side = 'a'), count(*) FILTER (side = 'b'),
       coalesce(list(track_id ORDER BY track_id) FILTER (side = 'a' AND frames > 0 AND NOT matched), []),
       coalesce(list(track_id ORDER BY track_id) FILTER (side = 'b' AND frames > 0 AND NOT matched), []),
       count(*) FILTER (frames = 0)
FROM tracks GROUP BY camera, date ORDER BY camera, date
"""
