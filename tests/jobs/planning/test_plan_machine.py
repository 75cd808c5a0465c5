"""Random sequences of plans, runs, changed parameters, compactions and purges, against a model of a few dicts."""

import shutil
import tempfile
from collections import Counter
from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

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
from schemas.site import SiteConfig
from schemas.values import UNIT_TAG_DIGITS
from storage.blobs import LocalBlobs
from storage.maintenance.compaction import compact
from storage.maintenance.tombstones import read_tombstones
from storage.site.file import SiteFiles
from storage.store.layout import MANIFEST_FOLDER
from storage.store.receipts import receipt_path
from storage.store.store import Store
from tests.jobs.pipeline import receipt_for, tiny_site
from tests.jobs.planning.plan_model import (
    DATES,
    OPS,
    SEGMENTS,
    SEGMENTS_OF,
    Moment,
    ReferencePlanner,
    Version,
    expected_rows,
    without_units,
)
from tests.storage.rows import receipts_of
from tests.storage.store.test_store_machine import Event, KillBeforeDeletes, Model
from tests.storage.watched import Between, Kill, Killed, check, contents
from tests.support.fakes import segment_columns

pytestmark = pytest.mark.slow

LONG_AFTER = datetime(2027, 1, 1, tzinfo=UTC)
"""A time at which the retention period of every day is over."""


