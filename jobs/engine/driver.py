"""The driver: gives a plan's units to workers until all is done, the deadline comes near, or the user stops the run.

It alone decides what becomes of a failed unit: another attempt, quarantine, or the end of the run.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial

from jobs.engine.build_tasks import build_tasks
from jobs.engine.outage import Outage
from jobs.engine.pool import Finished, Pool
from jobs.engine.retries import Retries
from jobs.engine.run_clock import RunClock
from jobs.engine.tasks import Failure, LostWorker, Outcome, TaskBatch
from jobs.planning.graph import UnitKey
from jobs.planning.ledger import key_of
from jobs.planning.plan import Plan
from jobs.planning.queue import Priority, WorkQueue
from jobs.planning.unit_states import UnitStates
from schemas.errors import StoreFull
from schemas.values import Quarantined, Receipt
from storage.coordination import Claims, Partition
from storage.store.lost_workers import LostWorkerCounts
from storage.store.store import Store

CLAIM_RETRY_S = 1.0
"""Retry delay while another run holds the claim."""

POLL_S = 0.25
DEADLINE_GRACE_S = 1.0
"""Seconds past the deadline after which batches in flight are given up."""


@dataclass(frozen=True)
class Progress:
    """How far a run has got. ``media_s`` counts each second of footage once per op.

    Attributes:
        left_s: estimated seconds until all is done; None as long as nothing is.
        running: units in flight.
    """

    units_done: int
    units_total: int
    media_done_s: float
    media_total_s: float
    elapsed_s: float
    left_s: float | None
    running: int


@dataclass
class RunReport:
    """What a run has done.

    Attributes:
        state: as in the table ``runs``.
        elsewhere: number of units of the plan that another run did meanwhile.
        receipts: of the units that this run committed.
        quarantined: units that failed for good.
        failures: the failures of these units, with tracebacks.
        lost: stretches of footage that cannot be decoded; the units that need them may be done all the same.
        left: number of units that are neither done nor failed.
        cores: cores that the workers could use.
    """

    run_id: str
    state: str = "done"
    elsewhere: int = 0
    receipts: list[Receipt] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    lost: list[Quarantined] = field(default_factory=list)
    left: int = 0
    cores: int = 0
    wall_s: float = 0.0

    @property
    def counters(self) -> Counter[str]:
        """The counters of all committed units, added up."""
        return sum((Counter(receipt.counters) for receipt in self.receipts), Counter())

    @property
    def stage_s(self) -> dict[str, float]:
        """Seconds by stage of all committed units, added up."""
        stage_s: dict[str, float] = {}
        for receipt in self.receipts:
            for stage, seconds in receipt.stage_s.items():
                stage_s[stage] = stage_s.get(stage, 0.0) + seconds
        return stage_s


class Driver:
    """One run of a plan on a pool.

    Args:
        keep: called with each quarantined unit and each lost stretch, to be written to the journal.
        store: where other runs may have committed the same work meanwhile.
        claims: of this run; they only save work, receipts keep the store right
            (docs/decisions/0011-claims-save-work.md).
        deadline: no batch begins that would, by the estimate, end after it.
        on_warning: called with one line when the archive or the store does not answer, and when it does again.
        on_finished: called with each batch that ended, and what became of it.
        stop: once set, batches in flight are finished and no others begun.
        clock: the time of commits.

    Attributes:
        states: the status of each unit.
        report: what is done so far; also after ``run`` has raised.
        gave_up: whether batches were in flight when the deadline passed; the report lacks what they committed.
    """

    def __init__(
        self,
        plan: Plan,
        pool: Pool,
        run_id: str,
        keep: Callable[[Quarantined], None],
        store: Store,
        claims: Claims,
        on_progress: Callable[[Progress], None] = lambda _: None,
        on_warning: Callable[[str], None] = lambda _: None,
        on_finished: Callable[[TaskBatch, Outcome | LostWorker], None] = lambda *_: None,
        deadline: datetime | None = None,
        stop: threading.Event | None = None,
        priority: Priority | None = None,
        clock: RunClock | None = None,
    ) -> None:
        self.states = UnitStates(plan)
        self.report = RunReport(run_id)
        self.gave_up = False
        self._plan = plan
        self._pool = pool
        self._keep = keep
        self._on_progress, self._on_finished = on_progress, on_finished
        self._deadline = deadline
        self._stop = stop or threading.Event()
        self._store, self._claims = store, claims
        self._clock = clock or RunClock(None)
        self._queue = WorkQueue(self.states, priority, pool.labels)
        self._in_flight: dict[int, TaskBatch] = {}
        self._outage = Outage(store, on_warning, self._ends_early)
        self._retries = Retries(LostWorkerCounts(store.blobs))
        self._batches = 0
        self._began = time.monotonic()

    def run(self) -> RunReport:
        """Runs until nothing is left that may run.

        Raises:
            StoreFull: no space is left for results; what is committed stays.
            TransientError: the archive or the store has not answered for ``outage.PATIENCE_S``.
        """
        while True:
            self._queue.give_back(self._retries.due())
            may_go_on = self._dispatch()
            self._report_progress()
            if not self._in_flight:
                if not may_go_on:
                    break
                time.sleep(POLL_S)
            for finished in self._pool.wait(POLL_S):
                self._collect(finished)
            if self._in_flight and self._is_late(-DEADLINE_GRACE_S):
                self._in_flight.clear()  # the caller ends the workers, and asks the store what they committed
                self.gave_up = True
                break
        return self._close_report()

    def _close_report(self) -> RunReport:
        report, statuses = self.report, self.states.statuses.values()
        report.left = len(self._queue.left) + self._retries.waiting
        report.wall_s = time.monotonic() - self._began
        if self._stop.is_set():
            report.state = "interrupted"
        elif any(status.to_do for status in statuses):
            report.state = "deadline"
        elif report.failures or any(status.is_problem for status in statuses):
            report.state = "partial"
        return report

    def _dispatch(self) -> bool:
        """Fills free worker slots. Returns whether units are left that may run before the deadline."""
        while not self._ends_early():
            if self._outage.must_wait or not self._pool.free:
                return True
            keys, others = self._retries.split(self._queue.take(self._pool.free_labels))
            self._queue.give_back(others)
            if not keys:
                return self._retries.waiting > 0 or self._queue.offers_others(self._pool.free_labels)
            if self._is_late(sum(map(self._plan.work_s, keys))):
                self._queue.give_back(keys)
                return False
            if self._outage.outlast(partial(self._claims.acquire, keys[0].partition)):
                self._submit(keys)
            else:
                # Another run works on it: it may have done these units by the next try.
                self._retries.wait(keys, CLAIM_RETRY_S)
        return False

    def _ends_early(self) -> bool:
        return self._stop.is_set() or self._is_late()

    def _submit(self, keys: Sequence[UnitKey]) -> None:
        """Submits units of a claimed partition, without those that another run has done meanwhile."""
        partition = keys[0].partition
        if self._claims.met_other_runs:  # until then, nobody else commits: no unit is looked up before it runs
            keys = [key for key in keys if not self._is_done_elsewhere(key, self.states.fingerprint(key))]
        if not keys:
            self._release(partition)
            return
        self._batches += 1
        batch = TaskBatch(
            number=self._batches,
            run_id=self.report.run_id,
            tasks=build_tasks(self.states, keys),
            attempt=self._retries.attempt(keys),
            not_before=self._clock.floor,
        )
        self._in_flight[batch.number] = batch
        self._pool.submit(batch)

    def _is_done_elsewhere(self, key: UnitKey, fingerprint: str) -> bool:
        """Whether exactly this work is committed by now; then it is recorded as done."""
        receipt = self._outage.outlast(partial(self._store.find_receipt, *key, fingerprint))
        if receipt is None:
            return False
        self._record_done(receipt)
        return True

    def _record_done(self, receipt: Receipt) -> None:
        if receipt.run_id == self.report.run_id:
            self.report.receipts.append(receipt)
        else:
            self.report.elsewhere += 1  # a worker of another run was first: its receipt is the one in the store
        self._retries.forget(receipt)
        self._clock.advance_past(receipt.committed)
        self._queue.mark_done(key_of(receipt), receipt)

    def _release(self, partition: Partition) -> None:
        # A claim that cannot be removed now is removed at the end of the run.
        with suppress(OSError):
            self._claims.release(partition)

    def _is_late(self, work_s: float = 0.0) -> bool:
        """Whether work of this length, begun now, ends after the deadline."""
        return self._deadline is not None and datetime.now(UTC) + timedelta(seconds=work_s) > self._deadline

    def _collect(self, finished: Finished) -> None:
        """Records what became of each unit of a batch."""
        batch, outcome = finished
        self._in_flight.pop(batch.number, None)
        self._on_finished(batch, outcome)
        fingerprints = {task.key: task.fingerprint for task in batch.tasks}
        keys = list(fingerprints)
        if isinstance(outcome, LostWorker):
            outcome = Outcome(failures=self._outage.outlast(partial(self._retries.blame, batch, outcome)))
        self._release(keys[0].partition)
        for receipt in outcome.receipts:
            self._record_done(receipt)
        for stretch in outcome.lost:
            self.report.lost.append(self._keep_entry(stretch, fingerprints[keys[0]]))
        away = [failure for failure in outcome.failures if failure.kind == "away"]
        if away:
            self._outage.begin(away[0].reason, away[0].detail)
        elif any("frames_decoded" in receipt.counters for receipt in outcome.receipts):
            self._outage.end("archive")
        failures = [failure for failure in outcome.failures if failure.kind != "away"]
        for failure in failures:
            self._record_failure(failure, fingerprints[failure.key])
        ended = {key_of(receipt) for receipt in outcome.receipts} | {failure.key for failure in failures}
        # The others were not tried: they wait for footage, or one that they read failed. Some can do without it.
        self._queue.give_back([key for key in keys if key not in ended])

    def _record_failure(self, failure: Failure, fingerprint: str) -> None:
        key = failure.key
        if failure.kind == "full":
            raise StoreFull(failure.detail)
        if self._is_done_elsewhere(key, fingerprint):
            return  # such as a merge whose parts are gone, because another run has merged and deleted them
        if self._retries.may_retry(failure):
            return
        self.report.failures.append(failure)
        entry = self._keep_entry(failure, fingerprint)
        self.report.quarantined.append(entry)
        self._queue.mark_quarantined(key, f"{entry.reason}: {entry.detail}")

    def _keep_entry(self, failure: Failure, fingerprint: str) -> Quarantined:
        """Returns the quarantine entry of a failure, once it is in the journal."""
        key = failure.key
        segments = self._plan.units[key].segments if key in self._plan.units else ()
        last_lines = failure.trace.strip().splitlines()[-1:]  # many errors of libraries have no message
        entry = Quarantined(
            **key._asdict(),
            fingerprint=fingerprint,
            kind="bug" if failure.kind == "transient" else failure.kind,  # type: ignore[arg-type]  # others end no unit
            reason=failure.reason,
            detail=failure.detail or next(iter(last_lines), failure.reason),
            path=segments[0].path if len(segments) == 1 else None,
            time=datetime.now(UTC),
            run_id=self.report.run_id,
        )
        self._outage.outlast(partial(self._keep, entry))
        return entry

    def _report_progress(self) -> None:
        total, settled = self._queue.total, self._queue.settled
        elapsed_s = time.monotonic() - self._began
        left_work_s = max(total.work_s - settled.work_s, 0.0)
        self._on_progress(
            Progress(
                units_done=settled.units,
                units_total=total.units,
                media_done_s=settled.media_s,
                media_total_s=total.media_s,
                elapsed_s=elapsed_s,
                left_s=elapsed_s * left_work_s / settled.work_s if settled.work_s > 0 else None,
                running=sum(len(batch.tasks) for batch in self._in_flight.values()),
            )
        )
