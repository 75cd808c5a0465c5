"""The driver: keeps workers busy with a plan's units until all is done, the deadline nears, or somebody stops it."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from jobs.engine.build_tasks import build_tasks
from jobs.engine.coordination import RunCoordination, SingleRun
from jobs.engine.pool import Finished, Pool
from jobs.engine.queue import Priority, WorkQueue
from jobs.engine.run_clock import RunClock
from jobs.engine.tasks import Failure, Outcome, TaskBatch
from jobs.planning.graph import UnitKey
from jobs.planning.ledger import key_of
from jobs.planning.plan import Plan
from jobs.planning.unit_states import UnitStates
from schemas.errors import StoreFull, TransientError
from schemas.values import Quarantined, Receipt

MAX_ATTEMPTS = 3
BACKOFF_S = 1.0
POLL_S = 0.25
DEADLINE_GRACE_S = 1.0
"""Seconds past the deadline at which what still runs is given up."""

CLAIM_RETRY_S = 1.0
"""Seconds until a place is looked at again at which another run works."""


@dataclass(frozen=True)
class Progress:
    """How far a night is. ``media_s`` counts each second of footage once an op."""

    units_done: int
    units_total: int
    media_done_s: float
    media_total_s: float
    elapsed_s: float
    left_s: float | None
    running: int


@dataclass
class RunReport:
    """What a night did. ``state`` is as in the table ``runs``.

    Attributes:
        elsewhere: units that were to be done and that another run did meanwhile.
    """

    run_id: str
    state: str = "done"
    elsewhere: int = 0
    receipts: list[Receipt] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    left: int = 0
    wall_s: float = 0.0


class Driver:
    """One run of a plan on a pool.

    Args:
        keep: called with each unit that is set aside, to be written down.
        deadline: no batch is begun that would, by the estimate, end after it; what still runs then is stopped.
        stop: set by the first Ctrl-C: what runs is finished, nothing new begun.
        priority: what goes first.
        others: the other runs on the store.
        clock: the time of commits.
    """

    def __init__(
        self,
        plan: Plan,
        pool: Pool,
        run_id: str,
        keep: Callable[[Quarantined], None],
        on_progress: Callable[[Progress], None] = lambda _: None,
        deadline: datetime | None = None,
        stop: threading.Event | None = None,
        priority: Priority | None = None,
        coordination: RunCoordination | None = None,
        clock: RunClock | None = None,
    ) -> None:
        self._plan = plan
        self.states = UnitStates(plan)
        self._pool = pool
        self._keep = keep
        self._on_progress = on_progress
        self._deadline = deadline
        self._stop = stop or threading.Event()
        self._coordination = coordination or SingleRun()
        self._clock = clock or RunClock(None)
        self._queue = WorkQueue(self.states, priority)
        self._in_flight: dict[int, TaskBatch] = {}
        self._attempts: dict[UnitKey, int] = defaultdict(int)
        self._backing_off: list[tuple[float, list[UnitKey]]] = []
        self._batches = 0
        self._started = time.monotonic()
        self._report = RunReport(run_id)

    def run(self) -> RunReport:
        """Runs until nothing is left that may run.

        Raises:
            StoreFull: no space is left for results; what is committed stays.
        """
        while True:
            self._wake()
            held = self._dispatch()
            self._tell()
            if not self._in_flight:
                if not self._backing_off or held or self._stop.is_set() or self._late():
                    break
                time.sleep(POLL_S)
                continue
            for finished in self._pool.wait(POLL_S):
                self._take_in(finished)
            if self._late(DEADLINE_GRACE_S) and self._in_flight:
                self._in_flight.clear()  # the pool is closed by whoever opened it; what runs was never committed
                break
        return self._close()

    def _close(self) -> RunReport:
        report = self._report
        report.left = len(self._queue.left) + sum(len(keys) for _, keys in self._backing_off)
        report.wall_s = time.monotonic() - self._started
        troubled = any(status.is_problem for status in self.states.statuses.values())
        if self._stop.is_set():
            report.state = "interrupted"
        elif self._unfinished():
            report.state = "deadline"
        elif troubled or report.failures:
            report.state = "partial"
        return report

    def _unfinished(self) -> bool:
        return any(status.to_do for status in self.states.statuses.values())

    def _wake(self) -> None:
        now = time.monotonic()
        for due, keys in [rest for rest in self._backing_off if rest[0] <= now]:
            self._backing_off.remove((due, keys))
            self._queue.give_back(keys)

    def _dispatch(self) -> bool:
        """Fills free slots; True if something was held back for the deadline."""
        while len(self._in_flight) < self._pool.slots and not self._stop.is_set():
            keys = self._queue.take()
            if not keys:
                return False
            if not self._fits(keys):
                self._queue.give_back(keys)
                return True
            if self._coordination.take(self._plan.units[keys[0]].partition):
                self._send(keys)
            else:
                self._backing_off.append((time.monotonic() + CLAIM_RETRY_S, keys))
        return False

    def _send(self, keys: Sequence[UnitKey]) -> None:
        """Gives units of a place that is ours to a worker, but for those that another run has done meanwhile."""
        place = self._plan.units[keys[0]].partition
        left = [
            key
            for key in keys
            if not (self._coordination.has_others and self._done_elsewhere(key, self.states.fingerprint(key)))
        ]
        if not left:
            self._coordination.release(place)
            return
        self._batches += 1
        attempt = max(self._attempts[key] for key in left) + 1
        batch = TaskBatch(
            self._batches, self._report.run_id, build_tasks(self.states, left), attempt, self._clock.floor
        )
        self._in_flight[batch.number] = batch
        self._pool.submit(batch)

    def _done_elsewhere(self, key: UnitKey, fingerprint: str) -> bool:
        """Whether exactly this work is committed by now; then it is settled."""
        receipt = self._coordination.committed(key, fingerprint)
        if receipt is None:
            return False
        self._done(receipt)
        return True

    def _done(self, receipt: Receipt) -> None:
        if receipt.run_id == self._report.run_id:
            self._report.receipts.append(receipt)
        else:
            self._report.elsewhere += 1
        self._clock.advance_past(receipt.committed)
        self._queue.mark_done(key_of(receipt), receipt)

    def _late(self, grace_s: float = 0.0) -> bool:
        return self._deadline is not None and datetime.now(UTC) > self._deadline + timedelta(seconds=grace_s)

    def _fits(self, keys: Sequence[UnitKey]) -> bool:
        if self._deadline is None:
            return True
        needed = timedelta(seconds=sum(map(self._plan.work_s, keys)))
        return datetime.now(UTC) + needed <= self._deadline

    def _take_in(self, finished: Finished) -> None:
        batch, outcome = finished
        self._in_flight.pop(batch.number, None)
        keys = [task.key for task in batch.tasks]
        if isinstance(outcome, TransientError):
            failures = tuple(Failure(key, "transient", "TransientError", str(outcome)) for key in keys[:1])
            outcome = Outcome(failures=failures)
        self._coordination.release(self._plan.units[keys[0]].partition)
        for receipt in outcome.receipts:
            self._done(receipt)
        for lost in outcome.lost:
            self._quarantine(lost, self._fingerprint_of(batch, lost.key))
        for failure in outcome.failures:
            self._failed(failure, batch)
        settled = {key_of(receipt) for receipt in outcome.receipts} | {failure.key for failure in outcome.failures}
        self._queue.give_back([key for key in keys if key not in settled])

    @staticmethod
    def _fingerprint_of(batch: TaskBatch, key: UnitKey) -> str:
        for task in batch.tasks:
            if task.key == key:
                return task.fingerprint
        return batch.tasks[0].fingerprint

    def _failed(self, failure: Failure, batch: TaskBatch) -> None:
        key = failure.key
        if failure.kind == "full":
            raise StoreFull(failure.detail)
        if self._done_elsewhere(key, self._fingerprint_of(batch, key)):
            return  # as when another run, done with it, removed what this one was about to join
        if failure.kind == "transient":
            self._attempts[key] += 1
            if self._attempts[key] < MAX_ATTEMPTS:
                self._backing_off.append((time.monotonic() + BACKOFF_S * 2 ** self._attempts[key], [key]))
                return
        self._report.failures.append(failure)
        entry = self._quarantine(failure, self._fingerprint_of(batch, key))
        self._queue.mark_quarantined(key, f"{entry.reason}: {entry.detail}")

    def _quarantine(self, failure: Failure, fingerprint: str) -> Quarantined:
        segments = self._plan.units[failure.key].segments if failure.key in self._plan.units else ()
        entry = Quarantined(
            op=failure.key.op,
            camera=failure.key.camera,
            date=failure.key.date,
            unit=failure.key.unit,
            fingerprint=fingerprint,
            kind="bug" if failure.kind == "transient" else failure.kind,  # type: ignore[arg-type]
            reason=failure.reason,
            detail=failure.detail or failure.trace.strip().splitlines()[-1:][0],
            path=segments[0].path if len(segments) == 1 else None,
            time=datetime.now(UTC),
            run_id=self._report.run_id,
        )
        self._keep(entry)
        self._report.quarantined.append(entry)
        return entry

    def _tell(self) -> None:
        total, settled = self._queue.total, self._queue.settled
        elapsed_s = time.monotonic() - self._started
        left = max(total.work_s - settled.work_s, 0.0)
        left_s = elapsed_s * left / settled.work_s if settled.work_s > 0 else None
        self._on_progress(
            Progress(
                units_done=settled.units,
                units_total=total.units,
                media_done_s=settled.media_s,
                media_total_s=total.media_s,
                elapsed_s=elapsed_s,
                left_s=left_s,
                running=sum(len(batch.tasks) for batch in self._in_flight.values()),
            )
        )