class PlanMachine(RuleBasedStateMachine):
    """Rules of what may happen to a site of two cameras and three days, with a real store."""

    plans = Bundle("plans")
    """Plans, each with the model's plan. A run may work on its plan late."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="nightshift-plans-"))
        self.store = Store(LocalBlobs(self.folder / "store"))
        self.segments = segment_columns(SEGMENTS)
        config = {"name": "tiny", "crs": "EPSG:28992", "timezone": "UTC", "retention": {"tables_days": 30}}
        self.site = SiteFiles(self.folder, SiteConfig.model_validate(config))
        self.model = Model()
        self.knobs = dict.fromkeys(OPS, 1)
        self.purged_versions: dict[UnitKey, list[str]] = {}
        self.purged: list[UnitKey] = []
        self.fingerprints: dict[str, str] = {}
        self.clock = datetime(2026, 3, 2, tzinfo=UTC)
        self.runs = 0
        self.moments: list[Moment] = []

    def teardown(self) -> None:
        try:
            self.check_plan(Selection())
            for moment in self.moments[:: max(1, len(self.moments) // 3)]:
                self.check_as_of(moment)
            assert contents(self.store) == expected_rows(self.model.live())
            check(self.store)
        finally:
            shutil.rmtree(self.folder)

    # Events

    @rule(target=plans, redo=st.booleans())
    def plan(self, redo: bool) -> tuple[Plan, ReferencePlanner]:
        """A run plans and is delayed, or a user asks for a plan."""
        return self.check_plan(Selection(purged=redo))

    @initialize()
    def first_night(self) -> None:
        """Starts with finished work."""
        self.night()

    @rule()
    def night(self) -> None:
        """A run does everything; then nothing is left to do, and readers get what is done."""
        self.work(*self.check_plan(Selection()))
        plan, _ = self.check_plan(Selection())
        assert not plan.to_do and not plan.superseded

    @rule(redo=st.booleans(), ops=st.integers(0, len(OPS)), days=st.sets(st.sampled_from(DATES)))
    def part_of_a_night(self, redo: bool, ops: int, days: set[str]) -> None:
        """A run is stopped after some of its work."""
        self.work(*self.check_plan(Selection(purged=redo)), list(OPS)[:ops], days)

    @rule(camera=st.sampled_from([*SEGMENTS_OF]), redo=st.booleans())
    def night_of_a_camera(self, camera: str, redo: bool) -> None:
        """A run of one camera."""
        self.work(*self.check_plan(Selection(cameras=(camera,), purged=redo)))

    @rule(planned=plans, ops=st.integers(1, len(OPS)), days=st.sets(st.sampled_from(DATES), min_size=1))
    def late_work(self, planned: tuple[Plan, ReferencePlanner], ops: int, days: set[str]) -> None:
        """A run works on an old plan, whatever happened to its units since."""
        self.work(*planned, list(OPS)[:ops], days, reaffirm=False)

    @rule(op=st.sampled_from([*OPS]), value=st.integers(1, 3))
    def turn_a_knob(self, op: str, value: int) -> None:
        """A parameter changes or is set back."""
        self.knobs[op] = value

    @rule(op=st.sampled_from([*OPS]), value=st.integers(2, 3))
    def try_a_value(self, op: str, value: int) -> None:
        """A parameter changes for one night: what it made supersedes work that is valid again after it."""
        before = self.knobs[op]
        self.knobs[op] = value
        self.night()
        self.knobs[op] = before

    @rule(grace_h=st.sampled_from([24, 0]), month_rows=st.sampled_from([0, 6, 1_000_000]))
    def compact(self, grace_h: float, month_rows: int) -> None:
        """Everything is compacted."""
        compact(self.store, grace_h, month_rows)
        self.model.compacted(set())
        check(self.store)

    @rule(camera=st.sampled_from([*SEGMENTS_OF]), date=st.sampled_from(DATES), ops=st.sets(st.sampled_from([*OPS])))
    def purge(self, camera: str, date: str, ops: set[str]) -> None:
        """The results of some ops, or of all, for a camera-day are purged."""
        what = self.purge_plan(camera, date, ops or OPS)
        self.record_purge(what)
        assert apply_purge(self.site, self.store, what, self.tick()) == ()
        self.drop(what)
        assert not {receipt.fingerprint for receipt in receipts_of(self.store)} & what.fingerprints
        check(self.store)

    @rule(
        camera=st.sampled_from([*SEGMENTS_OF]),
        date=st.sampled_from(DATES),
        ops=st.sets(st.sampled_from([*OPS])),
        passes=st.sampled_from([0, 1, 1, 3, 9, 40]),
    )
    def purge_and_die(self, camera: str, date: str, ops: set[str], passes: int) -> None:
        """A purge is killed: before its tombstones, after them, or after its deletion is published."""
        what = self.purge_plan(camera, date, ops or OPS)
        before = self.store.manifest.head().number
        if passes:
            self.record_purge(what)
        try:
            apply_purge(self.site, Store(Between(self.store.blobs, KillBeforeDeletes(passes))), what, self.tick())
        except Killed:
            if self.store.manifest.head().number > before:
                gone = what.fingerprints
                self.model.kept = [each for each in self.model.events() if each.work.fingerprint not in gone]
        else:
            self.drop(what)

    # Checks

    @rule()
    def read(self) -> None:
        """Readers get exactly one version of each unit, the newest, and nothing that was purged."""
        assert contents(self.store) == expected_rows(self.model.live())

    @precondition(lambda self: self.moments)
    @rule(data=st.data())
    def read_as_of(self, data: st.DataObject) -> None:
        """Readers of a past state get what they got then."""
        self.check_as_of(data.draw(st.sampled_from(self.moments)))

    @precondition(lambda self: self.purged_versions)
    @rule()
    def check_tombstones(self) -> None:
        """Every purged version has one tombstone."""
        found = [(UnitKey(t.op, t.camera, t.date, t.unit), t.fingerprint) for t in read_tombstones(self.store)]
        assert len(set(found)) == len(found)
        assert {(key, self.fingerprints[fingerprint]) for key, fingerprint in found} == {
            (key, fingerprint) for key, fingerprints in self.purged_versions.items() for fingerprint in fingerprints
        }

    # Helpers

    def check_plan(self, selection: Selection) -> tuple[Plan, ReferencePlanner]:
        """Plans, and compares it with the model's plan."""
        ledger = Ledger(self.store.read_receipts().rows, (), read_tombstones(self.store))
        plan = make_plan(tiny_site(self.knobs, ops=list(OPS.values())), self.segments, ledger, selection)
        newest = {version.unit: version for version in self.model.live()}
        done = {event.work.ingredients.fingerprint for event in self.model.events()}
        planner = ReferencePlanner(self.knobs, newest, done, self.purged_versions, selection.purged)
        found = {key: found for key, found in planner.found.items() if selection.wants_camera(key.camera)}
        statuses = {key: (s.state, s.reason if key in plan.to_do else "") for key, s in plan.statuses.items()}
        assert statuses == {key: status for key, status in found.items() if status[0] is not State.DONE}
        assert +Counter(plan.done) == Counter(key.op for key, (state, _) in found.items() if state is State.DONE)
        assert not any(status.is_problem for status in plan.statuses.values())
        superseded = {key: self.fingerprints[fingerprint] for key, fingerprint in plan.superseded}
        assert superseded == {key: planner.fingerprints[key] for key in planner.superseded() if key in found}
        assert len(superseded) == len(plan.superseded)
        for key in plan.to_do:
            expected = planner.fingerprints[key]
            assert self.fingerprints.setdefault(plan.fingerprints[key], expected) == expected
        assert len(set(self.fingerprints.values())) == len(self.fingerprints)
        return plan, planner

    def check_as_of(self, moment: Moment) -> None:
        """Reads a past state: it is what readers got then, without what was purged since."""
        since = set(self.purged[moment.purged :])
        purged = [version for version in self.model.live(moment.until) if version.unit in since]
        tags = {version.fingerprint[:UNIT_TAG_DIGITS] for version in purged}
        stays = {version for version in moment.live if version.unit not in since}
        assert without_units(contents(self.store, moment.until), tags) == expected_rows(stays)

    def work(
        self,
        plan: Plan,
        planner: ReferencePlanner,
        ops: Collection[str] = tuple(OPS),
        days: Collection[str] = DATES,
        reaffirm: bool = True,
    ) -> None:
        """Does the units of these ops and days whose sources are done."""
        self.moments.append(Moment(self.clock, self.model.live(), len(self.purged)))
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
                ingredients = planner.ingredients_of(key, planner.purged)
                self.commit(plan, Version(key, plan.fingerprints[key], ingredients), run_id)
                left.remove(key)

    def commit(self, plan: Plan, version: Version, run_id: str) -> None:
        """Commits one unit as a worker does."""
        key, fingerprint, (_, camera, date, unit) = version.unit, version.fingerprint, version.unit
        written = {
            name: self.store.write_table(name, rows, camera=camera, date=date, unit=unit, fingerprint=fingerprint)
            for name, rows in version.tables.items()
            if rows.num_rows
        }
        receipt = replace(
            receipt_for(plan, key),
            files={name: file for name, (file, _) in written.items()},
            sha256={name: digest for name, (_, digest) in written.items()},
            committed=self.tick(),
            run_id=run_id,
            counters={"rows": sum(rows.num_rows for rows in version.tables.values())},
        )
        expected = self.model.loose.setdefault(receipt_path(receipt), Event(version, receipt.committed, run_id))
        winner = self.store.commit(receipt)
        assert (winner.run_id, winner.committed) == (expected.run_id, expected.committed)

    def purge_plan(self, camera: str, date: str, ops: Collection[str]) -> PurgePlan:
        """Plans to purge the results of some ops for a camera-day."""
        records = [
            replace(record, units=tuple(unit for unit in record.units if unit.op in ops))
            for record in plan_purge(self.site, self.store, LONG_AFTER).records
            if (record.camera, record.date) == (camera, date)
        ]
        fingerprints = frozenset(unit.fingerprint for record in records for unit in record.units)
        works = {event.work for event in self.model.events()}
        assert fingerprints == {w.fingerprint for w in works if w.unit.op in ops and w.unit[1:3] == (camera, date)}
        return PurgePlan(tuple(record for record in records if record.units), fingerprints=fingerprints)

    def record_purge(self, what: PurgePlan) -> None:
        """Records which versions have a tombstone from now on, the older versions of each unit first."""
        newest = {event.work: event.committed for event in sorted(self.model.events(), key=lambda each: each.committed)}
        for version in sorted(newest, key=lambda version: newest[version]):
            if version.fingerprint in what.fingerprints:
                self.purged.append(version.unit)
                versions = self.purged_versions.setdefault(version.unit, [])
                if version.ingredients.fingerprint not in versions:
                    versions.append(version.ingredients.fingerprint)

    def drop(self, what: PurgePlan) -> None:
        """Records that the purged versions are gone and that all others were compacted on the way."""
        if what.fingerprints:
            self.model.compacted(set(what.fingerprints))

    def tick(self) -> datetime:
        """Returns a later time than ever before."""
        self.clock += timedelta(minutes=1)
        return self.clock


