"""Work that is done twice, commits that come late, and clocks that were set back."""

import pickle
import random
import sys
import threading
from collections.abc import Callable, Iterable
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
from tests.support.faults.programs import do, night
from tests.support.faults.scene import Scene, Tally, ending, finish_job, log_of

ANOTHER_PARAMETER = "\n[ops.counts]\nbin_s = 30\n"
BEHIND_S = 3600.0
_ROOMS = ("cli", "jobs", "ops", "storage", "schemas")


def twice(scene: Scene, name: str, seed: int) -> Tally:
    """Every batch is given to two workers, who do it at the same moment."""
    return _raced(scene, name, RacingNight(scene.folder / name, TwoAtOnce, seed))


def late(scene: Scene, name: str, seed: int) -> Tally:
    """Every batch is given to another worker when the first is about to commit; the first then commits all the same."""
    return _raced(scene, name, RacingNight(scene.folder / name, OneIsLate, seed))


def late_after_compaction(scene: Scene, name: str, seed: int) -> Tally:
    """The same, and what the other worker committed is compacted before the first commits."""
    return _raced(scene, name, RacingNight(scene.folder / name, OneIsLate, seed, compacting=True))


def clock_set_back(scene: Scene, name: str) -> Tally:
    """A parameter is changed, and set back, by machines whose clocks are hours behind: the newest must win."""
    reference, site = scene.used(f"{name}-reference"), scene.used(name)
    before = (site / "site.toml").read_text()
    for each in (reference, site):
        (each / "site.toml").write_text(before + ANOTHER_PARAMETER)
    tally = finish_job(night(reference), reference)
    changed = contents_of(reference)
    if not changed.difference(scene.right):
        raise RuntimeError("the other parameter changes nothing: there is nothing to compare")
    tally += finish_job(BehindNight(site, BEHIND_S), site) + scene.check(site, changed)
    (site / "site.toml").write_text(before)
    tally += finish_job(BehindNight(site, 2 * BEHIND_S), site) + scene.check(site)
    return tally + Tally(clock_changes=2) + scene.finish(site)


class TwoAtOnce:
    """A pool of two workers of which both do every batch; the driver hears of one."""

    slots = 1

    def __init__(self, setup: WorkerSetup, random_: random.Random, compacting: bool) -> None:
        # Each with ops of its own, as in two processes.
        self._workers = [Worker(pickle.loads(pickle.dumps(setup))) for _ in range(2)]
        self._waiting: list[TaskBatch] = []
        self._random = random_
        self._compacting = compacting

    def submit(self, batch: TaskBatch) -> None:
        """Keeps the batch until ``wait``."""
        self._waiting.append(batch)

    def wait(self, timeout_s: float) -> Iterable[Finished]:
        """Does what was submitted, twice."""
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


class OneIsLate(TwoAtOnce):
    """The second worker begins and ends when the first is about to commit."""

    def _outcomes(self, batch: TaskBatch, workers: list[Worker]) -> list[Outcome]:
        first, second = workers
        outcomes: list[Outcome] = []
        blobs = first.store.blobs

        def meanwhile() -> None:
            outcomes.append(second.run(batch))
            if self._compacting:
                compact(second.store)

        first.store.blobs = cast(Blobs, Hesitating(blobs, meanwhile))
        try:
            outcomes.append(first.run(batch))
        finally:
            first.store.blobs = blobs
        return outcomes


class Hesitating:
    """``Blobs`` that let something happen before the first receipt is put."""

    def __init__(self, blobs: Blobs, meanwhile: Callable[[], None]) -> None:
        self._blobs = blobs
        self._meanwhile: Callable[[], None] | None = meanwhile

    def __getattr__(self, name: str) -> Any:
        return getattr(self._blobs, name)

    def put_if_absent(self, name: str, content: bytes) -> bool:
        """Puts a file, late if it is the first receipt."""
        if self._meanwhile and name.startswith(RECEIPTS_FOLDER):
            meanwhile, self._meanwhile = self._meanwhile, None
            meanwhile()
        return self._blobs.put_if_absent(name, content)


@dataclass(frozen=True)
class RacingNight:
    """A night on one of these pools. It prints how many batches were done twice."""

    site: Path
    pool: type[TwoAtOnce]
    seed: int
    compacting: bool = False

    def __call__(self) -> None:
        batches = 0

        def opened(setup: WorkerSetup, *_: object) -> TwoAtOnce:
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
class BehindNight:
    """A night on a machine whose clock is so many seconds behind."""

    site: Path
    behind_s: float

    def __call__(self) -> None:
        behind_s = self.behind_s

        class Behind(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> "Behind":
                return cast("Behind", datetime.now(tz) - timedelta(seconds=behind_s))

        ours = [module for name, module in sys.modules.items() if name.split(".")[0] in _ROOMS]
        for module in ours:
            if getattr(module, "datetime", None) is datetime:
                module.datetime = Behind  # type: ignore[attr-defined]  # this process does nothing else
        summary = run_site(open_site(self.site), Selection(), RunOptions(workers=None))
        raise SystemExit(summary.exit_code)


def _raced(scene: Scene, name: str, race: RacingNight) -> Tally:
    site = scene.fresh(name)
    ended = do(race, log_of(site))
    batches = int(ended.out) if ended.out.isdigit() else 0
    return ending(ended, 0) + Tally(races=batches) + scene.check(site) + scene.finish(site)
