"""Repair: what an audit finds damaged is taken out, so that the next run makes it anew.

Nothing that is sound is made again, and the archive is never touched. Receipts of damaged files go; a manifest that
is damaged itself is put together again from the parts that are left.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas.errors import NightshiftError, TransientError
from storage.maintenance.drop import drop_receipts
from storage.maintenance.faults import Fault, Finding, UnitName, hash_of
from storage.maintenance.sweep import manifest_files, sweep, swept_files
from storage.maintenance.tombstones import read_tombstones
from storage.maintenance.verify import Audit, audit, expected_files, torn_receipts
from storage.maintenance.verify_manifest import audit_manifest, headless_shards
from storage.store.live_rows import files_of, seen_by_readers
from storage.store.manifest import MANIFEST_FOLDER, MERGED_SCHEMA, RETIRED_SCHEMA, Head, next_head
from storage.store.parquet import UNIT_COLUMN
from storage.store.receipts import RECEIPT_SCHEMA
from storage.store.snapshot import seen_files
from storage.store.store import Store

_IDENTITY = 'op, camera, "date", unit, fingerprint'

_BEST = f"""
WITH entries AS (
    SELECT number, unnest(map_values(files::JSON::MAP(VARCHAR, VARCHAR))) AS "name" FROM receipts
), broken AS (
    SELECT DISTINCT number FROM entries WHERE "name" <> '' AND "name" NOT IN (SELECT "name" FROM names)
), sound AS (
    SELECT * FROM receipts WHERE number NOT IN (FROM broken)
), best AS (
    SELECT {_IDENTITY}, max(shard) AS shard FROM sound GROUP BY ALL
)
SELECT min(number) AS number FROM sound JOIN best USING ({_IDENTITY}, shard)
GROUP BY {_IDENTITY}, run_id ORDER BY number
"""
"""Of each unit's versions, the receipts of the newest shard in which they name files that are there."""


@dataclass(frozen=True)
class Repair:
    """What a repair did.

    Attributes:
        found: what the audit found; after the manifest was put together again, if it had to be.
        manifest: what was wrong with the manifest.
        torn: receipts that could not be read; they are removed.
        lost_receipts: how many the manifest had that nothing is left of: their units run again.
        dropped: units whose results were damaged: they run again.
        deleted: files that were removed: torn receipts, and what nothing names any more.
    """

    found: Audit
    manifest: tuple[Finding, ...]
    torn: tuple[Finding, ...]
    lost_receipts: int
    dropped: tuple[UnitName, ...]
    deleted: tuple[str, ...]

    @property
    def beyond(self) -> list[Finding]:
        """What has to be put back from a backup."""
        return [finding for finding in self.found.faults if finding.fault is Fault.TORN]


def repair(store: Store, on_progress: Callable[[int, int], None] = lambda _done, _total: None) -> Repair:
    """Takes what is damaged out of a store.

    Args:
        on_progress: called with bytes read, and bytes to read.

    Raises:
        TransientError: a compaction got in the way again and again; what was done so far is sound.
        StoreFull: no space is left.
    """
    broken, head = _manifest_faults(store)
    lost = _rebuild_manifest(store, broken, head) if broken else 0
    torn = torn_receipts(store)
    deleted = [finding.name for finding in torn]
    store.blobs.delete(deleted)
    found = audit(store, on_progress)
    damaged = [finding for finding in found.faults if finding.fault in (Fault.MISSING, Fault.ALTERED)]
    dropped = sorted({unit for finding in damaged for unit in finding.units})
    drop_receipts(store, {unit.fingerprint for unit in dropped})
    altered = [finding.name for finding in damaged if finding.fault is Fault.ALTERED]
    store.blobs.delete(altered)  # a file of work that runs again may get the same name
    deleted += [*altered, *sweep(store)]
    return Repair(found, tuple(broken), tuple(torn), lost, tuple(dropped), tuple(sorted({*deleted})))


def _manifest_faults(store: Store) -> tuple[list[Finding], Head]:
    names = [blob.name for blob in swept_files(store)]
    broken, head = audit_manifest(store)
    if not broken:
        broken = headless_shards(store, names, manifest_files(store, head), store.receipts_arrow())
    return broken, head


def _rebuild_manifest(store: Store, broken: Collection[Finding], head: Head) -> int:
    """Puts the manifest together from whatever sound parts there are, of newer heads and of older ones.

    Args:
        broken: what is wrong with it.
        head: the newest sound head, with its sound parts.

    Returns:
        how many receipts are lost, as far as that is known.
    """
    bad = {finding.name for finding in broken if finding.fault is not Fault.HEADLESS}
    former = [name for name in _parts_at_rest(store) if name not in bad]
    receipts = _recovered_receipts(store, bad)
    merged = _recovered_files(store, bad, receipts)
    receipts = _without_bad_segments(store, receipts, merged)
    # By op, so that those of one op are read without the others.
    receipts = receipts.sort_by([(name, "ascending") for name in ("op", "camera", "date", "unit", "committed")])
    manifest = store.manifest
    known = sum(part.rows for part in manifest.head_of(head.number).shards.values()) if head.number else 0
    new = next_head(
        replace(head, number=max(manifest.numbers(), default=0)),
        shards={
            month: manifest.write(f"receipts-{month}", receipts.filter(pc.equal(_months(receipts), month)))
            for month in sorted(_months(receipts).unique().to_pylist())
        },
        merged=manifest.write("files", merged),
        # By a head without rows of scans: those of the one that holds may be what is damaged.
        seen=manifest.write("seen", seen_files(files_of(receipts, seen_by_readers(store, receipts, Head())))),
        retired=manifest.write("retired", pa.concat_tables([manifest.retired(head), _retired_now(former)])),
        scanned={},  # the next compaction writes them anew
    )
    if not manifest.publish(new):
        raise TransientError("a compaction of this store got ahead of the repair; nothing was changed, try again")
    # A torn head stays: its number must not be free for a compaction that began before.
    store.blobs.delete(finding.name for finding in broken if finding.fault is Fault.ALTERED)
    return max(0, known - int(receipts.num_rows))


