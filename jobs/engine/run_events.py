"""What happens in a run: its caller hears of it, its log in the store and, on a cluster, metrics that Ray exports."""

import math
import platform
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from jobs.engine.driver import Progress, RunReport
from jobs.engine.metrics import RunMetrics
from jobs.engine.options import RunOptions
from jobs.engine.tasks import Failure, LostWorker, Outcome, TaskBatch
from jobs.planning.plan import Plan
from storage.store.journal import RunRecord
from storage.store.run_log import RunLog

PROGRESS_S = 10.0
"""Seconds between the lines that say how far a run has got."""


@dataclass
class RunEvents:
    """Whom one run tells what happens: its caller, its log, and on a cluster its metrics.

    Attributes:
        log: of the run.
        on_progress, on_warning: of the caller, as for ``run_site``.
        metrics: on a cluster.
    """

    log: RunLog
    on_progress: Callable[[Progress], None] = lambda _: None
    on_warning: Callable[[str], None] = lambda _: None
    metrics: RunMetrics | None = None
    clock: Callable[[], float] = time.monotonic
    _shown_s: float = field(default=-math.inf, init=False)

    def begin(self, record: RunRecord, options: RunOptions) -> None:
        """A run begins."""
        self.log.write(
            "run_began",
            run_id=record.run_id,
            version=record.version,
            selection=record.selection,
            host=platform.node(),
            workers=options.workers,
            address=options.address,
        )

    def planned(self, plan: Plan) -> None:
        """The units of the run are known."""
        self.log.write("planned", units=len(plan.to_do), ops=dict(Counter(key.op for key in plan.to_do)))

    def warn(self, text: str) -> None:
        """A problem does not stop the run."""
        self.log.write("warning", "warning", message=text)
        self.on_warning(text)

    def finish(self, batch: TaskBatch, outcome: Outcome | LostWorker) -> None:
        """A batch has ended."""
        if isinstance(outcome, LostWorker):
            self.log.write(
                "worker_lost",
                "warning",
                message=outcome.detail,
                cause=outcome.cause,
                units=[key._asdict() for key in outcome.working_on],
                attempt=batch.attempt,
                trace=outcome.stacks,
            )
            if self.metrics:
                self.metrics.count_lost_worker()
            return
        for receipt in outcome.receipts:
            self.log.write(
                "unit_done",
                "debug",
                **{name: getattr(receipt, name) for name in ("op", "camera", "date", "unit")},
                wall_s=round(receipt.wall_s, 3),
                media_s=round(receipt.media_s, 3),
                counters=receipt.counters,
            )
        for failure in outcome.failures:
            self._write_failure("unit_failed", failure, batch.attempt)
        for stretch in outcome.lost:
            self._write_failure("footage_lost", stretch, batch.attempt)
        if self.metrics:
            self.metrics.count(outcome)

    def _write_failure(self, event: str, failure: Failure, attempt: int) -> None:
        self.log.write(
            event,
            "warning" if failure.kind in ("transient", "footage", "away") else "error",
            **failure.key._asdict(),
            kind=failure.kind,
            reason=failure.reason,
            message=failure.detail,
            attempt=attempt,
            trace=failure.trace,
        )

    def progress(self, progress: Progress) -> None:
        """Units have ended, or workers were waited for."""
        self.on_progress(progress)
        if self.metrics:
            self.metrics.show(progress)
        if self.clock() - self._shown_s >= PROGRESS_S:
            self._shown_s = self.clock()
            self.log.write(
                "progress",
                "debug",
                units_done=progress.units_done,
                units_total=progress.units_total,
                media_done_s=round(progress.media_done_s, 1),
                media_total_s=round(progress.media_total_s, 1),
                left_s=None if progress.left_s is None else round(progress.left_s, 1),
                running=progress.running,
            )

    def break_off(self, error: BaseException) -> None:
        """The run cannot go on."""
        self.log.write("run_broke_off", "error", reason=type(error).__name__, message=str(error))

    def end(self, report: RunReport, record: RunRecord) -> None:
        """The run has ended, as its record says."""
        self.log.write(
            "run_ended",
            "error" if record.state == "failed" else "info",
            state=record.state,
            units_done=record.units_done,
            units_quarantined=record.units_quarantined,
            units_left=report.left,
            wall_s=record.wall_s and round(record.wall_s, 3),
            media_s=round(record.media_s, 3),
        )
