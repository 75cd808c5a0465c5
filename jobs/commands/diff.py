"""What changed between two runs: rows by table, counts by camera-day, tracks gained and lost.

Only camera-days in which some unit was made anew are looked at, so that the cost is that of the change, not of the
archive.
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
from storage.sql import open_sql

DAYS_AT_ONCE = 100
"""Camera-days whose rows are held in memory together."""

COUNT_MEASURES = ("mean_count", "max_count", "distinct_tracks", "dwell_s")
"""Columns of ``counts`` that are added up over zones, labels and bins of a camera-day."""

Day = tuple[str, date]
"""A camera, and the local date at which its units start."""


@dataclass(frozen=True)
class TableChange:
    """How a table changed, over the camera-days in which units that write it were made anew.

    Attributes:
        rows_a, rows_b: rows in those camera-days.
        lost, gained: rows that only the earlier, or only the later, version has.
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
    """What changed from one run to another. Each part is ordered, and has only what did change."""

    run_a: str
    run_b: str
    units: int
    tables: tuple[TableChange, ...]
    counts: tuple[CountChange, ...]
    tracks: tuple[TrackChange, ...]

    @property
    def nothing(self) -> bool:
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
        return diff(a, b, run_a, run_b)


def diff(a: duckdb.DuckDBPyConnection, b: duckdb.DuckDBPyConnection, run_a: str, run_b: str) -> Difference:
    """Compares what two connections see, each of the store as of one run.

    Args:
        a, b: connections with a view a table, among them ``receipts``, whose column ``current`` tells what readers see.
    """
    scratch = duckdb.connect(":memory:")
    try:
        units = _changed_units(scratch, a, b)
        days = _changed_days(scratch)
        tables = [_table_change(scratch, a, b, table, days[table]) for table in TABLES if table in days]
        return Difference(
            run_a,
            run_b,
            units,
            tuple(change for change in tables if change.lost or change.gained),
            tuple(_count_changes(scratch, a, b, days.get("counts", []))),
            tuple(_track_changes(scratch, a, b, days.get("track_points", []))),
        )
    finally:
        scratch.close()


def _changed_units(
    scratch: duckdb.DuckDBPyConnection, a: duckdb.DuckDBPyConnection, b: duckdb.DuckDBPyConnection
) -> int:
    """Notes in ``scratch`` the receipts that only one side sees; gives how many units they are of."""
    for name, connection in (("a", a), ("b", b)):
        seen = "SELECT op, camera, date, unit, fingerprint, files FROM receipts WHERE current"
        _keep(scratch, f"receipts_{name}", connection.execute(seen).to_arrow_table())
    scratch.execute(
        """CREATE TABLE changed AS SELECT op, camera, date::DATE AS date, unit, files FROM (
               (FROM receipts_a ANTI JOIN receipts_b USING (op, camera, date, unit, fingerprint))
               UNION ALL (FROM receipts_b ANTI JOIN receipts_a USING (op, camera, date, unit, fingerprint)))"""
    )
    return _number(scratch, "SELECT count(*) FROM (SELECT DISTINCT op, camera, date, unit FROM changed)")


def _changed_days(scratch: duckdb.DuckDBPyConnection) -> dict[str, list[Day]]:
    """By table, the camera-days that have a unit that changed and, before or after, rows in it."""
    rows = scratch.execute(
        "SELECT DISTINCT unnest(json_keys(files)) AS name, camera, date FROM changed ORDER BY name, camera, date"
    ).fetchall()
    days: dict[str, list[Day]] = {}
    for table, camera, day in rows:
        days.setdefault(table, []).append((camera, day))
    return days


def _table_change(
    scratch: duckdb.DuckDBPyConnection,
    a: duckdb.DuckDBPyConnection,
    b: duckdb.DuckDBPyConnection,
    table: str,
    days: Sequence[Day],
) -> TableChange:
    sums = [0, 0, 0, 0]
    query = 'SELECT camera, "date", hash(rows) AS content, count(*) AS n FROM {} AS rows GROUP BY ALL'
    for _ in _both(scratch, a, b, query, table, days):
        found = scratch.execute(
            """SELECT coalesce(sum(before), 0), coalesce(sum(after), 0),
                      coalesce(sum(greatest(before - after, 0)), 0), coalesce(sum(greatest(after - before, 0)), 0)
               FROM (SELECT coalesce(a.n, 0) AS before, coalesce(b.n, 0) AS after
                     FROM a FULL JOIN b USING (camera, date, content))"""
        ).fetchone()
        assert found is not None
        sums = [total + int(more) for total, more in zip(sums, found, strict=True)]
    return TableChange(table, len(days), *sums)


