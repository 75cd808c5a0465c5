"""Several runs on one store: the work is shared, none waits for the dead, and each ends with everything done."""

import threading
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from jobs.engine.driver import Driver
from jobs.engine.run_clock import RunClock
from jobs.engine.tasks import Failure, Outcome, TaskBatch
from jobs.planning.graph import Selection
from jobs.planning.ledger import Ledger
from jobs.planning.plan import make_plan
from schemas.values import Receipt
from storage.coordination import Claims
from storage.store.store import Store
from tests.jobs.engine.test_driver import SINGLE_RUN
from tests.jobs.pipeline import tiny_site
from tests.storage.rows import receipts_of
from tests.support.fakes import make_segment, segment_columns

SEGMENTS = [make_segment(index) for index in range(4)]
UNITS = 4 + 4 + 1 + 1 + 1
NEVER_S = 3600.0
OF_ANOTHER_RUN = TaskBatch(1, "other", ())


@pytest.fixture(autouse=True)
def no_rest(monkeypatch):
    monkeypatch.setattr("jobs.engine.driver.CLAIM_RETRY_S", 0.005)
    monkeypatch.setattr("jobs.engine.driver.POLL_S", 0.001)
    monkeypatch.setattr("jobs.engine.retries.BACKOFF_S", 0.0)


@pytest.fixture
def store(tmp_path):
    return Store.create(tmp_path / "store")


class CommittingPool:
    """Commits every unit to the store, as a worker would, after ``before`` was called with it."""

    def __init__(self, store, before=lambda task: None, slots=1):
        self.slots = slots
        self.store = store
        self.before = before
        self.worked = []
        self._waiting = []

    labels, free_labels = {}, None

    @property
    def free(self):
        return self.slots - len(self._waiting)

    def submit(self, batch):
        self._waiting.append(batch)

    def wait(self, timeout_s):
        if not self._waiting:
            return []
        batch = self._waiting.pop(0)
        receipts, failures = [], []
        for task in batch.tasks:
            failure = self.before(task)
            if failure:
                failures.append(failure)
                break
            self.worked.append(task.key)
            receipts.append(self.store.commit(receipt_of(task, batch)))
        return [(batch, Outcome(tuple(receipts), tuple(failures)))]

    def close(self):
        pass


def receipt_of(task, batch):
    key = task.key
    committed = max(datetime.now(UTC), batch.not_before)
    ingredients = task.ingredients
    return Receipt(
        key.op,
        1,
        key.camera,
        key.date,
        key.unit,
        task.fingerprint,
        ingredients,
        {},
        committed,
        batch.run_id,
        0.1,
        10.0,
    )


def plan_of(store):
    return make_plan(tiny_site(), segment_columns(SEGMENTS), Ledger(store.read_receipts().rows), Selection())


def night(store, run_id, claims, pool=None, plan=None, **more):
    kept = []
    plan = plan or plan_of(store)
    return Driver(plan, pool or CommittingPool(store), run_id, kept.append, store, claims, **more).run(), kept


