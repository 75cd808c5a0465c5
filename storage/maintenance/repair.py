"""Repair: removes what verification finds damaged, so that the next run makes it again.

What is sound is not made again, and the archive is never touched. A damaged manifest is rebuilt from the parts that are
left (docs/decisions/0012-purge-and-repair.md).
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas.errors import NightshiftError, TransientError
from storage.arrow_sql import numbered, query
from storage.maintenance.compaction import drop_receipts, retired_files, sort_shard
from storage.maintenance.permissions import protect
from storage.maintenance.problems import Problem, ProblemKind, UnitName, hash_blob
from storage.maintenance.sweep import manifest_files, sweep, sweepable_files
from storage.maintenance.tombstones import read_tombstones
from storage.maintenance.verify import Verification, expected_files, verify
from storage.maintenance.verify_manifest import find_headless_shards, verify_manifest
from storage.maintenance.verify_receipts import find_torn_receipts, refused_receipts
from storage.store.layout import MANIFEST_FOLDER, months_of
from storage.store.live_rows import is_live, live_files
from storage.store.manifest import MERGED_SCHEMA, RETIRED_SCHEMA, Head, next_head
from storage.store.parquet import READING, UNIT_COLUMN
from storage.store.receipts import RECEIPT_SCHEMA, files_of
from storage.store.store import Store

_DROPPED = (ProblemKind.MISSING, ProblemKind.ALTERED, ProblemKind.FOREIGN)
"""Kinds of problems whose units are dropped, so that they run again."""

_IDENTITY = 'op, camera, "date", unit, fingerprint'

# Of each unit's versions, the receipts of the newest shard in which they name only files that exist: after a merge an
# older shard names files that are gone.
_BEST = f"""
WITH sound AS (
    SELECT * FROM receipts WHERE number NOT IN (
        SELECT number FROM files WHERE "name" NOT IN (SELECT "name" FROM names)
    )
), best AS (
    SELECT {_IDENTITY}, max(shard) AS shard FROM sound GROUP BY ALL
)
SELECT min(number) AS number FROM sound JOIN best USING ({_IDENTITY}, shard)
GROUP BY {_IDENTITY}, run_id ORDER BY number
"""


@dataclass(frozen=True)
class Repair:
    """What a repair did.

    Attributes:
        verification: what verification found, after the manifest was rebuilt if it had to be.
        manifest: problems of the manifest.
        torn: receipts that could not be read; they are removed.
        lost_receipts: number of the manifest's receipts that nothing is left of; their units run again.
        dropped: units whose results were damaged; they run again.
        deleted: files that were removed: torn receipts, altered files, and files that nothing names any more.
        exposed: private folders that other users could read; they are private now.
    """

    verification: Verification
    manifest: tuple[Problem, ...]
    torn: tuple[Problem, ...]
    lost_receipts: int
    dropped: tuple[UnitName, ...]
    deleted: tuple[str, ...]
    exposed: tuple[Problem, ...] = ()

    @property
    def unrepairable(self) -> list[Problem]:
        """Returns the problems that need a backup, another user, or a clock set right."""
        kinds = (ProblemKind.TORN, ProblemKind.EXPOSED, ProblemKind.LINK, ProblemKind.FUTURE)
        return [
            problem
            for problem in self.verification.to_repair
            if problem.kind in kinds or (problem.kind in _DROPPED and not problem.units)
        ]


def repair(store: Store, on_progress: Callable[[int, int], None] = lambda _done, _total: None) -> Repair:
    """Removes what is damaged from a store.

    Args:
        on_progress: called with bytes read, and bytes to read.

    Raises:
        TransientError: a compaction came first again and again; what was done so far is sound.
        StoreFull: no space is left.
    """
    broken, head = _manifest_problems(store)
    lost = _rebuild_manifest(store, broken, head) if broken else 0
    torn = find_torn_receipts(store)
    deleted = [problem.name for problem in torn]
    store.blobs.delete(deleted)
    exposed = protect(store)
    found = verify(store, on_progress)
    # What belongs to no unit, as a version of a layer, is made again by no run: it stays for who has a backup.
    damaged = [problem for problem in found.to_repair if problem.kind in _DROPPED and problem.units]
    dropped = sorted({unit for problem in damaged for unit in problem.units})
    drop_receipts(store, {unit.fingerprint for unit in dropped})
    altered = [problem.name for problem in damaged if problem.kind is ProblemKind.ALTERED]
    store.blobs.delete(altered)  # a unit that runs again may write published video under the same name
    deleted += [*altered, *sweep(store)]
    return Repair(found, tuple(broken), tuple(torn), lost, tuple(dropped), tuple(sorted({*deleted})), tuple(exposed))


def _manifest_problems(store: Store) -> tuple[list[Problem], Head]:
    names = [blob.name for blob in sweepable_files(store)]
    broken, head = verify_manifest(store)
    if not broken:
        broken = find_headless_shards(store, names, manifest_files(store, head), store.read_receipts().rows)
    return broken, head


def _rebuild_manifest(store: Store, broken: Collection[Problem], head: Head) -> int:
    """Rebuilds the manifest from every sound part, of newer heads and of older ones.

    Args:
        broken: the problems of the manifest.
        head: the newest sound head, reduced to its sound parts.

    Returns:
        The number of lost receipts, as far as it is known.
    """
    readable = (ProblemKind.HEADLESS, ProblemKind.FOREIGN)  # what is sound in them is kept
    bad = {problem.name for problem in broken if problem.kind not in readable}
    parts = [blob.name for blob in sweepable_files(store) if blob.name.startswith(f"{MANIFEST_FOLDER}/")]
    former = [name for name in parts if name not in bad]
    retired_now = pa.table([former, [datetime.now(UTC)] * len(former)], schema=RETIRED_SCHEMA)
    receipts = _recovered_receipts(store, bad)
    merged = _recovered_hashes(store, bad, receipts)
    receipts = sort_shard(_without_bad_scans(store, receipts, merged))
    months = months_of(receipts)
    manifest = store.manifest
    known = sum(part.rows for part in manifest.head_of(head.number).shards.values()) if head.number else 0
    new = next_head(
        replace(head, number=max(manifest.numbers(), default=0)),
        shards={
            month: manifest.write(f"receipts-{month}", receipts.filter(pc.equal(months, month)))
            for month in sorted(months.unique().to_pylist())
        },
        merged=manifest.write("files", merged),
        # An empty head, so that scan rows come from the scans' own files: the copies may be what is damaged.
        live=manifest.write("live", live_files(files_of(receipts, is_live(store, receipts, Head())))),
        retired=manifest.write("retired", pa.concat_tables([retired_files(manifest, head), retired_now])),
        scan_rows={},  # the next compaction writes them
    )
    if not manifest.publish(new):
        raise TransientError("a compaction of this store came before the repair; nothing was changed, try again")
    # Torn heads stay: a compaction that began before could take their number.
    store.blobs.delete(problem.name for problem in broken if problem.kind is ProblemKind.ALTERED)
    return max(0, known - int(receipts.num_rows))


def _recovered_receipts(store: Store, bad: Collection[str]) -> pa.Table:
    """Returns the receipts of all readable shards, without those that were purged since."""
    shards = [_accepted(shard) for shard in _readable_parts(store, "receipts", bad, RECEIPT_SCHEMA)]
    ages = [pa.repeat(pa.scalar(age), shard.num_rows) for age, shard in enumerate(shards)]
    every = pa.concat_tables([RECEIPT_SCHEMA.empty_table(), *shards])
    receipts = numbered(every, "op", "camera", "date", "unit", "fingerprint", "run_id")
    receipts = receipts.append_column("shard", pa.chunked_array(ages, pa.int64()))
    names = pa.table({"name": pa.array([blob.name for blob in sweepable_files(store)], pa.string())})
    every = every.take(query(_BEST, receipts=receipts, files=files_of(every), names=names)["number"])
    purged = {tombstone.fingerprint: tombstone.purged for tombstone in read_tombstones(store)}
    fingerprints, times = every["fingerprint"].to_pylist(), every["committed"].to_pylist()
    gone = [one in purged and committed <= purged[one] for one, committed in zip(fingerprints, times, strict=True)]
    return every.filter(pc.invert(pa.array(gone, pa.bool_())))


def _accepted(receipts: pa.Table) -> pa.Table:
    accepted = np.ones(receipts.num_rows, dtype=bool)
    accepted[[*refused_receipts(receipts)]] = False
    return receipts.filter(pa.array(accepted))


def _recovered_hashes(store: Store, bad: Collection[str], receipts: pa.Table) -> pa.Table:
    """Returns the hashes of merged files; where they are lost, those of the files as they are, if they can be read."""
    found = pa.concat_tables([MERGED_SCHEMA.empty_table(), *_readable_parts(store, "files", bad, MERGED_SCHEMA)])
    known = {row["name"]: row for row in found.to_pylist()}
    expected = expected_files(receipts, found)
    cameras = receipts["camera"]
    for row in expected.filter(pc.is_null(expected["sha256"])).to_pylist():
        known[row["name"]] = _as_it_is(store, row["name"], row["table"], cameras[row["numbers"][0]].as_py())
    return pa.Table.from_pylist([known[name] for name in sorted(known)], MERGED_SCHEMA)


def _as_it_is(store: Store, name: str, table: str, camera: str) -> dict[str, object]:
    try:
        rows, sha256 = store.read_units(table, name, [UNIT_COLUMN], None).num_rows, hash_blob(store.blobs, name)
    except NightshiftError:
        rows, sha256 = 0, ""  # no file has this hash, so verification reports it as altered
    return {"name": name, "table": table, "camera": camera, "rows": rows, "size_bytes": 0, "sha256": sha256}


def _without_bad_scans(store: Store, receipts: pa.Table, merged: pa.Table) -> pa.Table:
    """Leaves out scans whose segments cannot be read: with them nobody could say which rows are live."""
    expected = expected_files(receipts, merged)
    drop = np.zeros(receipts.num_rows, dtype=bool)
    for row in expected.filter(pc.equal(expected["table"], "segments")).to_pylist():
        if hash_blob(store.blobs, row["name"]) != row["sha256"]:
            drop[row["numbers"]] = True
    return receipts.filter(pa.array(~drop))


def _readable_parts(store: Store, kind: str, bad: Collection[str], schema: pa.Schema) -> list[pa.Table]:
    """Reads the sound parts of the manifest of one kind, oldest first, whichever head they belong to."""
    blobs = [blob for blob in store.blobs.list(MANIFEST_FOLDER) if blob.name.startswith(f"{MANIFEST_FOLDER}/{kind}-")]
    tables = []
    for blob in sorted(blobs, key=lambda blob: (blob.modified, blob.name)):
        if blob.name in bad:
            continue
        try:
            with store.blobs.open(blob.name) as file:
                tables.append(pq.read_table(file, **READING).select(schema.names).cast(schema))
        except (OSError, pa.ArrowException, KeyError):
            continue  # left by a killed compaction, or superseded long ago; the caller counts what is lost
    return tables
