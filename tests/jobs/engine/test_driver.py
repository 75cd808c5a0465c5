"""The driver: priority, failures, retries, deadlines and interruptions, on a pool that does what the test says."""

import threading
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

import pytest

from jobs.engine.driver import Driver
from jobs.engine.retries import MAX_ATTEMPTS
from jobs.engine.tasks import Failure, LostWorker, Outcome
from jobs.planning.graph import UnitKey
from jobs.planning.queue import Priority
from jobs.planning.unit_status import State
from schemas.errors import StoreFull, TransientError
from schemas.values import Receipt
from tests.jobs.pipeline import plan_tiny
from tests.support.fakes import make_segment

SEGMENTS = [make_segment(index) for index in range(3)]


class ScriptedPool:
    """Commits every unit, but for those that the script fails."""

    def __init__(self, script=None, slots=2, notes=True):
        self.slots, self.notes = slots, notes
        self.script = script or (lambda key, attempt: None)
        self.waiting = []
        self.tried = []

    labels, free_labels = {}, None

    @property
    def free(self):
        return self.slots - len(self.waiting)

    def submit(self, batch):
        self.waiting.append(batch)
        assert len(self.waiting) <= self.slots

    def wait(self, timeout_s):
        if not self.waiting:
            return []
        batch = self.waiting.pop(0)
        receipts, failures, failed = [], [], set()
        for task in batch.tasks:
            self.tried.append(task.key)
            if any(key in failed for item in task.inputs for key in item.units):
                failed.add(task.key)
                continue
            failure = self.script(task.key, batch.attempt)
            if failure == "lost":
                at_work = (task.key,) if self.notes else ()
                return [(batch, LostWorker("a worker was lost", working_on=at_work))]
            if failure == "node":
                return [(batch, LostWorker("a worker was lost", "node"))]
            if failure:
                failures.append(Failure(task.key, *failure))
                failed.add(task.key)
                continue
            receipts.append(
                Receipt(
                    task.key.op,
                    1,
                    task.key.camera,
                    task.key.date,
                    task.key.unit,
                    task.fingerprint,
                    task.ingredients,
                    {},
                    datetime.now(UTC),
                    batch.run_id,
                    0.1,
                    10.0,
                )
            )
        return [(batch, Outcome(tuple(receipts), tuple(failures)))]

    def close(self):
        pass


class NoOtherRuns:
    """The store, its files and the claims of a run that has its store to itself."""

    met_other_runs = False
    url = "store"

    @property
    def blobs(self):
        return self

    def is_present(self):
        return True

    def list(self, below):
        return []

    def write(self, name, content):
        pass

    def delete(self, names):
        pass

    def acquire(self, partition):
        return True

    def release(self, partition):
        pass

    def find_receipt(self, *work):
        return None


SINGLE_RUN = (NoOtherRuns(), NoOtherRuns())
"""Store and claims of such a run."""


def night(plan, pool, **more):
    kept = []
    return Driver(plan, pool, "run", kept.append, *SINGLE_RUN, **more).run(), kept


def test_everything_runs_once_and_newest_first():
    pool = ScriptedPool()
    plan = plan_tiny(SEGMENTS)
    report, kept = night(plan, pool)
    assert report.state == "done" and not kept
    assert sorted(pool.tried) == sorted(plan.units) and len(set(pool.tried)) == len(pool.tried)
    assert pool.tried[0].unit == SEGMENTS[2].segment_id


def test_a_bad_segment_is_quarantined_and_everything_else_goes_on():
    bad = UnitKey("detect", "cam1", "2026-03-02", SEGMENTS[1].segment_id)
    pool = ScriptedPool(lambda key, attempt: ("footage", "decode_error", "a gap") if key == bad else None)
    plan = plan_tiny(SEGMENTS)
    kept = []
    run = Driver(plan, pool, "run", kept.append, *SINGLE_RUN)
    report = run.run()
    assert report.state == "partial"
    assert [(entry.op, entry.reason) for entry in kept] == [("detect", "decode_error")]
    done = {(receipt.op, receipt.unit) for receipt in report.receipts}
    assert ("track", SEGMENTS[0].segment_id) in done, "it can do without the next segment's detections"
    assert ("counts", "day") in done
    assert run.states.statuses[bad._replace(op="track")].state is State.BLOCKED
    assert not any(op == "publish" for op, _ in done), "footage is published whole or not at all"