def test_two_runs_at_once_share_the_work_and_both_end_with_all_of_it_done(store):
    ended, pools = {}, {}
    start, end = threading.Barrier(2), threading.Barrier(2)

    def run(run_id):
        pools[run_id] = CommittingPool(store)
        with Claims(store.blobs, run_id) as claims:
            plan = plan_of(store)
            start.wait()
            ended[run_id] = night(store, run_id, claims, pools[run_id], plan)
            end.wait()

    threads = [threading.Thread(target=run, args=(run_id,)) for run_id in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    reports = {run_id: report for run_id, (report, _) in ended.items()}
    assert [report.state for report in reports.values()] == ["done", "done"]
    assert len(receipts_of(store)) == UNITS
    worked = Counter(key for pool in pools.values() for key in pool.worked)
    assert len(worked) == UNITS and set(worked.values()) == {1}, "nothing was done twice"
    for report in reports.values():
        assert len(report.receipts) + report.elsewhere == UNITS and report.left == 0


def test_a_run_that_comes_late_does_what_the_first_has_not_done_yet(store):
    with Claims(store.blobs, "a") as a, Claims(store.blobs, "b") as b:
        plan = plan_of(store)
        first, _ = night(store, "a", a)
        pool = CommittingPool(store)
        second, _ = night(store, "b", b, pool, plan)
    assert len(first.receipts) == UNITS and second.elsewhere == UNITS
    assert pool.worked == [] and second.state == "done"


def test_a_partition_that_another_run_holds_is_waited_for(store):
    partition = ("cam1", "2026-03-02", SEGMENTS[3].segment_id)
    looks = Counter()
    with Claims(store.blobs, "other") as other, Claims(store.blobs, "mine") as mine:
        assert other.acquire(partition)
        plan = plan_of(store)
        held = [key for key in plan.units if key.partition == partition]

        def finish_after_a_while(progress):
            looks["all"] += 1
            if looks["all"] == 20:
                elsewhere = CommittingPool(store)
                Driver(plan_of(store), elsewhere, "other", lambda entry: None, *SINGLE_RUN).run()
                other.release(partition)

        pool = CommittingPool(store)
        report, _ = night(store, "mine", mine, pool, plan, on_progress=finish_after_a_while)
    assert report.state == "done" and report.elsewhere >= len(held)
    assert not set(held) & set(pool.worked) and looks["all"] > 20


def test_the_claims_of_a_run_that_was_killed_are_taken_over(store):
    dead = Claims(store.blobs, "dead", beat_s=NEVER_S)
    dead.__enter__()
    assert all(dead.acquire(("cam1", "2026-03-02", segment.segment_id)) for segment in SEGMENTS)
    with Claims(store.blobs, "b", lease_s=0.05) as claims:
        report, _ = night(store, "b", claims)
    assert report.state == "done" and len(report.receipts) == UNITS
    dead.__exit__(None, None, None)


@pytest.mark.slow
def test_the_deadline_holds_while_others_are_waited_for(store):
    with Claims(store.blobs, "other") as other, Claims(store.blobs, "mine") as mine:
        for segment in SEGMENTS:
            assert other.acquire(("cam1", "2026-03-02", segment.segment_id))
        report, _ = night(store, "mine", mine, deadline=datetime.now(UTC) + timedelta(seconds=2))
    assert report.state == "deadline" and report.left == UNITS and report.receipts == []


def test_a_stop_holds_while_others_are_waited_for(store):
    stop = threading.Event()
    with Claims(store.blobs, "other") as other, Claims(store.blobs, "mine") as mine:
        for segment in SEGMENTS:
            assert other.acquire(("cam1", "2026-03-02", segment.segment_id))
        report, _ = night(store, "mine", mine, stop=stop, on_progress=lambda progress: stop.set())
    assert report.state == "interrupted" and report.left == UNITS


@pytest.mark.parametrize("kind", ["footage", "bug", "transient"])
def test_a_failure_of_what_another_run_has_committed_meanwhile_is_none(store, kind):
    def lose_the_race(task):
        if task.key.op != "publish":
            return None
        store.commit(receipt_of(task, OF_ANOTHER_RUN))
        return Failure(task.key, kind, "FileNotFoundError", "the part is gone")

    with Claims(store.blobs, "mine") as mine:
        report, kept = night(store, "mine", mine, CommittingPool(store, lose_the_race))
    assert report.state == "done" and kept == [] and report.failures == []
    assert report.elsewhere == 1


def test_a_failure_that_nobody_else_mended_is_one(store):
    def fail(task):
        return Failure(task.key, "footage", "truncated", "cut off") if task.key.op == "publish" else None

    with Claims(store.blobs, "mine") as mine:
        report, kept = night(store, "mine", mine, CommittingPool(store, fail))
    assert report.state == "partial" and [entry.op for entry in kept] == ["publish"]


def test_a_worker_that_ends_after_its_unit_was_given_to_another_harms_nothing(store):
    def slow(task):
        if task.key.op == "detect":  # by now another worker has done it
            store.commit(receipt_of(task, OF_ANOTHER_RUN))

    with Claims(store.blobs, "mine") as mine:
        report, _ = night(store, "mine", mine, CommittingPool(store, slow))
    assert report.state == "done" and report.elsewhere == len(SEGMENTS)
    assert len(receipts_of(store)) == UNITS


def test_a_clock_that_was_set_back_makes_no_commit_older_than_what_is_there(store):
    with Claims(store.blobs, "a") as claims:
        future = datetime.now(UTC) + timedelta(days=400)
        report, _ = night(store, "a", claims, clock=RunClock(future))
    assert len(report.receipts) == UNITS
    assert all(receipt.committed > future for receipt in report.receipts)
