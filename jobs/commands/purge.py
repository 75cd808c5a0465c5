"""Purges by retention rules: plans which footage, results and published video to delete, and deletes them.

What a purge may delete, and in which order: docs/decisions/0012-purge-and-repair.md.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from jobs.commands.held import HeldCount, HeldData, HeldTimes
from jobs.commands.purge_footage import UnprocessedFile, plan_footage
from jobs.commands.purge_rules import RecordBuilder, RecordBuilders, Rules
from schemas.errors import TransientError
from schemas.values import SCAN_OP, UNIT_TAG_DIGITS
from storage.blobs import open_blobs
from storage.maintenance.holds import Hold, active_holds
from storage.maintenance.retention import (
    LIMIT_SCHEMA,
    Deletion,
    KeptFile,
    delete,
    is_past_limit,
    segment_days,
    unit_sizes,
)
from storage.maintenance.sweep import sweepable_files
from storage.maintenance.tombstones import PurgedUnit
from storage.site.file import SiteFiles
from storage.store.journal import new_run_id
from storage.store.layout import pending_file
from storage.store.named_files import FILE_TABLES, read_file_rows
from storage.store.scan_rows import read_scan_rows
from storage.store.store import Store
from storage.video.raw import remove_abandoned

_HELD_COLUMNS = ("camera", "path", "content_sha256", "start_time", "duration_s", "frames")


@dataclass(frozen=True)
class PurgePlan(Deletion):
    """What a purge would delete, and what it cannot.

    Attributes:
        kept: footage that is past its limit, but is not what the last scan found.
        problems: receipts that cannot be read, one line each; what they name is not purged.
        holds: the holds that the plan honours.
        held: what is past its limit, but is held.
        unprocessed: those of the footage files to delete of which no op has made anything, ever.
    """

    kept: tuple[KeptFile, ...] = ()
    problems: tuple[str, ...] = ()
    holds: tuple[Hold, ...] = ()
    held: tuple[HeldData, ...] = ()
    unprocessed: tuple[UnprocessedFile, ...] = ()


def plan_purge(site: SiteFiles, store: Store, now: datetime) -> PurgePlan:
    """Plans what to delete. Deletes nothing.

    Days are counted by the local calendar of each camera.

    Raises:
        SiteError: tables that one op writes together have different limits.
        NightshiftError: a hold cannot be read.
    """
    return _PurgePlanner(site, store, now).plan()


def apply_purge(
    site: SiteFiles,
    store: Store,
    plan: PurgePlan,
    now: datetime,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> tuple[KeptFile, ...]:
    """Deletes what a plan lists. If it is killed at any moment, the next purge finishes it.

    Returns:
        Footage that is past its limit and was not deleted.

    Raises:
        TransientError: a hold was placed or released since the plan was made; nothing is deleted.
    """
    if active_holds(store) != plan.holds:
        raise TransientError("a hold was placed or released since this purge began: nothing was deleted, try again")
    remove_abandoned()  # copies of raw streams that killed workers left on this machine
    kept = delete(store, open_blobs(site.archive), plan, new_run_id(now), now, on_progress)
    return (*plan.kept, *kept)


class _PurgePlanner:
    """Builds one plan."""

    def __init__(self, site: SiteFiles, store: Store, now: datetime) -> None:
        self._store = store
        self._archive = open_blobs(site.archive)
        self._rules = Rules(site, now)
        self._builders = RecordBuilders()
        self._holds = active_holds(store)
        self._held = HeldCount()

    def plan(self) -> PurgePlan:
        found = self._store.read_receipts()
        receipts = found.rows
        self._held_times = self._find_held(receipts)
        footage = plan_footage(
            self._store, self._archive, receipts, self._rules, self._held_times, self._held, self._builders
        )
        past = self._past_limit(receipts, footage.days)
        # Units of which nothing but their emptiness is known may share a fingerprint. Deletion goes by fingerprint, so
        # one that a unit within its limit has too stays.
        shared = pc.is_in(receipts["fingerprint"], receipts.filter(pc.invert(past))["fingerprint"].combine_chunks())
        purged = receipts.filter(pc.and_(past, pc.invert(shared)))
        named = self._record_results(receipts, purged)
        fingerprints = frozenset(purged["fingerprint"].to_pylist())
        return PurgePlan(
            self._builders.records(),
            footage.paths,
            tuple(named),
            fingerprints,
            footage.kept,
            found.problems,
            self._holds,
            self._held.found(),
            footage.unprocessed,
        )

    def _find_held(self, receipts: pa.Table) -> HeldTimes:
        # By every scan: results may be left of footage that the newest ones no longer list.
        scans = receipts.filter(pc.equal(receipts["op"], SCAN_OP)) if self._holds else receipts.slice(0, 0)
        rows = read_scan_rows(self._store, "footage", scans).select(_HELD_COLUMNS).to_pylist()
        return HeldTimes(self._holds, rows, {hold.camera: self._rules.zone(hold.camera) for hold in self._holds})

    def _past_limit(self, receipts: pa.Table, footage_days: Collection[tuple[str, str]]) -> pa.Array:
        """Returns which receipts are purged.

        The scan of a day goes last: rows are live only for footage that a scan found, so without it readers would see
        none of the results that are still within their limit.
        """
        pairs = receipts.group_by(["op", "camera"]).aggregate([]).to_pylist()
        limits = [
            {**pair, "before": self._rules.first_kept_date(self._rules.of_op(pair["op"]), pair["camera"])}
            for pair in pairs
        ]
        past = is_past_limit(receipts, pa.Table.from_pylist(limits, LIMIT_SCHEMA))
        past &= ~self._held_results(receipts, past)
        is_scan = pc.equal(receipts["op"], SCAN_OP).to_numpy()
        staying = receipts.filter(pa.array(~past & ~is_scan)).group_by(["camera", "date"]).aggregate([])
        days_in_use = {*footage_days, *zip(*staying.to_pydict().values(), strict=True)}
        scans = receipts.filter(pa.array(past & is_scan))
        segments = segment_days(self._store, scans)
        days = scans.select(["camera", "date", "fingerprint"]).to_pylist()
        # Footage that starts before midnight has segments on the next day.
        kept = {
            (row["camera"], row["date"])
            for row in days
            for date in (row["date"], *segments.get(row["fingerprint"][:UNIT_TAG_DIGITS], ()))
            if (row["camera"], date) in days_in_use
        }
        past[past & is_scan] = [(row["camera"], row["date"]) not in kept for row in days]
        return pa.array(past)

    def _held_results(self, receipts: pa.Table, past: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Returns which of the receipts that are past their limit are held, and counts them."""
        held = np.zeros(receipts.num_rows, dtype=bool)
        if not self._holds:
            return held
        names = ["camera", "date", "op", "unit", "fingerprint"]
        rows = receipts.filter(pa.array(past)).select(names).to_pylist()
        for number, row in zip(np.flatnonzero(past), rows, strict=True):
            if holds := self._held_times.of_day(row["camera"], row["date"]):
                held[number] = True
                unit = (row["op"], row["unit"], row["fingerprint"])
                self._held.add(row["camera"], row["date"], self._rules.of_op(row["op"]).what, holds, unit)
        return held

    def _record_results(self, receipts: pa.Table, purged: pa.Table) -> list[str]:
        """Records the results to delete; returns the files that their rows name."""
        if not purged.num_rows:
            return []
        sizes = {blob.name: blob.size_bytes for blob in sweepable_files(self._store)}
        files_and_sizes = unit_sizes(receipts, purged, sizes)
        by_unit_tag: dict[str, RecordBuilder] = {}
        by_age = purged.sort_by([("committed", "ascending"), ("fingerprint", "ascending")])
        for row in by_age.select(["op", "camera", "date", "unit", "fingerprint", "rows"]).to_pylist():
            builder = self._builders.of(row["camera"], row["date"], self._rules.of_op(row["op"]))
            unit = PurgedUnit(row["op"], row["unit"], row["fingerprint"])
            by_unit_tag[row["fingerprint"][:UNIT_TAG_DIGITS]] = builder
            if unit not in builder.units:
                names, size = files_and_sizes.get(row["fingerprint"], (set(), 0.0))
                builder.files |= names
                builder.rows += row["rows"]
                builder.size_bytes += size
            builder.units.pop(unit, None)  # a reaffirmed unit has a second receipt, which makes it the newest
            builder.units[unit] = None
        rows = (row for table in FILE_TABLES for row in read_file_rows(self._store, purged, table).to_pylist())
        named = []
        for row in rows:
            for name in (name for name in (row["path"], pending_file(row["path"])) if name in sizes):
                builder = by_unit_tag[row["_unit"]]
                builder.files.add(name)
                builder.size_bytes += sizes[name]
                named.append(name)
        return named
