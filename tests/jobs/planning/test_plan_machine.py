"""Any order of plans, nights, changed parameters, compactions and purges, against a model that is a few dicts."""

import shutil
import tempfile
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from jobs.commands.purge import PurgePlan, apply_purge, plan_purge
from jobs.commands.run import reaffirm_done
from jobs.engine.run_clock import RunClock
from jobs.planning.graph import Selection, UnitKey
from jobs.planning.ledger import Ledger
from jobs.planning.plan import Plan, make_plan
from jobs.planning.unit_status import State
from schemas.op import Read, Scope
from schemas.site import SiteConfig
from schemas.values import UNIT_TAG_DIGITS, Segment
from storage.archive.segments import Segments
from storage.blobs import LocalBlobs
from storage.maintenance.compaction import compact
from storage.maintenance.retention import Deletion
from storage.maintenance.tombstones import read_tombstones
from storage.site.file import SiteFiles
from storage.store.manifest import MANIFEST_FOLDER
from storage.store.receipts import receipt_path
from storage.store.store import Store
from tests.jobs.pipeline import COUNTS, LINK, TRACK, Detect, receipt_for, tiny_op, tiny_site
from tests.jobs.planning.test_plan_reference import Reference
from tests.storage.rows import make_rows
from tests.storage.store.test_store_machine import Event, KillBeforeDeletes, Model
from tests.storage.watched import Between, Contents, Kill, Killed, check, contents
from tests.support.fakes import make_segment

pytestmark = pytest.mark.slow

# Of footage: who cannot do without tracklets is blocked when those are, by detections that were purged.
INTERACTIONS = tiny_op("interactions", Scope.FOOTAGE, [Read("tracklets")], ["interactions"])
OPS = {op.spec.name: op for op in (Detect, TRACK, LINK, COUNTS, INTERACTIONS)}
SEGMENTS_OF = {"cam1": 2, "cam2": 1}
DATES = ("2026-02-27", "2026-02-28", "2026-03-01")
LONG_AFTER = datetime(2027, 1, 1, tzinfo=UTC)
"""When all days are past their time."""


def _segments(camera: str, date: str) -> list[Segment]:
    noon = datetime.fromisoformat(f"{date}T12:00:00+00:00")
    name = f"{camera}-{date}"
    whole = [make_segment(index, start=noon, camera=camera) for index in range(SEGMENTS_OF[camera])]
    return [replace(each, footage_id=name, segment_id=f"{name}-{each.index}", date=date) for each in whole]


SEGMENTS = [segment for camera in SEGMENTS_OF for date in DATES for segment in _segments(camera, date)]


@dataclass(frozen=True)
class Facts:
    """What a version of a unit is made from: its parameter, and the prints of what it reads."""

    print: str
    knob: int
    reads: frozenset[str]

    def changes(self, key: UnitKey, new: "Facts") -> str:
        """The ingredients that a newer version names; of the ops here each reads one other."""
        read = {"track": "detect", "link": "track", "counts": "link", "interactions": "track"}.get(key.op)
        params = [f"params: value {self.knob} → {new.knob}"] if self.knob != new.knob else []
        return ", ".join([*params, *([f"reads {read}"] if self.reads != new.reads else [])])


@dataclass(frozen=True)
class Made:
    """A version of a unit that was committed."""

    place: UnitKey
    fingerprint: str
    facts: Facts

    @property
    def tables(self) -> Mapping[str, pa.Table]:
        """Rows that only this version has; some have none."""
        return _rows_of(self.place, self.fingerprint)


@lru_cache(maxsize=4096)
def _rows_of(key: UnitKey, fingerprint: str) -> Mapping[str, pa.Table]:
    first = int(fingerprint[:6], 16)
    return {name: make_rows(name, first % 3, key.camera, first) for name in OPS[key.op].spec.writes}


