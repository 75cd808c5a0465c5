"""SQL of the views of counts in areas, and the table macros ``queue_length`` and ``heat_map``.

Two cameras that see the same ground both have stays and crossings of one person. ``site_tracks`` says whose they are;
who is in none is a site track of its own, and of a track of two days, each day's row counts. Stays of one person in one
zone that overlap, or follow within ``JOIN_S``, are one visit; so are crossings in one direction: nobody crosses twice
in it without going back in between.

Levels of service are those of walkways by J. J. Fruin, Pedestrian Planning and Design (1971), in square metres.
"""

from collections.abc import Mapping, Sequence

import duckdb
import pyarrow as pa

from schemas.values import Feature, FeatureKind
from storage.sql.lazy import INTERNAL
from storage.sql.views import IsQueried

JOIN_S = 2
"""Longest break between stays or crossings of one person that are one, seconds: clocks and borders differ by less."""

LEVELS = {"A": 3.24, "B": 2.32, "C": 1.39, "D": 0.93, "E": 0.46}
"""Least area for each person of a level, m2; less is F."""

MAX_PAUSE_S = 2
"""Longest step between two points of a track that is time spent there, seconds; in a longer one nobody saw it."""

ZONE_AREAS = pa.schema([("zone", pa.string()), ("area_m2", pa.float64())])

MACROS_READ: Mapping[str, tuple[str, ...]] = {
    "queue_length": ("positions", "stays", "counts", "observed_frames"),
    "heat_map": ("positions",),
}
"""By table macro: tables that it reads, which a query with it need not name."""

_SITE_VISITS = f"""
WITH parts AS (
    SELECT stays.camera, zone, coalesce(site_track_id, stays.track_id) AS site_track_id, stays.label,
        stays.start_time, stays.end_time, cut_start, cut_end
    FROM stays ASOF LEFT JOIN site_tracks ON stays.camera = site_tracks.camera
        AND stays.track_id = site_tracks.track_id AND stays.start_time >= site_tracks.start_time
    WHERE zone <> 'view'
), marked AS (
    SELECT *, max(end_time) OVER (PARTITION BY zone, site_track_id ORDER BY start_time, end_time, camera
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS until
    FROM parts
), numbered AS (
    SELECT *, count(*) FILTER (until IS NULL OR start_time - until > INTERVAL {JOIN_S} SECOND) OVER (
        PARTITION BY zone, site_track_id ORDER BY start_time, end_time, camera ROWS UNBOUNDED PRECEDING
    ) AS visit FROM marked
)
SELECT arg_min(camera, (start_time, camera)) AS camera, zone, site_track_id,
    arg_min(label, (start_time, camera)) AS label,
    {{date_of}}(arg_min(camera, (start_time, camera)), min(start_time)) AS "date", min(start_time) AS start_time,
    max(end_time) AS end_time, epoch_us(max(end_time) - min(start_time)) / 1e6 AS dwell_s,
    arg_min(cut_start, (start_time, camera)) AS cut_start, arg_max(cut_end, (end_time, camera)) AS cut_end,
    count(DISTINCT camera) AS cameras
FROM numbered GROUP BY zone, site_track_id, visit
"""

_SITE_CROSSINGS = f"""
WITH events AS (
    SELECT zone_events.camera, feature, coalesce(site_track_id, zone_events.track_id) AS site_track_id,
        zone_events.label, time, direction
    FROM zone_events ASOF LEFT JOIN site_tracks ON zone_events.camera = site_tracks.camera
        AND zone_events.track_id = site_tracks.track_id AND time >= site_tracks.start_time
    WHERE kind = 'cross'
), marked AS (
    SELECT *, lag(time) OVER (PARTITION BY feature, site_track_id, direction ORDER BY time, camera) AS before
    FROM events
), joined AS (
    SELECT *, count(*) FILTER (before IS NULL OR time - before > INTERVAL {JOIN_S} SECOND) OVER (
        PARTITION BY feature, site_track_id, direction ORDER BY time, camera ROWS UNBOUNDED PRECEDING
    ) AS crossing FROM marked
)
SELECT arg_min(camera, (time, camera)) AS camera, feature AS line, site_track_id,
    arg_min(label, (time, camera)) AS label, {{date_of}}(arg_min(camera, (time, camera)), min(time)) AS "date",
    min(time) AS time, direction, count(DISTINCT camera) AS cameras
FROM joined GROUP BY feature, site_track_id, direction, crossing
"""

