"""Compares two runs: rows by table, counts by camera-day, tracks lost and gained.

Only camera-days with a unit that changed are read, so the cost is that of the change and not that of the archive.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date

import duckdb
import pyarrow as pa

from jobs.site import Site
from schemas.tables import TABLES
from storage.arrow_sql import query
from storage.sql.connection import open_sql
from storage.sql.text import quote_text

DAYS_PER_BATCH = 100
"""Camera-days whose rows are in memory at the same time."""

COUNT_MEASURES = ("mean_count", "max_count", "dwell_s")
"""Measures of ``counts`` that are compared: mean and largest number present on a day, and the time spent inside.

Never over several zones, which may overlap; and distinct tracks cannot be added up over bins.
"""

MIN_IOU = 0.5
"""Intersection over union at which two boxes overlap enough to be of one track."""

MIN_FRAME_SHARE = 0.5
"""Share of the shorter track's frames on which the boxes of two tracks must overlap for them to match."""

CameraDay = tuple[str, date]
"""A camera, and the local date at which its units start."""


@dataclass(frozen=True)
class TableChange:
    """How a table changed, over the camera-days with changed units that write it.

    Attributes:
        rows_a, rows_b: rows in those camera-days, before and after.
        lost, gained: rows that only the earlier, or only the later, run has.
    """

    table: str
    camera_days: int
    rows_a: int
    rows_b: int
    lost: int
    gained: int


@dataclass(frozen=True)
class CountChange:
    """Measures of ``counts`` in one zone of a camera-day, before and after; 0 where there are no rows."""

    camera: str
    date: date
    zone: str
    label: str
    before: dict[str, float]
    after: dict[str, float]


@dataclass(frozen=True)
class TrackChange:
    """Tracks of one camera-day that differ, were split or cannot all be compared.

    Tracks are matched by their boxes, since track ids change with the detector. Only frames that both versions observed
    count, so a detector that observes more frames loses nothing by it. One track may match several, if the other
    version split it.

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


@dataclass(frozen=True)
class Difference:
    """What changed from one run to another. Each part is sorted, and holds only changes."""

    units: int
    tables: tuple[TableChange, ...]
    counts: tuple[CountChange, ...]
    tracks: tuple[TrackChange, ...]

    @property
    def is_empty(self) -> bool:
        """Whether both runs leave the same results."""
        return not (self.units or self.tables or self.counts or self.tracks)


def diff_runs(site: Site, run_a: str, run_b: str) -> Difference:
    """Compares the store as two runs left it.

    Raises:
        SelectionError: there is no such run.
    """
    with (
        closing(open_sql(site.store, site.files, as_of=run_a, unit_dates=True)) as a,
        closing(open_sql(site.store, site.files, as_of=run_b, unit_dates=True)) as b,
    ):
        return compare(a, b)


def compare(a: duckdb.DuckDBPyConnection, b: duckdb.DuckDBPyConnection) -> Difference:
    """Compares two connections, each to the store as of one run.

    Args:
        a, b: connections with one view per table; in ``receipts``, the column ``current`` is true for live units.
    """
    comparison = _Comparison(a, b)
    changed = query(_CHANGED, **comparison.read(_LIVE))
    days: dict[str, list[CameraDay]] = defaultdict(list)
    for row in query(_CHANGED_DAYS, changed=changed).to_pylist():
        days[row["name"]].append((row["camera"], row["date"]))
    tables = [comparison.table_change(table, days[table]) for table in TABLES if table in days]
    return Difference(
        changed.group_by(["op", "camera", "date", "unit"]).aggregate([]).num_rows,
        tuple(change for change in tables if change.lost or change.gained),
        tuple(comparison.count_changes(days["counts"])),
        tuple(comparison.track_changes(days["track_points"])),
    )


@dataclass(frozen=True)
class _Comparison:
    """The two sides; their rows meet as Arrow tables ``a`` and ``b``."""

    a: duckdb.DuckDBPyConnection
    b: duckdb.DuckDBPyConnection

    def table_change(self, table: str, days: Sequence[CameraDay]) -> TableChange:
        """Counts the rows of a table that only one side has; equal rows are counted, since a table may repeat a row."""
        sums: Counter[str] = Counter()
        for sides in self._batches(_CONTENTS, table, days):
            sums.update(query(_CHANGED_ROWS, **sides).to_pylist()[0])
        return TableChange(table, len(days), **sums)

    def count_changes(self, days: Sequence[CameraDay]) -> Iterator[CountChange]:
        """Yields the zones of camera-days whose ``counts`` differ."""
        none = dict.fromkeys(COUNT_MEASURES, 0.0)
        for sides in self._batches(_COUNT_MEASURES, "counts", days):
            for row in query(_COUNTS, **sides).to_pylist():
                before, after = row["before"] or none, row["after"] or none
                if before != after:
                    yield CountChange(row["camera"], row["date"], row["zone"], row["label"], before, after)

    def track_changes(self, days: Sequence[CameraDay]) -> Iterator[TrackChange]:
        """Yields the camera-days whose tracks differ."""
        points = self._batches(_POINTS, "track_points", days)
        frames = self._batches(_FRAMES, "observed_frames", days)
        for of_points, of_frames in zip(points, frames, strict=True):
            sides = {f"points_{side}": rows for side, rows in of_points.items()}
            sides |= {f"observed_{side}": rows for side, rows in of_frames.items()}
            for row in query(_TRACKS, {"min_iou": MIN_IOU, "min_frame_share": MIN_FRAME_SHARE}, **sides).to_pylist():
                yield TrackChange(**row | {side: tuple(row[side]) for side in ("lost", "gained")})

    def read(self, sql: str, parameters: dict[str, list[str]] | None = None) -> dict[str, pa.Table]:
        """Returns the result of a query on each side."""
        return {side: con.execute(sql, parameters).to_arrow_table() for side, con in (("a", self.a), ("b", self.b))}

    def _batches(self, sql: str, table: str, days: Sequence[CameraDay]) -> Iterator[dict[str, pa.Table]]:
        """Yields the result of a query in which ``{}`` is replaced by a table's rows of some of the camera-days."""
        for start in range(0, len(days), DAYS_PER_BATCH):
            cameras, dates = zip(*days[start : start + DAYS_PER_BATCH], strict=True)
            # The plain conditions let DuckDB skip whole files; the join then removes the rows between the days.
            rows = f"""(FROM "{table}" SEMI JOIN (
                SELECT unnest($cameras) AS camera, unnest($dates)::DATE AS "date") AS wanted USING (camera, "date")
                WHERE camera IN ({", ".join(map(quote_text, sorted(set(cameras))))})
                    AND "date" BETWEEN '{min(dates)}' AND '{max(dates)}')"""
            yield self.read(sql.format(rows), {"cameras": [*cameras], "dates": [day.isoformat() for day in dates]})


