"""A Ray head in a process of its own, with a job server and a token, as ``ray up`` starts one."""

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

START_S = 180
PATIENCE = {
    "RAY_DASHBOARD_STARTUP_TIMEOUT_S": str(START_S),
    "RAY_raylet_start_wait_time_s": str(START_S),
    "RAY_agent_register_timeout_ms": str(1000 * START_S),
}
"""Ray's own limits of a start, which a machine exceeds that runs several tests at once."""

PROMPT = {"RAY_metrics_report_interval_ms": "500"}
"""A run of a test ends sooner than Ray's usual ten seconds between reports of metrics."""

PORTS = ("port", "dashboard-port", "dashboard-agent-grpc-port", "dashboard-agent-listen-port", "metrics-export-port")


@dataclass(frozen=True)
class RayHead:
    """A running head.

    Attributes:
        address: of the cluster.
        jobs: of the job server.
        metrics: where Prometheus asks for metrics.
        token: that its clients need.
        folder: its logs and sockets.
    """

    address: str
    jobs: str
    metrics: str
    token: str
    folder: Path

    def environment(self, **more: str) -> dict[str, str]:
        """Returns the environment of a client that has the token."""
        return client_environment() | {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": self.token} | more


def client_environment() -> dict[str, str]:
    """Returns this environment with the commands of this Python first, and without a token or a home that has one."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAY_AUTH")}
    return kept | {"PATH": path, "RAY_USAGE_STATS_ENABLED": "0", "HOME": "/nonexistent"}


@contextmanager
def running_head(cpus: int = 2, labels: str = "machine=test") -> Iterator[RayHead]:
    """Starts a head, and ends it with all that it started."""
    folder = Path(tempfile.mkdtemp(prefix="head-", dir="/tmp"))  # Ray's sockets need a short path
    ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
    jobs, metrics = (f"http://127.0.0.1:{ports[name]}" for name in ("dashboard-port", "metrics-export-port"))
    head = RayHead(f"127.0.0.1:{ports['port']}", jobs, f"{metrics}/metrics", secrets.token_hex(32), folder)
    command = [str(Path(sys.executable).with_name("ray")), "start", "--head", "--block", f"--num-cpus={cpus}"]
    # A port that is given is one that the node need not wait for: its agent may be late on a busy machine.
    command += [f"--{name}={port}" for name, port in ports.items()]
    command += ["--dashboard-host=127.0.0.1", "--node-ip-address=127.0.0.1", f"--temp-dir={folder}"]
    command += ["--object-store-memory=80000000", f"--labels={labels}"]
    with (folder / "head.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=head.environment(**PATIENCE, **PROMPT))
    try:
        _wait_for(head, process)
        yield head
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(30)
        process.kill()
        shutil.rmtree(folder, ignore_errors=True)


def free_ports(count: int) -> list[int]:
    """Returns ports of loopback that nobody listens at."""
    servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [server.getsockname()[1] for server in servers]
    for server in servers:
        server.close()
    return ports


def _wait_for(head: RayHead, process: subprocess.Popen[bytes]) -> None:
    log = head.folder / "head.log"
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()[-3000:]
        if "--block" in log.read_text() and _answers(head):
            return
        time.sleep(0.3)
    raise AssertionError(f"the head does not answer:\n{log.read_text()[-3000:]}")


def _answers(head: RayHead) -> bool:
    """Returns whether the job server answers who has the token."""
    request = urllib.request.Request(f"{head.jobs}/api/jobs/", headers={"Authorization": f"Bearer {head.token}"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, TimeoutError):
        return False
