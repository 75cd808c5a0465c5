"""Merges small files: one per table and camera-day, or camera-month, becomes one file that many units share.

A file must hold the rows of exactly those receipts that name it. Therefore all units of a source file move, work that
newer work has superseded into files of its own: rows left behind in the old file would be seen twice by ``AS OF``
queries, and missed by a purge (docs/decisions/0008-merged-files-and-the-manifest.md).
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby

import pyarrow as pa
import pyarrow.compute as pc

from schemas.tables import TABLES
from schemas.values import UNIT_TAG_DIGITS, UnitFile
from storage.arrow_sql import query
from storage.files import sha256_file
from storage.store.layout import merged_file
from storage.store.manifest import MERGED_SCHEMA
from storage.store.parquet import UNIT_COLUMN, conform_rows, file_schema, write_units
from storage.store.receipts import RECEIPT_SCHEMA, json_text, unit_tags
from storage.store.store import Store

_THREADS = 2

# months: is a camera-month small enough to become one file? Only its live rows count.
# periods: the month of each unit, or its date: for the newest month too, since its days still grow.
# crowded: periods in which readers open more than one file, or a file with rows that are not live.
# sources: the files to take apart; also those with rows that are to be dropped.
_TO_MERGE = """
WITH units AS (
    SELECT "table", camera, "date", "name", unit_tag, max(rows) AS rows, bool_or(live) AS live FROM files GROUP BY ALL
), months AS (
    SELECT "table", camera, "date"[:7] AS month, coalesce(sum(rows) FILTER (live), 0) <= $month_rows AS small
    FROM units GROUP BY "table", camera, month
), periods AS (
    SELECT units.*, if(small AND month < (SELECT max("date")[:7] FROM units), month, "date") AS period,
        "name" IN (SELECT "name" FROM units WHERE NOT live) AS mixed
    FROM units JOIN months ON units."table" = months."table" AND units.camera = months.camera AND "date"[:7] = month
), crowded AS (
    SELECT "table", camera, period FROM periods WHERE live GROUP BY "table", camera, period
    HAVING bool_or(mixed) OR count(DISTINCT "name") > 1
), sources AS (
    SELECT "name" FROM periods SEMI JOIN crowded USING ("table", camera, period) WHERE live
    UNION SELECT "name" FROM dropped
)
SELECT "table", camera, period, live, "name", unit_tag FROM periods SEMI JOIN sources USING ("name")
ORDER BY "table", camera, period, live, "date", "name", unit_tag
"""


@dataclass(frozen=True)
class Merge:
    """One file to write: units of a table and camera, of one day or one month, all live or all superseded.

    Attributes:
        period: ``YYYY-MM-DD`` or ``YYYY-MM``.
        units: where the units' rows are now.
        file: the new file.
    """

    table: str
    camera: str
    period: str
    units: tuple[UnitFile, ...]
    file: str


def plan_merges(files: pa.Table, dropped: pa.Table, month_rows: int) -> list[Merge]:
    """Returns the files to write.

    Args:
        files: files of the receipts that stay, as ``files_of`` returns them.
        dropped: files of the receipts that are dropped.
        month_rows: camera-days of a past month become one file only while they have no more rows than this.
    """
    units: dict[tuple[str, str, str, bool], list[UnitFile]] = defaultdict(list)
    for row in query(_TO_MERGE, {"month_rows": month_rows}, files=files, dropped=dropped).to_pylist():
        group = (row["table"], row["camera"], row["period"], row["live"])
        units[group].append(UnitFile(row["name"], row["unit_tag"]))
    return [
        Merge(table, camera, period, tuple(members), merged_file(table, camera, period))
        for (table, camera, period, _), members in units.items()
    ]


def write_merges(
    store: Store, merges: Sequence[Merge], on_progress: Callable[[int, int], None]
) -> tuple[dict[UnitFile, str], pa.Table]:
    """Writes the merged files.

    Returns:
        The new file of each unit, by table and unit tag, and the files as rows of ``MERGED_SCHEMA``.
    """
    moved: dict[UnitFile, str] = {}
    rows = []
    with ThreadPoolExecutor(_THREADS) as pool:
        for merge, row in zip(merges, pool.map(lambda merge: _write(store, merge), merges), strict=True):
            moved.update({UnitFile(merge.table, unit.unit_tag): row["name"] for unit in merge.units})
            rows.append(row)
            on_progress(len(rows), len(merges))
    return moved, pa.Table.from_pylist(rows, MERGED_SCHEMA)


def _write(store: Store, merge: Merge) -> dict[str, str]:
    with store.blobs.create(merge.file) as path:
        rows = write_units(path, TABLES[merge.table], _unit_rows(store, merge))
        values = (merge.file, merge.table, merge.camera, rows, path.stat().st_size, sha256_file(path))
    return dict(zip(MERGED_SCHEMA.names, values, strict=True))


def _unit_rows(store: Store, merge: Merge) -> Iterator[pa.Table]:
    """Yields the rows of one unit after the other."""
    schema = file_schema(TABLES[merge.table])
    for name, members in groupby(merge.units, key=lambda unit: unit.name):
        tags = sorted({unit.unit_tag for unit in members})
        rows = conform_rows(store.read_units(merge.table, name, schema.names, tags), schema)
        if len(tags) == 1:
            yield rows
        else:
            yield from (rows.filter(pc.equal(rows[UNIT_COLUMN], tag)) for tag in tags)


def point_to_merged(receipts: pa.Table, moved: Mapping[UnitFile, str]) -> pa.Table:
    """Returns receipts that name the merged files; the hashes of these are in the manifest, not in receipts."""
    touched = pc.is_in(unit_tags(receipts), pa.array(sorted({tag for _, tag in moved}), pa.string()))
    rows = receipts.filter(touched).to_pylist()
    for row in rows:
        files, hashes, tag = json.loads(row["files"]), json.loads(row["sha256"]), row["fingerprint"][:UNIT_TAG_DIGITS]
        for table in files:
            if UnitFile(table, tag) in moved:
                files[table] = moved[UnitFile(table, tag)]
                hashes.pop(table, None)
        row["files"], row["sha256"] = json_text(files), json_text(hashes)
    return pa.concat_tables([receipts.filter(pc.invert(touched)), pa.Table.from_pylist(rows, RECEIPT_SCHEMA)])
