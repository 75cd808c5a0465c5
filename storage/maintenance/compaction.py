"""Compaction: receipts move into the manifest, and small files become one a table and camera-day, or camera-month.

Nothing changes for readers, then or in between: new files are written first, one put-if-absent of the manifest's next
head makes them hold, and only then go the loose receipts. What is killed before that has left the old state; files
that it wrote are swept later. Files that no receipt names any more stay for a grace time, for readers at work.
"""

import json
import secrets
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import groupby

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from schemas.errors import TransientError
from schemas.tables import TABLES
from schemas.values import SCAN_OP, UNIT_TAG_DIGITS, UnitFile
from storage.files import sha256_file
from storage.store.live_rows import files_of, newest_of, seen_by_readers
from storage.store.manifest import MERGED_SCHEMA, RETIRED_SCHEMA, Head, Part, month_of, next_head
from storage.store.parquet import UNIT_COLUMN, file_schema, in_schema, write_units
from storage.store.receipts import RECEIPT_SCHEMA, as_text, receipts_to_arrow
from storage.store.scan_rows import SCANNED_PREFIX, keep_scanned
from storage.store.snapshot import seen_files
from storage.store.store import Store, joined

GRACE_H = 24.0
"""Hours for which files that were replaced stay, for readers who began before."""

MONTH_ROWS = 1_000_000
"""Camera-days of a past month become one file only while they have no more rows than that, all tables together."""

_THREADS = 2

_TO_MERGE = """
WITH units AS (
    SELECT "table", camera, "date", "name", mark, max(rows) AS rows, bool_or(seen) AS seen FROM files GROUP BY ALL
), months AS (
    SELECT "table", camera, "date"[:7] AS month, coalesce(sum(rows) FILTER (seen), 0) <= $month_rows AS small
    FROM units GROUP BY "table", camera, month
), spans AS (
    SELECT units.*, if(small AND month < (SELECT max("date")[:7] FROM units), month, "date") AS span,
        "name" IN (SELECT "name" FROM units WHERE NOT seen) AS mixed
    FROM units JOIN months ON units."table" = months."table" AND units.camera = months.camera AND "date"[:7] = month
), crowded AS (
    SELECT "table", camera, span FROM spans WHERE seen GROUP BY "table", camera, span
    HAVING bool_or(mixed) OR count(DISTINCT "name") > 1
), sources AS (
    SELECT "name" FROM spans SEMI JOIN crowded USING ("table", camera, span) WHERE seen
    UNION SELECT "name" FROM dropped
)
SELECT "table", camera, span, seen, "name", mark FROM spans SEMI JOIN sources USING ("name")
ORDER BY "table", camera, span, seen, "date", "name", mark
"""
"""Units that move to a new file: all of every file that is a source of a merge, so that a file always holds the rows of
just those receipts that name it. Sources are where readers have more than one file of a span, or a file with rows that
they do not see, and files with rows that are to go. Work that newer work has replaced is kept apart."""


@dataclass(frozen=True)
class Compaction:
    """What a compaction did.

    Attributes:
        head: number of the manifest's head that holds now.
        receipts: how many moved into the manifest.
        merged, written: files that were merged, and files that they became.
        deleted: files that were removed, because nobody may read them any more.
    """

    head: int
    receipts: int = 0
    merged: int = 0
    written: int = 0
    deleted: int = 0


