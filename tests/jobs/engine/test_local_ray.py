"""An embedded Ray keeps to itself: its sockets, its requests, its files, its token; what it says where it cannot."""

import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from jobs.engine.local_ray import SOCKET_PATH_BYTES, PrivateFolder, private_environment
from schemas.errors import UserError

ROOT = Path(__file__).parents[3]

START_AND_LOOK = """
import contextlib, json, os, stat, sys, time
import psutil
from jobs.engine import ray_pool
from jobs.engine.ray_actors import RayPool
from jobs.engine.tasks import TaskBatch, WorkerSetup
from storage.store.store import Store

store = Store.create(sys.argv[1]).blobs.url
pool = RayPool(WorkerSetup(store, store, {}), ray_pool.start_ray(None, 1))
while not pool.free:
    pool.wait(60)
pool.submit(TaskBatch(1, "run", ()))
finished = list(pool.wait(60))
import ray
me = psutil.Process()
sockets = []
for process in [me, *me.children(recursive=True)]:
    with contextlib.suppress(psutil.NoSuchProcess):  # one that ended since it was listed
        sockets += process.net_connections(kind="inet")
folder = ray_pool._folder.path
mode = oct(stat.S_IMODE(folder.stat().st_mode))
time.sleep(float(sys.argv[2]))  # requests that Ray makes after its start
pool.close()
print(json.dumps({
    "finished": len(finished),
    "listening": sorted({each.laddr.ip for each in sockets if each.status == psutil.CONN_LISTEN}),
    "peers": sorted({each.raddr.ip for each in sockets if each.raddr}),
    "mode": mode,
    "left": folder.exists(),
    "authentication": ray._raylet.AuthenticationMode.TOKEN == ray._raylet.get_authentication_mode(),
    "environment": {name: os.environ.get(name) for name in ("HOME", "RAY_AUTH_TOKEN")},
}))
"""

# One interface, and on it an address beside loopback, a way to everywhere, and a metadata service like a cloud's.
METADATA_SERVICE = """
import socket, subprocess, sys, threading
for command in ("link set lo up", "addr add 10.9.8.7/32 dev lo", "addr add 169.254.169.254/32 dev lo",
                "route add default dev lo src 10.9.8.7"):
    subprocess.run(["ip", *command.split()], check=True)
asked = []
def serve(server):
    while True:
        connection, _ = server.accept()
        asked.append(connection.recv(200).decode(errors="replace").splitlines()[0])
        connection.close()
server = socket.create_server(("169.254.169.254", 80))
threading.Thread(target=serve, args=[server], daemon=True).start()
ended = subprocess.run(sys.argv[1:], check=False)
print("asked:", asked)
sys.exit(ended.returncode)
"""

LOOPBACK = {"127.0.0.1", "::ffff:127.0.0.1", "::1"}


