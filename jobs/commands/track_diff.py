"""Which tracks of two versions of the same footage are the same: by their boxes, since ids do not outlive a detector.

Two tracks are the same when their boxes overlap (intersection over union at least ``IOU``) on at least ``SHARE`` of the
frames of the shorter one. Only frames count that both versions looked at; so a detector that looks more often loses
nothing by it. One track may be the same as several, as when the other version saw it in two pieces.
"""

from dataclasses import dataclass
from datetime import date

import duckdb

IOU = 0.5
SHARE = 0.5


@dataclass(frozen=True)
class TrackChange:
    """Tracks of one camera-day in two versions.

    Attributes:
        lost, gained: ids of tracks that only the earlier, or only the later, version has, ordered.
        apart: tracks of either that lie on no frame that both looked at: they cannot be compared.
    """

    camera: str
    date: date
    tracks_a: int
    tracks_b: int
    lost: tuple[str, ...]
    gained: tuple[str, ...]
    apart: int

    @property
    def differs(self) -> bool:
        """Whether the versions have other tracks, or some that cannot be compared; a track cut in two counts."""
        return bool(self.lost or self.gained or self.apart) or self.tracks_a != self.tracks_b


def compare_tracks(connection: duckdb.DuckDBPyConnection) -> list[TrackChange]:
    """Compares what stands in ``points_a`` and ``points_b``.

    Args:
        connection: with the tables ``points_a`` and ``points_b`` (camera, date, track_id, time, x1, y1, x2, y2), and
            ``looked_a`` and ``looked_b`` (camera, time), the frames that each version looked at.

    Returns:
        one value a camera-day, ordered.
    """
    connection.execute(_COMMON)
    for side in "ab":
        connection.execute(_TRACKS.format(side=side))
    connection.execute(_SAME.format(iou=IOU, share=SHARE))
    return [
        TrackChange(camera, day, tracks_a, tracks_b, tuple(lost), tuple(gained), apart)
        for camera, day, tracks_a, tracks_b, lost, gained, apart in connection.execute(_SUMMARY).fetchall()
    ]


_COMMON = """
CREATE OR REPLACE TEMP TABLE common AS
SELECT DISTINCT camera, time FROM looked_a SEMI JOIN looked_b USING (camera, time)
"""

_TRACKS = """
CREATE OR REPLACE TEMP TABLE tracks_{side} AS
SELECT camera, date, track_id, count(common.time) AS frames
FROM points_{side} LEFT JOIN common USING (camera, time) GROUP BY ALL
"""

_SAME = """
CREATE OR REPLACE TEMP TABLE same AS
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
    WHERE shared > 0 AND shared >= {iou} * (areas - shared) GROUP BY ALL
)
SELECT pairs.camera, pairs.date, track_a, track_b
FROM pairs
JOIN tracks_a AS a ON (a.camera, a.date, a.track_id) = (pairs.camera, pairs.date, track_a)
JOIN tracks_b AS b ON (b.camera, b.date, b.track_id) = (pairs.camera, pairs.date, track_b)
WHERE pairs.frames >= {share} * least(a.frames, b.frames)
"""

_SUMMARY = """
WITH tracks AS (
    SELECT 'a' AS side, *, track_id IN (SELECT track_a FROM same
        WHERE (same.camera, same.date) = (tracks_a.camera, tracks_a.date)) AS matched FROM tracks_a
    UNION ALL
    SELECT 'b', *, track_id IN (SELECT track_b FROM same
        WHERE (same.camera, same.date) = (tracks_b.camera, tracks_b.date)) FROM tracks_b
)
SELECT camera, date,
       count(*) FILTER (side = 'a'), count(*) FILTER (side = 'b'),
       coalesce(list(track_id ORDER BY track_id) FILTER (side = 'a' AND frames > 0 AND NOT matched), []),
       coalesce(list(track_id ORDER BY track_id) FILTER (side = 'b' AND frames > 0 AND NOT matched), []),
       count(*) FILTER (frames = 0)
FROM tracks GROUP BY camera, date ORDER BY camera, date
"""