_ZONE_MOVES = f"""
WITH visits AS ({_SITE_VISITS}), ahead AS (
    SELECT site_track_id, label, camera, zone AS origin, end_time AS left_time,
        lead(zone) OVER person AS destination, lead(start_time) OVER person AS arrived_time
    FROM visits WINDOW person AS (PARTITION BY site_track_id ORDER BY start_time, end_time, zone)
)
SELECT site_track_id, label, {{date_of}}(camera, left_time) AS "date", origin, destination, left_time, arrived_time
FROM ahead WHERE destination <> origin
"""

_ORIGIN_DESTINATION = f"""
WITH visits AS ({_SITE_VISITS}), trips AS (
    SELECT site_track_id, "date", arg_min(label, (start_time, zone)) AS label,
        arg_min(zone, (start_time, zone)) AS origin, arg_max(zone, (start_time, zone)) AS destination,
        epoch_us(max(end_time) - min(start_time)) / 1e6 AS length_s
    FROM visits GROUP BY site_track_id, "date"
)
SELECT "date", label, origin, destination, count(*) AS trips, median(length_s) AS median_s
FROM trips GROUP BY "date", label, origin, destination
"""

_SITE_PEOPLE_BY_HOUR = f"""
WITH visits AS ({_SITE_VISITS}), hours AS (
    SELECT zone, site_track_id, camera,
        unnest(generate_series({{hour_of_start}}, {{until}}, INTERVAL 1 HOUR)) AS hour
    FROM visits WHERE label = 'person'
)
SELECT zone, {{date_of}}(camera, hour) AS "date", local_text(camera, hour) AS local_hour, hour,
    count(DISTINCT site_track_id) AS people
FROM hours GROUP BY ALL
"""

_CROSSINGS_BY_HOUR = """
SELECT camera, line, label, {date_of}(camera, hour) AS "date", local_text(camera, hour) AS local_hour, hour, direction,
    sum(crossings)::BIGINT AS crossings
FROM (SELECT camera, line, label, {hour_of_bin} AS hour, direction, crossings FROM flows)
GROUP BY camera, line, label, hour, direction
"""

_LEVEL = " ".join(f"WHEN {{each_m2}} > {least} THEN '{level}'" for level, least in LEVELS.items())


def _level(people: str) -> str:
    """Returns SQL for the level of service of a number of people in ``area_m2``."""
    each_m2 = f"area_m2 / {people}"
    return f"CASE WHEN {people} = 0 THEN 'A' {_LEVEL.replace('{each_m2}', each_m2)} ELSE 'F' END"


_ZONE_DENSITY = f"""
SELECT camera, zone, "date", local_text(camera, bin_start) AS local_start, bin_start, area_m2, observed_s,
    mean_count / area_m2 AS density_per_m2, max_count / area_m2 AS peak_density_per_m2,
    area_m2 / nullif(mean_count, 0) AS m2_per_person, {_level("mean_count")} AS level,
    {_level("max_count")} AS peak_level
FROM counts JOIN {INTERNAL}.zone_areas USING (zone) WHERE label = 'person' AND area_m2 > 0
"""

AREA_SQL: Mapping[str, tuple[tuple[str, ...], str]] = {
    "site_visits": (("stays", "site_tracks"), _SITE_VISITS),
    "site_crossings": (("zone_events", "site_tracks"), _SITE_CROSSINGS),
    "zone_moves": (("stays", "site_tracks"), _ZONE_MOVES),
    "origin_destination": (("stays", "site_tracks"), _ORIGIN_DESTINATION),
    "site_people_by_hour": (("stays", "site_tracks"), _SITE_PEOPLE_BY_HOUR),
    "crossings_by_hour": (("flows",), _CROSSINGS_BY_HOUR),
    "zone_density": (("counts",), _ZONE_DENSITY),
}
"""By view: the tables that it reads, and its SQL, in which words in braces are as in ``storage/sql/answers.py``."""

