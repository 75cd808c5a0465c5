"""Creates the views of ``schemas.tables.views``: people by hour and day, stays across midnight, calibrated
interactions, coverage, and those of ``storage/sql/areas.py``.

A filter by camera and date reaches the files of the tables that a view reads: their rows keep their own ``date`` or get
the next one, as in storage/sql/dates.py.
"""

from collections.abc import Mapping

import duckdb
import pyarrow as pa

from schemas.tables.views import VIEWS
from storage.sql.areas import AREA_SQL
from storage.sql.lazy import INTERNAL
from storage.sql.text import quote_name
from storage.sql.views import IsQueried

CALIBRATIONS = pa.schema(
    [
        ("verb", pa.string()),
        ("rule", pa.string()),
        ("answers", pa.int64()),
        ("slope", pa.float64()),
        ("intercept", pa.float64()),
    ]
)
"""How reviews calibrate scores, as ``ops.interactions.calibration`` does: a line in logits for each verb and rule."""

_ZONE = f"{INTERNAL}.zone_of(camera)"

# A day of a camera: each stay, and each bin of counts, once for every date that it touches.
_BY_DAY = """
SELECT camera, zone, "date", count(DISTINCT track_id) AS people, coalesce(max(max_count), 0)::INTEGER AS max_count,
    coalesce(sum(observed_s), 0.0) AS observed_s
FROM (
    SELECT camera, zone, "date", track_id, NULL AS max_count, NULL AS observed_s FROM stays WHERE label = 'person'
    UNION ALL
    SELECT camera, zone, "date" + 1, track_id, NULL, NULL FROM stays
    WHERE label = 'person' AND {until} >= {tomorrow}
    UNION ALL
    SELECT camera, zone, "date", NULL, max_count, observed_s FROM counts WHERE label = 'person'
) GROUP BY camera, zone, "date"
"""

_BY_HOUR = """
WITH parts AS (
    SELECT camera, zone, "date", track_id, NULL AS max_count, NULL AS observed_s,
        unnest(generate_series({hour_of_start}, {until}, INTERVAL 1 HOUR)) AS hour
    FROM stays WHERE label = 'person'
)
SELECT camera, zone, "date", hour, local_text(camera, hour) AS local_hour, count(DISTINCT track_id) AS people,
    coalesce(max(max_count), 0)::INTEGER AS max_count, coalesce(sum(observed_s), 0.0) AS observed_s
FROM (
    SELECT camera, zone, "date", track_id, hour, max_count, observed_s FROM parts WHERE hour < {tomorrow}
    UNION ALL
    SELECT camera, zone, "date" + 1, track_id, hour, max_count, observed_s FROM parts WHERE hour >= {tomorrow}
    UNION ALL
    SELECT camera, zone, "date", NULL, {hour_of_bin}, max_count, observed_s FROM counts WHERE label = 'person'
) GROUP BY camera, zone, "date", hour
"""

# Units go by local day: a stay that the end of one cuts goes on at once in the next.
_DWELL = """
WITH marked AS (
    SELECT *, coalesce(
        cut_start AND lag(cut_end) OVER track AND start_time - lag(end_time) OVER track < INTERVAL 1 SECOND, false
    ) AS goes_on
    FROM stays WINDOW track AS (PARTITION BY camera, zone, track_id ORDER BY start_time)
), numbered AS (
    SELECT *, count(*) FILTER (NOT goes_on) OVER (PARTITION BY camera, zone, track_id ORDER BY start_time) AS stay
    FROM marked
)
SELECT camera, zone, track_id, arg_min(label, start_time) AS label, min("date") AS "date",
    local_text(camera, min(start_time)) AS local_start, min(start_time) AS start_time, max(end_time) AS end_time,
    epoch_us(max(end_time) - min(start_time)) / 1e6 AS dwell_s,
    arg_min(cut_start, start_time) AS cut_start, arg_max(cut_end, start_time) AS cut_end
FROM numbered GROUP BY camera, zone, track_id, stay
"""

_CALIBRATED = f"""
SELECT interactions.* EXCLUDE (score), score, coalesce(answers, 0)::BIGINT AS answers,
    coalesce(1 / (1 + exp(-(slope * ln(within / (1 - within)) + intercept))), score::DOUBLE) AS calibrated_score
FROM (SELECT *, greatest(least(score::DOUBLE, 0.99), 0.01) AS within FROM interactions) AS interactions
LEFT JOIN {INTERNAL}.calibrations AS calibrations
ON interactions.verb = calibrations.verb AND interactions.rule = calibrations.rule
"""