class Planner(Reference):
    """States of all units, given what is committed and what was purged, a unit at a time.

    Args:
        newest: of each unit the version that readers see.
        done: prints of every version that is committed.
        buried: by unit the prints of the versions that were purged, the last purged and newest of them last.
        again: do again what was purged.
    """

    def __init__(
        self,
        knobs: Mapping[str, int],
        newest: Mapping[UnitKey, Made],
        done: Collection[str],
        buried: Mapping[UnitKey, Sequence[str]],
        again: bool,
    ) -> None:
        super().__init__(list(OPS.values()), dict(knobs), SEGMENTS, Selection())
        self.newest, self.done = newest, set(done)
        self.buried = {} if again else buried
        self.gone: set[UnitKey] = set()
        self.found = {key: self.stand(key) for key in self.units}

    def stand(self, key: UnitKey) -> tuple[State, str]:
        """Where a unit stands, and of what would be done why; those that it reads have been looked at."""
        lost = any(read.required and source in self.lost for read, source in self.reads(key))
        for without in (set(), self.gone):
            if lost and without:
                break
            self.fingerprints[key] = self.made(key, without).print
            if self.fingerprints[key] in self.done and not lost:
                return State.DONE, ""
            if self.fingerprints[key] in self.buried.get(key, ()):
                self.gone.add(key)
                return State.PURGED, ""
        if self.buried.get(key) and key not in self.newest:
            self.fingerprints[key] = self.buried[key][-1]
            self.gone.add(key)
            return State.PURGED, ""
        if lost or any(read.required and source in self.gone for read, source in self.reads(key)):
            self.lost.add(key)
            return State.BLOCKED, ""
        if key in self.newest:
            return State.STALE, self.newest[key].facts.changes(key, self.made(key, self.gone))
        return State.MISSING, "never done"

    def made(self, key: UnitKey, without: Collection[UnitKey]) -> Facts:
        """What a unit is made from now, if some others cannot be read."""
        knob = self.knobs.get(key.op, 1)
        reads = {
            (read.neighbour, self.fingerprints[s]) for read, s in self.reads(key) if s not in self.lost and s not in without
        }
        return Facts(str(hash((key, knob, frozenset(reads)))), knob, frozenset(print_ for _, print_ in reads))

    def hidden(self) -> list[UnitKey]:
        """Units that are done, of which readers see another version."""
        done = [key for key, (state, _) in self.found.items() if state is State.DONE]
        return [key for key in done if self.newest[key].facts.print != self.fingerprints[key]]


class Moment(NamedTuple):
    """A time, what readers saw then, and how many units had been purged by then."""

    until: datetime
    seen: set[Made]
    purged: int


