"""Retention: finds what is past its limit, and deletes it, so that no file keeps a row of it."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.tables import TABLES
from storage.arrow_sql import numbered, query
from storage.blobs import Blob, Blobs
from storage.blobs.names import leads_out
from storage.files import first_line, sha256_file
from storage.maintenance.compaction import drop_units
from storage.maintenance.scrub import scrub
from storage.maintenance.sweep import sweep
from storage.maintenance.tombstones import PurgeRecord, read_tombstones, write_tombstones
from storage.store.parquet import UNIT_COLUMN, file_schema
from storage.store.receipts import files_of, unit_files
from storage.store.store import Store

LIMIT_SCHEMA = pa.schema([("op", pa.string()), ("camera", pa.string()), ("before", pa.string())])
"""One row per op and camera: its results of dates before this one are past their limit."""

_SAME_TIME_S = 0.001
_OUTSIDE = "its path, or a link on its way, leads out of the archive: what lies there is not deleted"

_PAST_LIMIT = """
SELECT number FROM receipts JOIN limits USING (op, camera) WHERE receipts."date" < "before" ORDER BY number
"""


@dataclass(frozen=True)
class KeptFile:
    """A footage file that is past its limit and stays, with the reason."""

    path: str
    reason: str


@dataclass(frozen=True)
class Deletion:
    """Everything that a purge deletes.

    Attributes:
        records: what is recorded of it.
        footage: files, relative to the archive.
        named: files that rows name, relative to the store: video, and rasters.
        fingerprints: fingerprints of the receipts to drop, together with their rows.
    """

    records: tuple[PurgeRecord, ...]
    footage: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    fingerprints: frozenset[str] = frozenset()


def is_past_limit(receipts: pa.Table, limits: pa.Table) -> npt.NDArray[np.bool_]:
    """Returns which receipts are past their limit.

    Args:
        limits: rows of ``LIMIT_SCHEMA``; ops and cameras without one are kept for ever.

    Returns:
        ``(len(receipts),)`` bool.
    """
    past = np.zeros(receipts.num_rows, dtype=bool)
    found = query(_PAST_LIMIT, receipts=numbered(receipts, "op", "camera", "date"), limits=limits)
    past[found["number"].to_numpy()] = True
    return past


def segment_days(store: Store, scans: pa.Table) -> Mapping[str, set[str]]:
    """Returns the local dates of the segments that scans found, by unit tag of the scan."""
    schema = pa.schema([file_schema(TABLES["segments"]).field(name) for name in ("date", UNIT_COLUMN)])
    rows = store.read_rows("segments", unit_files(scans, "segments"), schema)
    days: dict[str, set[str]] = defaultdict(set)
    for unit_tag, date in zip(rows[UNIT_COLUMN].to_pylist(), rows["date"].to_pylist(), strict=True):
        days[unit_tag].add(date)
    return days


def unit_sizes(receipts: pa.Table, units: pa.Table, sizes: Mapping[str, int]) -> Mapping[str, tuple[set[str], float]]:
    """Returns the files with rows of some units, and the bytes of the units' share in them, by fingerprint.

    Args:
        receipts: every receipt, since units share files.
        units: receipts of the units.
        sizes: bytes by file.
    """
    users = files_of(receipts).select(["name", "unit_tag"]).group_by(["name", "unit_tag"]).aggregate([])
    users = users.group_by("name").aggregate([("unit_tag", "count")])
    named = files_of(units)
    users = users.filter(pc.is_in(users["name"], named["name"].combine_chunks()))
    shares = {row["name"]: sizes.get(row["name"], 0) / row["unit_tag_count"] for row in users.to_pylist()}
    fingerprints = units["fingerprint"].take(named["number"]).to_pylist()
    found: dict[str, set[str]] = defaultdict(set)
    for fingerprint, name in zip(fingerprints, named["name"].to_pylist(), strict=True):
        found[fingerprint].add(name)
    return {one: (names, sum(shares[name] for name in names)) for one, names in found.items()}


class ArchiveFiles:
    """The files of an archive as they are now; each folder is listed once."""

    def __init__(self, archive: Blobs) -> None:
        self._archive = archive
        self._listed: dict[str, dict[str, Blob]] = {}

    def has(self, path: str) -> bool:
        """Returns whether a file exists in the archive, whatever its content, or behind a link."""
        return self._blob(path) is not None

    def deletable(self, rows: Iterable[Mapping[str, object]]) -> tuple[list[str], list[KeptFile]]:
        """Splits footage files that exist into those that are as the scan found them, and those that are not.

        Args:
            rows: of the table ``footage``.
        """
        same, kept = [], []
        for row in rows:
            blob = self._blob(str(row["path"]))
            reason = self._why_kept(str(row["path"]), blob, row)
            if reason:
                kept.append(KeptFile(str(row["path"]), reason))
            elif blob is not None:
                same.append(blob.name)
        return same, kept

    def _why_kept(self, path: str, blob: Blob | None, row: Mapping[str, object]) -> str:
        """Returns why footage may not be deleted; an empty string if it may be, or does not exist."""
        if leads_out(path) or (blob is not None and not self._archive.contains(path)):
            return _OUTSIDE
        return "" if blob is None else _difference(self._archive, blob, row)

    def _blob(self, path: str) -> Blob | None:
        if leads_out(path):
            return None
        folder = path.rpartition("/")[0]
        if folder not in self._listed:
            self._listed[folder] = {blob.name: blob for blob in self._archive.list(folder)}
        return self._listed[folder].get(path)


def _difference(archive: Blobs, blob: Blob, row: Mapping[str, object]) -> str:
    """Returns why a file is not the one that the scan found; an empty string if it is."""
    if row["content_sha256"] is None:
        return "its content was never read"
    if blob.size_bytes != row["size_bytes"]:
        return "its size has changed since the last scan"
    if abs(blob.modified - int(str(row["mtime_ns"])) / 1e9) <= _SAME_TIME_S:
        return ""
    with archive.local(blob.name) as path:
        return "" if sha256_file(path) == row["content_sha256"] else "its content has changed since the last scan"


def delete(
    store: Store,
    archive: Blobs,
    deletion: Deletion,
    purge_id: str,
    now: datetime,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> list[KeptFile]:
    """Deletes what is past its limit. If it is killed at any moment, the next purge finishes it.

    Args:
        on_progress: called with the number of rewritten files, and of files to rewrite.

    Returns:
        Footage that cannot be deleted.

    Raises:
        TransientError: compactions came first again and again; the next purge finishes.
        StoreFull: no space is left to rewrite files that hold other rows too; the next purge finishes.
    """
    # The order matters to a purge that is killed: tombstones first, so that the next one knows what was to go;
    # files before the rows that name them.
    began = time.time()
    new = _not_yet_recorded(store, deletion.records)
    if new:
        write_tombstones(store, purge_id, now, new)
    kept = []
    for path in deletion.footage:
        try:
            if archive.contains(path):  # again: a link may be newer than the plan
                archive.delete([path])
            else:
                kept.append(KeptFile(path, _OUTSIDE))
        except OSError as error:
            kept.append(KeptFile(path, f"it cannot be deleted: {first_line(error)}"))
    store.blobs.delete(deletion.named)
    drop_units(store, deletion.fingerprints, on_progress)
    scrub(store, began)
    sweep(store)
    return kept


def _not_yet_recorded(store: Store, records: Sequence[PurgeRecord]) -> list[PurgeRecord]:
    """Returns records without the units that an earlier purge, perhaps a killed one, has recorded."""
    known = {(each.op, each.camera, each.date, each.unit, each.fingerprint) for each in read_tombstones(store)}
    new = []
    for record in records:
        day = (record.camera, record.date)
        units = tuple(unit for unit in record.units if (unit.op, *day, unit.unit, unit.fingerprint) not in known)
        if units:
            new.append(replace(record, units=units))
    return new
