"""A pool of Ray actors, one per worker slot. The only file that knows Ray.

Ray Core, not Ray Data: tracking is ordered and stateful within a segment, and frames must not cross the object store.
An actor holds opened models and returns receipts, a few kilobytes per batch.
"""

import logging
import os
import re
import socket
from collections.abc import Callable, Iterable
from typing import Any

from jobs.engine.failures import one_line
from jobs.engine.local_ray import PrivateFolder, private_environment, require_loopback
from jobs.engine.options import default_workers
from jobs.engine.pool import Finished
from jobs.engine.tasks import TaskBatch, WorkerSetup
from jobs.engine.worker import Worker
from schemas.errors import TransientError, UserError
from storage.machine import home_folder, usable_cpus

CONNECT_S = 5.0
"""Timeout of a connection to a cluster's head."""

OBJECT_STORE_BYTES = 80_000_000
"""Size of the embedded object store: about the smallest that Ray accepts, since only receipts travel."""

STARTS = 2
"""Attempts to start an embedded Ray: on a busy machine its first process may answer too late."""

_folder: PrivateFolder | None = None


def start_ray(address: str | None, workers: int, on_warning: Callable[[str], None] = lambda _: None) -> int:
    """Connects to a cluster, or starts an embedded Ray. Returns the number of worker slots.

    Args:
        address: of a running cluster's head (``HOST:6379``, ``auto``, ``ray://HOST:10001``); None for an embedded Ray.
        workers: slots; 0 for one per CPU as far as memory suffices; of a cluster, one per CPU.
        on_warning: called with one line if an embedded Ray must be started again.

    Raises:
        UserError: the cluster cannot be reached, or Ray does not start on this machine.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # archives are often air-gapped: no usage reports
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    if address:
        _connect(address)
    else:
        _start_here(workers, on_warning)
    import ray

    resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    return workers or max(1, int(resources.get("CPU", 1)))


def probe_ray() -> str:
    """Starts an embedded Ray, runs a task on it, and ends it. Returns its version.

    Raises:
        UserError: Ray does not start on this machine.
    """
    start_ray(None, 1)
    import ray

    ray.get(ray.remote(usable_cpus).remote())
    _stop_ray()
    return str(ray.__version__)


def _connect(address: str) -> None:
    _check_reachable(address)
    home = home_folder()
    if home and (home / ".ray" / "auth_token").is_file():
        os.environ.setdefault("RAY_AUTH_MODE", "token")  # like a head that this user starts
    import ray  # reads its settings from the environment at import

    if ray.is_initialized():
        return
    logging.getLogger("ray").setLevel(logging.ERROR)
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
        raise UserError(
            f"--address {address}: no Ray cluster answers ({_reason(error)}); start one with `ray up ray_cluster.yaml`"
        ) from error


def _start_here(workers: int, on_warning: Callable[[str], None]) -> None:
    global _folder
    require_loopback()
    folder = PrivateFolder()
    with private_environment(folder):
        import ray

        if ray.is_initialized():
            folder.remove()
            return
        logging.getLogger("ray").setLevel(logging.ERROR)
        for left in reversed(range(STARTS)):
            try:
                _init_here(workers or default_workers(), folder)
                break
            except Exception as error:  # Ray raises no narrower one where its node is late
                if not left:
                    raise UserError(
                        f"Ray does not start on this machine: {_reason(error)}; its logs are in {folder.ray}; "
                        "`nightshift run --in-process` works without it"
                    ) from error
                on_warning(f"Ray did not start ({_reason(error)}); it is started once more")
                ray.shutdown()
    _folder = folder
    # A program that imported Ray earlier has fixed its settings: then Ray listens on all interfaces.
    listens_at = str(ray.util.get_node_ip_address())  # type: ignore[no-untyped-call]
    if not listens_at.startswith("127."):
        _stop_ray()
        raise UserError(f"Ray would listen at {listens_at}, since this program imported it before Nightshift did")


def _init_here(cpus: int, folder: PrivateFolder) -> None:
    import ray

    ray.init(
        address="local",
        num_cpus=cpus,
        include_dashboard=False,
        object_store_memory=OBJECT_STORE_BYTES,
        log_to_driver=False,
        logging_level=logging.ERROR,
        _node_ip_address="127.0.0.1",
        _temp_dir=str(folder.ray),
    )


def _stop_ray() -> None:
    """Ends the embedded Ray and deletes its folder, or leaves the cluster."""
    global _folder
    import ray

    ray.shutdown()
    if _folder:
        _folder.remove()
    _folder = None


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


class RayPool:
    """Worker actors on a Ray that ``start_ray`` has started."""

    def __init__(self, setup: WorkerSetup, slots: int) -> None:
        self._setup = setup
        self.slots = slots
        self._free = [self._start_actor() for _ in range(slots)]
        self._busy: dict[Any, tuple[Any, TaskBatch]] = {}

    def _start_actor(self) -> Any:
        import ray

        environment = {"OMP_NUM_THREADS": str(self._setup.cpus), "RAY_USAGE_STATS_ENABLED": "0"}
        if "HOME" in os.environ:  # an embedded Ray has another one
            environment["HOME"] = os.environ["HOME"]
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
        import ray

        done, _ = ray.wait(list(self._busy), num_returns=1, timeout=timeout_s)
        return [self._collect(reference) for reference in done]

    def _collect(self, reference: Any) -> Finished:
        import ray

        actor, batch = self._busy.pop(reference)
        try:
            outcome = ray.get(reference)
        except ray.exceptions.RayActorError as error:
            self._free.append(self._start_actor())
            return batch, TransientError(f"a worker was lost: {_reason(error)}")
        except ray.exceptions.RayError as error:
            self._free.append(actor)
            return batch, TransientError(f"Ray: {_reason(error)}")
        self._free.append(actor)
        return batch, outcome

    def close(self) -> None:
        """Kills the actors, and ends the embedded Ray or leaves the cluster."""
        import ray

        for actor in [*self._free, *(actor for actor, _ in self._busy.values())]:
            ray.kill(actor)
        self._free, self._busy = [], {}
        _stop_ray()


def _reason(error: BaseException) -> str:
    """Returns the one line of an error that says what happened.

    Ray puts colours, its own frames and those of the worker before the message of what a worker raised.
    """
    lines = [line for line in str(error).splitlines() if line.strip()]
    frames = [index for index, line in enumerate(lines) if "ray::" in line]
    # After the last group of frames, whose lines are indented, comes what was raised: "module.Name: message".
    raised = [line for line in lines[frames[-1] + 1 :] if not line[0].isspace()] if frames else []
    reason = one_line((raised or lines or [type(error).__name__])[0])
    return re.sub(r"^(?:\w+\.)+(?=\w+: )", "", reason)