def _count_changes(
    scratch: duckdb.DuckDBPyConnection,
    a: duckdb.DuckDBPyConnection,
    b: duckdb.DuckDBPyConnection,
    days: Sequence[Day],
) -> Iterator[CountChange]:
    sums = ", ".join(f"sum({name})::DOUBLE AS {name}" for name in COUNT_MEASURES)
    query = f'SELECT camera, "date", {sums} FROM {{}} GROUP BY ALL'
    both = ", ".join(f"coalesce({side}.{name}, 0)" for side in "ab" for name in COUNT_MEASURES)
    for _ in _both(scratch, a, b, query, "counts", days):
        rows = scratch.execute(
            f"SELECT camera, date, {both} FROM a FULL JOIN b USING (camera, date) ORDER BY camera, date"
        ).fetchall()
        for camera, day, *values in rows:
            half = len(COUNT_MEASURES)
            before, after = (dict(zip(COUNT_MEASURES, part, strict=True)) for part in (values[:half], values[half:]))
            if before != after:
                yield CountChange(camera, day, before, after)


def _track_changes(
    scratch: duckdb.DuckDBPyConnection,
    a: duckdb.DuckDBPyConnection,
    b: duckdb.DuckDBPyConnection,
    days: Sequence[Day],
) -> Iterator[TrackChange]:
    points = 'SELECT camera, "date", track_id, time, x1, y1, x2, y2 FROM {}'
    for some in _portions(days):
        for name, connection in (("a", a), ("b", b)):
            _keep(scratch, f"points_{name}", _of_days(connection, points, "track_points", some))
            looked = _of_days(connection, 'SELECT camera, "date", time FROM {}', "observed_frames", some)
            _keep(scratch, f"looked_{name}", looked)
        yield from (change for change in compare_tracks(scratch) if change.differs)


def _both(
    scratch: duckdb.DuckDBPyConnection,
    a: duckdb.DuckDBPyConnection,
    b: duckdb.DuckDBPyConnection,
    query: str,
    table: str,
    days: Sequence[Day],
) -> Iterator[None]:
    """Runs a query on both sides, some days at a time, into the tables ``a`` and ``b`` of ``scratch``."""
    for some in _portions(days):
        for name, connection in (("a", a), ("b", b)):
            _keep(scratch, name, _of_days(connection, query, table, some))
        yield


def _portions(days: Sequence[Day]) -> Iterator[Sequence[Day]]:
    for first in range(0, len(days), DAYS_AT_ONCE):
        yield days[first : first + DAYS_AT_ONCE]


def _of_days(connection: duckdb.DuckDBPyConnection, query: str, table: str, days: Sequence[Day]) -> pa.Table:
    """The result of a query whose ``{}`` stands for a table's rows of these camera-days."""
    cameras = ", ".join(_quoted(camera) for camera in sorted({camera for camera, _ in days}))
    first, last = min(day for _, day in days), max(day for _, day in days)
    # The plain conditions let DuckDB leave out files; the join then leaves out what lies between the days.
    rows = f"""(FROM "{table}" SEMI JOIN (SELECT unnest($cameras) AS camera, unnest($dates)::DATE AS "date") AS asked
             USING (camera, "date") WHERE camera IN ({cameras}) AND "date" BETWEEN '{first}' AND '{last}')"""
    given = {"cameras": [camera for camera, _ in days], "dates": [day.isoformat() for _, day in days]}
    return connection.execute(query.format(rows), given).to_arrow_table()


def _keep(scratch: duckdb.DuckDBPyConnection, name: str, table: pa.Table) -> None:
    scratch.register("_given", table)
    scratch.execute(f'CREATE OR REPLACE TABLE "{name}" AS FROM _given')
    scratch.unregister("_given")


def _number(scratch: duckdb.DuckDBPyConnection, query: str) -> int:
    found = scratch.execute(query).fetchone()
    assert found is not None
    return int(found[0])


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
