"""Races: work done twice, late commits, and clocks that are behind."""

import pickle
import random
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any, cast
from unittest import mock

from jobs.commands.run import run_site
from jobs.engine.options import RunOptions
from jobs.engine.pool import Finished
from jobs.engine.tasks import Outcome, TaskBatch, WorkerSetup
from jobs.engine.worker import Worker
from jobs.planning.graph import Selection
from jobs.site import open_site
from storage.blobs import Blobs
from storage.maintenance.compaction import compact
from storage.store.receipts import RECEIPTS_FOLDER
from tests.support.faults.contents import contents_of
from tests.support.faults.programs import night, run_job
from tests.support.faults.scene import Scene, Tally, check_exit, finish_job, log_of

ANOTHER_PARAMETER = "\n[ops.counts]\nbin_s = 30\n"
BEHIND_S = 3600.0
_ROOMS = ("cli", "jobs", "ops", "storage", "schemas")


def twice(scene: Scene, name: str, seed: int) -> Tally:
    """Gives every batch to two workers at the same time."""
    return _raced(scene, name, RacingRun(scene.folder / name, TwoWorkers, seed))


def late(scene: Scene, name: str, seed: int) -> Tally:
    """Lets a second worker do every batch when the first one is about to commit; the first one then commits too."""
    return _raced(scene, name, RacingRun(scene.folder / name, LateWorker, seed))


def late_after_compaction(scene: Scene, name: str, seed: int) -> Tally:
    """As ``late``, with a compaction of the second worker's commits before the first one commits."""
    return _raced(scene, name, RacingRun(scene.folder / name, LateWorker, seed, compacting=True))


def clock_set_back(scene: Scene, name: str) -> Tally:
    """Changes a parameter and reverts it on machines whose clocks are hours behind: the newest change must win."""
    reference, site = scene.used(f"{name}-reference"), scene.used(name)
    before = (site / "site.toml").read_text()
    for each in (reference, site):
        (each / "site.toml").write_text(before + ANOTHER_PARAMETER)
    tally = finish_job(night(reference), reference)
    changed = contents_of(reference)
    if not changed.difference(scene.expected):
        raise RuntimeError("the other parameter changes nothing: there is nothing to compare")
    tally += finish_job(SlowClockRun(site, BEHIND_S), site) + scene.check(site, changed)
    (site / "site.toml").write_text(before)
    tally += finish_job(SlowClockRun(site, 2 * BEHIND_S), site) + scene.check(site)
    return tally + Tally(clock_changes=2) + scene.finish(site)


class TwoWorkers:
    """A pool of two workers that both do every batch; the driver gets one outcome."""

    slots = 1

    def __init__(self, setup: WorkerSetup, random_: random.Random, compacting: bool) -> None:
        # Pickled, so that each worker has its own ops, as in two processes.
        self._workers = [Worker(pickle.loads(pickle.dumps(setup))) for _ in range(2)]
        self._waiting: list[TaskBatch] = []
        self._random = random_
        self._compacting = compacting

    labels: Mapping[str, str] = {}
    free_labels = None

    @property
    def free(self) -> int:
        """Whether a batch may be submitted."""
        return self.slots - len(self._waiting)

    def submit(self, batch: TaskBatch) -> None:
        """Keeps the batch until ``wait``."""
        self._waiting.append(batch)

    def wait(self, timeout_s: float) -> Iterable[Finished]:
        """Runs the submitted batches twice."""
        waiting, self._waiting = self._waiting, []
        return [(batch, self._random.choice(self._outcomes(batch, self._workers))) for batch in waiting]

    def close(self) -> None:
        """Closes the ops."""
        for worker in self._workers:
            worker.close()

    def _outcomes(self, batch: TaskBatch, workers: list[Worker]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        together = threading.Barrier(len(workers))

        def do_batch(worker: Worker) -> None:
            together.wait()
            outcomes.append(worker.run(batch))

        threads = [threading.Thread(target=do_batch, args=[worker]) for worker in workers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return outcomes


class LateWorker(TwoWorkers):
    """The second worker runs the batch when the first one is about to commit."""

    def _outcomes(self, batch: TaskBatch, workers: list[Worker]) -> list[Outcome]:
        first, second = workers
        outcomes: list[Outcome] = []
        blobs = first.store.blobs

        def interruption() -> None:
            outcomes.append(second.run(batch))
            if self._compacting:
                compact(second.store)

        first.store.blobs = cast(Blobs, PausingBlobs(blobs, interruption))
        try:
            outcomes.append(first.run(batch))
        finally:
            first.store.blobs = blobs
        return outcomes


class PausingBlobs:
    """``Blobs`` that call a function before the first receipt is put."""

    def __init__(self, blobs: Blobs, interruption: Callable[[], None]) -> None:
        self._blobs = blobs
        self._interruption: Callable[[], None] | None = interruption

    def __getattr__(self, name: str) -> Any:
        return getattr(self._blobs, name)

    def put_if_absent(self, name: str, content: bytes) -> bool:
        """Puts a file, the first receipt after the interruption."""
        if self._interruption and name.startswith(RECEIPTS_FOLDER):
            interruption, self._interruption = self._interruption, None
            interruption()
        return self._blobs.put_if_absent(name, content)


@dataclass(frozen=True)
class RacingRun:
    """A run on one of these pools. It prints the number of batches done twice."""

    site: Path
    pool: type[TwoWorkers]
    seed: int
    compacting: bool = False

    def __call__(self) -> None:
        batches = 0

        def opened(setup: WorkerSetup, *_: object) -> TwoWorkers:
            pool = self.pool(setup, random.Random(self.seed), self.compacting)
            submit = pool.submit

            def counted(batch: TaskBatch) -> None:
                nonlocal batches
                batches += 1
                submit(batch)

            pool.submit = counted  # type: ignore[method-assign]
            return pool

        with mock.patch("jobs.commands.run.open_pool", opened):
            summary = run_site(open_site(self.site), Selection(), RunOptions(workers=None))
        sys.stdout.write(str(batches))
        raise SystemExit(summary.exit_code)


@dataclass(frozen=True)
class SlowClockRun:
    """A run on a machine whose clock is behind."""

    site: Path
    behind_s: float

    def __call__(self) -> None:
        behind_s = self.behind_s

        class Behind(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> "Behind":
                return cast("Behind", datetime.now(tz) - timedelta(seconds=behind_s))

        # Every module holds its own reference to the class, so each one is patched.
        ours = [module for name, module in sys.modules.items() if name.split(".")[0] in _ROOMS]
        for module in ours:
            if getattr(module, "datetime", None) is datetime:
                module.datetime = Behind  # type: ignore[attr-defined]  # this process does nothing else
        summary = run_site(open_site(self.site), Selection(), RunOptions(workers=None))
        raise SystemExit(summary.exit_code)


def _raced(scene: Scene, name: str, race: RacingRun) -> Tally:
    site = scene.fresh(name)
    result = run_job(race, log_of(site))
    batches = int(result.out) if result.out.isdigit() else 0
    return check_exit(result, 0) + Tally(races=batches) + scene.check(site) + scene.finish(site)
