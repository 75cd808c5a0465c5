"""Creates the table macros of tracks: where everybody is at given times, and which parts of tracks are surely one.

``track_points`` has a row for each frame that ``detect`` processed, ten a second. Rows for every frame of the footage
would be two to six times as many, and say nothing more: the boxes in between are a straight line, so they are computed
when somebody asks.
"""

import duckdb

from schemas.tables.columns import BOX
from storage.sql.views import IsQueried

POINTS_READ = "track_points"
"""Table that both read, which a query with them need not name."""

_EDGES = [column.name for column in BOX]

_TRACK_BOXES = f"""
WITH asked AS (
    SELECT DISTINCT unnest(times)::TIMESTAMPTZ AS moment
), spans AS (
    SELECT track_id, label, segment_id, state, confidence, time, {", ".join(_EDGES)},
        -- Where a link bridges a longer time without points, somebody was out of view.
        CASE WHEN lead(link_probability) OVER track IS NULL OR lead(time) OVER track <= time + INTERVAL 500 MILLISECONDS
            THEN lead(time) OVER track END AS next_time,
        {", ".join(f"lead({edge}) OVER track AS next_{edge}" for edge in _EDGES)}
    FROM track_points
    -- A track has a point at least every few seconds. These bounds let DuckDB skip most of a camera's year.
    WHERE camera = camera_id AND time BETWEEN list_min(times)::TIMESTAMPTZ - INTERVAL 1 MINUTE
        AND list_max(times)::TIMESTAMPTZ + INTERVAL 1 MINUTE
    WINDOW track AS (PARTITION BY track_id ORDER BY time)
), placed AS (
    -- A track's last point has no next one, and is found at its own time only.
    SELECT *, coalesce((epoch_us(moment) - epoch_us(time)) / (epoch_us(next_time) - epoch_us(time)), 0.0) AS share
    FROM spans JOIN asked ON moment >= time AND moment < coalesce(next_time, time + INTERVAL 1 MICROSECOND)
)
SELECT camera_id AS camera, track_id, moment AS time, segment_id, label,
    {", ".join(f"({edge} + share * (coalesce(next_{edge}, {edge}) - {edge}))::FLOAT AS {edge}" for edge in _EDGES)},
    if(share = 0, confidence, NULL) AS confidence, if(share = 0, state, 'interpolated') AS state
FROM placed ORDER BY time, track_id
"""

_TRACK_PARTS = """
WITH numbered AS (
    SELECT camera, track_id, time, label, state, link_probability,
        count(*) FILTER (link_probability < least) OVER (PARTITION BY camera, track_id ORDER BY time) AS part
    FROM track_points
)
SELECT camera, track_id, part, any_value(label) AS label, min(time) AS start_time, max(time) AS end_time,
    count(*) AS points, count(*) FILTER (state = 'observed') AS observed,
    coalesce(product(link_probability) FILTER (link_probability >= least), 1.0) AS link_probability
FROM numbered GROUP BY camera, track_id, part ORDER BY camera, start_time, track_id, part
"""


def create_track_macros(con: duckdb.DuckDBPyConnection, is_queried: IsQueried = lambda _: True) -> None:
    """Creates ``track_boxes(camera_id, times)`` and ``track_parts(least)``.

    ``track_boxes`` gives the box of each track at each of these times that it lives at.

    ``times`` is a list of ``TIMESTAMPTZ``, such as ``range(since, until, INTERVAL 40 MILLISECONDS)``. At the time of a
    row of ``track_points`` the box is that row's; in between it is interpolated linearly. Columns: ``camera``,
    ``track_id``, ``time``, ``segment_id`` (of the point at or before that time), ``label``, the box, ``confidence``
    (null where interpolated) and ``state``.

    ``track_parts`` gives tracks cut at every link whose probability is below ``least``, 0..1: ``camera``, ``track_id``,
    ``part`` (from 0), ``label``, ``start_time``, ``end_time``, ``points``, ``observed``, and ``link_probability``, the
    product of those of the links within the part. ``least := 0`` gives whole tracks.

    Args:
        con: the connection; the view ``track_points`` must exist if a macro is queried.
        is_queried: returns whether a query may call the macro of this name.
    """
    if is_queried("track_boxes"):
        con.execute(f"CREATE MACRO IF NOT EXISTS track_boxes(camera_id, times) AS TABLE {_TRACK_BOXES}")
    if is_queried("track_parts"):
        con.execute(f"CREATE MACRO IF NOT EXISTS track_parts(least) AS TABLE {_TRACK_PARTS}")