def _parts_at_rest(store: Store) -> list[str]:
    return [blob.name for blob in swept_files(store) if blob.name.startswith(f"{MANIFEST_FOLDER}/")]


def _retired_now(names: Sequence[str]) -> pa.Table:
    return pa.table([names, [datetime.now(UTC)] * len(names)], schema=RETIRED_SCHEMA)


def _months(receipts: pa.Table) -> pa.ChunkedArray:
    return pc.utf8_slice_codeunits(receipts["date"], 0, len("2026-03"))


def _recovered_receipts(store: Store, bad: Collection[str]) -> pa.Table:
    """Receipts of all readable shards; what was purged since stays purged."""
    shards = _readable(store, "receipts", bad, RECEIPT_SCHEMA)
    ages = [pa.repeat(pa.scalar(age), shard.num_rows) for age, shard in enumerate(shards)]
    every = pa.concat_tables([RECEIPT_SCHEMA.empty_table(), *shards])
    with duckdb.connect() as con:
        columns = ["op", "camera", "date", "unit", "fingerprint", "run_id", "files"]
        numbered = every.select(columns).append_column("number", pa.array(np.arange(every.num_rows)))
        con.register("receipts", numbered.append_column("shard", pa.chunked_array(ages, pa.int64())))
        con.register("names", pa.table({"name": pa.array([blob.name for blob in swept_files(store)], pa.string())}))
        every = every.take(con.execute(_BEST).to_arrow_table()["number"])
    purged = {stone.fingerprint: stone.purged for stone in read_tombstones(store)}
    prints, times = every["fingerprint"].to_pylist(), every["committed"].to_pylist()
    buried = [one in purged and committed <= purged[one] for one, committed in zip(prints, times, strict=True)]
    return every.filter(pc.invert(pa.array(buried, pa.bool_())))


def _recovered_files(store: Store, bad: Collection[str], receipts: pa.Table) -> pa.Table:
    """Hashes of merged files; where they are lost, those of the files as they are now, if they can be read."""
    found = pa.concat_tables([MERGED_SCHEMA.empty_table(), *_readable(store, "files", bad, MERGED_SCHEMA)])
    known = {row["name"]: row for row in found.to_pylist()}
    expected = expected_files(receipts, found)
    cameras = receipts["camera"]
    for row in expected.filter(pc.is_null(expected["sha256"])).to_pylist():
        known[row["name"]] = _as_it_is(store, row["name"], row["table"], cameras[row["numbers"][0]].as_py())
    return pa.Table.from_pylist([known[name] for name in sorted(known)], MERGED_SCHEMA)


def _as_it_is(store: Store, name: str, table: str, camera: str) -> dict[str, object]:
    try:
        rows, sha256 = store.read_units(table, name, [UNIT_COLUMN], None).num_rows, hash_of(store.blobs, name)
    except NightshiftError:
        rows, sha256 = 0, ""  # no file has this hash: the audit will say that it is altered
    return {"name": name, "table": table, "camera": camera, "rows": rows, "size_bytes": 0, "sha256": sha256}


def _without_bad_segments(store: Store, receipts: pa.Table, merged: pa.Table) -> pa.Table:
    """Leaves out scans whose segments cannot be read: without them nobody can say what readers see."""
    expected = expected_files(receipts, merged)
    drop = np.zeros(receipts.num_rows, dtype=bool)
    for row in expected.filter(pc.equal(expected["table"], "segments")).to_pylist():
        if hash_of(store.blobs, row["name"]) != row["sha256"]:
            drop[row["numbers"]] = True
    return receipts.filter(pa.array(~drop))


def _readable(store: Store, kind: str, bad: Collection[str], schema: pa.Schema) -> list[pa.Table]:
    """The parts of the manifest of one kind that can be read, oldest first, whichever head they belong to."""
    blobs = [blob for blob in store.blobs.list(MANIFEST_FOLDER) if blob.name.startswith(f"{MANIFEST_FOLDER}/{kind}-")]
    tables = []
    for blob in sorted(blobs, key=lambda blob: (blob.modified, blob.name)):
        if blob.name in bad:
            continue
        try:
            with store.blobs.open(blob.name) as file:
                tables.append(pq.read_table(file).select(schema.names).cast(schema))
        except (OSError, pa.ArrowException, KeyError):
            continue  # of a killed compaction, or long replaced: what is lost is counted by who asks
    return tables
