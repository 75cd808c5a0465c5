"""Compaction: receipts move into the manifest, and small files are merged (merge.py); units are dropped on the way.

Nothing changes for readers, afterwards or in between. The order makes it safe to be killed at any moment:

1. new files are written: merged files and parts of the next head. If it is killed here, they are swept later;
2. the next head is published put-if-absent, which makes all of them count at once;
3. loose receipts are removed; until then a receipt may be in both places, and the manifest's counts;
4. files that no receipt names any more stay for a grace time, for readers at work, and go with a later compaction.
   Dropped rows (purged or damaged) go at once.
"""

from collections.abc import Callable, Collection
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from schemas.errors import TransientError
from schemas.values import SCAN_OP
from storage.maintenance.merge import plan_merges, point_to_merged, write_merges
from storage.store.layout import folder_of, holds_rows, month_of, months_of
from storage.store.live_rows import is_live, live_files, newest_receipts
from storage.store.manifest import MERGED_SCHEMA, RETIRED_SCHEMA, Head, Manifest, Part, next_head
from storage.store.receipts import files_of, merge_receipts, receipts_to_arrow
from storage.store.scan_rows import SCAN_ROWS_PREFIX, write_scan_rows
from storage.store.store import Store

GRACE_H = 24.0
"""Hours for which replaced files stay, for readers who began before."""

MONTH_ROWS = 1_000_000
"""Camera-days of a past month become one file only while they have no more live rows than this; a day of a busier month
is a file of good size by itself (docs/decisions/0008-merged-files-and-the-manifest.md)."""

_TRIES = 5