def in_own_network(*command: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Runs a command in a network namespace of its own, whose only interface is loopback, and down."""
    return run("unshare", "--net", "--map-root-user", *command, environment=environment)


def run(*command: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, timeout=120, check=False, env=environment or os.environ
    )


def own_networks_work() -> bool:
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        return False
    return in_own_network("ip", "link", "set", "lo", "up").returncode == 0


OWN_NETWORKS = own_networks_work()
needs_own_network = pytest.mark.skipif(
    not OWN_NETWORKS, reason="this machine lets its users have no network namespace of their own"
)


def report_of(ended: subprocess.CompletedProcess[str]) -> dict[str, object]:
    lines = [line for line in ended.stdout.splitlines() if line.startswith("{")]
    assert lines, ended.stderr
    return json.loads(lines[-1])


def assert_keeps_to_itself(report: dict[str, object], home: Path) -> None:
    assert report["finished"] == 1 and set(report["listening"]) <= LOOPBACK and set(report["peers"]) <= LOOPBACK, report
    assert report["mode"] == "0o700" and report["left"] is False and report["authentication"] is True
    assert report["environment"] == {"HOME": str(home), "RAY_AUTH_TOKEN": None}
    assert not (home / ".ray").exists(), "no token that other users can read"


@pytest.fixture
def home(tmp_path):
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.skipif(OWN_NETWORKS, reason="the next test asks the same and more, in a network of its own")
def test_an_embedded_ray_listens_on_loopback_and_its_files_are_private(tmp_path, home):
    command = [sys.executable, "-c", START_AND_LOOK, str(tmp_path / "store"), "0"]
    assert_keeps_to_itself(report_of(run(*command, environment=os.environ | {"HOME": str(home)})), home)


@pytest.mark.ray
@pytest.mark.slow
@needs_own_network
def test_an_embedded_ray_asks_no_metadata_service_and_listens_on_no_other_address(tmp_path):
    home = Path("/proc")  # where nobody can write, as in the home of a service with ProtectHome=read-only
    look = [sys.executable, "-c", START_AND_LOOK, str(tmp_path / "store"), "4"]
    environment = os.environ | {"HOME": str(home)}
    ended = in_own_network(sys.executable, "-c", METADATA_SERVICE, *look, environment=environment)
    assert_keeps_to_itself(report_of(ended), home)
    assert "asked: []" in ended.stdout


@pytest.mark.ray
@pytest.mark.slow
@needs_own_network
def test_loopback_is_all_that_an_embedded_ray_needs_nor_does_it_need_a_home(tmp_path):
    home_less = {name: value for name, value in os.environ.items() if name != "HOME"}
    look = [sys.executable, "-c", START_AND_LOOK, str(tmp_path / "store"), "0"]
    ended = in_own_network("sh", "-c", 'ip link set lo up && exec "$@"', "sh", *look, environment=home_less)
    assert report_of(ended)["finished"] == 1


@needs_own_network
def test_without_loopback_a_run_says_so_at_once():
    start = "from jobs.engine.ray_pool import start_ray; start_ray(None, 1)"
    ended = in_own_network(sys.executable, "-c", start)
    assert ended.returncode != 0
    assert "loopback interface 127.0.0.1 does not answer (Network is unreachable)" in ended.stderr.splitlines()[-1]


@pytest.fixture
def temporary(monkeypatch):
    """A short folder of this test that TMPDIR names."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    monkeypatch.setenv("TMPDIR", str(folder))
    yield folder
    shutil.rmtree(folder)


def test_ray_has_a_private_folder_where_tmpdir_says(temporary):
    (temporary / "ray").write_text("of another user")  # where Ray would put its files by itself
    folder = PrivateFolder()
    assert folder.path.parent == temporary and stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    session = folder.ray / "session_2026-01-01_00-00-00_000000_4194304"
    assert len(os.fsencode(session / "sockets" / "plasma_store")) <= SOCKET_PATH_BYTES
    folder.remove()
    assert not folder.path.exists()


def test_a_long_tmpdir_does_not_stop_ray(temporary, monkeypatch):
    long = temporary / ("ö" * 40)
    long.mkdir()
    monkeypatch.setenv("TMPDIR", str(long))
    folder = PrivateFolder()
    assert folder.path.parent == Path("/tmp")
    folder.remove()


@pytest.mark.parametrize("name", ["x" * 80, "file", "missing"])
def test_a_folder_that_the_user_chose_and_ray_cannot_use_is_named(temporary, monkeypatch, name):
    (temporary / "file").touch()
    monkeypatch.setenv("RAY_TMPDIR", str(temporary / name))
    with pytest.raises(UserError, match=f"{name}.*set RAY_TMPDIR to a folder that you may write to"):
        PrivateFolder()


def test_the_environment_is_the_former_one_afterwards(temporary, monkeypatch):
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    folder, former = PrivateFolder(), dict(os.environ)
    with private_environment(folder):
        assert os.environ["RAY_AUTH_MODE"] == "token" and len(os.environ["RAY_AUTH_TOKEN"]) == 64
    assert dict(os.environ) == former
    folder.remove()


STARTS_LATE = """
import ray
from jobs.engine import ray_pool
from jobs.engine.ray_actors import RayPool
from schemas.errors import UserError

def init(**options):
    asked.append(options["_temp_dir"])
    if len(asked) <= failures:
        raise Exception("The current node timed out during startup.")

ray.init, ray.cluster_resources = init, lambda: {"CPU": 3.0}
ray.util.get_node_ip_address = lambda: "127.0.0.1"
for failures in (1, 2):
    asked = []
    try:
        print(ray_pool.start_ray(None, 0, print))
    except UserError as error:
        print(error)
    print(len(asked), len(set(asked)))
"""


@pytest.mark.ray
def test_a_ray_that_did_not_start_is_started_once_more(temporary):
    late = subprocess.run([sys.executable, "-c", STARTS_LATE], capture_output=True, text=True, timeout=100, check=True)
    again, slots, starts, again_2, error, starts_2 = late.stdout.splitlines()
    assert again == again_2 == "Ray did not start (The current node timed out during startup.); it is started once more"
    assert slots == "3" and starts == starts_2 == "2 1"
    assert error.startswith("Ray does not start on this machine: The current node timed out during startup.; its logs")
