"""Where batches run: the interface that the driver sees, and the pool that is this very process."""

from collections.abc import Iterable
from typing import Protocol

from jobs.engine.tasks import Outcome, TaskBatch, WorkerSetup
from jobs.engine.worker import Worker
from schemas.errors import TransientError

Finished = tuple[TaskBatch, Outcome | TransientError]
"""A batch with what became of it; an error when the worker itself was lost."""


class Pool(Protocol):
    """Workers that do batches side by side."""

    @property
    def slots(self) -> int:
        """How many batches may be in flight."""

    def submit(self, batch: TaskBatch) -> None:
        """Hands a batch to a free worker; there are never more than ``slots`` in flight."""

    def wait(self, timeout_s: float) -> Iterable[Finished]:
        """Visits that ended, waiting for the first of them at most ``timeout_s``."""

    def close(self) -> None:
        """Ends the workers, whatever they are doing: what is not committed is as if it had never been begun."""


class InlinePool:
    """One worker, in this process: for debugging, and for tests that need no Ray."""

    slots = 1

    def __init__(self, setup: WorkerSetup) -> None:
        self._worker = Worker(setup)
        self._waiting: list[TaskBatch] = []

    def submit(self, batch: TaskBatch) -> None:
        """Keeps the batch until ``wait``."""
        self._waiting.append(batch)

    def wait(self, timeout_s: float) -> Iterable[Finished]:  # noqa: ARG002  it works until it is done
        """Does what was submitted."""
        waiting, self._waiting = self._waiting, []
        return [(batch, self._worker.run(batch)) for batch in waiting]

    def close(self) -> None:
        """Closes the ops."""
        self._worker.close()
