"""Watches a store in tests: blobs that call a hook before each operation, live rows, and invariants."""

import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas.errors import StoreFull
from schemas.tables import TABLES
from storage.blobs import Blob, Blobs
from storage.files import sha256_file
from storage.store.manifest import MERGED_SCHEMA
from storage.store.parquet import DATE_COLUMN, UNIT_COLUMN
from storage.store.receipts import files_of
from storage.store.snapshot import Snapshot
from storage.store.store import Store
from tests.storage.rows import receipts_of

WRITES = frozenset({"write", "put_if_absent", "create", "finish", "delete"})
"""Operations that change a store. ``create`` is the beginning of a file, ``finish`` its end."""

Hook = Callable[[str, str], None]
Contents = dict[str, Counter[tuple[Any, ...]]]


class Between:
    """``Blobs`` that call ``hook(operation, name)`` before each operation, and let its exceptions through."""

    def __init__(self, blobs: Blobs, hook: Hook) -> None:
        self._blobs = blobs
        self._hook = hook

    def __getattr__(self, name: str) -> Any:
        return getattr(self._blobs, name)

    def read(self, name: str) -> bytes:
        self._hook("read", name)
        return self._blobs.read(name)

    def open(self, name: str) -> BinaryIO:
        self._hook("open", name)
        return self._blobs.open(name)

    def write(self, name: str, content: bytes) -> None:
        self._hook("write", name)
        self._blobs.write(name, content)

    def put_if_absent(self, name: str, content: bytes) -> bool:
        self._hook("put_if_absent", name)
        return self._blobs.put_if_absent(name, content)

    @contextmanager
    def create(self, name: str) -> Iterator[Path]:
        self._hook("create", name)
        with self._blobs.create(name) as path:
            yield path
            self._hook("finish", name)

    def list(self, below: str = "") -> Iterator[Blob]:
        self._hook("list", below)
        for blob in self._blobs.list(below):
            self._hook("listed", blob.name)
            yield blob

    def exists(self, name: str) -> bool:
        self._hook("exists", name)
        return self._blobs.exists(name)

    def delete(self, names: Iterable[str]) -> None:
        for name in sorted(names):
            self._hook("delete", name)
            self._blobs.delete([name])


class Killed(Exception):
    """Represents the end of a killed process."""


class Kill:
    """A hook that allows a number of writes, and no operation after them."""

    def __init__(self, passes: int) -> None:
        self._left = passes
        self._lock = threading.Lock()
        self.dead = False

    def __call__(self, operation: str, name: str) -> None:
        with self._lock:
            if operation in WRITES:
                self._left -= 1
            self.dead = self.dead or self._left < 0
        if self.dead:
            raise Killed(f"{operation} {name}")


class Full:
    """A hook that acts like a disk with room for a number of writes; deletions still succeed."""

    def __init__(self, passes: int) -> None:
        self._left = passes
        self._lock = threading.Lock()
        self.refused: list[str] = []

    def __call__(self, operation: str, name: str) -> None:
        if operation not in WRITES - {"delete"}:
            return
        with self._lock:
            self._left -= 1
            if self._left < 0:
                self.refused.append(name)
                raise StoreFull(f"no space left to write {name}")


class At:
    """A hook that acts once, before the operation of a number, counted from 0."""

    def __init__(self, number: int, act: Callable[[], object]) -> None:
        self._left = number
        self._act = act
        self.acted = False

    def __call__(self, operation: str, name: str) -> None:
        self._left -= 1
        if self._left < 0 and not self.acted:
            self.acted = True
            self._act()


class Count:
    """A hook that counts operations."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()

    def __call__(self, operation: str, name: str) -> None:
        self.calls[operation] += 1

    @property
    def writes(self) -> int:
        return sum(self.calls[operation] for operation in WRITES)


def contents(store: Store, until: datetime | None = None) -> Contents:
    """Counts live rows, with their units, by table."""
    return read(store, Snapshot(store, until=until))


def read(store: Store, snapshot: Snapshot) -> Contents:
    """Counts the rows of a snapshot, with their units, by table."""
    tags = snapshot.unit_tags() if any(files.partial for files in snapshot.files.values()) else None
    found: Contents = {}
    for name, files in snapshot.files.items():
        rows = [_rows(store, file) for file in files.whole]
        for file in files.partial:
            every = _rows(store, file)
            rows.append(every.filter(pc.is_in(every[UNIT_COLUMN], tags)))
        columns = pa.concat_tables(rows).to_pydict().values()
        found[name] = Counter(zip(*columns, strict=True))
    return {name: counted for name, counted in found.items() if counted}


def check(store: Store) -> None:
    """Asserts the invariants of a store.

    Every file that a receipt names exists and has rows of exactly the units whose receipts name it; merged files have
    the hash in the manifest, others the hash in their receipt.
    """
    receipts = store.read_receipts().rows
    named = files_of(receipts).to_pylist()
    merged = {row["name"]: row for row in store.manifest.read(store.manifest.head().merged, MERGED_SCHEMA).to_pylist()}
    units = defaultdict(set)
    for row in named:
        units[row["table"], row["name"]].add((row["unit_tag"], row["date"]))
    hashes = {(each.unit_tag, table): digest for each in receipts_of(store) for table, digest in each.sha256.items()}
    for (table, name), tags in units.items():
        with store.blobs.open(name) as handle, pq.ParquetFile(handle) as parquet:
            rows = parquet.read(columns=[UNIT_COLUMN, DATE_COLUMN])
            found = {(tag, str(day)) for tag, day in zip(*(each.to_pylist() for each in rows.columns), strict=True)}
            assert parquet.schema_arrow.names == [*TABLES[table].schema.names, UNIT_COLUMN, DATE_COLUMN]
            count = parquet.metadata.num_rows
        assert found == tags, f"{name} has rows of {found}, receipts say {tags}"
        with store.blobs.local(name) as path:
            digest, size = sha256_file(path), path.stat().st_size
        if name in merged:
            entry = merged[name]
            assert (entry["table"], entry["rows"], entry["size_bytes"], entry["sha256"]) == (table, count, size, digest)
        else:
            (tag,) = {tag for tag, _ in tags}
            assert hashes[tag, table] == digest, f"{name} is not what its receipt says"
    assert set(merged) <= {name for _, name in units}, "the manifest has merged files that no receipt names"


def at_rest(store: Store) -> set[str]:
    """Returns the names of all files of the store."""
    return {blob.name for blob in store.blobs.list()}


def rows_in(store: Store, file: str) -> list[dict[str, Any]]:
    """Returns every row of a file, live or not."""
    rows: list[dict[str, Any]] = _rows(store, file).to_pylist()
    return rows


def _rows(store: Store, file: str) -> pa.Table:
    with store.blobs.open(file) as handle, pq.ParquetFile(handle) as parquet:
        return parquet.read()