def compact(
    store: Store,
    grace_h: float = GRACE_H,
    month_rows: int = MONTH_ROWS,
    without: Collection[str] = (),
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Compaction:
    """Compacts a store; with nothing to do, nothing is written.

    Args:
        grace_h: hours for which replaced files stay.
        month_rows: camera-days of a past month are merged further while they have no more rows than that.
        without: fingerprints of receipts that are to be dropped, and the rows of their units with them, at once:
            purged, or damaged.
        on_progress: called with files written, and files to write.

    Raises:
        TransientError: another compaction got ahead of this one; nothing was changed.
        StoreFull: no space is left; nothing was changed.
    """
    loose = store.loose_receipts()
    head = store.manifest.head()
    every = joined(store.manifest.receipts(head), receipts_to_arrow(loose.values()))
    goes = pc.is_in(every["fingerprint"], pa.array(sorted(without), pa.string()))
    kept, dropped = every.filter(pc.invert(goes)), every.filter(goes)
    named = _files_seen(store, kept)
    spans = _spans(named, _files_of(dropped), month_rows)
    staying, expired = _retired(store, head, datetime.now(UTC) - timedelta(hours=grace_h))
    if not (loose or spans or dropped.num_rows):
        gone = {name for name in expired - set(named["name"].to_pylist()) if store.blobs.exists(name)}
        store.blobs.delete(gone)
        return Compaction(head.number, deleted=len(gone))
    changed = {month_of(each.date) for each in loose.values()} | set(_months(dropped)) | {span.month for span in spans}
    with ExitStack() as undo:
        undo.callback(store.blobs.delete, [span.file for span in spans])
        moved, merged = _merge(store, spans, on_progress)
        after = _with_files(kept, moved)
        new = _next_head(store, head, after, merged, changed, _names(every), staying)
        undo.pop_all()
    # First: were this killed after the head, they would come back, and name a merged file that has rows of others too.
    doomed = set(_dropped_before(store, head, dropped))
    store.blobs.delete([name for name, each in loose.items() if each.fingerprint in doomed])
    _publish(store, head, new, merged)
    gone = expired | _names(dropped) | _retired_beside(store.manifest.retired(new), dropped)
    if grace_h <= 0:
        gone |= _retired(store, new, datetime.now(UTC))[1]
    gone -= _names(after)  # a dropped receipt comes back if its loose file outlives a kill
    gone -= {part.name for part in new.parts()}
    store.blobs.delete(loose)  # first: while it stands, a reader looks for its files
    store.blobs.delete(gone)
    sources = {unit.name for span in spans for unit in span.units}
    return Compaction(new.number, len(loose), len(sources), merged.num_rows, len(gone))


@dataclass(frozen=True)
class _Span:
    """What becomes one file: units of a table and camera, of one day or of one month."""

    table: str
    camera: str
    span: str
    units: tuple[UnitFile, ...]
    file: str

    @property
    def month(self) -> str:
        return month_of(self.span)


def _spans(named: pa.Table, dropped: pa.Table, month_rows: int) -> list[_Span]:
    with duckdb.connect() as con:
        con.register("files", named)
        con.register("dropped", dropped)
        rows = con.execute(_TO_MERGE, {"month_rows": month_rows}).fetchall()
    units: dict[tuple[str, str, str, bool], list[UnitFile]] = defaultdict(list)
    for table, camera, span, seen, name, mark in rows:
        units[table, camera, span, seen].append(UnitFile(name, mark))
    return [
        _Span(table, camera, span, tuple(members), f"{_folder(table, camera, span)}-{secrets.token_hex(4)}.parquet")
        for (table, camera, span, _), members in units.items()
    ]


def _folder(table: str, camera: str, span: str) -> str:
    """Where a merged file stands, and how its name begins."""
    partition, kind = ("month", "month") if span == month_of(span) else ("date", "day")
    return f"{table}/camera={camera}/{partition}={span}/{kind}"


def _merge(
    store: Store, spans: Sequence[_Span], on_progress: Callable[[int, int], None]
) -> tuple[dict[UnitFile, str], pa.Table]:
    """Writes the merged files.

    Returns:
        the new file of each unit by table and mark, and the files as rows of ``MERGED_SCHEMA``.
    """
    moved: dict[UnitFile, str] = {}
    rows = []
    with ThreadPoolExecutor(_THREADS) as pool:
        for span, row in zip(spans, pool.map(lambda span: _merge_span(store, span), spans), strict=True):
            moved.update({UnitFile(span.table, unit.unit_tag): row["name"] for unit in span.units})
            rows.append(row)
            on_progress(len(rows), len(spans))
    return moved, pa.Table.from_pylist(rows, MERGED_SCHEMA)


def _merge_span(store: Store, span: _Span) -> dict[str, str]:
    with store.blobs.create(span.file) as path:
        rows = write_units(path, TABLES[span.table], _rows_of(store, span))
        values = (span.file, span.table, span.camera, rows, path.stat().st_size, sha256_file(path))
    return dict(zip(MERGED_SCHEMA.names, values, strict=True))


def _rows_of(store: Store, span: _Span) -> Iterator[pa.Table]:
    """Marked rows, those of each unit by themselves."""
    spec = TABLES[span.table]
    schema = file_schema(spec)
    for name, members in groupby(span.units, key=lambda unit: unit.name):
        marks = sorted({unit.unit_tag for unit in members})
        rows = in_schema(store.read_units(span.table, name, schema.names, marks), schema)
        if len(marks) == 1:
            yield rows
        else:
            yield from (rows.filter(pc.equal(rows[UNIT_COLUMN], mark)) for mark in marks)


def _with_files(receipts: pa.Table, moved: Mapping[UnitFile, str]) -> pa.Table:
    """Receipts that name the merged files, whose hashes the manifest has."""
    marks = pc.utf8_slice_codeunits(receipts["fingerprint"], 0, UNIT_TAG_DIGITS)
    touched = pc.is_in(marks, pa.array(sorted({mark for _, mark in moved}), pa.string()))
    rows = receipts.filter(touched).to_pylist()
    for row in rows:
        files, hashes, mark = json.loads(row["files"]), json.loads(row["sha256"]), row["fingerprint"][:UNIT_TAG_DIGITS]
        for table in files:
            if UnitFile(table, mark) in moved:
                files[table] = moved[UnitFile(table, mark)]
                hashes.pop(table, None)
        row["files"], row["sha256"] = as_text(files), as_text(hashes)
    return pa.concat_tables([receipts.filter(pc.invert(touched)), pa.Table.from_pylist(rows, RECEIPT_SCHEMA)])


def _next_head(
    store: Store,
    head: Head,
    receipts: pa.Table,
    written: pa.Table,
    changed: Collection[str],
    former: set[str],
    retired: pa.Table,
) -> Head:
    """Writes what is to change of the manifest.

    Args:
        receipts: every receipt that there is to be.
        written: merged files that are new.
        changed: months whose receipts are not as the head before has them.
        former: files that receipts named before.
        retired: files that were replaced before, and stay for now.

    Raises:
        TransientError: another head of its number holds already; nothing was changed.
        StoreFull: no space is left; nothing was changed.
    """
    manifest = store.manifest
    named = _files_seen(store, receipts)
    names = set(named["name"].to_pylist())
    merged = pa.concat_tables([manifest.merged(head), written])
    merged = merged.filter(pc.is_in(merged["name"], pa.array(sorted(names), pa.string())))
    new = next_head(
        head,
        shards=_shards(store, head, receipts, changed),
        merged=manifest.write("files", merged),
        seen=manifest.write("seen", seen_files(named)),
        retired=None,
        scanned=keep_scanned(store, head, newest_of(receipts.filter(pc.equal(receipts["op"], SCAN_OP)))),
    )
    gone = former - names | _new_parts(head, new)
    fresh = pa.table({"name": sorted(gone), "since": pa.repeat(pa.scalar(datetime.now(UTC)), len(gone))})
    return replace(new, retired=manifest.write("retired", pa.concat_tables([retired, fresh.cast(RETIRED_SCHEMA)])))


def _publish(store: Store, head: Head, new: Head, written: pa.Table) -> None:
    if not store.manifest.publish(new):
        store.blobs.delete([*written["name"].to_pylist(), *_new_parts(new, head)])
        raise TransientError("another compaction of this store got ahead; nothing was changed, try again")


def _dropped_before(store: Store, head: Head, dropped: pa.Table) -> list[str]:
    """Fingerprints of work that is to be dropped and that the manifest has: loose, it is only said to hold again."""
    if not dropped.num_rows:
        return []
    known = store.manifest.receipts(head, months=sorted(_months(dropped)))["fingerprint"]
    prints: list[str] = known.filter(pc.is_in(known, dropped["fingerprint"].combine_chunks())).to_pylist()
    return prints


def _new_parts(one: Head, other: Head) -> set[str]:
    """Parts of the manifest that one head names and the other does not."""
    return {part.name for part in one.parts()} - {part.name for part in other.parts()}


def _shards(store: Store, head: Head, receipts: pa.Table, changed: Collection[str]) -> dict[str, Part]:
    months = pc.utf8_slice_codeunits(receipts["date"], 0, len("2026-03"))
    shards = {month: part for month, part in head.shards.items() if month not in changed}
    for month in sorted(changed):
        rows = receipts.filter(pc.equal(months, month))
        if rows.num_rows:
            # Sorted by op, so that those of one op are read without the others.
            rows = rows.sort_by([(name, "ascending") for name in ("op", "camera", "date", "unit", "committed")])
            shards[month] = store.manifest.write(f"receipts-{month}", rows)
    return shards


def _retired(store: Store, head: Head, oldest: datetime) -> tuple[pa.Table, set[str]]:
    """Of the files that were replaced, those that stay for readers at work, and the names of the others."""
    retired = store.manifest.retired(head)
    over = pc.less_equal(retired["since"], pa.scalar(oldest, RETIRED_SCHEMA.field("since").type))
    return retired.filter(pc.invert(over)), set(retired.filter(over)["name"].to_pylist())


def _retired_beside(retired: pa.Table, dropped: pa.Table) -> set[str]:
    """Replaced files that may hold the rows that are to go: those of the same camera-days, and what scans knew."""
    if not dropped.num_rows:
        return set()
    every = _files_of(dropped).select(["table", "camera", "date"]).group_by(["table", "camera", "date"]).aggregate([])
    days = {(row["table"], row["camera"], row["date"]) for row in every.to_pylist()}
    folders = {
        _folder(table, camera, span).rpartition("/")[0]
        for table, camera, date in days
        for span in (date, month_of(date))
    }
    names = retired["name"].to_pylist()
    return {name for name in names if name.rpartition("/")[0] in folders or name.startswith(SCANNED_PREFIX)}


def _months(receipts: pa.Table) -> list[str]:
    months: list[str] = pc.utf8_slice_codeunits(receipts["date"], 0, len("2026-03")).unique().to_pylist()
    return months


def _files_seen(store: Store, receipts: pa.Table) -> pa.Table:
    return files_of(receipts, seen_by_readers(store, receipts))


def _files_of(receipts: pa.Table) -> pa.Table:
    return files_of(receipts, pa.repeat(pa.scalar(False), receipts.num_rows))


def _names(receipts: pa.Table) -> set[str]:
    return set(_files_of(receipts)["name"].to_pylist())
