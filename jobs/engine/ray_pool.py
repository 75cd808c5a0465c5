"""Starts Ray on this machine, or connects to a cluster. With ray_actors.py the only file that knows Ray."""

import logging
import os
import socket
from collections.abc import Callable

from jobs.cluster.authentication import use_own_token
from jobs.cluster.versions import ray_mismatch
from jobs.engine.failures import ray_reason
from jobs.engine.local_ray import PrivateFolder, private_environment, require_loopback, without_agent_extras
from jobs.engine.options import default_workers
from schemas.errors import UserError
from storage.machine import usable_cpus

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
    stop_ray()
    return str(ray.__version__)


def _connect(address: str) -> None:
    _check_reachable(address)
    use_own_token()
    import ray  # reads its settings from the environment at import

    if ray.is_initialized():
        return
    logging.getLogger("ray").setLevel(logging.ERROR)
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
        if mismatch := ray_mismatch(str(error)):
            raise UserError(f"--address {address}: {mismatch}") from error
        raise UserError(
            f"--address {address}: no Ray cluster answers ({ray_reason(error)}); "
            "start one with `ray up ray_cluster.yaml`"
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
                        f"Ray does not start on this machine: {ray_reason(error)}; its logs are in {folder.ray}; "
                        "`nightshift run --in-process` works without it"
                    ) from error
                on_warning(f"Ray did not start ({ray_reason(error)}); it is started once more")
                ray.shutdown()
    _folder = folder
    # A program that imported Ray earlier has fixed its settings: then Ray listens on all interfaces.
    listens_at = str(ray.util.get_node_ip_address())  # type: ignore[no-untyped-call]
    if not listens_at.startswith("127."):
        stop_ray()
        raise UserError(f"Ray would listen at {listens_at}, since this program imported it before Nightshift did")


def _init_here(cpus: int, folder: PrivateFolder) -> None:
    import ray

    with without_agent_extras():
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


def stop_ray() -> None:
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
