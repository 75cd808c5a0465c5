"""Ray's part: one actor a worker slot. This file alone knows Ray.

Ray Core, not Ray Data: tracking is ordered and stateful within a segment, and frames must not cross the object store.
An actor holds opened models and gives back receipts, a few kilobytes a batch.
"""

import logging
import os
import socket
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from jobs.engine.pool import Finished
from jobs.engine.tasks import TaskBatch, WorkerSetup
from jobs.engine.worker import Worker
from schemas.errors import TransientError, UserError

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # archives are often air-gapped: nothing is reported anywhere
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
if (Path.home() / ".ray" / "auth_token").is_file():
    os.environ.setdefault("RAY_AUTH_MODE", "token")  # as a head does that this user starts

import ray  # the settings above are read at import

ANSWER_S = 5.0
"""How long a cluster's head may take to accept a connection."""

OBJECT_STORE_BYTES = 80_000_000
"""Receipts are small, frames never travel: the smallest object store that Ray takes will do."""


def start_ray(address: str | None, workers: int) -> int:
    """Connects to a cluster, or starts an embedded Ray. Returns how many worker slots there are.

    Args:
        address: of a running cluster's head (``HOST:6379``, ``auto``, ``ray://HOST:10001``);
            None for this machine alone.
        workers: slots; 0 for one a CPU.

    Raises:
        UserError: the cluster cannot be reached.
    """
    if address:
        _check_that_it_answers(address)
    if not ray.is_initialized():
        logging.getLogger("ray").setLevel(logging.ERROR)
        try:
            ray.init(**_init_options(address, workers))
        except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
            first_line = str(error).strip().splitlines()[0]
            raise UserError(
                f"--address {address}: no Ray cluster answers ({first_line}); start one with `ray up ray_cluster.yaml`"
            ) from error
    resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    return workers or max(1, int(resources.get("CPU", 1)))


def _check_that_it_answers(address: str) -> None:
    """Asks before Ray does, which would try for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdigit():
        return  # "auto": Ray knows where
    try:
        socket.create_connection((host, int(port)), ANSWER_S).close()
    except OSError as error:
        raise UserError(
            f"--address {address}: nothing answers there ({error}); start a cluster with `ray up ray_cluster.yaml`"
        ) from error


def _init_options(address: str | None, workers: int) -> dict[str, Any]:
    common: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address:
        return common | {"address": address}
    return common | {
        "address": "local",
        "num_cpus": workers or os.cpu_count() or 1,
        "include_dashboard": False,
        "object_store_memory": OBJECT_STORE_BYTES,
        "_temp_dir": os.environ.get("RAY_TMPDIR") or tempfile.gettempdir() + "/ray",
    }


class RayPool:
    """Worker actors on a Ray that has been started."""

    def __init__(self, setup: WorkerSetup, slots: int) -> None:
        self._setup = setup
        self.slots = slots
        self._free = [self._hire() for _ in range(slots)]
        self._busy: dict[Any, tuple[Any, TaskBatch]] = {}

    def _hire(self) -> Any:
        environment = {"OMP_NUM_THREADS": str(self._setup.cpus), "RAY_USAGE_STATS_ENABLED": "0"}
        actor = ray.remote(Worker).options(
            num_cpus=self._setup.cpus, max_restarts=0, runtime_env={"env_vars": environment}
        )
        return actor.remote(self._setup)

    def submit(self, batch: TaskBatch) -> None:
        """Hands a batch to a free actor."""
        actor = self._free.pop()
        self._busy[actor.run.remote(batch)] = (actor, batch)

    def wait(self, timeout_s: float) -> Iterable[Finished]:
        """Returns batches that ended; an actor that died is replaced, and its batch ends in a transient error."""
        if not self._busy:
            return []
        done, _ = ray.wait(list(self._busy), num_returns=1, timeout=timeout_s)
        return [self._collect(reference) for reference in done]

    def _collect(self, reference: Any) -> Finished:
        actor, batch = self._busy.pop(reference)
        try:
            outcome = ray.get(reference)
        except ray.exceptions.RayActorError as error:
            self._free.append(self._hire())
            return batch, TransientError(f"a worker was lost: {str(error).strip().splitlines()[0]}")
        except ray.exceptions.RayError as error:
            self._free.append(actor)
            return batch, TransientError(f"Ray: {str(error).strip().splitlines()[0]}")
        self._free.append(actor)
        return batch, outcome

    def close(self) -> None:
        """Kills the actors, and ends the embedded Ray or leaves the cluster."""
        for actor in [*self._free, *(actor for actor, _ in self._busy.values())]:
            ray.kill(actor)
        self._free, self._busy = [], {}
        ray.shutdown()