_COVERAGE = """
WITH pieces AS (
    SELECT 'recorded' AS kind, camera, start_time, end_time FROM segments
    UNION ALL
    SELECT 'looked_at', camera, start_time, end_time FROM segments
    SEMI JOIN (SELECT camera, unit AS segment_id FROM receipts WHERE op = 'detect' AND "current") AS done
        USING (camera, segment_id)
), ahead AS (
    SELECT *, max(end_time) OVER (PARTITION BY kind, camera ORDER BY start_time, end_time
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS covered_until
    FROM pieces
), spans AS (
    -- What a piece adds to those before it; and the gap before it.
    SELECT kind, camera, greatest(start_time, covered_until) AS since, end_time AS until
    FROM ahead WHERE end_time > coalesce(covered_until, start_time)
    UNION ALL
    SELECT 'gap', camera, covered_until, start_time FROM ahead
    WHERE kind = 'recorded' AND start_time - covered_until > INTERVAL 1 SECOND
), days AS (
    SELECT *, unnest(generate_series({first_day}, {last_day}, INTERVAL 1 DAY))::DATE AS "date" FROM spans
), cut AS (
    SELECT kind, camera, "date",
        epoch_us(least(until, {tomorrow}) - greatest(since, {today})) / 1e6 AS length_s
    FROM days
), facts AS (
    SELECT kind, camera, "date", length_s, NULL AS quarantined FROM cut
    UNION ALL
    SELECT 'lost', camera, "date", lost_s, NULL FROM footage
    UNION ALL
    SELECT 'quarantine', camera, "date"::DATE, NULL, 1 FROM quarantine WHERE "date" IS NOT NULL
)
SELECT camera, "date",
    coalesce(sum(length_s) FILTER (kind = 'recorded'), 0.0) AS recorded_s,
    coalesce(sum(length_s) FILTER (kind = 'looked_at'), 0.0) AS looked_at_s,
    coalesce(sum(length_s) FILTER (kind = 'lost'), 0.0) AS lost_s,
    count(quarantined) AS quarantined,
    count(*) FILTER (kind = 'gap') AS gaps,
    coalesce(sum(length_s) FILTER (kind = 'gap'), 0.0) AS gap_s
FROM facts GROUP BY camera, "date"
"""

_SQL: Mapping[str, tuple[tuple[str, ...], str]] = {
    "people_by_hour": (("stays", "counts"), _BY_HOUR),
    "people_by_day": (("stays", "counts"), _BY_DAY),
    "dwell": (("stays",), _DWELL),
    "calibrated_interactions": (("interactions",), _CALIBRATED),
    "coverage": (("segments", "footage", "receipts", "quarantine"), _COVERAGE),
    **AREA_SQL,
}
"""By view: the tables that it reads, and its SQL."""


def read_with(query: str) -> set[str]:
    """Returns the tables, and ``date``, that the views read which a query may name."""
    named = [tables for view, (tables, _) in _SQL.items() if view in query]
    return {"date", *(table for tables in named for table in tables)} if named else set()


def create_answers(con: duckdb.DuckDBPyConnection, is_queried: IsQueried) -> None:
    """Creates the queried views; the tables and the macros of local time must exist.

    Args:
        con: the connection.
        is_queried: returns whether a query may read the view of this name.
    """
    day_start = f"{INTERNAL}.day_start"
    con.execute(f"CREATE MACRO {INTERNAL}.zone_of(camera) AS coalesce(timezone_of(camera), 'UTC')")
    con.execute(f"CREATE MACRO {INTERNAL}.date_of(camera, ts) AS timezone({INTERNAL}.zone_of(camera), ts)::DATE")
    # Whole hours by the camera's clock, as moments: the hour that comes twice is two hours.
    local = f"timezone({INTERNAL}.zone_of(camera), ts)"
    con.execute(f"CREATE MACRO {INTERNAL}.hour_start(camera, ts) AS ts - ({local} - date_trunc('hour', {local}))")
    words = {
        "until": "greatest(end_time - INTERVAL 1 MICROSECOND, start_time)",
        "today": f'{day_start}({_ZONE}, "date")',
        "tomorrow": f'{day_start}({_ZONE}, "date" + 1)',
        "hour_of_start": f"{INTERNAL}.hour_start(camera, start_time)",
        "hour_of_bin": f"{INTERNAL}.hour_start(camera, bin_start)",
        "date_of": f"{INTERNAL}.date_of",
        "first_day": f"timezone({_ZONE}, since)::DATE",
        "last_day": f"timezone({_ZONE}, until - INTERVAL 1 MICROSECOND)::DATE",
    }
    for name, (_, sql) in _SQL.items():
        if not is_queried(name):
            continue
        columns = ", ".join(quote_name(column.name) for column in VIEWS[name].columns)
        con.execute(f"CREATE VIEW {name} AS SELECT {columns} FROM ({sql.format(**words)})")
