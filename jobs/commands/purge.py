"""Purges by retention rules: plans which footage, results and published video to delete, and deletes them.

What a purge may delete, and in which order: docs/decisions/0012-purge-and-repair.md.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from jobs.commands.held import HeldCount, HeldData, HeldTimes
from ops import REGISTRY
from schemas.errors import SiteError, TransientError
from schemas.values import FOOTAGE_OP, SCAN_OP, UNIT_TAG_DIGITS
from storage.blobs import open_blobs
from storage.maintenance.holds import Hold, active_holds
from storage.maintenance.retention import (
    LIMIT_SCHEMA,
    ArchiveFiles,
    Deletion,
    KeptFile,
    delete,
    is_past_limit,
    segment_days,
    unit_sizes,
)
from storage.maintenance.sweep import sweepable_files
from storage.maintenance.tombstones import DataKind, PurgedUnit, PurgeRecord, read_tombstones
from storage.site.file import SiteFiles
from storage.store.journal import new_run_id
from storage.store.layout import pending_file
from storage.store.live_rows import newest_receipts
from storage.store.scan_rows import read_scan_rows
from storage.store.store import Store
from storage.store.video_files import VIDEO_TABLES, read_video_rows
from storage.video.raw import remove_abandoned

_FOOTAGE_COLUMNS = ("camera", "footage_id", "path", "size_bytes", "mtime_ns", "content_sha256", "copy_of", "start_time")
_HELD_COLUMNS = ("camera", "path", "content_sha256", "start_time", "duration_s", "frames")


@dataclass(frozen=True)
class UnprocessedFile:
    """A footage file that no op ever processed; ``date`` as in the purge's records."""

    camera: str
    date: str
    path: str


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


@dataclass(frozen=True)
class _Rule:
    """A line of ``[retention]``; without ``days`` its data are kept for ever."""

    what: DataKind
    key: str
    days: int | None

    def __str__(self) -> str:
        return f"{self.key} = {self.days}"


