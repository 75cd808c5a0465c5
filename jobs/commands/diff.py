"""Compares two runs: rows by table, counts by camera-day, tracks lost and gained.

Only camera-days with a unit that changed are read, so the cost is that of the change and not that of the archive.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date

import duckdb
import pyarrow as pa

from jobs.commands.track_diff import TrackChange, compare_tracks
from jobs.site import Site
from schemas.tables import TABLES
from storage.sql.connection import open_sql
from storage.sql.text import quote_name, quote_text

DAYS_PER_BATCH = 100
"""Camera-days whose rows are in memory at the same time."""

COUNT_MEASURES = ("mean_count", "max_count", "distinct_tracks", "dwell_s")
"""Columns of ``counts`` that are summed over zones, labels and bins of a camera-day."""

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
    """Sums of the measures of ``counts`` over one camera-day, before and after; 0 where there are no rows."""

    camera: str
    date: date
    before: dict[str, float]
    after: dict[str, float]


@dataclass(frozen=True)
class Difference:
    """What changed from one run to another. Each part is sorted, and holds only changes."""

    run_a: str
    run_b: str
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
        closing(open_sql(site.store, site.files, as_of=run_a)) as a,
        closing(open_sql(site.store, site.files, as_of=run_b)) as b,
    ):
        return compare(a, b, run_a, run_b)


def compare(a: duckdb.DuckDBPyConnection, b: duckdb.DuckDBPyConnection, run_a: str, run_b: str) -> Difference:
    """Compares two connections, each to the store as of one run.

    Args:
        a, b: connections with one view per table; in ``receipts``, the column ``current`` is true for live units.
    """
    with closing(duckdb.connect(":memory:")) as scratch:
        comparison = _Comparison(scratch, a, b)
        units = comparison.find_changed_units()
        days = comparison.changed_days()
        tables = [comparison.table_change(table, days[table]) for table in TABLES if table in days]
        return Difference(
            run_a,
            run_b,
            units,
            tuple(change for change in tables if change.lost or change.gained),
            tuple(comparison.count_changes(days.get("counts", []))),
            tuple(comparison.track_changes(days.get("track_points", []))),
        )


@dataclass(frozen=True)
class _Comparison:
    """The two sides, and a scratch database in which their rows meet."""

    scratch: duckdb.DuckDBPyConnection
    a: duckdb.DuckDBPyConnection
    b: duckdb.DuckDBPyConnection

    def find_changed_units(self) -> int:
        """Collects the receipts that only one side has live in the table ``changed``; returns their number of units."""
        for name, connection in (("a", self.a), ("b", self.b)):
            live = "SELECT op, camera, date, unit, fingerprint, files FROM receipts WHERE current"
            self._keep(f"receipts_{name}", connection.execute(live).to_arrow_table())
        self.scratch.execute(
            """CREATE TABLE changed AS SELECT op, camera, date::DATE AS date, unit, files FROM (
                   (FROM receipts_a ANTI JOIN receipts_b USING (op, camera, date, unit, fingerprint))
                   UNION ALL (FROM receipts_b ANTI JOIN receipts_a USING (op, camera, date, unit, fingerprint)))"""
        )
        found = self.scratch.execute(
            "SELECT count(*) FROM (SELECT DISTINCT op, camera, date, unit FROM changed)"
        ).fetchone()
        assert found is not None
        return int(found[0])

    def changed_days(self) -> dict[str, list[CameraDay]]:
        """Returns, by table, the camera-days with a changed unit that has rows in it, before or after."""
        rows = self.scratch.execute(
            "SELECT DISTINCT unnest(json_keys(files)) AS name, camera, date FROM changed ORDER BY name, camera, date"
        ).fetchall()
        days: dict[str, list[CameraDay]] = {}
        for table, camera, day in rows:
            days.setdefault(table, []).append((camera, day))
        return days

    def table_change(self, table: str, days: Sequence[CameraDay]) -> TableChange:
        """Counts the rows of a table that only one side has; equal rows are counted, since a table may repeat a row."""
        # Rows are compared by their hashes, which are smaller than the rows.
        sums = [0, 0, 0, 0]
        query = 'SELECT camera, "date", hash(rows) AS content, count(*) AS n FROM {} AS rows GROUP BY ALL'
        for _ in self._batches(query, table, days):
            found = self.scratch.execute(
                """SELECT coalesce(sum(before), 0), coalesce(sum(after), 0),
                          coalesce(sum(greatest(before - after, 0)), 0), coalesce(sum(greatest(after - before, 0)), 0)
                   FROM (SELECT coalesce(a.n, 0) AS before, coalesce(b.n, 0) AS after
                         FROM a FULL JOIN b USING (camera, date, content))"""
            ).fetchone()
            assert found is not None
            sums = [total + int(more) for total, more in zip(sums, found, strict=True)]
        return TableChange(table, len(days), *sums)

    def count_changes(self, days: Sequence[CameraDay]) -> Iterator[CountChange]:
        """Yields the camera-days whose sums of ``counts`` differ."""
        sums = ", ".join(f"sum({name})::DOUBLE AS {name}" for name in COUNT_MEASURES)
        query = f'SELECT camera, "date", {sums} FROM {{}} GROUP BY ALL'
        both = ", ".join(f"coalesce({side}.{name}, 0)" for side in "ab" for name in COUNT_MEASURES)
        half = len(COUNT_MEASURES)
        for _ in self._batches(query, "counts", days):
            rows = self.scratch.execute(
                f"SELECT camera, date, {both} FROM a FULL JOIN b USING (camera, date) ORDER BY camera, date"
            ).fetchall()
            for camera, day, *values in rows:
                before = dict(zip(COUNT_MEASURES, values[:half], strict=True))
                after = dict(zip(COUNT_MEASURES, values[half:], strict=True))
                if before != after:
                    yield CountChange(camera, day, before, after)

    def track_changes(self, days: Sequence[CameraDay]) -> Iterator[TrackChange]:
        """Yields the camera-days whose tracks differ."""
        points = 'SELECT camera, "date", track_id, time, x1, y1, x2, y2 FROM {}'
        frames = 'SELECT camera, "date", time FROM {}'
        for batch in _in_batches(days):
            for name, connection in (("a", self.a), ("b", self.b)):
                self._keep(f"points_{name}", _rows_of_days(connection, points, "track_points", batch))
                self._keep(f"observed_{name}", _rows_of_days(connection, frames, "observed_frames", batch))
            yield from (change for change in compare_tracks(self.scratch) if change.differs)

    def _batches(self, query: str, table: str, days: Sequence[CameraDay]) -> Iterator[None]:
        """Runs a query on both sides, batch by batch, into the tables ``a`` and ``b`` of ``scratch``."""
        for batch in _in_batches(days):
            for name, connection in (("a", self.a), ("b", self.b)):
                self._keep(name, _rows_of_days(connection, query, table, batch))
            yield

    def _keep(self, name: str, rows: pa.Table) -> None:
        self.scratch.register("_given", rows)
        self.scratch.execute(f"CREATE OR REPLACE TABLE {quote_name(name)} AS FROM _given")
        self.scratch.unregister("_given")


def _in_batches(days: Sequence[CameraDay]) -> Iterator[Sequence[CameraDay]]:
    for first in range(0, len(days), DAYS_PER_BATCH):
        yield days[first : first + DAYS_PER_BATCH]


def _rows_of_days(connection: duckdb.DuckDBPyConnection, query: str, table: str, days: Sequence[CameraDay]) -> pa.Table:
    """Returns the result of a query in which ``{}`` is replaced by a table's rows of these camera-days."""
    cameras = ", ".join(quote_text(camera) for camera in sorted({camera for camera, _ in days}))
    first, last = min(day for _, day in days), max(day for _, day in days)
    # The plain conditions let DuckDB skip whole files; the join then removes the rows between the days.
    rows = f"""(FROM "{table}" SEMI JOIN (SELECT unnest($cameras) AS camera, unnest($dates)::DATE AS "date") AS wanted
             USING (camera, "date") WHERE camera IN ({cameras}) AND "date" BETWEEN '{first}' AND '{last}')"""
    given = {"cameras": [camera for camera, _ in days], "dates": [day.isoformat() for _, day in days]}
    return connection.execute(query.format(rows), given).to_arrow_table()