class PlanMachine(RuleBasedStateMachine):
    """Rules of what may happen to a site of two cameras and three days, with a real store."""

    plans = Bundle("plans")
    """Plans, with the model's; a run that made one may be slow to work on it."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="nightshift-plans-"))
        self.store = Store(LocalBlobs(self.folder / "store"))
        self.segments = Segments.of(SEGMENTS)
        config = {"name": "tiny", "crs": "EPSG:28992", "timezone": "UTC", "retention": {"tables_days": 30}}
        self.site = SiteFiles(self.folder, SiteConfig.model_validate(config))
        self.model = Model()
        self.knobs = dict.fromkeys(OPS, 1)
        self.buried: dict[UnitKey, list[str]] = {}
        self.purged: list[UnitKey] = []
        self.prints: dict[str, str] = {}
        self.clock = datetime(2026, 3, 2, tzinfo=UTC)
        self.runs = 0
        self.moments: list[Moment] = []

    def teardown(self) -> None:
        try:
            self.check_plan(Selection())
            for moment in self.moments[:: max(1, len(self.moments) // 3)]:
                self.check_as_of(moment)
            assert contents(self.store) == expected(self.model.seen())
            check(self.store)
        finally:
            shutil.rmtree(self.folder)

    # What happens

    @rule(target=plans, again=st.booleans())
    def plan(self, again: bool) -> tuple[Plan, Planner]:
        """A run plans, and is held up; or somebody wants to know."""
        return self.check_plan(Selection(purged=again))

    @initialize()
    def first_night(self) -> None:
        """There is something to begin with."""
        self.night()

    @rule()
    def night(self) -> None:
        """A run does all there is to do; after it there is nothing left to do, and readers see what is done."""
        self.work(*self.check_plan(Selection()))
        plan, _ = self.check_plan(Selection())
        assert not plan.to_do and not plan.superseded

    @rule(again=st.booleans(), ops=st.integers(0, len(OPS)), days=st.sets(st.sampled_from(DATES)))
    def part_of_a_night(self, again: bool, ops: int, days: set[str]) -> None:
        """A run is stopped, when it has come so far."""
        self.work(*self.check_plan(Selection(purged=again)), list(OPS)[:ops], days)

    @rule(camera=st.sampled_from([*SEGMENTS_OF]), again=st.booleans())
    def night_of_a_camera(self, camera: str, again: bool) -> None:
        """A run of one camera."""
        self.work(*self.check_plan(Selection(cameras=(camera,), purged=again)))

    @rule(planned=plans, ops=st.integers(1, len(OPS)), days=st.sets(st.sampled_from(DATES), min_size=1))
    def late_work(self, planned: tuple[Plan, Planner], ops: int, days: set[str]) -> None:
        """A run that planned long ago works on, whatever has become of its units since."""
        self.work(*planned, list(OPS)[:ops], days, reaffirm=False)

    @rule(op=st.sampled_from([*OPS]), value=st.integers(1, 3))
    def turn_a_knob(self, op: str, value: int) -> None:
        """A parameter changes, or is set back."""
        self.knobs[op] = value

    @rule(op=st.sampled_from([*OPS]), value=st.integers(2, 3))
    def try_a_value(self, op: str, value: int) -> None:
        """A parameter changes for one night; all that this made hides what is good again, until the next."""
        before = self.knobs[op]
        self.knobs[op] = value
        self.night()
        self.knobs[op] = before

    @rule(grace_h=st.sampled_from([24, 0]), month_rows=st.sampled_from([0, 6, 1_000_000]))
    def compact(self, grace_h: float, month_rows: int) -> None:
        """Everything moves to where it stays."""
        compact(self.store, grace_h, month_rows)
        self.model.compacted(set())
        check(self.store)

    @rule(camera=st.sampled_from([*SEGMENTS_OF]), date=st.sampled_from(DATES), ops=st.sets(st.sampled_from([*OPS])))
    def purge(self, camera: str, date: str, ops: set[str]) -> None:
        """What some ops, or all, made of a camera-day is purged."""
        what = self.purge_plan(camera, date, ops or OPS)
        self.bury(what)
        assert apply_purge(self.site, self.store, what, self.tick()) == ()
        self.drop(what)
        assert not {receipt.fingerprint for receipt in self.store.receipts()} & what.deletion.fingerprints
        check(self.store)

    @rule(
        camera=st.sampled_from([*SEGMENTS_OF]),
        date=st.sampled_from(DATES),
        ops=st.sets(st.sampled_from([*OPS])),
        passes=st.sampled_from([0, 1, 1, 3, 9, 40]),
    )
    def purge_and_die(self, camera: str, date: str, ops: set[str], passes: int) -> None:
        """A purge is killed: before its tombstones, after them, or when others know already what goes."""
        what = self.purge_plan(camera, date, ops or OPS)
        before = self.store.manifest.head().number
        if passes:
            self.bury(what)
        try:
            apply_purge(self.site, Store(Between(self.store.blobs, KillBeforeDeletes(passes))), what, self.tick())
        except Killed:
            if self.store.manifest.head().number > before:
                gone = what.deletion.fingerprints
                self.model.kept = [each for each in self.model.events() if each.work.fingerprint not in gone]
        else:
            self.drop(what)

    # What is seen

    @rule()
    def read(self) -> None:
        """Readers see the newest of each unit, one version of it, and nothing of what was purged."""
        assert contents(self.store) == expected(self.model.seen())

    @precondition(lambda self: self.moments)
    @rule(data=st.data())
    def read_as_of(self, data: st.DataObject) -> None:
        """Readers see what they saw at some time."""
        self.check_as_of(data.draw(st.sampled_from(self.moments)))

    @precondition(lambda self: self.buried)
    @rule()
    def what_was_purged_is_on_record(self) -> None:
        """Every version that was purged has one tombstone."""
        stones = Counter((UnitKey(s.op, s.camera, s.date, s.unit), s.fingerprint) for s in read_tombstones(self.store))
        assert {(key, self.prints[fingerprint]) for key, fingerprint in stones} == {
            (key, print_) for key, prints in self.buried.items() for print_ in prints
        }
        assert set(stones.values()) == {1}

    # How

    def check_plan(self, selection: Selection) -> tuple[Plan, Planner]:
        """Plans, and compares it with the model's plan."""
        ledger = Ledger(self.store.read_receipts().rows, (), read_tombstones(self.store))
        plan = make_plan(tiny_site(self.knobs, ops=list(OPS.values())), self.segments, ledger, selection)
        newest = {made.place: made for made in self.model.seen()}
        done = {event.work.facts.print for event in self.model.events()}
        planner = Planner(self.knobs, newest, done, self.buried, selection.purged)
        found = {key: found for key, found in planner.found.items() if selection.wants_camera(key.camera)}
        told = {key: (s.state, s.reason if key in plan.to_do else "") for key, s in plan.statuses.items()}
        assert told == {key: where for key, where in found.items() if where[0] is not State.DONE}
        assert +Counter(plan.done) == Counter(key.op for key, (state, _) in found.items() if state is State.DONE)
        assert not any(standing.is_problem for standing in plan.statuses.values())
        hidden = [(key, planner.fingerprints[key]) for key in planner.hidden() if key in found]
        assert sorted((key, self.prints[fingerprint]) for key, fingerprint in plan.superseded) == sorted(hidden)
        for key in plan.to_do:
            print_ = planner.fingerprints[key]
            assert self.prints.setdefault(plan.fingerprints.of(key), print_) == print_
        assert len(set(self.prints.values())) == len(self.prints)
        return plan, planner

    def check_as_of(self, moment: Moment) -> None:
        """Reads what was there at a time: it is what was seen then, but for what was purged since."""
        since = set(self.purged[moment.purged :])
        marks = {made.fingerprint[:UNIT_TAG_DIGITS] for made in self.model.seen(moment.until) if made.place in since}
        stays = {made for made in moment.seen if made.place not in since}
        assert without(contents(self.store, moment.until), marks) == expected(stays)

    def work(
        self,
        plan: Plan,
        planner: Planner,
        ops: Collection[str] = tuple(OPS),
        days: Collection[str] = DATES,
        reaffirm: bool = True,
    ) -> None:
        """Does of a plan what these ops and days have to do, as far as what it reads is there."""
        self.moments.append(Moment(self.clock, self.model.seen(), len(self.purged)))
        self.runs += 1
        run_id = f"run-{self.runs}"
        if reaffirm:
            for again in reaffirm_done(self.store, plan, run_id, RunClock(None, self.tick)):
                work = next(each.work for each in self.model.events() if each.work.fingerprint == again.fingerprint)
                self.model.loose[receipt_path(again, reaffirmed=True)] = Event(work, again.committed, run_id)
        left = set(plan.to_do)
        for key in plan.to_do:
            read = {source.key for source in plan.units[key].sources}
            if key.op in ops and key.date in days and not read & left:
                facts = planner.made(key, planner.gone)
                self.commit(plan, Made(key, plan.fingerprints.of(key), facts), run_id)
                left.remove(key)

    def commit(self, plan: Plan, made: Made, run_id: str) -> None:
        """Does one unit as a worker does."""
        key, (_, camera, date, unit) = made.place, made.place
        written = {
            name: self.store.write_table(name, rows, camera=camera, date=date, unit=unit, fingerprint=made.fingerprint)
            for name, rows in made.tables.items()
            if rows.num_rows
        }
        receipt = replace(
            receipt_for(plan.fingerprints, key),
            files={name: file for name, (file, _) in written.items()},
            sha256={name: digest for name, (_, digest) in written.items()},
            committed=self.tick(),
            run_id=run_id,
            counters={"rows": sum(rows.num_rows for rows in made.tables.values())},
        )
        stands = self.model.loose.setdefault(receipt_path(receipt), Event(made, receipt.committed, run_id))
        winner = self.store.commit(receipt)
        assert (winner.run_id, winner.committed) == (stands.run_id, stands.committed)

    def purge_plan(self, camera: str, date: str, ops: Collection[str]) -> PurgePlan:
        """Of all that is past its time, what some ops made of a camera-day."""
        graves = [
            replace(grave, units=tuple(unit for unit in grave.units if unit.op in ops))
            for grave in plan_purge(self.site, self.store, LONG_AFTER).graves
            if (grave.camera, grave.date) == (camera, date)
        ]
        prints = frozenset(unit.fingerprint for grave in graves for unit in grave.units)
        works = {event.work for event in self.model.events()}
        assert prints == {w.fingerprint for w in works if w.place.op in ops and w.place[1:3] == (camera, date)}
        return PurgePlan(Deletion(tuple(grave for grave in graves if grave.units), fingerprints=prints))

    def bury(self, what: PurgePlan) -> None:
        """Notes what has a tombstone from now on: of each unit the older versions first."""
        newest = {event.work: event.committed for event in sorted(self.model.events(), key=lambda each: each.committed)}
        for made in sorted(newest, key=lambda made: newest[made]):
            if made.fingerprint in what.deletion.fingerprints:
                self.purged.append(made.place)
                buried = self.buried.setdefault(made.place, [])
                if made.facts.print not in buried:
                    buried.append(made.facts.print)

    def drop(self, what: PurgePlan) -> None:
        """Notes that what goes is gone, and all else compacted with it."""
        if what.deletion.fingerprints:
            self.model.compacted(set(what.deletion.fingerprints))

    def tick(self) -> datetime:
        """A later time than ever before."""
        self.clock += timedelta(minutes=1)
        return self.clock


