"""Pools of workers: the interface that the driver uses, and the pool that is this very process."""

from collections.abc import Iterable
from typing import Protocol

from jobs.engine.tasks import Outcome, TaskBatch, WorkerSetup
from jobs.engine.worker import Worker
from schemas.errors import TransientError

Finished = tuple[TaskBatch, Outcome | TransientError]
"""A batch with its outcome; with an error where the worker itself was lost."""


class Pool(Protocol):
    """Workers that run batches side by side."""

    @property
    def slots(self) -> int:
        """How many batches may be in flight."""

    def submit(self, batch: TaskBatch) -> None:
        """Gives a batch to a free worker; the caller never has more than ``slots`` in flight."""

    def wait(self, timeout_s: float) -> Iterable[Finished]:
        """Returns batches that have ended; waits for the first of them at most ``timeout_s``."""

    def close(self) -> None:
        """Ends the workers at once. What they have not committed leaves no trace for readers."""


class InlinePool:
    """One worker in this process: for debugging, and for tests without Ray."""

    slots = 1

    def __init__(self, setup: WorkerSetup) -> None:
        self._worker = Worker(setup)
        self._waiting: list[TaskBatch] = []

    def submit(self, batch: TaskBatch) -> None:
        """Keeps the batch until ``wait``."""
        self._waiting.append(batch)

    def wait(self, timeout_s: float) -> Iterable[Finished]:  # noqa: ARG002  it works until it is done
        """Runs what was submitted."""
        waiting, self._waiting = self._waiting, []
        return [(batch, self._worker.run(batch)) for batch in waiting]

    def close(self) -> None:
        """Closes the ops."""
        self._worker.close()
