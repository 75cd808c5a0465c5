"""A pool of Ray actors, one per worker slot.

Ray Core, not Ray Data: tracking is ordered and stateful within a segment, and frames must not cross the object store.
An actor holds opened models and returns receipts, a few kilobytes per batch. Ray restarts nothing by itself: its
retries would try a unit for ever that kills its worker.
"""

import os
import secrets
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from jobs.cluster.nodes import cluster_machines
from jobs.cluster.placement import Label, Placement
from jobs.engine.crash_notes import CrashNotes, Notes, take_notes
from jobs.engine.failures import ray_reason
from jobs.engine.options import WORKER_BYTES
from jobs.engine.pool import Finished
from jobs.engine.ray_pool import stop_ray
from jobs.engine.tasks import LostWorker, TaskBatch, WorkerSetup
from jobs.engine.worker import Worker
from jobs.engine.worker_limits import is_worn, thread_limits
from schemas.errors import TransientError

FAILED_STARTS = 5
"""Workers that may fail to start one after the other; then the run ends, since none ever will."""

NOTES_TIMEOUT_S = 30.0
"""Seconds to wait for the notes of a lost worker from its machine, which may be lost too."""

CLOSE_TIMEOUT_S = 5.0


class WorkerActor(Worker):
    """A worker in a process of its own."""

    def __init__(self, setup: WorkerSetup, notes: str) -> None:
        super().__init__(setup, CrashNotes(notes))

    def node(self) -> str:
        """Returns the id of the machine that it runs on; called once, to learn that it has started."""
        import ray

        return str(ray.get_runtime_context().get_node_id())


@dataclass
class _Member:
    """One actor of the pool.

    Attributes:
        notes: name of its notes.
        label: of the machines that it may run on; None for any.
        node: id of its machine, once it has started.
        batches: number of batches that it has ended.
        first_bytes: its memory after the first of them.
    """

    actor: Any
    notes: str
    label: Label | None = None
    node: str = ""
    batches: int = 0
    first_bytes: int = 0