@dataclass
class _RecordBuilder:
    """Collects the units, files and sizes of one ``PurgeRecord``.

    Attributes:
        units: the newest version of a unit comes last: it is the one that later units were computed from.
    """

    units: dict[PurgedUnit, None] = field(default_factory=dict)
    files: set[str] = field(default_factory=set)
    rows: int = 0
    size_bytes: float = 0.0


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
        self._site = site
        self._store = store
        self._now = now
        self._retention = site.config.retention
        # By camera, date, kind and rule.
        self._builders: dict[tuple[str, str, DataKind, str], _RecordBuilder] = defaultdict(_RecordBuilder)
        # An op that no longer exists follows ``tables_days``, as one without tables does.
        self._rules: dict[str, _Rule] = defaultdict(lambda: self._make_rule("", ()))
        self._holds = active_holds(store)
        self._held = HeldCount()
        self._unprocessed: list[UnprocessedFile] = []
        self._rules |= {name: self._make_rule(name, kind.spec.writes) for name, kind in REGISTRY.items()}

    def plan(self) -> PurgePlan:
        found = self._store.read_receipts()
        receipts = found.rows
        self._held_times = self._find_held(receipts)
        footage, kept, footage_days = self._plan_footage(receipts)
        past = self._past_limit(receipts, footage_days)
        # Units of which nothing but their emptiness is known may share a fingerprint. Deletion goes by fingerprint, so
        # one that a unit within its limit has too stays.
        shared = pc.is_in(receipts["fingerprint"], receipts.filter(pc.invert(past))["fingerprint"].combine_chunks())
        purged = receipts.filter(pc.and_(past, pc.invert(shared)))
        video = self._record_results(receipts, purged)
        records = tuple(
            PurgeRecord(rule, what, camera, date, tuple(each.units), len(each.files), each.rows, round(each.size_bytes))
            for (camera, date, what, rule), each in sorted(self._builders.items())
        )
        fingerprints = frozenset(purged["fingerprint"].to_pylist())
        return PurgePlan(
            records,
            tuple(footage),
            tuple(video),
            fingerprints,
            tuple(kept),
            found.problems,
            self._holds,
            self._held.found(),
            tuple(self._unprocessed),
        )

    def _make_rule(self, op: str, tables: Collection[str]) -> _Rule:
        """Returns the rule of an op's results, which are purged together because they share a receipt."""
        own = {name: self._retention.tables[name] for name in tables if name in self._retention.tables}
        if not own:
            if set(tables) & set(VIDEO_TABLES):
                return _Rule("video", "video_days", self._retention.video_days)
            return _Rule("tables", "tables_days", self._retention.tables_days)
        if len(own) < len(tables) or len(set(own.values())) > 1:
            raise SiteError(
                f"{self._site.root / 'site.toml'}: [retention.tables]: op {op} writes {', '.join(tables)} together, "
                "so they can only be purged together: give each of them the same number of days"
            )
        name, days = next(iter(own.items()))
        return _Rule("tables", f"tables.{name}", days)

    def _zone(self, camera: str) -> ZoneInfo:
        return ZoneInfo(self._site.config.camera_view(camera).timezone)

    def _first_kept_date(self, rule: _Rule, camera: str) -> str:
        """Returns the oldest local date within the limit; without a limit an empty text, which sorts before all."""
        if rule.days is None:
            return ""
        return (self._now.astimezone(self._zone(camera)).date() - timedelta(days=rule.days)).isoformat()

    def _find_held(self, receipts: pa.Table) -> HeldTimes:
        # By every scan: results may be left of footage that the newest ones no longer list.
        scans = receipts.filter(pc.equal(receipts["op"], SCAN_OP)) if self._holds else receipts.slice(0, 0)
        rows = read_scan_rows(self._store, "footage", scans).select(_HELD_COLUMNS).to_pylist()
        return HeldTimes(self._holds, rows, {hold.camera: self._zone(hold.camera) for hold in self._holds})

    def _plan_footage(self, receipts: pa.Table) -> tuple[list[str], list[KeptFile], set[tuple[str, str]]]:
        """Records the footage to delete.

        Returns:
            Files to delete, files past their limit that stay, and the camera-days that still have footage afterwards.
        """
        rule = _Rule("footage", "footage_days", self._retention.footage_days)
        if rule.days is None and self._retention.tables_days is None:
            return [], [], set()
        scans = newest_receipts(receipts.filter(pc.equal(receipts["op"], SCAN_OP)))
        rows = read_scan_rows(self._store, "footage", scans).select(_FOOTAGE_COLUMNS).to_pylist()
        for row in rows:
            row["day"] = row["start_time"].astimezone(self._zone(row["camera"])).date().isoformat()
        _date_copies(rows)
        archive = ArchiveFiles(open_blobs(self._site.archive))
        past = []
        for row in rows:
            if row["day"] < self._first_kept_date(rule, row["camera"]):
                holds = self._held_times.of_footage(row)
                if not holds:
                    past.append(row)
                elif archive.has(row["path"]):
                    self._held.add(row["camera"], row["day"], "footage", holds, (row["path"],))
        paths, kept = archive.deletable(past)
        deleted = set(paths)
        self._unprocessed = self._find_unprocessed([row for row in past if row["path"] in deleted], receipts)
        for row in past:
            if row["path"] in deleted:
                builder = self._builders[row["camera"], row["day"], "footage", str(rule)]
                builder.units[PurgedUnit(FOOTAGE_OP, row["footage_id"], row["content_sha256"])] = None
                builder.files.add(row["path"])
                builder.size_bytes += row["size_bytes"]
        remaining = [row for row in rows if row["path"] not in deleted and archive.has(row["path"])]
        return paths, kept, {(row["camera"], row["day"]) for row in remaining}

    def _find_unprocessed(self, rows: Sequence[dict[str, Any]], receipts: pa.Table) -> list[UnprocessedFile]:
        """Returns those footage files, of rows of ``footage``, of which no op has made anything, purged or not."""
        if not rows:
            return []
        is_scan = pc.equal(receipts["op"], SCAN_OP)
        work = receipts.filter(pc.invert(is_scan)).select(["camera", "unit"]).to_pydict()
        done = {*zip(work["camera"], work["unit"], strict=True)}
        done |= {
            (each.camera, each.unit) for each in read_tombstones(self._store) if each.op not in (SCAN_OP, FOOTAGE_OP)
        }
        segments = read_scan_rows(self._store, "segments", receipts.filter(is_scan))
        columns = (segments[name].to_pylist() for name in ("camera", "segment_id", "footage_id"))
        done |= {
            (camera, footage) for camera, segment, footage in zip(*columns, strict=True) if (camera, segment) in done
        }
        left = [row for row in rows if (row["camera"], row["footage_id"]) not in done]
        return [UnprocessedFile(row["camera"], row["day"], row["path"]) for row in left]

    def _past_limit(self, receipts: pa.Table, footage_days: Collection[tuple[str, str]]) -> pa.Array:
        """Returns which receipts are purged.

        The scan of a day goes last: rows are live only for footage that a scan found, so without it readers would see
        none of the results that are still within their limit.
        """
        pairs = receipts.group_by(["op", "camera"]).aggregate([]).to_pylist()
        limits = [{**pair, "before": self._first_kept_date(self._rules[pair["op"]], pair["camera"])} for pair in pairs]
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
                self._held.add(row["camera"], row["date"], self._rules[row["op"]].what, holds, unit)
        return held

    def _record_results(self, receipts: pa.Table, purged: pa.Table) -> list[str]:
        """Records the results to delete; returns their video files."""
        if not purged.num_rows:
            return []
        sizes = {blob.name: blob.size_bytes for blob in sweepable_files(self._store)}
        files_and_sizes = unit_sizes(receipts, purged, sizes)
        by_unit_tag: dict[str, _RecordBuilder] = {}
        by_age = purged.sort_by([("committed", "ascending"), ("fingerprint", "ascending")])
        for row in by_age.select(["op", "camera", "date", "unit", "fingerprint", "rows"]).to_pylist():
            rule = self._rules[row["op"]]
            builder = self._builders[row["camera"], row["date"], rule.what, str(rule)]
            unit = PurgedUnit(row["op"], row["unit"], row["fingerprint"])
            by_unit_tag[row["fingerprint"][:UNIT_TAG_DIGITS]] = builder
            if unit not in builder.units:
                names, size = files_and_sizes.get(row["fingerprint"], (set(), 0.0))
                builder.files |= names
                builder.rows += row["rows"]
                builder.size_bytes += size
            builder.units.pop(unit, None)  # a reaffirmed unit has a second receipt, which makes it the newest
            builder.units[unit] = None
        rows = (row for table in VIDEO_TABLES for row in read_video_rows(self._store, purged, table).to_pylist())
        video = []
        for row in rows:
            for name in (name for name in (row["path"], pending_file(row["path"])) if name in sizes):
                builder = by_unit_tag[row["_unit"]]
                builder.files.add(name)
                builder.size_bytes += sizes[name]
                video.append(name)
        return video


def _date_copies(rows: Sequence[dict[str, Any]]) -> None:
    """Gives copies the day of the file that was processed: content is deleted wherever it lies."""
    days = {(row["camera"], row["path"]): row["day"] for row in rows}
    for row in rows:
        row["day"] = days.get((row["camera"], row["copy_of"]), row["day"])