_LIVE = "SELECT op, camera, date, unit, fingerprint, files FROM receipts WHERE current"

_CHANGED = """
SELECT op, camera, date::DATE AS date, unit, files FROM (
    (FROM a ANTI JOIN b USING (op, camera, date, unit, fingerprint))
    UNION ALL (FROM b ANTI JOIN a USING (op, camera, date, unit, fingerprint)))
"""
"""Receipts that only one side has live."""

_CHANGED_DAYS = """
SELECT DISTINCT unnest(json_keys(files)) AS name, camera, date FROM changed ORDER BY name, camera, date
"""
"""By table, the camera-days with a changed unit that has rows in it, before or after."""

# Rows are compared by their hashes, which are smaller than the rows.
_CONTENTS = 'SELECT camera, "date", hash(rows) AS content, count(*) AS n FROM {} AS rows GROUP BY ALL'

_CHANGED_ROWS = """
SELECT coalesce(sum(before), 0)::BIGINT AS rows_a, coalesce(sum(after), 0)::BIGINT AS rows_b,
       coalesce(sum(greatest(before - after, 0)), 0)::BIGINT AS lost,
       coalesce(sum(greatest(after - before, 0)), 0)::BIGINT AS gained
FROM (SELECT coalesce(a.n, 0) AS before, coalesce(b.n, 0) AS after FROM a FULL JOIN b USING (camera, date, content))
"""

_COUNT_MEASURES = """
SELECT camera, "date", zone, label, {{
    mean_count: round(coalesce(sum(dwell_s) / nullif(sum(observed_s), 0), 0)::DOUBLE, 6),
    max_count: coalesce(max(max_count), 0)::DOUBLE, dwell_s: round(coalesce(sum(dwell_s), 0)::DOUBLE, 6)
}} AS measures FROM {} GROUP BY ALL
"""
_COUNTS = """
SELECT camera, date, zone, label, a.measures AS before, b.measures AS after
FROM a FULL JOIN b USING (camera, date, zone, label) ORDER BY camera, date, zone, label
"""

_POINTS = 'SELECT camera, "date", track_id, time, x1, y1, x2, y2 FROM {}'
_FRAMES = 'SELECT camera, "date", time FROM {}'

_TRACKS = """
WITH common AS MATERIALIZED (
    SELECT DISTINCT camera, time FROM observed_a SEMI JOIN observed_b USING (camera, time)
), tracks_a AS MATERIALIZED (
    SELECT camera, date, track_id, count(common.time) AS frames
    FROM points_a LEFT JOIN common USING (camera, time) GROUP BY ALL
), tracks_b AS MATERIALIZED (
    SELECT camera, date, track_id, count(common.time) AS frames
    FROM points_b LEFT JOIN common USING (camera, time) GROUP BY ALL
), boxes AS (
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
    WHERE shared > 0 AND shared >= $min_iou * (areas - shared) GROUP BY ALL
), matches AS MATERIALIZED (
    SELECT pairs.camera, pairs.date, track_a, track_b
    FROM pairs
    JOIN tracks_a AS a ON (a.camera, a.date, a.track_id) = (pairs.camera, pairs.date, track_a)
    JOIN tracks_b AS b ON (b.camera, b.date, b.track_id) = (pairs.camera, pairs.date, track_b)
    WHERE pairs.frames >= $min_frame_share * least(a.frames, b.frames)
), tracks AS (
    SELECT 'a' AS side, *, (camera, date, track_id) IN (SELECT (camera, date, track_a) FROM matches) AS matched
    FROM tracks_a
    UNION ALL
    SELECT 'b', *, (camera, date, track_id) IN (SELECT (camera, date, track_b) FROM matches) FROM tracks_b
)
SELECT camera, date,
       count(*) FILTER (side = 'a') AS tracks_a, count(*) FILTER (side = 'b') AS tracks_b,
       coalesce(list(track_id ORDER BY track_id) FILTER (side = 'a' AND frames > 0 AND NOT matched), []) AS lost,
       coalesce(list(track_id ORDER BY track_id) FILTER (side = 'b' AND frames > 0 AND NOT matched), []) AS gained,
       count(*) FILTER (frames = 0) AS not_comparable
FROM tracks GROUP BY camera, date
HAVING lost <> [] OR gained <> [] OR not_comparable > 0 OR tracks_a <> tracks_b
ORDER BY camera, date
"""
