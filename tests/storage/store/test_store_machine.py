"""Any order of commits, scans, compactions and purges, against a store that is a few dicts."""

import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from schemas.values import DAY_UNIT, SCAN_OP, Receipt, UnitFile
from storage.blobs import LocalBlobs
from storage.maintenance.compaction import compact
from storage.store.receipts import receipt_path
from storage.store.snapshot import Snapshot
from storage.store.store import Store
from tests.storage.rows import NOW, make_receipt, make_rows, print_of, receipts_of, segment_rows
from tests.storage.watched import Between, Contents, Count, Kill, Killed, check, contents, read

pytestmark = pytest.mark.slow

CAMERAS = ("cam1", "cam2")
DATES = ("2026-02-27", "2026-02-28", "2026-03-02")
SEGMENTS = ("s1", "s2")
TABLES_OF = {"detect": ("detections", "observed_frames"), "count": ("counts",)}

Unit = tuple[str, str, str, str]
"""Op, camera, date and unit."""


@dataclass(frozen=True)
class Work:
    """What may be committed: a unit in one of its versions, of which one has no rows; or a scan."""

    unit: Unit
    version: int
    known: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        return print_of(*self.unit, self.version, *self.known)

    @property
    def tables(self) -> dict[str, Any]:
        op, camera, date, _ = self.unit
        if op == SCAN_OP:
            return {"segments": segment_rows(self.known, camera, date)} if self.known else {}
        first = int(self.fingerprint[:6], 16)
        names = TABLES_OF[op] if self.version else ()
        return {name: make_rows(name, self.version, camera, first) for name in names}


@dataclass(frozen=True)
class Event:
    """That work was committed, or reaffirmed."""

    work: Work
    committed: datetime
    run_id: str


@dataclass
class Model:
    """The store as it ought to be.

    Attributes:
        kept: what was compacted.
        loose: what was not, by the name of its receipt; None for a torn one.
    """

    kept: list[Event] = field(default_factory=list)
    loose: dict[str, Event | None] = field(default_factory=dict)

    def events(self) -> list[Event]:
        """Everything that was committed; of what is loose though it was compacted, once."""
        known = {(event.work, event.run_id) for event in self.kept}
        loose = [event for event in self.loose.values() if event and (event.work, event.run_id) not in known]
        return [*self.kept, *loose]

    def compacted(self, gone: set[str]) -> None:
        """Moves what is loose, without work that is to go."""
        self.kept = [event for event in self.events() if event.work.fingerprint not in gone]
        self.loose = {name: event for name, event in self.loose.items() if event is None}

    def live(self, until: datetime | None = None) -> set[Work]:
        """The work whose rows are live."""
        newest: dict[Unit, Event] = {}
        for event in self.events():
            if until is None or event.committed <= until:
                there = newest.setdefault(event.work.unit, event)
                newest[event.work.unit] = max(there, event, key=lambda each: (each.committed, each.work.fingerprint))
        work = {event.work for event in newest.values()}
        scans = [each for each in work if each.unit[0] == SCAN_OP]
        known = {(*scan.unit[1:3], unit) for scan in scans for unit in scan.known}
        known |= {(*scan.unit[1:3], DAY_UNIT) for scan in scans if scan.known}
        return {each for each in work if not scans or each.unit[0] == SCAN_OP or each.unit[1:] in known}


