"""The audit of a store: every file is hashed again and compared with what was written down of it."""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.errors import NightshiftError
from schemas.values import UNIT_TAG_DIGITS
from storage.blobs import Blob
from storage.maintenance.faults import Fault, Finding, UnitName, hash_of, no_access
from storage.maintenance.sweep import SWEPT_H, manifest_files, swept_files
from storage.maintenance.tombstones import TOMBSTONES_FOLDER, read_tombstones
from storage.maintenance.verify_manifest import audit_manifest, headless_shards
from storage.store.parquet import UNIT_COLUMN, first_line
from storage.store.receipts import RECEIPTS_FOLDER, from_json, receipt_path, receipts_to_arrow
from storage.store.store import Store, joined
from storage.store.video_files import AUDITS_TABLE, PARTS_TABLE, PUBLISHED_TABLE, VIDEO_TABLES, named_video

_THREADS = 2

_EXPECTED = """
WITH entries AS (
    SELECT unnest(map_entries(files::JSON::MAP(VARCHAR, VARCHAR))) AS entry,
        sha256::JSON::MAP(VARCHAR, VARCHAR) AS hashes, number
    FROM receipts WHERE files <> '{}'
), files AS (
    SELECT entry.value AS "name", any_value(entry.key) AS "table", max(hashes[entry.key]) AS sha256,
        list(number ORDER BY number) AS numbers
    FROM entries WHERE entry.value <> '' GROUP BY "name"
)
SELECT files."name", files."table", coalesce(merged.sha256, files.sha256) AS sha256, numbers
FROM files LEFT JOIN merged ON merged."name" = files."name" ORDER BY files."name"
"""


@dataclass(frozen=True)
class Audit:
    """What an audit found.

    Attributes:
        findings: by kind and name.
        files, size_bytes: how many files were compared with their hash, and their size.
    """

    findings: tuple[Finding, ...]
    files: int
    size_bytes: int

    @property
    def faults(self) -> list[Finding]:
        """What is to be repaired: a young file that nothing names yet may be about to be committed."""
        return [finding for finding in self.findings if finding.fault is not Fault.YOUNG]


def audit(
    store: Store, on_progress: Callable[[int, int], None] = lambda _done, _total: None, young_h: float = SWEPT_H
) -> Audit:
    """Compares every file of a store with its hash; changes nothing.

    Args:
        on_progress: called with bytes read, and bytes to read.
        young_h: a file that nothing names is no orphan before it is so many hours old.

    Raises:
        SiteError: a newer Nightshift wrote the manifest.
    """
    return _Audit(store, on_progress, young_h).run()


def torn_receipts(store: Store) -> list[Finding]:
    """Receipts that cannot be read."""
    findings = []
    for blob in store.blobs.list(RECEIPTS_FOLDER):
        try:
            receipt = from_json(store.blobs.read(blob.name))
        except FileNotFoundError:
            continue  # compacted while this one looked
        except PermissionError as error:
            raise no_access(store.blobs, blob.name) from error
        except (OSError, ValueError) as error:
            findings.append(Finding(Fault.TORN, blob.name, f"a receipt that cannot be read: {first_line(error)}"))
        else:
            if blob.name not in (receipt_path(receipt), receipt_path(receipt, again=True)):
                findings.append(Finding(Fault.TORN, blob.name, "a receipt of other work than its name says"))
    return findings


