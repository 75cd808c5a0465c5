"""A pool of Ray actors, one per worker slot. The only file that knows Ray.

Ray Core, not Ray Data: tracking is ordered and stateful within a segment, and frames must not cross the object store.
An actor holds opened models and returns receipts, a few kilobytes per batch.
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

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # archives are often air-gapped: no usage reports
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
if (Path.home() / ".ray" / "auth_token").is_file():
    os.environ.setdefault("RAY_AUTH_MODE", "token")  # like a head that this user starts

import ray  # the settings above are read at import

CONNECT_S = 5.0
"""Timeout of a connection to a cluster's head."""

OBJECT_STORE_BYTES = 80_000_000
"""Size of the embedded object store: about the smallest that Ray accepts, since only receipts travel."""


def start_ray(address: str | None, workers: int) -> int:
    """Connects to a cluster, or starts an embedded Ray. Returns the number of worker slots.

    Args:
        address: of a running cluster's head (``HOST:6379``, ``auto``, ``ray://HOST:10001``); None for an embedded Ray.
        workers: slots; 0 for one per CPU.

    Raises:
        UserError: the cluster cannot be reached.
    """
    if address:
        _check_reachable(address)
    if not ray.is_initialized():
        logging.getLogger("ray").setLevel(logging.ERROR)
        try:
            ray.init(**_init_options(address, workers))
        except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
            raise UserError(
                f"--address {address}: no Ray cluster answers ({_first_line(error)}); start one with "
                "`ray up ray_cluster.yaml`"
            ) from error
    resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    return workers or max(1, int(resources.get("CPU", 1)))


def _check_reachable(address: str) -> None:
    """Raises UserError if the head does not accept a connection; Ray itself would retry for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdigit():
        return  # "auto": Ray finds the head itself
    try:
        socket.create_connection((host, int(port)), CONNECT_S).close()
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
    """Worker actors on a Ray that ``start_ray`` has started."""

    def __init__(self, setup: WorkerSetup, slots: int) -> None:
        self._setup = setup
        self.slots = slots
        self._free = [self._start_actor() for _ in range(slots)]
        self._busy: dict[Any, tuple[Any, TaskBatch]] = {}

    def _start_actor(self) -> Any:
        environment = {"OMP_NUM_THREADS": str(self._setup.cpus), "RAY_USAGE_STATS_ENABLED": "0"}
        actor = ray.remote(Worker).options(
            num_cpus=self._setup.cpus, max_restarts=0, runtime_env={"env_vars": environment}
        )
        return actor.remote(self._setup)

    def submit(self, batch: TaskBatch) -> None:
        """Gives a batch to a free actor."""
        actor = self._free.pop()
        self._busy[actor.run.remote(batch)] = (actor, batch)

    def wait(self, timeout_s: float) -> Iterable[Finished]:
        """Returns batches that have ended. An actor that died is replaced, and its batch gets a transient error."""
        if not self._busy:
            return []
        done, _ = ray.wait(list(self._busy), num_returns=1, timeout=timeout_s)
        return [self._collect(reference) for reference in done]

    def _collect(self, reference: Any) -> Finished:
        actor, batch = self._busy.pop(reference)
        try:
            outcome = ray.get(reference)
        except ray.exceptions.RayActorError as error:
            self._free.append(self._start_actor())
            return batch, TransientError(f"a worker was lost: {_first_line(error)}")
        except ray.exceptions.RayError as error:
            self._free.append(actor)
            return batch, TransientError(f"Ray: {_first_line(error)}")
        self._free.append(actor)
        return batch, outcome

    def close(self) -> None:
        """Kills the actors, and ends the embedded Ray or leaves the cluster."""
        for actor in [*self._free, *(actor for actor, _ in self._busy.values())]:
            ray.kill(actor)
        self._free, self._busy = [], {}
        ray.shutdown()


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
