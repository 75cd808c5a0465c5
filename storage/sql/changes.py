"""Creates the macros of table ``motion``: which tiles a row names, and when something changed in a zone."""

from collections.abc import Callable

import duckdb
import pyarrow as pa

from schemas.tables.motion import TILE_GRID
from storage.sql.lazy import create_lazy

ZONE_TILES = pa.schema([("camera", pa.string()), ("zone", pa.string()), ("tiles", pa.binary())])

ASK_ZONES = ("zone_tiles", "changes_in")
"""Names in a query that reads the tiles of zones."""

CHANGES_READ = "motion"
"""Table that ``changes_in`` reads, which a query with it need not name."""

_COLUMNS, _ROWS = TILE_GRID

# DuckDB reads the bits of a blob from the highest one of its first byte on, as they are packed.
_TILES_OF = (
    f"list_transform(list_filter(range({_COLUMNS * _ROWS}), lambda tile: get_bit(tiles::BIT, tile::INTEGER) = 1), "
    f"lambda tile: {{'column': tile % {_COLUMNS}, 'row': tile // {_COLUMNS}}})"
)

_CHANGES_IN = f"""
WITH asked AS (
    SELECT CASE WHEN zone_id IS NULL THEN repeat('1', {_COLUMNS * _ROWS})::BIT ELSE coalesce(
        (SELECT any_value(tiles)::BIT FROM zone_tiles WHERE camera = camera_id AND zone = zone_id),
        error('camera ' || camera_id || ' has no zone ' || zone_id || ': see the table zone_tiles')
    ) END AS zone
), counted AS (
    SELECT epoch_us(time) AS at_us, kind, bit_count(tiles::BIT & zone) AS changed, bit_count(zone) AS most
    FROM motion CROSS JOIN asked
    WHERE camera = camera_id AND (since IS NULL OR time > since::TIMESTAMPTZ - INTERVAL 1 SECOND)
        AND (until IS NULL OR time < until::TIMESTAMPTZ)
), marked AS (
    -- In whole microseconds: to compare intervals takes ten times as long.
    SELECT *, at_us - lag(at_us) OVER (PARTITION BY kind ORDER BY at_us) AS since_us FROM counted WHERE changed > 0
), numbered AS (
    -- By rows: by peers, DuckDB takes minutes for a year. Of rows of one second, only the first may begin an interval.
    SELECT *, sum((since_us > (1 + gap_s) * 1000000)::INTEGER) OVER (
        PARTITION BY kind ORDER BY at_us, since_us DESC ROWS UNBOUNDED PRECEDING
    ) AS number FROM marked
)
SELECT kind, make_timestamptz(min(at_us)) AS start_time, make_timestamptz(max(at_us) + 1000000) AS end_time,
    count(*) FILTER (since_us IS NULL OR since_us > 0) AS seconds, max(changed) / max(most) AS peak_share
FROM numbered GROUP BY kind, coalesce(number, 0) ORDER BY start_time, kind
"""


def create_tile_macros(con: duckdb.DuckDBPyConnection, zones: Callable[[], pa.Table]) -> None:
    """Creates ``zone_tiles``, ``in_tiles(tiles, others)`` and ``tiles_of(tiles)``.

    Args:
        con: the connection.
        zones: returns the tiles of each zone that a camera sees: ``ZONE_TILES``.
    """
    create_lazy(con, "zone_tiles", ZONE_TILES, zones)
    con.execute("CREATE MACRO in_tiles(tiles, others) AS bit_count(tiles::BIT & others::BIT) > 0")
    con.execute(f"CREATE MACRO tiles_of(tiles) AS {_TILES_OF}")


def create_change_macro(con: duckdb.DuckDBPyConnection) -> None:
    """Creates the table macro ``changes_in``.

    ``changes_in(camera_id, zone_id := NULL, since := NULL, until := NULL, gap_s := 5)`` gives the intervals in which
    something changed, each of one kind; a pause of up to ``gap_s`` does not end one.

    Args:
        con: the connection; the views ``motion`` and ``zone_tiles`` must exist.
    """
    arguments = "camera_id, zone_id := NULL, since := NULL, until := NULL, gap_s := 5"
    con.execute(f"CREATE MACRO IF NOT EXISTS changes_in({arguments}) AS TABLE {_CHANGES_IN}")
