"""Retention: what is past its time, and its deletion, of which not a row is left in any file."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.tables import TABLES
from schemas.values import FOOTAGE_OP
from storage.blobs import Blob, Blobs
from storage.files import sha256_file
from storage.maintenance.drop import drop_units
from storage.maintenance.sweep import named_files, sweep
from storage.maintenance.tombstones import Grave, put_tombstones, read_tombstones
from storage.store.live_rows import files_of
from storage.store.manifest import month_of
from storage.store.parquet import UNIT_COLUMN, first_line
from storage.store.store import Store

LIMIT_SCHEMA = pa.schema([("op", pa.string()), ("camera", pa.string()), ("before", pa.string())])
"""One row an op and camera: its results of dates before this one are past their time."""

_SAME_TIME_S = 0.001

_PAST = """
SELECT number FROM receipts JOIN limits USING (op, camera) WHERE receipts."date" < "before" ORDER BY number
"""


@dataclass(frozen=True)
class Left:
    """A footage file that is past its time and stays, and why."""

    path: str
    why: str


@dataclass(frozen=True)
class Deletion:
    """What is to be deleted.

    Attributes:
        graves: what is written down of it.
        footage: files below the archive.
        video: files below the store.
        fingerprints: of the receipts that go, and their rows with them.
    """

    graves: tuple[Grave, ...]
    footage: tuple[str, ...] = ()
    video: tuple[str, ...] = ()
    fingerprints: frozenset[str] = frozenset()


def past(receipts: pa.Table, limits: pa.Table) -> npt.NDArray[np.bool_]:
    """Of each receipt, whether it is past its time.

    Args:
        limits: rows of ``LIMIT_SCHEMA``; what has none is kept for ever.

    Returns:
        ``(len(receipts),)`` bool.
    """
    gone = np.zeros(receipts.num_rows, dtype=bool)
    with duckdb.connect() as con:
        numbers = pa.array(np.arange(receipts.num_rows))
        con.register("receipts", receipts.select(["op", "camera", "date"]).append_column("number", numbers))
        con.register("limits", limits)
        gone[con.execute(_PAST).to_arrow_table()["number"].to_numpy()] = True
    return gone


def segment_days(store: Store, scans: pa.Table) -> Mapping[str, set[str]]:
    """The local dates of the segments of some scans, by the mark of the scan."""
    days: dict[str, set[str]] = defaultdict(set)
    for row in _named(scans).to_pylist():
        if row["table"] == "segments":
            rows = store.read_units("segments", row["name"], ["date", UNIT_COLUMN], [row["mark"]])
            days[row["mark"]].update(rows["date"].to_pylist())
    return days


def sizes_of(receipts: pa.Table, doomed: pa.Table, sizes: Mapping[str, int]) -> Mapping[str, tuple[set[str], float]]:
    """The files that some units stand in, and how many bytes of them are theirs, by fingerprint.

    Args:
        receipts: every receipt, since files are shared.
        doomed: those of the units.
        sizes: bytes by file.
    """
    users = _named(receipts).select(["name", "mark"]).group_by(["name", "mark"]).aggregate([])
    users = users.group_by("name").aggregate([("mark", "count")])
    named = _named(doomed)
    users = users.filter(pc.is_in(users["name"], named["name"].combine_chunks()))
    shares = {row["name"]: sizes.get(row["name"], 0) / row["mark_count"] for row in users.to_pylist()}
    prints = doomed["fingerprint"].take(named["number"]).to_pylist()
    found: dict[str, set[str]] = defaultdict(set)
    for fingerprint, name in zip(prints, named["name"].to_pylist(), strict=True):
        found[fingerprint].add(name)
    return {one: (names, sum(shares[name] for name in names)) for one, names in found.items()}


def _named(receipts: pa.Table) -> pa.Table:
    return files_of(receipts, pa.repeat(pa.scalar(False), receipts.num_rows))


class ArchiveFiles:
    """The files of an archive as they are now; each folder is listed once."""

    def __init__(self, archive: Blobs) -> None:
        self._archive = archive
        self._listed: dict[str, dict[str, Blob]] = {}

    def has(self, path: str) -> bool:
        """Whether there is such a file, of whatever content."""
        return self._blob(path) is not None

    def deletable(self, rows: Iterable[Mapping[str, object]]) -> tuple[list[str], list[Left]]:
        """Which footage files are there as the scan found them, and which are there but are not what it found.

        Args:
            rows: of the table ``footage``.
        """
        there, left = [], []
        for row in rows:
            blob = self._blob(str(row["path"]))
            why = "" if blob is None else _differs(self._archive, blob, row)
            if why:
                left.append(Left(str(row["path"]), why))
            elif blob is not None:
                there.append(blob.name)
        return there, left

    def _blob(self, path: str) -> Blob | None:
        folder = path.rpartition("/")[0]
        if folder not in self._listed:
            self._listed[folder] = {blob.name: blob for blob in self._archive.list(folder)}
        return self._listed[folder].get(path)


def _differs(archive: Blobs, blob: Blob, row: Mapping[str, object]) -> str:
    """Why a file is not the one that the scan found; empty if it is."""
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
    what: Deletion,
    purge_id: str,
    now: datetime,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> list[Left]:
    """Deletes what is past its time; killed at any moment, the next purge finishes it.

    Args:
        on_progress: called with rewritten files, and files to rewrite.

    Returns:
        footage that cannot be deleted.

    Raises:
        TransientError: compactions got ahead again and again; the next purge finishes.
        StoreFull: no space is left to rewrite files that hold other rows too; the next purge finishes.
    """
    new = _not_yet_buried(store, what.graves)
    if new:
        put_tombstones(store, purge_id, now, new)
    left = []
    for path in what.footage:
        try:
            archive.delete([path])
        except OSError as error:
            left.append(Left(path, f"it cannot be deleted: {first_line(error)}"))
    store.blobs.delete(what.video)  # before the rows that name them
    drop_units(store, what.fingerprints, on_progress)
    _scrub(store)
    sweep(store)
    return left


def _not_yet_buried(store: Store, graves: Sequence[Grave]) -> list[Grave]:
    """Graves of what no purge has written down, one that was killed before it was done among them."""
    known = {(stone.op, stone.camera, stone.date, stone.unit, stone.fingerprint) for stone in read_tombstones(store)}
    new = []
    for grave in graves:
        place = (grave.camera, grave.date)
        units = tuple(unit for unit in grave.units if (unit.op, *place, unit.unit, unit.fingerprint) not in known)
        if units:
            new.append(replace(grave, units=units))
    return new


def _scrub(store: Store) -> None:
    """Removes replaced files of camera-days that something was purged of, which a killed purge may have left."""
    folders = set()
    for stone in read_tombstones(store):
        if stone.op != FOOTAGE_OP:
            camera = f"camera={stone.camera}"
            folders |= {(camera, f"date={stone.date}"), (camera, f"month={month_of(stone.date)}")}
    names = store.manifest.retired(store.manifest.head())["name"].to_pylist()
    old = {name for name in names if name.split("/")[0] in TABLES and tuple(name.split("/")[1:3]) in folders}
    if old:
        store.blobs.delete(old - named_files(store.receipts_arrow()))
