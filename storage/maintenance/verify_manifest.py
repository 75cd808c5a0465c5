"""The audit of the manifest: torn heads, damaged parts, and shards whose head is gone."""

from collections.abc import Collection
from dataclasses import replace

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.errors import NightshiftError, SiteError
from storage.blobs import Blobs
from storage.maintenance.faults import Fault, Finding, hash_of
from storage.maintenance.tombstones import read_tombstones
from storage.store.manifest import MANIFEST_FOLDER, Head, Manifest, Part
from storage.store.parquet import first_line
from storage.store.receipts import RECEIPT_SCHEMA
from storage.store.store import Store

_SHARD = f"{MANIFEST_FOLDER}/receipts-"

_ONLY_THERE = """
WITH entries AS (
    SELECT fingerprint, unnest(map_values(files::JSON::MAP(VARCHAR, VARCHAR))) AS "name" FROM stray
)
SELECT count(DISTINCT fingerprint) FROM stray
WHERE fingerprint NOT IN (SELECT fingerprint FROM receipts) AND fingerprint NOT IN (SELECT fingerprint FROM purged)
    AND fingerprint NOT IN (
        SELECT fingerprint FROM entries WHERE "name" <> '' AND "name" NOT IN (SELECT "name" FROM names)
    )
"""


def audit_manifest(store: Store) -> tuple[list[Finding], Head]:
    """What is wrong with the manifest, and the newest sound head, with those parts that are sound."""
    torn, head = _newest_sound(store.manifest)
    wrong = [finding for part in head.parts() if (finding := _part_fault(store.blobs, part)) is not None]
    bad = {finding.name for finding in wrong}

    def sound(part: Part | None) -> Part | None:
        return None if part is None or part.name in bad else part

    shards = {month: part for month, part in head.shards.items() if part.name not in bad}
    merged, seen, retired = (sound(part) for part in (head.merged, head.seen, head.retired))
    return [*torn, *wrong], replace(head, shards=shards, merged=merged, seen=seen, retired=retired)


def headless_shards(store: Store, names: Collection[str], known: Collection[str], receipts: pa.Table) -> list[Finding]:
    """Shards that hold receipts which nothing else has: the head that named them is gone.

    What a killed compaction left holds no such receipts, nor does what a purge or a repair has dropped count.

    Args:
        names: the files that are there, looked up before the receipts.
        known: files that the head names, or keeps for readers.
        receipts: every receipt, loose or by the head.
    """
    findings = []
    for name in sorted(name for name in names if name.startswith(_SHARD) and name not in known):
        try:
            with store.blobs.open(name) as file:
                stray = pq.read_table(file).select(RECEIPT_SCHEMA.names)
        except (OSError, pa.ArrowException, KeyError):
            continue  # half of one is left by a power cut, and no head ever named it
        with duckdb.connect() as con:
            con.register("stray", stray)
            con.register("receipts", receipts)
            con.register("purged", _column("fingerprint", [stone.fingerprint for stone in read_tombstones(store)]))
            con.register("names", _column("name", names))
            ((count,),) = con.execute(_ONLY_THERE).fetchall()
        if count:
            detail = f"{count} units are committed by it alone: the head that named it is gone"
            findings.append(Finding(Fault.HEADLESS, name, detail))
    return findings


def _column(name: str, values: Collection[str]) -> pa.Table:
    return pa.table({name: pa.array(values, pa.string())})


def _newest_sound(manifest: Manifest) -> tuple[list[Finding], Head]:
    """Torn heads after the newest sound one, and that."""
    torn: list[Finding] = []
    for number in reversed(manifest.numbers()):
        try:
            return torn, manifest.head_of(number)
        except SiteError:
            raise
        except FileNotFoundError:
            continue  # compacted while this one looked
        except NightshiftError:
            torn.append(Finding(Fault.TORN, Head(number).name, "it says what is committed, and cannot be read"))
    return torn, Head()


def _part_fault(blobs: Blobs, part: Part) -> Finding | None:
    detail = f"a part of the manifest, {part.rows} rows"
    try:
        sound = hash_of(blobs, part.name) == part.sha256
    except FileNotFoundError:
        return Finding(Fault.MISSING, part.name, detail)
    except OSError as error:
        return Finding(Fault.ALTERED, part.name, f"{detail}: {first_line(error)}")
    return None if sound else Finding(Fault.ALTERED, part.name, detail)
