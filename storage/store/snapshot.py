"""The live files of a store at one moment: now, or when a run ended.

A snapshot is taken once and does not change. It leaves out what is committed later; files that a compaction replaces
stay for a grace time (compaction.GRACE_H), so that a reader at work is not disturbed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.errors import SelectionError
from storage.store.journal import Journal
from storage.store.layout import holds_rows
from storage.store.live_rows import is_live, live_files
from storage.store.manifest import LIVE_SCHEMA
from storage.store.receipts import files_of, receipts_table, unit_tags
from storage.store.store import Store


@dataclass(frozen=True)
class LiveFiles:
    """Files of one table with live rows, relative to the store, ordered by name, hence by camera and date.

    Attributes:
        whole: files whose every row is live.
        partial: merged files in which only rows whose ``_unit`` is in ``Snapshot.unit_tags`` are live.
    """

    whole: tuple[str, ...] = ()
    partial: tuple[str, ...] = ()


class Snapshot:
    """A store at one moment.

    Args:
        store: the store.
        until: time of the last commit to include; None for now.
    """

    def __init__(self, store: Store, until: datetime | None = None) -> None:
        self._store = store
        self._until = until
        self.files: Mapping[str, LiveFiles] = self._files()

    def _files(self) -> dict[str, LiveFiles]:
        # Loose receipts first, the head second: see storage/store/manifest.py.
        loose = self._until is not None or self._store.has_loose_receipts()
        head = self._store.manifest.head()
        # With no loose receipt the manifest's own list is valid, and a store of years opens without its receipts.
        quick = not loose and head.live is not None
        table = self._store.manifest.read(head.live, LIVE_SCHEMA) if quick else live_files(self._named)
        found: dict[str, tuple[list[str], list[str]]] = {}
        for row in table.to_pylist():
            if not (holds_rows(row["name"]) and row["name"].startswith(f"{row['table']}/")):
                continue  # the manifest's list may name anything; verification says so
            found.setdefault(row["table"], ([], []))[0 if row["whole"] else 1].append(row["name"])
        return {name: LiveFiles(tuple(whole), tuple(partial)) for name, (whole, partial) in found.items()}

    def unit_tags(self) -> pa.Array:
        """Returns the values of ``_unit`` in live rows."""
        return unit_tags(self._receipts.filter(self._live)).combine_chunks()

    def receipts(self) -> pa.Table:
        """Returns the table ``receipts``, with those of superseded work."""
        return receipts_table(self._receipts.filter(self._included), self._live.filter(self._included))

    def versions(self) -> Mapping[str, tuple[str, ...]]:
        """Returns by table every file that a receipt names, with those of superseded work."""
        named = self._named.select(["table", "name"]).group_by(["table", "name"]).aggregate([]).sort_by("name")
        found: dict[str, list[str]] = {}
        for row in named.to_pylist():
            found.setdefault(row["table"], []).append(row["name"])
        return {table: tuple(names) for table, names in found.items()}

    @cached_property
    def _receipts(self) -> pa.Table:
        return self._store.read_receipts().rows

    @cached_property
    def _included(self) -> pa.Array:
        """Which receipts are part of the snapshot. A merged file may also hold rows of later ones."""
        if self._until is None:
            return pa.repeat(pa.scalar(True), self._receipts.num_rows)
        return pc.less_equal(self._receipts["committed"], self._until).combine_chunks()

    @cached_property
    def _live(self) -> pa.Array:
        included = self._included.to_numpy(zero_copy_only=False)
        live = np.zeros(len(included), dtype=bool)
        # Only the receipts of the moment are compared: a later one of the same unit would supersede them.
        live[included] = is_live(self._store, self._receipts.filter(self._included)).to_numpy(zero_copy_only=False)
        return pa.array(live)

    @cached_property
    def _named(self) -> pa.Table:
        return files_of(self._receipts, self._live)


def take_snapshot(store: Store, as_of: str | None = None) -> Snapshot:
    """Takes a snapshot of the store as it is now, or as it was when a run ended.

    Raises:
        SelectionError: there is no such run.
    """
    return Snapshot(store, None if as_of is None else end_of_run(store, as_of))


def end_of_run(store: Store, run_id: str) -> datetime:
    """Returns when a run ended; the time of its last commit if it was killed.

    Raises:
        SelectionError: there is no such run.
    """
    runs = {row["run_id"]: row for row in Journal(store.blobs).read_runs().rows.to_pylist()}
    ended: datetime | None = runs[run_id]["ended"] if run_id in runs else None
    if ended is not None:
        return ended
    receipts = store.read_receipts().rows
    last: datetime | None = pc.max(receipts.filter(pc.equal(receipts["run_id"], run_id))["committed"]).as_py()
    if last is None:
        known = ", ".join(sorted(runs)[-5:]) or "none yet"
        raise SelectionError(f"there is no run {run_id!r}, or it committed nothing; the last runs are {known}")
    return last