def expected(seen: Collection[Made]) -> Contents:
    """Every row that readers ought to see."""
    found: Contents = {}
    for made in seen:
        day = datetime.fromisoformat(made.place.date).date()
        for name, table in made.tables.items():
            if table.num_rows:
                rows = zip(*table.to_pydict().values(), strict=True)
                found.setdefault(name, Counter()).update(
                    (*row, made.fingerprint[:UNIT_TAG_DIGITS], day) for row in rows
                )
    return found


def without(rows: Contents, marks: Collection[str]) -> Contents:
    """Rows but for those of some units."""
    left = {name: Counter({row: n for row, n in kept.items() if row[-2] not in marks}) for name, kept in rows.items()}
    return {name: kept for name, kept in left.items() if kept}


@pytest.mark.usefixtures("no_sync")
def test_of_versions_purged_at_once_the_newest_is_what_others_were_made_from() -> None:
    machine = PlanMachine()
    machine.night()
    machine.turn_a_knob("detect", 2)
    machine.night()
    for date in DATES:
        machine.purge("cam1", date, {"detect"})
    machine.turn_a_knob("detect", 3)
    plan, _ = machine.plan(again=False)
    assert {key.op for key in plan.statuses if key.camera == "cam1"} == {"detect"}, "what was made from it stays done"
    machine.teardown()


