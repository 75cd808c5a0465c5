"""Ray: embedded, as a cluster with a head of its own, with workers that are killed."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
PROGRAM = [sys.executable, "-m", "cli.main"]


def night(site: Path, *options: str) -> subprocess.Popen:
    """A run in a process of its own, since a process can start Ray but once with certain options."""
    command = [*PROGRAM, "run", "--site", str(site), "--workers", "2", "--json", *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def same_rows(nightshift, mine: Path, theirs: Path) -> None:
    for table in ("detections", "track_points", "positions", "counts", "anonymized"):
        query = f"SELECT * FROM {table} ORDER BY ALL"
        rows = [nightshift("sql", query, "--site", site, "--json").json for site in (mine, theirs)]
        assert rows[0] == rows[1], table


@pytest.mark.ray
def test_embedded_ray_gives_the_rows_that_one_process_gives_though_a_worker_is_killed(
    small_site, small_night, nightshift
):
    process = night(small_site)
    killed = kill_a_worker(process, small_site)
    out, err = process.communicate(timeout=200)
    assert process.returncode == 0, err
    assert killed and '"units_left": 0' in out and "Traceback" not in err
    same_rows(nightshift, small_site, small_night)


def kill_a_worker(process: subprocess.Popen, site: Path) -> bool:
    """Kills -9 one worker actor, once the first unit is committed."""
    while process.poll() is None:
        if list((site / "store" / "_receipts").glob("detect/*/*/*.json")):
            for child in psutil.Process(process.pid).children(recursive=True):
                if "ray::Worker" in " ".join(child.cmdline()):
                    os.kill(child.pid, signal.SIGKILL)
                    return True
        time.sleep(0.05)
    return False


FAILING_POOLS = """
import sys
from jobs.engine.ray_actors import RayPool
from jobs.engine.ray_pool import start_ray
from jobs.engine.tasks import TaskBatch, WorkerSetup
from schemas.errors import ModelError, TransientError
from storage.store.store import Store
from tests.jobs.engine.test_worker import Follow, Watch, task_of

start_ray(sys.argv[2], 2)
store = str(Store.create(sys.argv[1]).blobs.url)
ops = [Watch(opens=ModelError("altered")), Follow()]
pools = [
    RayPool(WorkerSetup(store, store, {op.spec.name: (op, {}) for op in ops}), 1),
    RayPool(WorkerSetup("gopher://x", store, {}), 1),
]
while not pools[0].free:
    pools[0].wait(60)
pools[0].submit(TaskBatch(1, "run", tuple(task_of(op) for op in ops)))
((_, outcome),) = pools[0].wait(60)
print([(failure.key.op, failure.kind, failure.reason, failure.detail) for failure in outcome.failures])
try:
    while True:
        pools[1].wait(60)
except TransientError as error:
    print(error)
pools[0].close()
"""


@pytest.mark.ray
def test_failures_in_a_worker_are_those_of_one_process_and_their_reason_is_one_line(ray_head, tmp_path):
    """Weights that do not load are a bug of their op; that none starts is a line without Ray's frames and colours."""
    command = [sys.executable, "-c", FAILING_POOLS, str(tmp_path / "store"), ray_head]
    ended = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT, timeout=120)
    reason = "SiteError: gopher://x: unknown protocol gopher://: use a folder or s3://BUCKET/PREFIX"
    said = ["[('watch', 'bug', 'ModelError', 'altered')]", f"no worker starts: {reason}"]
    assert ended.stdout.splitlines() == said, ended.stderr


@pytest.fixture(scope="module")
def ray_head(tmp_path_factory):
    """The address of a Ray head: a process of its own, which the tests of a cluster share."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = Path("/tmp") / f"nightshift-ray-{os.getpid()}"  # Ray's sockets need a short path
    ray = str(Path(sys.executable).with_name("ray"))
    command = [ray, "start", "--head", "--block", f"--port={port}", "--num-cpus=2", "--include-dashboard=false"]
    options = ["--node-ip-address=127.0.0.1", f"--temp-dir={folder}", "--object-store-memory=80000000"]
    environment = os.environ | {"RAY_USAGE_STATS_ENABLED": "0"}
    log = (tmp_path_factory.mktemp("head") / "head.log").open("w")
    head = subprocess.Popen([*command, *options], stdout=log, stderr=log, env=environment)
    wait_for_port(port, head)
    yield f"127.0.0.1:{port}"
    head.terminate()
    head.wait(timeout=60)
    log.close()
    shutil.rmtree(folder, ignore_errors=True)


def wait_for_port(port: int, head: subprocess.Popen) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        assert head.poll() is None, "the head ended"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                time.sleep(2)
                return
        time.sleep(0.2)
    raise AssertionError("the head does not answer")


@pytest.mark.ray
def test_a_cluster_gives_the_same_rows(ray_head, small_site, small_night, nightshift):
    process = night(small_site, "--address", ray_head, "--camera", "hall")
    out, err = process.communicate(timeout=200)
    assert process.returncode == 0, err + out
    query = "SELECT * FROM track_points WHERE camera = 'hall' ORDER BY ALL"
    rows = [nightshift("sql", query, "--site", site, "--json").json for site in (small_site, small_night)]
    assert rows[0] == rows[1]


def test_a_cluster_that_does_not_answer_is_the_users_mistake(small_site, nightshift):
    said = nightshift("run", "--site", small_site, "--address", "127.0.0.1:1", "--json")
    assert said.code == 2 and "--address 127.0.0.1:1" in said.err.splitlines()[-1], said.err