@pytest.fixture
def no_backoff(monkeypatch):
    monkeypatch.setattr("jobs.engine.retries.BACKOFF_S", 0.0)
    monkeypatch.setattr("jobs.engine.driver.POLL_S", 0.001)


@pytest.mark.usefixtures("no_backoff")
def test_a_transient_failure_is_tried_again_and_then_given_up():
    flaky = UnitKey("detect", "cam1", "2026-03-02", SEGMENTS[0].segment_id)
    pool = ScriptedPool(
        lambda key, n: ("transient", "OSError", "hiccup") if key == flaky and n < MAX_ATTEMPTS else None
    )
    report, kept = night(plan_tiny(SEGMENTS), pool)
    assert report.state == "done" and not kept and pool.tried.count(flaky) == MAX_ATTEMPTS
    pool = ScriptedPool(lambda key, n: ("transient", "OSError", "dead disk") if key == flaky else None)
    report, kept = night(plan_tiny(SEGMENTS), pool)
    assert report.state == "partial" and pool.tried.count(flaky) == MAX_ATTEMPTS and kept[0].detail == "dead disk"


@pytest.mark.usefixtures("no_backoff")
def test_a_lost_worker_loses_nothing():
    lost = []

    def script(key, attempt):
        if key.op == "detect" and not lost:
            lost.append(key)
            return "lost"
        return None

    plan = plan_tiny(SEGMENTS)
    report, kept = night(plan, ScriptedPool(script))
    assert report.state == "done" and len(report.receipts) == len(plan.units) and not kept


@pytest.mark.usefixtures("no_backoff")
@pytest.mark.parametrize("notes", [True, False])
def test_a_unit_that_kills_its_worker_is_given_up_and_no_other_is_blamed(notes):
    plan = plan_tiny(SEGMENTS)
    poison = UnitKey("track", "cam1", "2026-03-02", SEGMENTS[2].segment_id)
    pool = ScriptedPool(lambda key, attempt: "lost" if key == poison else None, notes=notes)
    report, kept = night(plan, pool)
    assert [(entry.op, entry.unit, entry.kind, entry.reason) for entry in kept] == [
        ("track", poison.unit, "bug", "worker_dies")
    ]
    assert pool.tried.count(poison) == MAX_ATTEMPTS + (not notes), "without notes the first loss blames nobody"
    assert {receipt.op for receipt in report.receipts} == {"detect", "track", "link", "counts"}
    assert len([receipt for receipt in report.receipts if receipt.op == "detect"]) == len(SEGMENTS)


@pytest.mark.usefixtures("no_backoff")
def test_a_lost_machine_is_the_fault_of_no_unit():
    losses = iter(["node"] * 7)
    report, kept = night(plan_tiny(SEGMENTS), ScriptedPool(lambda key, attempt: next(losses, None)))
    assert report.state == "done" and not kept


@pytest.fixture
def no_patience(monkeypatch):
    monkeypatch.setattr("jobs.engine.outage.RETRY_S", 0.0)
    monkeypatch.setattr("jobs.engine.driver.POLL_S", 0.0)


@pytest.mark.usefixtures("no_patience")
def test_units_wait_for_an_archive_that_does_not_answer():
    away = iter([("away", "archive", "archive /a does not answer")] * 9)

    class Archive(ScriptedPool):
        def wait(self, timeout_s):
            for batch, outcome in super().wait(timeout_s):
                decoded = [replace(receipt, counters={"frames_decoded": 1}) for receipt in outcome.receipts]
                yield batch, replace(outcome, receipts=tuple(decoded))

    said = []
    pool = Archive(lambda key, n: next(away, None) if key.op == "detect" else None)
    report, kept = night(plan_tiny(SEGMENTS), pool, on_warning=said.append)
    assert report.state == "done" and not kept and pool.tried.count(pool.tried[0]) > MAX_ATTEMPTS
    assert [line.partition(":")[0].partition(",")[0] for line in said] == [
        "archive /a does not answer",
        "the archive answers again",
    ]


@pytest.mark.usefixtures("no_patience")
def test_a_run_ends_that_has_waited_for_long(monkeypatch):
    monkeypatch.setattr("jobs.engine.outage.PATIENCE_S", 0.0)
    pool = ScriptedPool(lambda key, n: ("away", "archive", "archive /a does not answer"))
    with pytest.raises(TransientError, match="archive /a does not answer, for 0 s; run again"):
        night(plan_tiny(SEGMENTS), pool)


