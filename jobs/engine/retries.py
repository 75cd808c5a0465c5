"""Which failed units are tried again, when, and which are given up.

A worker that is lost says nothing of why. Its notes name the units that it worked on: they alone are blamed, and their
lost workers are counted in the store, since the driver may end with its machine (docs/decisions/0073-lost-workers.md).
"""

import re
import time
from collections import Counter
from collections.abc import Sequence

from jobs.engine.tasks import Failure, LostWorker, TaskBatch
from jobs.planning.graph import UnitKey
from schemas.values import Receipt
from storage.store.lost_workers import LostWorkerCounts

MAX_ATTEMPTS = 3
"""Attempts at a unit whose failures are transient, and workers that a unit may lose; then it is quarantined."""

MAX_HANGS = 2
"""Workers of these that may end since they made no progress: each of them has waited for many minutes."""

BACKOFF_S = 1.0
"""Retry delay after n failed attempts: this times 2 to the power of n."""

_FRAMES_SHOWN = 4
_FRAME = re.compile(r'^ +File "(?:.*/)?([^/"]+/[^/"]+)", line (\d+) in (.+)$', re.MULTILINE)


class Retries:
    """The failed attempts of one run.

    Args:
        counts: lost workers by unit, of former runs too.
    """

    def __init__(self, counts: LostWorkerCounts) -> None:
        self._counts = counts
        self._attempts: Counter[UnitKey] = Counter()
        self._alone: set[UnitKey] = set()
        self._waiting: list[tuple[float, list[UnitKey]]] = []

    @property
    def waiting(self) -> int:
        """The number of units whose retry delay is not over."""
        return sum(len(keys) for _, keys in self._waiting)

    def attempt(self, keys: Sequence[UnitKey]) -> int:
        """Returns which attempt it is at these units, from 1 on: of the one that was tried most."""
        return max(self._attempts[key] for key in keys) + 1

    def wait(self, keys: list[UnitKey], seconds: float) -> None:
        """Makes units wait."""
        self._waiting.append((time.monotonic() + seconds, keys))

    def due(self) -> list[UnitKey]:
        """Returns the units whose delay is over; they wait no longer."""
        now = time.monotonic()
        due = [each for each in self._waiting if each[0] <= now]
        self._waiting = [each for each in self._waiting if each[0] > now]
        return [key for _, keys in due for key in keys]

    def split(self, keys: list[UnitKey]) -> tuple[list[UnitKey], list[UnitKey]]:
        """Returns which of these units may share a batch now, and the others."""
        if not self._alone.intersection(keys):
            return keys, []
        together = [key for key in keys if key not in self._alone]
        chosen = keys[:1] if keys[0] in self._alone or not together else together
        return chosen, [key for key in keys if key not in chosen]

    def may_retry(self, failure: Failure) -> bool:
        """Counts a failed attempt. Returns whether the unit is tried again; then it waits for that."""
        if failure.kind == "transient":
            self._attempts[failure.key] += 1
            if self._attempts[failure.key] >= MAX_ATTEMPTS:
                return False
        elif failure.kind != "lost":
            return False
        self.wait([failure.key], BACKOFF_S * 2 ** max(self._attempts[failure.key], 1))
        return True

    def blame(self, batch: TaskBatch, lost: LostWorker) -> tuple[Failure, ...]:
        """Returns the failures of the units at which a worker was lost. All others of its batch only run again."""
        if lost.cause == "node":
            return ()
        keys = {task.key: task.fingerprint for task in batch.tasks}
        at_work = [key for key in keys if key in lost.working_on or len(keys) == 1]
        if not at_work:
            self._alone.update(keys)  # the next loss names its unit
        return tuple(self._failure(key, keys[key], lost) for key in at_work)

    def _failure(self, key: UnitKey, fingerprint: str, lost: LostWorker) -> Failure:
        work = (key.op, key.camera, key.unit, fingerprint)
        counts = self._counts.add(*work, lost.cause)
        place = _innermost(lost.stacks)
        detail = f"{lost.detail}{'; at ' if place else ''}{place}"
        if counts["hung"] < MAX_HANGS and counts.total() < MAX_ATTEMPTS:
            return Failure(key, "lost", "LostWorker", detail, lost.stacks)
        self._counts.forget(*work)
        detail = f"{counts.total()} workers were lost at it; the last: {detail}"
        if lost.decoding and lost.cause != "memory":
            reason = "decoder_hangs" if lost.cause == "hung" else "decoder_dies"
            return Failure(key, "footage", reason, detail, lost.stacks)
        reason = {"memory": "out_of_memory", "hung": "hangs"}.get(lost.cause, "worker_dies")
        return Failure(key, "bug", reason, detail, lost.stacks)

    def forget(self, receipt: Receipt) -> None:
        """Forgets the lost workers of a unit that is done."""
        self._counts.forget_done(receipt)


def _innermost(stacks: str) -> str:
    """Returns the last calls of the thread that did the work, innermost first; an empty string without stacks."""
    threads = [thread for thread in stacks.split("\n\n") if "engine/worker.py" in thread]
    frames = _FRAME.findall(threads[0])[:_FRAMES_SHOWN] if threads else []
    return " < ".join(f"{file}:{line} {function}" for file, line, function in frames)
