"""What readers read: the files of the store as they stand now, or stood when a run ended.

A snapshot is taken once and does not change; what is committed later is not in it, and files that a compaction
replaces are kept for a while, so that a reader who is at work is not disturbed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.errors import SelectionError
from schemas.values import UNIT_TAG_DIGITS
from storage.store.journal import Journal
from storage.store.live_rows import files_of, seen_by_readers
from storage.store.receipts import shown
from storage.store.store import Store

_SEEN = """
WITH units AS (SELECT "table", "name", mark, bool_or(seen) AS seen FROM files GROUP BY ALL)
SELECT "table", "name", bool_and(seen) AS whole FROM units
GROUP BY ALL HAVING bool_or(seen) ORDER BY "table", "name"
"""


@dataclass(frozen=True)
class SeenFiles:
    """Files of one table, by name below the store, so by camera and date.

    Attributes:
        whole: files whose every row is seen.
        partial: merged files of whose rows only those whose ``_unit`` is among ``Snapshot.marks`` are seen.
    """

    whole: tuple[str, ...] = ()
    partial: tuple[str, ...] = ()


class Snapshot:
    """The store at one moment.

    Args:
        store: the store.
        as_of: the run that it is to be seen as of; None for now.
        until: the time of the last commit that is seen; None for all.
    """

    def __init__(self, store: Store, as_of: str | None = None, until: datetime | None = None) -> None:
        self.as_of = as_of
        self._store = store
        self._until = until
        self.files: Mapping[str, SeenFiles] = self._files()

    def _files(self) -> dict[str, SeenFiles]:
        # Loose receipts first, the head second: see storage/store/manifest.py.
        loose = self._until is not None or self._store.has_loose_receipts()
        head = self._store.manifest.head()
        quick = not loose and head.seen is not None
        table = self._store.manifest.seen(head) if quick else seen_files(self._named)
        found: dict[str, tuple[list[str], list[str]]] = {}
        for row in table.to_pylist():
            found.setdefault(row["table"], ([], []))[0 if row["whole"] else 1].append(row["name"])
        return {name: SeenFiles(tuple(whole), tuple(partial)) for name, (whole, partial) in found.items()}

    def marks(self) -> pa.Array:
        """The values of ``_unit`` of rows that are seen."""
        prints = self._receipts.filter(self._seen)["fingerprint"]
        return pc.utf8_slice_codeunits(prints, 0, UNIT_TAG_DIGITS).combine_chunks()

    def receipts(self) -> pa.Table:
        """Every receipt there was, as the table ``receipts``."""
        then = self._then
        return shown(self._receipts.filter(then), self._seen.filter(then))

    def versions(self) -> Mapping[str, tuple[str, ...]]:
        """By table every file that any receipt names, so also those of work that newer work has replaced."""
        named = self._named.select(["table", "name"]).group_by(["table", "name"]).aggregate([]).sort_by("name")
        found: dict[str, list[str]] = {}
        for row in named.to_pylist():
            found.setdefault(row["table"], []).append(row["name"])
        return {table: tuple(names) for table, names in found.items()}

    @cached_property
    def _receipts(self) -> pa.Table:
        return self._store.receipts_arrow()

    @cached_property
    def _then(self) -> pa.Array:
        """Of each receipt, whether it was there at the time. A merged file may hold rows of later ones too."""
        if self._until is None:
            return pa.repeat(pa.scalar(True), self._receipts.num_rows)
        return pc.less_equal(self._receipts["committed"], self._until).combine_chunks()

    @cached_property
    def _seen(self) -> pa.Array:
        then = self._then.to_numpy(zero_copy_only=False)
        seen = np.zeros(len(then), dtype=bool)
        seen[then] = seen_by_readers(self._store, self._receipts.filter(self._then)).to_numpy(zero_copy_only=False)
        return pa.array(seen)

    @cached_property
    def _named(self) -> pa.Table:
        return files_of(self._receipts, self._seen)


def take_snapshot(store: Store, as_of: str | None = None) -> Snapshot:
    """The store as it is now, or as it was when a run ended.

    Raises:
        SelectionError: there is no such run.
    """
    return Snapshot(store, as_of, None if as_of is None else end_of(store, as_of))


def end_of(store: Store, run_id: str) -> datetime:
    """When a run ended; of one that never did, when it last committed something.

    Raises:
        SelectionError: there is no such run.
    """
    runs = {row["run_id"]: row for row in Journal(store.blobs).runs().to_pylist()}
    ended: datetime | None = runs[run_id]["ended"] if run_id in runs else None
    if ended is not None:
        return ended
    commits = store.receipts_arrow()
    last: datetime | None = pc.max(commits.filter(pc.equal(commits["run_id"], run_id))["committed"]).as_py()
    if last is None:
        known = ", ".join(sorted(runs)[-5:]) or "none yet"
        raise SelectionError(f"there is no run {run_id!r}, or it committed nothing; the last ones are {known}")
    return last


def seen_files(named: pa.Table) -> pa.Table:
    """Of the files that receipts name, those that readers read, as rows of ``manifest.SEEN_SCHEMA``."""
    with duckdb.connect() as con:
        con.register("files", named)
        return con.execute(_SEEN).to_arrow_table()