@pytest.mark.usefixtures("no_sync")
def test_after_a_purge_of_several_versions_readers_were_made_from_the_newest() -> None:
    machine = PlanMachine()
    machine.night()
    machine.turn_a_knob("detect", 2)
    machine.night()
    for date in DATES:
        machine.purge("cam1", date, {"detect"})
    machine.turn_a_knob("detect", 3)
    plan, _ = machine.plan(redo=False)
    assert {key.op for key in plan.statuses if key.camera == "cam1"} == {"detect"}, "what was made from it stays done"
    machine.teardown()


@pytest.mark.usefixtures("no_sync")
def test_a_purge_killed_after_its_head_restores_no_receipt_that_names_files_of_others() -> None:
    machine = PlanMachine()
    machine.night()
    machine.compact(grace_h=24, month_rows=1_000_000)
    machine.try_a_value("detect", 2)
    machine.night()  # reaffirms work that was merged
    what = machine.purge_plan("cam1", DATES[0], OPS)
    with pytest.raises(Killed):
        apply_purge(machine.site, Store(Between(machine.store.blobs, KillAfterHead())), what, machine.tick())
    check(machine.store)
    shutil.rmtree(machine.folder)


class KillAfterHead(Kill):
    """Dies at the first removal after a new head of the manifest was published."""

    def __init__(self) -> None:
        super().__init__(1_000_000)
        self.published = False

    def __call__(self, operation: str, name: str) -> None:
        self.published = self.published or (operation == "put_if_absent" and name.startswith(MANIFEST_FOLDER))
        self.dead = self.dead or (self.published and operation == "delete")
        super().__call__(operation, name)


@pytest.mark.timeout(3600)
@pytest.mark.usefixtures("no_sync")
def test_random_sequences_of_events_give_the_plans_and_rows_of_the_model(long: bool) -> None:
    few = settings(max_examples=3, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck))
    many = settings(few, max_examples=300, stateful_step_count=50)
    run_state_machine_as_test(PlanMachine, settings=many if long else few)