@dataclass(frozen=True)
class Compaction:
    """What a compaction did.

    Attributes:
        head: number of the newest head.
        receipts: number of receipts moved into the manifest.
        merged, written: number of files merged, and of files they became.
        deleted: number of files removed that no reader needs any more.
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
    drop: Collection[str] = (),
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Compaction:
    """Compacts a store; writes nothing if there is nothing to do.

    Args:
        grace_h: hours for which replaced files stay.
        month_rows: camera-days of a past month are merged into one file while they have no more rows than this.
        drop: fingerprints of receipts to drop at once, with the rows of their units: purged, or damaged.
        on_progress: called with the number of files written, and of files to write.

    Raises:
        TransientError: another compaction came first; nothing was changed.
        StoreFull: no space is left; nothing was changed.
    """
    # Loose receipts first, the head second: see storage/store/manifest.py.
    loose = store.read_loose_receipts().rows
    head = store.manifest.head()
    every = merge_receipts(store.manifest.receipts(head), receipts_to_arrow(loose.values()))
    goes = pc.is_in(every["fingerprint"], pa.array(sorted(drop), pa.string()))
    kept, dropped = every.filter(pc.invert(goes)), every.filter(goes)
    files = files_of(kept, is_live(store, kept))
    merges = plan_merges(files, files_of(dropped), month_rows)
    staying, expired = _retired(store.manifest, head, datetime.now(UTC) - timedelta(hours=grace_h))
    if not (loose or merges or dropped.num_rows):
        gone = {name for name in expired - _names(files) if store.blobs.exists(name)}
        store.blobs.delete(gone)
        return Compaction(head.number, deleted=len(gone))
    changed = {month_of(each.date) for each in loose.values()} | set(_months(dropped))
    changed |= {month_of(merge.period) for merge in merges}
    with ExitStack() as undo:
        undo.callback(store.blobs.delete, [merge.file for merge in merges])
        moved, written = write_merges(store, merges, on_progress)
        after = point_to_merged(kept, moved)
        new = _write_head(store, head, after, written, changed, _names(files_of(every)), staying)
        undo.pop_all()
    # Loose receipts of dropped work that the manifest has too go before the head is published. If this were killed
    # between the two, they would come back, and name a merged file that also has rows of other units.
    reaffirmed = _in_manifest(store.manifest, head, dropped)
    store.blobs.delete([name for name, each in loose.items() if each.fingerprint in reaffirmed])
    _publish(store, head, new, written)
    retired = retired_files(store.manifest, new)
    gone = expired | _names(files_of(dropped)) | _retired_with(retired, dropped)
    if grace_h <= 0:
        gone |= _retired(store.manifest, new, datetime.now(UTC))[1]
    gone -= _names(files_of(after))  # a dropped receipt comes back if its loose file outlives a kill
    gone -= {part.name for part in new.parts()}
    store.blobs.delete(loose)  # before the files: while it exists, a reader looks for its files
    store.blobs.delete(gone)
    sources = {unit.name for merge in merges for unit in merge.units}
    return Compaction(new.number, len(loose), len(sources), written.num_rows, len(gone))


def drop_receipts(store: Store, fingerprints: Collection[str]) -> None:
    """Drops units wherever their receipts are, loose or in the manifest, so that they run again.

    Raises:
        TransientError: other compactions came first again and again; what the manifest has was not dropped.
        StoreFull: no space is left; what the manifest has was not dropped.
    """
    if not fingerprints:
        return
    loose = store.read_loose_receipts().rows
    store.blobs.delete([name for name, receipt in loose.items() if receipt.fingerprint in fingerprints])
    kept = store.manifest.receipts(store.manifest.head(), ["fingerprint"])["fingerprint"]
    drop_units(store, set(fingerprints).intersection(kept.to_pylist()))


def drop_units(
    store: Store,
    fingerprints: Collection[str],
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> None:
    """Drops every version of units with these fingerprints; files that they share with other units are rewritten.

    Raises:
        TransientError: other compactions came first again and again; nothing was dropped.
        StoreFull: no space is left; nothing was dropped.
    """
    for tries_left in reversed(range(_TRIES if fingerprints else 0)):
        try:
            compact(store, drop=fingerprints, on_progress=on_progress)
            return
        except TransientError:
            if not tries_left:
                raise


def _write_head(
    store: Store,
    head: Head,
    receipts: pa.Table,
    written: pa.Table,
    changed: Collection[str],
    former: set[str],
    retired: pa.Table,
) -> Head:
    """Writes the parts of the next head that differ from the last one's; returns the head, not yet published.

    Args:
        receipts: every receipt of the new head.
        written: merged files that are new.
        changed: months whose receipts differ from the last head's.
        former: files that receipts named before.
        retired: files that were replaced earlier, and stay for now.

    Raises:
        StoreFull: no space is left; nothing was changed.
    """
    manifest = store.manifest
    files = files_of(receipts, is_live(store, receipts))
    names = _names(files)
    merged = pa.concat_tables([manifest.read(head.merged, MERGED_SCHEMA), written])
    merged = merged.filter(pc.is_in(merged["name"], pa.array(sorted(names), pa.string())))
    new = next_head(
        head,
        shards=_write_shards(manifest, head, receipts, changed),
        merged=manifest.write("files", merged),
        live=manifest.write("live", live_files(files)),
        retired=None,
        scan_rows=write_scan_rows(store, head, newest_receipts(receipts.filter(pc.equal(receipts["op"], SCAN_OP)))),
    )
    gone = former - names | _parts_only_of(head, new)
    now = pa.table({"name": sorted(gone), "since": pa.repeat(pa.scalar(datetime.now(UTC)), len(gone))})
    return replace(new, retired=manifest.write("retired", pa.concat_tables([retired, now.cast(RETIRED_SCHEMA)])))


def _write_shards(manifest: Manifest, head: Head, receipts: pa.Table, changed: Collection[str]) -> dict[str, Part]:
    months = months_of(receipts)
    # Months without changes keep their files, so that a store of years is not rewritten every night.
    shards = {month: part for month, part in head.shards.items() if month not in changed}
    for month in sorted(changed):
        rows = receipts.filter(pc.equal(months, month))
        if rows.num_rows:
            shards[month] = manifest.write(f"receipts-{month}", sort_shard(rows))
    return shards


def sort_shard(receipts: pa.Table) -> pa.Table:
    """Sorts receipts by op first, so that those of one op are read without the others."""
    return receipts.sort_by([(name, "ascending") for name in ("op", "camera", "date", "unit", "committed")])


def _publish(store: Store, head: Head, new: Head, written: pa.Table) -> None:
    if not store.manifest.publish(new):
        store.blobs.delete([*written["name"].to_pylist(), *_parts_only_of(new, head)])
        raise TransientError("another compaction of this store came first; nothing was changed, try again")


def _in_manifest(manifest: Manifest, head: Head, dropped: pa.Table) -> set[str]:
    """Returns which dropped fingerprints the manifest has; a loose receipt of one only reaffirms it."""
    if not dropped.num_rows:
        return set()
    known = manifest.receipts(head, months=sorted(_months(dropped)))["fingerprint"]
    return set(known.filter(pc.is_in(known, dropped["fingerprint"].combine_chunks())).to_pylist())


def _parts_only_of(one: Head, other: Head) -> set[str]:
    return {part.name for part in one.parts()} - {part.name for part in other.parts()}


def retired_files(manifest: Manifest, head: Head) -> pa.Table:
    """Reads which files are kept for readers at work, rows of ``RETIRED_SCHEMA``; leaves out what holds no rows.

    They are going to be deleted, and anybody who can write to a store can list anything there.

    Raises:
        NightshiftError: the list is missing or torn.
    """
    retired = manifest.read(head.retired, RETIRED_SCHEMA)
    return retired.filter(pa.array([holds_rows(name) for name in retired["name"].to_pylist()], pa.bool_()))


def _retired(manifest: Manifest, head: Head, oldest: datetime) -> tuple[pa.Table, set[str]]:
    """Splits replaced files into those that stay for readers at work, and the names of the others."""
    retired = retired_files(manifest, head)
    over = pc.less_equal(retired["since"], pa.scalar(oldest, RETIRED_SCHEMA.field("since").type))
    return retired.filter(pc.invert(over)), _names(retired.filter(over))


def _retired_with(retired: pa.Table, dropped: pa.Table) -> set[str]:
    """Returns replaced files that may hold dropped rows: those of the same camera-days, and copies of scan rows."""
    if not dropped.num_rows:
        return set()
    days = files_of(dropped).select(["table", "camera", "date"]).group_by(["table", "camera", "date"]).aggregate([])
    folders = {
        folder_of(row["table"], row["camera"], period)
        for row in days.to_pylist()
        for period in (row["date"], month_of(row["date"]))
    }
    names = _names(retired)
    return {name for name in names if name.rpartition("/")[0] in folders or name.startswith(SCAN_ROWS_PREFIX)}


def _months(receipts: pa.Table) -> list[str]:
    months: list[str] = months_of(receipts).unique().to_pylist()
    return months


def _names(files: pa.Table) -> set[str]:
    return set(files["name"].to_pylist())