@pytest.mark.usefixtures("no_patience")
def test_a_store_that_does_not_answer_is_waited_for():
    class Share(NoOtherRuns):
        answers = 6  # of each seven looks at it, the last one finds it

        def is_present(self):
            self.answers = (self.answers + 1) % 7
            return self.answers == 6

    said = []
    driver = Driver(
        plan_tiny(SEGMENTS), ScriptedPool(), "run", lambda entry: None, Share(), NoOtherRuns(), on_warning=said.append
    )
    assert driver.run().state == "done"
    assert said[0].startswith("store store does not answer") and "the store answers again" in said[1]


def test_a_full_disk_stops_the_night():
    pool = ScriptedPool(lambda key, attempt: ("full", "StoreFull", "no space left") if key.op == "track" else None)
    with pytest.raises(StoreFull, match="no space left"):
        night(plan_tiny(SEGMENTS), pool)


def test_nothing_begins_that_would_outlast_the_deadline():
    pool = ScriptedPool()
    report, _ = night(plan_tiny(SEGMENTS), pool, deadline=datetime.now(UTC) + timedelta(seconds=0.001))
    assert report.state == "deadline" and report.left == 9 and pool.tried == []


def test_a_gentle_stop_finishes_what_runs():
    stop = threading.Event()
    pool = ScriptedPool(slots=1)
    plan = plan_tiny(SEGMENTS)
    report, _ = night(plan, pool, on_progress=lambda progress: stop.set() if progress.running else None, stop=stop)
    assert report.state == "interrupted" and report.receipts and report.left == 9 - len(report.receipts)


@pytest.mark.parametrize(
    ("trace", "detail"),
    [("", "AssertionError"), ("\n", "AssertionError"), ("at line 3\nAssertionError: 7", "AssertionError: 7")],
)
def test_a_failure_without_a_message_is_quarantined_with_what_is_known(trace, detail):
    pool = ScriptedPool(lambda key, n: ("bug", "AssertionError", "", trace) if key.op == "detect" else None)
    report, kept = night(plan_tiny(SEGMENTS[:1]), pool)
    assert [entry.detail for entry in kept] == [detail] and report.state == "partial"


def test_lost_stretches_are_kept_apart_from_quarantined_units():
    stretch = Failure(UnitKey("decode", "cam1", "2026-03-02", "a@0"), "footage", "decode_error", "0.50 s")

    class LossyPool(ScriptedPool):
        def wait(self, timeout_s):
            return [(batch, replace(outcome, lost=(stretch,))) for batch, outcome in super().wait(timeout_s)]

    report, kept = night(plan_tiny(SEGMENTS[:1]), LossyPool())
    assert report.state == "done" and report.quarantined == [] and report.lost == kept
    assert {entry.op for entry in kept} == {"decode"}


def test_the_report_is_there_although_the_run_was_broken_off():
    def script(key, attempt):
        if key.op == "counts":
            raise KeyboardInterrupt

    driver = Driver(plan_tiny(SEGMENTS), ScriptedPool(script, slots=1), "run", lambda entry: None, *SINGLE_RUN)
    with pytest.raises(KeyboardInterrupt):
        driver.run()
    assert len(driver.report.receipts) == 7 and driver.report.counters == Counter()


def test_a_camera_waits_for_the_machines_of_its_label_while_others_go_on():
    class PlacedPool(ScriptedPool):
        """The worker on the camera's machine has started once two other units are done."""

        labels = MappingProxyType({"cam1": "machine=vault-2"})

        @property
        def free_labels(self):
            return {None, "machine=vault-2"} if len(self.tried) >= 2 else {None}

    other = [replace(segment, camera="cam2", segment_id=f"cam2-{segment.segment_id}") for segment in SEGMENTS[:1]]
    pool, plan = PlacedPool(), plan_tiny([*SEGMENTS, *other])
    report, _ = night(plan, pool, priority=Priority(cameras_first=("cam1",)))
    assert report.state == "done" and sorted(pool.tried) == sorted(plan.units)
    assert [key.camera for key in pool.tried[:2]] == ["cam2", "cam2"]