@pytest.mark.usefixtures("no_sync")
def test_a_purge_killed_behind_its_head_brings_back_nothing_that_names_files_of_others() -> None:
    machine = PlanMachine()
    machine.night()
    machine.compact(grace_h=24, month_rows=1_000_000)
    machine.try_a_value("detect", 2)
    machine.night()  # says that merged work holds again
    what = machine.purge_plan("cam1", DATES[0], OPS)
    with pytest.raises(Killed):
        apply_purge(machine.site, Store(Between(machine.store.blobs, KillBehindHead())), what, machine.tick())
    check(machine.store)
    shutil.rmtree(machine.folder)


class KillBehindHead(Kill):
    """Dies at the first removal after a new head of the manifest holds."""

    def __init__(self) -> None:
        super().__init__(1_000_000)
        self.published = False

    def __call__(self, operation: str, name: str) -> None:
        self.published = self.published or (operation == "put_if_absent" and name.startswith(MANIFEST_FOLDER))
        self.dead = self.dead or (self.published and operation == "delete")
        super().__call__(operation, name)


@pytest.mark.timeout(3600)
@pytest.mark.usefixtures("no_sync")
def test_any_order_of_events_leaves_plans_and_readers_what_they_ought_to_be(long: bool) -> None:
    few = settings(max_examples=5, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck))
    many = settings(few, max_examples=300, stateful_step_count=50)
    run_state_machine_as_test(PlanMachine, settings=many if long else few)