class RayPool:
    """Worker actors on a Ray that ``start_ray`` has started. One that is lost or worn out is replaced.

    Args:
        placement: which machines the workers run on; any if it is None.
    """

    def __init__(self, setup: WorkerSetup, slots: int, placement: Placement | None = None) -> None:
        self._setup = setup
        self.slots = slots
        self._placement = placement or Placement((None,) * slots, {})
        # Of one machine, ``start_ray`` and its user have said how many; of a cluster, Ray counts what is left of each.
        self._memory_bytes = WORKER_BYTES if placement else None
        self._free: list[_Member] = []
        self._starting: dict[Any, _Member] = {}
        self._busy: dict[Any, tuple[_Member, TaskBatch]] = {}
        self._failed_starts = 0
        for label in self._placement.workers:
            self._start_actor(label)

    @property
    def free(self) -> int:
        """How many workers wait for a batch."""
        return len(self._free)

    @property
    def labels(self) -> Mapping[str, str]:
        """By camera, the label of the machines whose workers take its units."""
        return self._placement.labels

    @property
    def free_labels(self) -> Collection[str | None] | None:
        """The labels whose units a free worker takes. Workers with a label also take units without one."""
        return {None, *(member.label for member in self._free)} if self.labels else None

    def _start_actor(self, label: Label | None = None) -> None:
        import ray

        environment = {**thread_limits(self._setup.cpus), "RAY_USAGE_STATS_ENABLED": "0"}
        if "HOME" in os.environ:  # an embedded Ray has another one
            environment["HOME"] = os.environ["HOME"]
        actor_class = ray.remote(WorkerActor).options(
            num_cpus=self._setup.cpus,
            memory=self._memory_bytes,
            max_restarts=0,
            runtime_env={"env_vars": environment},
            # Where the machines of a label are lost, others do its units, or they would wait for ever.
            label_selector=self._placement.selector(label) if _any_machine_has(label) else {},
        )
        notes = secrets.token_hex(8)
        member = _Member(actor_class.remote(self._setup, notes), notes, label)
        self._starting[member.actor.node.remote()] = member

    def submit(self, batch: TaskBatch) -> None:
        """Gives a batch to a free actor: of its camera's label, or else one that has none, if there is such a one."""
        wanted = self.labels.get(batch.tasks[0].key.camera) if batch.tasks else None
        member = next((each for each in self._free if each.label == wanted), self._free[-1])
        self._free.remove(member)
        self._busy[member.actor.run.remote(batch)] = (member, batch)

    def wait(self, timeout_s: float) -> Iterable[Finished]:
        """Returns batches that have ended; replaces actors that were lost.

        Raises:
            TransientError: no worker starts.
        """
        if not self._busy and not self._starting:
            return []
        import ray

        done, _ = ray.wait([*self._busy, *self._starting], num_returns=1, timeout=timeout_s)
        for reference in done:
            if reference in self._starting:
                self._welcome(reference)
        return [self._collect(reference) for reference in done if reference in self._busy]

    def _welcome(self, reference: Any) -> None:
        """Takes in an actor that has started, or starts another one."""
        import ray

        member = self._starting.pop(reference)
        try:
            member.node = ray.get(reference)
        except ray.exceptions.RayError as error:
            self._failed_starts += 1
            if self._failed_starts >= FAILED_STARTS:
                raise TransientError(f"no worker starts: {ray_reason(error)}") from error
            self._start_actor(member.label)
        else:
            self._failed_starts = 0
            self._free.append(member)

    def _collect(self, reference: Any) -> Finished:
        import ray

        member, batch = self._busy.pop(reference)
        try:
            outcome = ray.get(reference)
        except ray.exceptions.RayError as error:
            lost = self._examine(member, batch, error)
            ray.kill(member.actor)  # after some errors, such as a broken connection, it may still run
            self._start_actor(member.label)
            return batch, lost
        member.batches += 1
        member.first_bytes = member.first_bytes or outcome.resident_bytes
        if is_worn(member.batches, member.first_bytes, outcome.resident_bytes):
            member.actor.close.remote()  # the last handle is dropped here: Ray ends the actor after this call
            self._start_actor(member.label)
        else:
            self._free.append(member)
        return batch, outcome

    def _examine(self, member: _Member, batch: TaskBatch, error: Exception) -> LostWorker:
        """Returns why a worker was lost, and at which units."""
        import ray

        reason = f"a worker was lost: {ray_reason(error)}"
        notes = self._notes_of(member) if self._is_alive(member.node) else None
        if notes is None:
            return LostWorker(reason, "died" if self._is_alive(member.node) else "node")
        at_work = tuple(batch.tasks[number].key for number in notes.at_work if number < len(batch.tasks))
        if notes.stacks:
            reason = f"no progress within {notes.limit_s:.0f} s"
            return LostWorker(reason, "hung", at_work, notes.decoding, notes.stacks)
        # Ray's own monitor says so in these words. A kernel's kill for memory looks like any other.
        out_of_memory = isinstance(error, ray.exceptions.OutOfMemoryError) or "running low on memory" in str(error)
        return LostWorker(reason, "memory" if out_of_memory else "died", at_work, notes.decoding)

    def _is_alive(self, node: str) -> bool:
        import ray

        nodes: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
        return any(each["Alive"] for each in nodes if each["NodeID"] == node)

    def _notes_of(self, member: _Member) -> Notes | None:
        """Returns the notes of a lost worker from its machine; None if they cannot be read."""
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        if member.node == ray.get_runtime_context().get_node_id():
            return take_notes(member.notes)
        there = NodeAffinitySchedulingStrategy(member.node, soft=False)
        task = ray.remote(take_notes).options(num_cpus=0, max_retries=0, scheduling_strategy=there)
        try:
            found: Notes | None = ray.get(task.remote(member.notes), timeout=NOTES_TIMEOUT_S)
        except ray.exceptions.RayError:  # its machine went down meanwhile
            return None
        return found

    def close(self) -> None:
        """Ends the actors, and the embedded Ray, or leaves the cluster."""
        import ray

        closing = [member.actor.close.remote() for member in self._free]
        if closing:
            ray.wait(closing, num_returns=len(closing), timeout=CLOSE_TIMEOUT_S)
        for member in [*self._free, *self._starting.values(), *(member for member, _ in self._busy.values())]:
            ray.kill(member.actor)
            if member in self._free:
                continue
            take_notes(member.notes)  # where it ran on this machine: a process that is killed leaves its notes
        self._free, self._starting, self._busy = [], {}, {}
        stop_ray()


def _any_machine_has(label: Label | None) -> bool:
    return label is None or any(machine.has(label) for machine in cluster_machines())