class _Audit:
    """One audit while it is made."""

    def __init__(self, store: Store, on_progress: Callable[[int, int], None], young_h: float) -> None:
        self._store = store
        self._on_progress = on_progress
        self._oldest = time.time() - young_h * 3600
        self._hashed: dict[str, str] = {}
        self._at_rest: dict[str, Blob] = {}
        self._bytes = self._bytes_total = 0

    def run(self) -> Audit:
        findings = self._look()
        if any(finding.fault is Fault.MISSING for finding in findings):
            # It may have been compacted, or joined, while this one looked; nothing is hashed twice.
            findings = self._look()
        findings.sort(key=lambda finding: (finding.fault, finding.name))
        return Audit(tuple(findings), len(self._hashed), self._bytes)

    def _look(self) -> list[Finding]:
        store = self._store
        # Before the receipts: see storage/maintenance/sweep.py.
        self._at_rest = {blob.name: blob for blob in swept_files(store)}
        self._bytes_total = sum(blob.size_bytes for blob in self._at_rest.values())
        torn = [*torn_receipts(store), *_torn_tombstones(store)]
        loose = receipts_to_arrow(store.loose_receipts().values())
        broken, head = audit_manifest(store)
        receipts = joined(store.manifest.receipts(head), loose)
        expected = expected_files(receipts, store.manifest.merged(head))
        of_tables = self._tables(receipts, expected)
        whole = _without(receipts, expected, {finding.name for finding in of_tables})
        of_video, paths = self._video(whole)
        if not (torn or broken):
            known = manifest_files(store, head)
            broken = headless_shards(store, self._at_rest.keys(), known, receipts)
            unnamed = self._unnamed({*expected["name"].to_pylist(), *paths, *known})
            return [*broken, *of_tables, *of_video, *([] if broken else unnamed)]
        return [*torn, *broken, *of_tables, *of_video]

    def _tables(self, receipts: pa.Table, expected: pa.Table) -> list[Finding]:
        wrong = self._compare(expected["name"].to_pylist(), expected["sha256"].to_pylist())
        return [
            Finding(fault, expected["name"][row].as_py(), detail, _units(receipts, expected["numbers"][row].as_py()))
            for row, (fault, detail) in wrong.items()
        ]

    def _video(self, receipts: pa.Table) -> tuple[list[Finding], list[str]]:
        """What is wrong with video and audits that rows name, and every path that they name.

        Parts need not be there once they are joined to a file that is sound.
        """
        times = _times(receipts)
        published = named_video(self._store, receipts, PUBLISHED_TABLE)
        wrong = self._compare(published["path"].to_pylist(), published["sha256"].to_pylist())
        joined_at: dict[tuple[str, str], datetime] = {}
        for number, row in enumerate(published.to_pylist()):
            footage, last = (row["camera"], row["footage_id"]), times[row[UNIT_COLUMN]][1]
            if number not in wrong:
                joined_at[footage] = max(last, joined_at.get(footage, last))
        parts = named_video(self._store, receipts, PARTS_TABLE)
        waiting = []
        for row in parts.to_pylist():
            done = joined_at.get((row["camera"], row["footage_id"]))
            waiting.append(done is None or done < times[row[UNIT_COLUMN]][0])
        lone = parts.filter(pa.array(waiting, pa.bool_()))
        lost = self._compare(lone["path"].to_pylist(), lone["sha256"].to_pylist())
        audits = named_video(self._store, receipts, AUDITS_TABLE)
        doubtful = self._compare(audits["path"].to_pylist(), audits["sha256"].to_pylist())
        findings = [
            Finding(fault, rows["path"][row].as_py(), detail, _marked(receipts, rows[UNIT_COLUMN][row].as_py()))
            for rows, found in ((published, wrong), (lone, lost), (audits, doubtful))
            for row, (fault, detail) in found.items()
        ]
        return findings, [path for rows in (published, parts, audits) for path in rows["path"].to_pylist()]

    def _compare(self, names: Sequence[str], hashes: Sequence[str | None]) -> dict[int, tuple[Fault, str]]:
        """Hashes files, two at a time; gives what is wrong, by place in the list."""
        wrong = {}
        with ThreadPoolExecutor(_THREADS) as pool:
            for place, fault in enumerate(pool.map(self._fault, names, hashes)):
                if fault is not None:
                    wrong[place] = fault
        return wrong

    def _fault(self, name: str, sha256: str | None) -> tuple[Fault, str] | None:
        known = self._hashed.get(name)
        if known is None:
            try:
                known = self._hashed[name] = hash_of(self._store.blobs, name)
            except FileNotFoundError:
                return Fault.MISSING, "it is not there"
            except OSError as error:
                return Fault.ALTERED, f"it cannot be read: {first_line(error)}"
            self._bytes += self._at_rest[name].size_bytes if name in self._at_rest else 0
            self._on_progress(self._bytes, self._bytes_total)
        return None if sha256 in (None, known) else (Fault.ALTERED, "its content is not what was written")

    def _unnamed(self, named: Collection[str]) -> Iterator[Finding]:
        for name, blob in self._at_rest.items():
            if name not in named and blob.modified < self._oldest:
                yield Finding(Fault.ORPHANED, name, "nothing names it")
            elif name not in named:
                yield Finding(Fault.YOUNG, name, "nothing names it yet: it may be about to be committed")


def _torn_tombstones(store: Store) -> list[Finding]:
    try:
        read_tombstones(store)
    except NightshiftError as error:
        return [Finding(Fault.TORN, TOMBSTONES_FOLDER, str(error))]
    return []


def expected_files(receipts: pa.Table, merged: pa.Table) -> pa.Table:
    """The files that receipts name: ``name``, ``table``, ``sha256`` (null if not known), ``numbers`` of receipts."""
    with duckdb.connect() as con:
        numbers = pa.array(np.arange(receipts.num_rows))
        con.register("receipts", receipts.select(["files", "sha256"]).append_column("number", numbers))
        con.register("merged", merged)
        return con.execute(_EXPECTED).to_arrow_table()


def _without(receipts: pa.Table, expected: pa.Table, damaged: Collection[str]) -> pa.Table:
    """Receipts none of whose files is damaged."""
    bad = expected.filter(pc.is_in(expected["name"], pa.array(sorted(damaged), pa.string())))
    numbers = np.unique(pc.list_flatten(bad["numbers"]).to_numpy())
    keep = np.ones(receipts.num_rows, dtype=bool)
    keep[numbers.astype(np.int64)] = False
    return receipts.filter(pa.array(keep))


def _units(receipts: pa.Table, numbers: Sequence[int]) -> tuple[UnitName, ...]:
    rows = receipts.select(UnitName._fields).take(pa.array(numbers, pa.int64()))
    return tuple(sorted({UnitName(**row) for row in rows.to_pylist()}))


def _marked(receipts: pa.Table, mark: str) -> tuple[UnitName, ...]:
    marks = pc.utf8_slice_codeunits(receipts["fingerprint"], 0, UNIT_TAG_DIGITS)
    return _units(receipts, pc.indices_nonzero(pc.equal(marks, mark)).to_pylist())


def _times(receipts: pa.Table) -> Mapping[str, tuple[datetime, datetime]]:
    """When the work with a mark was first committed, and when last, by mark; only of ops that make video."""
    video = receipts.filter(pc.match_substring_regex(receipts["files"], f'"({"|".join(VIDEO_TABLES)})":'))
    marks = pc.utf8_slice_codeunits(video["fingerprint"], 0, UNIT_TAG_DIGITS)
    table = pa.table({"mark": marks, "committed": video["committed"]})
    spans = table.group_by("mark").aggregate([("committed", "min"), ("committed", "max")])
    return {row["mark"]: (row["committed_min"], row["committed_max"]) for row in spans.to_pylist()}
