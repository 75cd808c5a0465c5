"""Purging by the site's rules: which footage, results and published video are past their time, and their deletion."""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ops import REGISTRY
from schemas.errors import SiteError
from schemas.values import FOOTAGE_OP, SCAN_OP, UNIT_TAG_DIGITS
from storage.blobs import Blobs, open_blobs
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
from storage.maintenance.tombstones import DataKind, PurgedUnit, PurgeRecord
from storage.site.file import SiteFiles
from storage.store.journal import new_run_id
from storage.store.live_rows import newest_receipts
from storage.store.scan_rows import read_scan_rows
from storage.store.store import Store
from storage.store.video_files import VIDEO_TABLES, read_video_rows

_FOOTAGE_COLUMNS = ("camera", "footage_id", "path", "size_bytes", "mtime_ns", "content_sha256", "start_time")


@dataclass(frozen=True)
class PurgePlan:
    """What a purge would delete, and what it would leave though it is past its time."""

    deletion: Deletion
    left: tuple[KeptFile, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def graves(self) -> tuple[PurgeRecord, ...]:
        """What would be deleted, by camera, date and kind."""
        return self.deletion.records


@dataclass(frozen=True)
class _Rule:
    """A line of ``[retention]``; without days things are kept for ever."""

    what: DataKind
    key: str
    days: int | None

    def __str__(self) -> str:
        return f"{self.key} = {self.days}"

    def before(self, zone: ZoneInfo, now: datetime) -> str:
        """The first local date that is not past its time."""
        assert self.days is not None
        return (now.astimezone(zone).date() - timedelta(days=self.days)).isoformat()


@dataclass
class _Tally:
    """One grave while it is dug. Of the versions of a unit the newest comes last: it is what others were made from."""

    units: dict[PurgedUnit, None] = field(default_factory=dict)
    files: set[str] = field(default_factory=set)
    rows: int = 0
    size_bytes: float = 0.0

    def grave(self, rule: str, what: DataKind, date: str, camera: str) -> PurgeRecord:
        """The grave."""
        size = round(self.size_bytes)
        return PurgeRecord(rule, what, camera, date, tuple(self.units), len(self.files), self.rows, size)


def plan_purge(site: SiteFiles, store: Store, now: datetime) -> PurgePlan:
    """What is past its time; deletes nothing.

    A day is past by the local calendar of its camera, when it is older than so many days before today.

    Raises:
        SiteError: tables that one op writes together are to be kept for different times.
    """
    return _Planning(site, store, now).plan()


def apply_purge(
    site: SiteFiles,
    store: Store,
    plan: PurgePlan,
    now: datetime,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> tuple[KeptFile, ...]:
    """Deletes what a plan says; killed at any moment, the next purge finishes it. Gives footage that had to be left."""
    left = delete(store, _archive(site), plan.deletion, new_run_id(now), now, on_progress)
    return (*plan.left, *left)


class _Planning:
    """One plan while it is made."""

    def __init__(self, site: SiteFiles, store: Store, now: datetime) -> None:
        self._site = site
        self._store = store
        self._now = now
        self._retention = site.config.retention
        self._graves: dict[tuple[str, DataKind, str, str], _Tally] = defaultdict(_Tally)
        self._rules = {name: self._rule(name, kind.spec.writes) for name, kind in REGISTRY.items()}

    def plan(self) -> PurgePlan:
        found = self._store.read_receipts()
        receipts = found.rows
        paths, left, there = self._footage(receipts)
        gone = self._past(receipts, there)
        # Units of which nothing is known but that they are empty may share a fingerprint, which then stays.
        shared = pc.is_in(receipts["fingerprint"], receipts.filter(pc.invert(gone))["fingerprint"].combine_chunks())
        doomed = receipts.filter(pc.and_(gone, pc.invert(shared)))
        video = self._results(receipts, doomed)
        prints = frozenset(doomed["fingerprint"].to_pylist())
        graves = tuple(tally.grave(*key) for key, tally in sorted(self._graves.items(), key=lambda item: item[0][::-1]))
        return PurgePlan(Deletion(graves, tuple(paths), tuple(video), prints), tuple(left), found.problems)

    def _rule(self, op: str, tables: Collection[str]) -> _Rule:
        """The rule of an op's results, which stand and fall together."""
        own = {name: self._retention.tables[name] for name in tables if name in self._retention.tables}
        if not own:
            if set(tables) & set(VIDEO_TABLES):
                return _Rule("video", "video_days", self._retention.video_days)
            return _Rule("tables", "tables_days", self._retention.tables_days)
        if len(own) < len(tables) or len(set(own.values())) > 1:
            raise SiteError(
                f"{self._site.root / 'site.toml'}: [retention.tables]: op {op} writes {', '.join(tables)} together, "
                "so that they can only go together: give each of them the same number of days"
            )
        name, days = next(iter(own.items()))
        return _Rule("tables", f"tables.{name}", days)

    def _zone(self, camera: str) -> ZoneInfo:
        return ZoneInfo(self._site.config.camera_view(camera).timezone)

    def _footage(self, receipts: pa.Table) -> tuple[list[str], list[KeptFile], set[tuple[str, str]]]:
        """Files to delete, those to leave, and the camera-days of which the archive will have footage still."""
        rule = _Rule("footage", "footage_days", self._retention.footage_days)
        if rule.days is None and self._retention.tables_days is None:
            return [], [], set()
        scans = newest_receipts(receipts.filter(pc.equal(receipts["op"], SCAN_OP)))
        rows = read_scan_rows(self._store, "footage", scans).select(_FOOTAGE_COLUMNS).to_pylist()
        old: list[dict[str, Any]] = []
        young: list[dict[str, Any]] = []
        for row in rows:
            zone = self._zone(row["camera"])
            row["day"] = row["start_time"].astimezone(zone).date().isoformat()
            (old if rule.days is not None and row["day"] < rule.before(zone, self._now) else young).append(row)
        files = ArchiveFiles(_archive(self._site))
        paths, left = files.deletable(old)
        chosen = set(paths)
        for row in old:
            if row["path"] in chosen:
                tally = self._graves[str(rule), "footage", row["day"], row["camera"]]
                tally.units[PurgedUnit(FOOTAGE_OP, row["footage_id"], row["content_sha256"])] = None
                tally.files.add(row["path"])
                tally.size_bytes += row["size_bytes"]
        staying = [row for row in rows if row["path"] not in chosen and files.has(row["path"])]
        return paths, left, {(row["camera"], row["day"]) for row in staying}

    def _past(self, receipts: pa.Table, there: Collection[tuple[str, str]]) -> pa.Array:
        """Of each receipt, whether it goes. A scan goes last: without it nobody sees what else there is of the day."""
        pairs = receipts.select(["op", "camera"]).group_by(["op", "camera"]).aggregate([]).to_pylist()
        gone = is_past_limit(receipts, self._limits([pair for pair in pairs if pair["op"] != SCAN_OP]))
        scans = is_past_limit(receipts, self._limits([pair for pair in pairs if pair["op"] == SCAN_OP]))
        stays = receipts.filter(pa.array(~gone)).filter(pc.field("op") != SCAN_OP)
        busy = {(row["camera"], row["date"]) for row in _days_of(stays)} | set(there)
        old = receipts.filter(pa.array(scans))
        days = segment_days(self._store, old)
        kept = set()
        for row in old.select(["camera", "date", "fingerprint"]).to_pylist():
            of_segments = days.get(row["fingerprint"][:UNIT_TAG_DIGITS], set())
            if any((row["camera"], day) in busy for day in {row["date"], *of_segments}):
                kept.add((row["camera"], row["date"]))
        at = np.flatnonzero(scans)
        scans[at] = [(row["camera"], row["date"]) not in kept for row in old.select(["camera", "date"]).to_pylist()]
        return pa.array(gone | scans)

    def _limits(self, pairs: Sequence[Mapping[str, str]]) -> pa.Table:
        rows = []
        for pair in pairs:
            rule = self._rule_of(pair["op"])
            if rule.days is not None:
                rows.append({**pair, "before": rule.before(self._zone(pair["camera"]), self._now)})
        return pa.Table.from_pylist(rows, LIMIT_SCHEMA)

    def _rule_of(self, op: str) -> _Rule:
        """Of an op that there is no more, too."""
        return self._rules.get(op) or self._rule(op, ())

    def _results(self, receipts: pa.Table, doomed: pa.Table) -> list[str]:
        """Digs the graves of results; gives the video files that go with them."""
        if not doomed.num_rows:
            return []
        sizes = {blob.name: blob.size_bytes for blob in sweepable_files(self._store)}
        held = unit_sizes(receipts, doomed, sizes)
        by_mark: dict[str, _Tally] = {}
        by_age = doomed.sort_by([("committed", "ascending"), ("fingerprint", "ascending")])
        for row in by_age.select(["op", "camera", "date", "unit", "fingerprint", "rows"]).to_pylist():
            rule = self._rule_of(row["op"])
            tally = self._graves[str(rule), rule.what, row["date"], row["camera"]]
            unit = PurgedUnit(row["op"], row["unit"], row["fingerprint"])
            by_mark[row["fingerprint"][:UNIT_TAG_DIGITS]] = tally
            if unit not in tally.units:
                names, size = held.get(row["fingerprint"], (set(), 0.0))
                tally.files |= names
                tally.rows += row["rows"]
                tally.size_bytes += size
            tally.units.pop(unit, None)  # said to hold again: then it is the newest
            tally.units[unit] = None
        return self._video(doomed, by_mark, sizes)

    def _video(self, doomed: pa.Table, by_mark: Mapping[str, _Tally], sizes: Mapping[str, int]) -> list[str]:
        paths = []
        for table in VIDEO_TABLES:
            found: list[dict[str, Any]] = read_video_rows(self._store, doomed, table).to_pylist()
            for row in found:
                if row["path"] in sizes:
                    tally = by_mark[row["_unit"]]
                    tally.files.add(row["path"])
                    tally.size_bytes += sizes[row["path"]]
                    paths.append(row["path"])
        return paths


def _days_of(receipts: pa.Table) -> list[dict[str, str]]:
    days = receipts.select(["camera", "date"]).group_by(["camera", "date"]).aggregate([])
    return list(days.to_pylist())


def _archive(site: SiteFiles) -> Blobs:
    return open_blobs(site.archive)
