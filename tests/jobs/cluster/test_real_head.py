"""A run submitted to a real Ray head: end to end on real footage, with a token, and no secret in what it writes."""

import json
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from bench.real_clips import first_frames
from bench.real_site import CLIPS, build_real_site
from tests.support.ray_head import client_environment, running_head

pytest.importorskip("aiohttp_cors", reason="the extra `cluster` is not installed: make install-cluster")

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(500)]
ROOT = Path(__file__).parents[3]
PROGRAM = [sys.executable, "-m", "cli.main"]
SECRET = "s3cr3t-in-the-environment"
FRAMES = 12


@pytest.fixture(scope="module")
def head():
    with running_head() as started:
        yield started


def run(*command: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=environment, timeout=400)


@pytest.fixture(scope="module")
def real_site(assets, tmp_path_factory):
    """A site of half a second of TUD-Campus, before any run."""
    root = tmp_path_factory.mktemp("real") / "site"
    build_real_site(root, assets, ("tud",))
    (clip,) = (root / "archive" / "tud").iterdir()
    first_frames(assets / "video" / CLIPS["tud"][0], clip, FRAMES)
    return root


@pytest.mark.assets
def test_a_submitted_run_gives_the_rows_of_one_process_and_writes_no_secret(head, real_site, tmp_path, nightshift):
    here = Path(shutil.copytree(real_site, tmp_path / "here"))
    assert nightshift("run", "--site", here, "--ops", "detect", "--in-process").code == 0
    secrets = {"AWS_SECRET_ACCESS_KEY": SECRET, "NIGHTSHIFT_WEBHOOK": SECRET}
    options = ("--site", str(real_site), "--address", head.jobs, "--ops", "detect", "--json")
    done = run(*PROGRAM, "submit", *options, environment=head.environment(**secrets))
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["status"] == "SUCCEEDED" and "models" not in {Path(name).parts[0] for name in said["files"]}
    for table in ("detections", "observed_frames"):
        query = f"SELECT * FROM {table} ORDER BY ALL"
        rows = [nightshift("sql", query, "--site", site, "--json").json for site in (here, real_site)]
        assert rows[0] == rows[1] and rows[0], table
    with urllib.request.urlopen(head.metrics, timeout=30) as answer:
        exported = answer.read().decode()
    units = re.findall(r'^ray_nightshift_units_done_total{.*op="(\w+)".*} ([\d.]+)$', exported, re.MULTILINE)
    assert "detect" in {op for op, count in units if float(count) > 0}, "Prometheus sees what was done"
    written = [done.stdout, done.stderr, *texts(real_site / "store"), *texts(head.folder)]
    assert len(written) > 10
    assert not [text[:200] for text in written if SECRET in text or head.token in text]


def texts(folder: Path) -> list[str]:
    """Returns the content of every file below a folder, sockets and pipes left out."""
    return [path.read_bytes().decode(errors="replace") for path in folder.rglob("*") if path.is_file()]


def test_who_lacks_the_token_cannot_submit(head, small_site):
    options = ("--site", str(small_site), "--address", head.jobs)
    for token in ({}, {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0" * 64}):
        said = run(*PROGRAM, "submit", *options, environment=client_environment() | token)
        assert said.returncode == 2, said.stderr
        (line,) = [line for line in said.stderr.splitlines() if line.startswith("nightshift: ")]
        assert "no job server answers" in line and "oken" in line


CHECK = """
import sys
from dataclasses import replace
from jobs.cluster.nodes import NodeNeeds, check_nodes, cluster_machines
from jobs.cluster.placement import place
from jobs.engine.ray_actors import RayPool
from jobs.engine.ray_pool import start_ray
from jobs.engine.tasks import TaskBatch, WorkerSetup
from schemas.errors import UserError
from storage.store.store import Store

store = Store.create(sys.argv[2])
store.blobs.write("_claims/run-x.json", b"1")
start_ray(sys.argv[1], 1)
needs = NodeNeeds(sys.argv[2], store.blobs.url, "_claims/run-x.json", ())
check_nodes(needs, print)
print("ready")
try:
    check_nodes(needs._replace(weights=("/srv/models/face.onnx",)), print)
except UserError as error:
    print(error)
placement = place(1, cluster_machines(), {"hall": "machine=test", "gate": "machine=gone"})
after_a_loss = replace(placement, workers=("machine=test", "machine=lost"))
pool = RayPool(WorkerSetup(sys.argv[2], store.blobs.url, {}), 2, placement=after_a_loss)
while pool.free < 2:
    pool.wait(1)
print(*placement.notices, sorted(map(str, pool.free_labels)))
pool.submit(TaskBatch(1, "run", ()))
print(len(list(pool.wait(60))))
pool.close()
"""


def test_weights_and_labels_that_no_machine_has_are_said_and_workers_start_where_labels_say(head, tmp_path):
    command = (sys.executable, "-c", CHECK, head.address, str(tmp_path / "store"))
    said = run(*command, environment=head.environment())
    *_, ready, problem, labels, finished = said.stdout.splitlines()
    assert ready == "ready", said.stdout + said.stderr
    assert "machine=gone of gate: no machine of the cluster has that label" in labels and finished == "1"
    assert labels.endswith("['None', 'machine=lost', 'machine=test']"), (
        "its machines are lost, and a worker starts elsewhere"
    )
    assert (
        "machines of the cluster are not ready: " in problem and " lacks the weights /srv/models/face.onnx;" in problem
    )


@pytest.mark.assets
def test_ctrl_c_ends_the_run_on_the_cluster_after_its_units(head, real_site, tmp_path, long):
    if not long:
        pytest.skip("it takes another run on a head; --long runs it")
    site = Path(shutil.copytree(real_site, tmp_path / "site", ignore=shutil.ignore_patterns("store")))
    options = ("--site", str(site), "--address", head.jobs, "--json")
    command = [*PROGRAM, "submit", *options]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, env=head.environment()
    )
    while process.poll() is None and not list((site / "store" / "_claims").glob("run-*.json")):
        time.sleep(0.1)  # until the run on the cluster has begun
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 130, err
    assert json.loads(out)["status"] == "STOPPED"
    query = "SELECT state, count(*) AS n FROM runs GROUP BY ALL"
    ended = run(*PROGRAM, "sql", query, "--site", str(site), "--json", environment=client_environment())
    assert json.loads(ended.stdout) == [{"state": "interrupted", "n": 1}], ended.stderr