_QUEUE_LENGTH = """
WITH bins AS (
    SELECT camera, time_bucket(to_seconds(every_s), time) AS bin_start, count(DISTINCT time) AS looks
    FROM observed_frames GROUP BY ALL
), slow AS (
    SELECT positions.camera, positions.time, count(*) AS people
    FROM positions JOIN stays ON stays.camera = positions.camera AND stays.track_id = positions.track_id
        AND positions.time >= stays.start_time AND positions.time < stays.end_time
    WHERE stays.zone = zone_id AND positions.label = 'person' AND positions.speed_m_s < slow_m_s
    GROUP BY ALL
), found AS (
    SELECT camera, time_bucket(to_seconds(every_s), time) AS bin_start, sum(people) AS people, max(people) AS most
    FROM slow GROUP BY ALL
)
SELECT camera, bin_start, local_text(camera, bin_start) AS local_start,
    coalesce(people, 0)::DOUBLE / looks AS mean_length, coalesce(most, 0)::BIGINT AS max_length
FROM bins LEFT JOIN found USING (camera, bin_start)
WHERE camera IN (SELECT DISTINCT camera FROM counts WHERE zone = zone_id)
ORDER BY camera, bin_start
"""

_HEAT_MAP = f"""
WITH spans AS (
    SELECT label, x_m, y_m, camera, track_id, epoch_us(lead(time) OVER track - time) / 1e6 AS length_s
    FROM positions WINDOW track AS (PARTITION BY camera, track_id ORDER BY time)
)
SELECT (floor(x_m / cell_m) + 0.5) * cell_m AS x_m, (floor(y_m / cell_m) + 0.5) * cell_m AS y_m, label,
    coalesce(sum(length_s) FILTER (length_s <= {MAX_PAUSE_S}), 0.0) AS presence_s,
    count(DISTINCT (camera, track_id)) AS tracks
FROM spans GROUP BY ALL ORDER BY ALL
"""


def create_area_macros(con: duckdb.DuckDBPyConnection, is_queried: IsQueried = lambda _: True) -> None:
    """Creates ``queue_length(zone_id, every_s, slow_m_s)`` and ``heat_map(cell_m)``.

    ``queue_length`` gives, for each camera that sees a zone and each bin of time, the mean and the largest number of
    people in it who stand or move on slowly: ``camera``, ``bin_start``, ``local_start``, ``mean_length``,
    ``max_length``. ``slow_m_s`` is .6 unless told, ``every_s`` 60.

    ``heat_map`` gives the time that people and things spend in each cell of a square grid of ``cell_m`` metres in the
    site's CRS: ``x_m``, ``y_m`` (its middle), ``label``, ``presence_s`` and ``tracks``; cells that nobody was in have
    no row. It names nobody.

    Args:
        con: the connection; the views that the queried macros read, and the macros of local time, must exist.
        is_queried: returns whether a query may call the macro of this name.
    """
    if is_queried("queue_length"):
        arguments = "zone_id, every_s := 60, slow_m_s := 0.6"
        con.execute(f"CREATE MACRO IF NOT EXISTS queue_length({arguments}) AS TABLE {_QUEUE_LENGTH}")
    if is_queried("heat_map"):
        con.execute(f"CREATE MACRO IF NOT EXISTS heat_map(cell_m) AS TABLE {_HEAT_MAP}")


def zone_areas(features: Sequence[Feature]) -> pa.Table:
    """Returns the area of each zone on the map, ``ZONE_AREAS``; zones of one id count together, what overlaps once."""
    import shapely  # slow to import, and most queries ask for no areas

    shapes: dict[str, list[object]] = {}
    for feature in features:
        if feature.kind is FeatureKind.ZONE and feature.space == "map":
            shapes.setdefault(feature.feature_id, []).append(shapely.make_valid(feature.geometry))
    areas = {zone: shapely.union_all(parts).area for zone, parts in sorted(shapes.items())}
    return pa.table([list(areas), list(areas.values())], schema=ZONE_AREAS)
