"""Pools of workers: the interface that the driver uses, and the pool that is this very process."""

from collections.abc import Collection, Iterable, Mapping
from typing import Protocol

from jobs.engine.tasks import LostWorker, Outcome, TaskBatch, WorkerSetup
from jobs.engine.worker import Worker

Finished = tuple[TaskBatch, Outcome | LostWorker]
"""A batch with its outcome, or without one where the worker itself was lost."""


class Pool(Protocol):
    """Workers that run batches side by side."""

    @property
    def slots(self) -> int:
        """How many workers there are once all have started."""

    @property
    def free(self) -> int:
        """How many workers wait for a batch: started, and not busy."""

    @property
    def labels(self) -> Mapping[str, str]:
        """By camera, the label of the machines whose workers take its units; of cameras that have one."""

    @property
    def free_labels(self) -> Collection[str | None] | None:
        """The labels whose units a free worker takes, with None for cameras without one; None if each takes all."""

    def submit(self, batch: TaskBatch) -> None:
        """Gives a batch to a free worker."""

    def wait(self, timeout_s: float) -> Iterable[Finished]:
        """Returns batches that have ended; waits at most ``timeout_s`` for the first of them, or for a free worker."""

    def close(self) -> None:
        """Ends the workers at once. What they have not committed leaves no trace for readers."""


class InlinePool:
    """One worker in this process: for debugging, and for tests without Ray."""

    slots = 1
    labels: Mapping[str, str] = {}
    free_labels = None

    def __init__(self, setup: WorkerSetup) -> None:
        self._worker = Worker(setup)
        self._waiting: list[TaskBatch] = []

    @property
    def free(self) -> int:
        """Whether a batch may be submitted."""
        return self.slots - len(self._waiting)

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