class StoreMachine(RuleBasedStateMachine):
    """Rules of what may happen to a store. A subclass may add rules."""

    works = Bundle("works")
    """Work that was committed at some time."""

    snapshots = Bundle("snapshots")
    """Snapshots, with what they showed when they were taken, and the number of removals before."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="nightshift-machine-"))
        self.store = Store(LocalBlobs(self.folder))
        self.model = Model()
        self.clock = NOW
        self.runs = 0
        self.removals = 0

    def teardown(self) -> None:
        try:
            assert contents(self.store) == self.expected()
        finally:
            shutil.rmtree(self.folder)

    # What happens

    @rule(
        target=works,
        camera=st.sampled_from(CAMERAS),
        date=st.sampled_from(DATES),
        unit=st.sampled_from([("detect", "s1"), ("detect", "s2"), ("count", DAY_UNIT)]),
        version=st.integers(0, 2),
        back_s=st.sampled_from([0, 0, 0, 90]),
    )
    def commit(self, camera: str, date: str, unit: tuple[str, str], version: int, back_s: int) -> Work:
        """A unit is done; its worker's clock may be set back."""
        work = Work((unit[0], camera, date, unit[1]), version)
        self.put(work, self.new_run(), self.tick() - timedelta(seconds=back_s))
        return work

    @rule(
        target=works,
        camera=st.sampled_from(CAMERAS),
        date=st.sampled_from(DATES),
        known=st.sets(st.sampled_from(SEGMENTS)),
    )
    def scan(self, camera: str, date: str, known: set[str]) -> Work:
        """A scan finds footage, or finds that it is gone."""
        work = Work((SCAN_OP, camera, date, DAY_UNIT), 1, tuple(sorted(known)))
        self.put(work, self.new_run(), self.tick())
        return work

    @initialize(target=works, known=st.booleans())
    def first_scans(self, known: bool) -> Any:
        """Mostly all footage is known, so that there is something to see."""
        if not known:
            return multiple()
        return multiple(*(self.scan(camera, date, set(SEGMENTS)) for camera in CAMERAS for date in DATES))

    @rule(work=works, same_run=st.booleans())
    def deliver_again(self, work: Work, same_run: bool) -> None:
        """A worker who was taken for lost finishes after all."""
        runs = [event.run_id for event in self.model.events() if event.work == work]
        self.put(work, runs[0] if same_run and runs else self.new_run(), self.tick())

    @rule(work=works)
    def set_back(self, work: Work) -> None:
        """What made a unit is again as it was: it is reaffirmed."""
        found = [each for each in receipts_of(self.store, [work.unit[0]]) if each.fingerprint == work.fingerprint]
        if found:
            again = self.store.reaffirm(found[0], self.new_run(), self.tick())
            self.model.loose[receipt_path(again, reaffirmed=True)] = Event(work, again.committed, again.run_id)

    @rule(work=works)
    def tear(self, work: Work) -> None:
        """The receipt of work that is not loose is written in half, as when the power is cut."""
        name = receipt_path(self.receipt(work, "", NOW))
        if name not in self.model.loose:
            self.store.blobs.write(name, b'{"format": 2, "op"')
            self.model.loose[name] = None

    @rule(grace_h=st.sampled_from([24, 24, 24, 0]), month_rows=st.sampled_from([0, 6, 1_000_000]))
    def compact(self, grace_h: float, month_rows: int) -> None:
        """Everything moves to where it stays."""
        done = compact(self.store, grace_h, month_rows)
        self.removals += grace_h == 0
        self.model.compacted(set())
        check(self.store)
        count = Count()
        assert compact(Store(Between(self.store.blobs, count)), 24, month_rows).head == done.head
        assert count.writes == 0

    @rule(passes=st.integers(0, 40), month_rows=st.sampled_from([0, 1_000_000]))
    def compact_and_die(self, passes: int, month_rows: int) -> None:
        """A compaction is killed before it could remove anything, or runs to its end."""
        hook = KillBeforeDeletes(passes)
        before = self.store.manifest.head().number
        try:
            compact(Store(Between(self.store.blobs, hook)), month_rows=month_rows)
        except Killed:
            if self.store.manifest.head().number > before:
                self.model.kept = self.model.events()
        else:
            self.model.compacted(set())

    @rule(gone=st.lists(works, min_size=1, max_size=3), grace_h=st.sampled_from([24, 0]))
    def drop(self, gone: list[Work], grace_h: float) -> None:
        """Units are purged."""
        fingerprints = {work.fingerprint for work in gone}
        compact(self.store, grace_h, drop=fingerprints)
        self.removals += 1
        self.model.compacted(fingerprints)
        check(self.store)

    # Reading

    @rule()
    def read(self) -> None:
        """Readers see the newest of each unit."""
        assert contents(self.store) == self.expected()
        found = Counter((each.fingerprint, each.run_id) for each in receipts_of(self.store))
        assert found == Counter((event.work.fingerprint, event.run_id) for event in self.model.events())

    @precondition(lambda self: self.model.events())
    @rule(data=st.data())
    def read_as_of(self, data: st.DataObject) -> None:
        """Readers see what was the newest at a time."""
        until = data.draw(st.sampled_from(sorted({event.committed for event in self.model.events()})))
        assert contents(self.store, until) == self.expected(until)

    @rule(work=works)
    def read_unit(self, work: Work) -> None:
        """Ops are given the rows of units, of versions that readers do not see as well."""
        expected = [event for event in self.model.events() if event.work == work]
        found = [each for each in receipts_of(self.store, [work.unit[0]]) if each.fingerprint == work.fingerprint]
        assert len(found) == len(expected)
        for receipt in found:
            assert set(receipt.files) == set(work.tables)
            for name, rows in work.tables.items():
                assert self.store.read_tables(name, [UnitFile(receipt.files[name], receipt.unit_tag)]).equals(rows)

    @rule(work=works)
    def ask_whether_it_is_committed(self, work: Work) -> None:
        """A worker asks before it begins."""
        found = self.store.find_receipt(*work.unit, work.fingerprint)
        name = receipt_path(self.receipt(work, "", NOW))
        is_kept = any(event.work == work for event in self.model.kept)
        assert (found is not None) == (is_kept or self.model.loose.get(name) is not None)

    @rule(target=snapshots)
    def take_snapshot(self) -> tuple[Snapshot, Contents, int]:
        """A reader begins."""
        return Snapshot(self.store), self.expected(), self.removals

    @rule(taken=snapshots)
    def read_snapshot(self, taken: tuple[Snapshot, Contents, int]) -> None:
        """A reader goes on, and sees what it saw, as long as nothing was removed without grace."""
        snapshot, expected, removals = taken
        if removals == self.removals:
            assert read(self.store, snapshot) == expected

    @invariant()
    def no_temporary_is_left(self) -> None:
        """No temporary is left behind by what was not killed in the middle of a file."""
        assert not [path for path in self.folder.rglob(".tmp-*")]

    # How

    def put(self, work: Work, run_id: str, committed: datetime) -> None:
        """Writes the tables of a unit and commits them, here and in the model."""
        _, camera, date, unit = work.unit
        files = {
            name: self.store.write_table(name, rows, camera=camera, date=date, unit=unit, fingerprint=work.fingerprint)
            for name, rows in work.tables.items()
        }
        receipt = replace(
            self.receipt(work, run_id, committed),
            files={name: file for name, (file, _) in files.items()},
            sha256={name: digest for name, (_, digest) in files.items()},
        )
        name = receipt_path(receipt)
        if name in self.model.loose and self.model.loose[name] is None:
            name = receipt_path(receipt, reaffirmed=True)
        winning = self.model.loose.setdefault(name, Event(work, committed, run_id))
        winner = self.store.commit(receipt)
        assert winning is not None
        assert (winner.run_id, winner.committed) == (winning.run_id, winning.committed)

    def receipt(self, work: Work, run_id: str, committed: datetime) -> Receipt:
        """A receipt of some work, without its files."""
        op, camera, date, unit = work.unit
        rows = sum(len(table) for table in work.tables.values())
        return make_receipt({}, op, unit, work.fingerprint, camera, date, committed, run_id, rows=rows)

    def expected(self, until: datetime | None = None) -> Contents:
        """Every row that readers ought to see."""
        found: Contents = {}
        for work in self.model.live(until):
            day = datetime.fromisoformat(work.unit[2]).date()
            for name, table in work.tables.items():
                rows = zip(*table.to_pydict().values(), strict=True)
                found.setdefault(name, Counter()).update((*row, work.fingerprint[:16], day) for row in rows)
        return found

    def tick(self) -> datetime:
        """A later time than ever before."""
        self.clock += timedelta(minutes=1)
        return self.clock

    def new_run(self) -> str:
        """A run that there was not before."""
        self.runs += 1
        return f"run-{self.runs}"


class KillBeforeDeletes(Kill):
    """Dies after so many writes, and at the first removal at the latest."""

    def __call__(self, operation: str, name: str) -> None:
        self.dead = self.dead or operation == "delete"
        super().__call__(operation, name)


@pytest.mark.timeout(3600)
@pytest.mark.usefixtures("no_sync")
def test_any_order_of_events_leaves_readers_what_they_ought_to_see(long: bool) -> None:
    few = settings(max_examples=5, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck))
    many = settings(few, max_examples=500, stateful_step_count=60)
    run_state_machine_as_test(StoreMachine, settings=many if long else few)
