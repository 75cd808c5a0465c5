"""Two real runs on one store at once: the same rows as one run gives, though one of them is killed."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jobs.commands.results import query
from jobs.site import open_site
from storage.coordination import CLAIMS_FOLDER
from tests.storage.rows import receipts_of

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
NIGHT = """
import json, sys
from pathlib import Path
from jobs.commands.run import run_site
from jobs.engine.options import RunOptions
from jobs.planning.graph import Selection
from jobs.site import open_site

options = RunOptions(workers=None, lease_s=float(sys.argv[2]))
summary = run_site(open_site(Path(sys.argv[1])), Selection(), options)
record, report = summary.record, summary.report
print(json.dumps([record.run_id, record.units_done, report.left, report.state]))
"""
TABLES = ("footage", "detections", "tracklet_points", "track_points", "positions", "counts", "interactions")


def start(site: Path, lease_s: float) -> subprocess.Popen:
    command = [sys.executable, "-c", NIGHT, str(site), str(lease_s)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)


def end(process: subprocess.Popen) -> list:
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return json.loads(out)


def same_rows(mine: Path, theirs: Path) -> None:
    for table in TABLES:
        rows = [query(open_site(site), f"SELECT * FROM {table} ORDER BY ALL") for site in (mine, theirs)]
        assert rows[0].equals(rows[1]), table


def receipts(site: Path) -> list:
    return [receipt for receipt in receipts_of(open_site(site).store) if receipt.op != "scan"]


def claims(site: Path) -> list[Path]:
    return [path for path in (site / "store" / CLAIMS_FOLDER).rglob("*.json") if path.is_file()]


def wait_for(site: Path, pattern: str, *processes: subprocess.Popen) -> Path:
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        for path in (site / "store").glob(pattern):
            return path
        assert all(process.poll() is None for process in processes), "a run ended too early"
        time.sleep(0.01)
    raise AssertionError(f"no {pattern}")


def test_two_runs_at_once_share_the_units_and_give_the_rows_of_one(small_site, small_night):
    first, second = start(small_site, 60.0), start(small_site, 60.0)
    ended = [end(first), end(second)]
    assert [how for _, _, *how in ended] == [[0, "done"]] * 2
    wanted = {(r.op, r.camera, r.date, r.unit, r.fingerprint) for r in receipts(small_night)}
    made = receipts(small_site)
    assert {(r.op, r.camera, r.date, r.unit, r.fingerprint) for r in made} == wanted and len(made) == len(wanted)
    assert sum(done for _, done, *_ in ended) == len(wanted)
    same_rows(small_site, small_night)
    assert claims(small_site) == []


def test_a_run_goes_on_where_another_was_killed(small_site, small_night):
    killed = start(small_site, 2.0)
    wait_for(small_site, "_receipts/detect/*/*/*.json", killed)
    survivor = start(small_site, 2.0)
    wait_for(small_site, f"{CLAIMS_FOLDER}/partition-*.json", killed)
    killed.kill()
    killed.communicate(timeout=60)
    run_id, done, left, state = end(survivor)
    assert (left, state) == (0, "done")
    made = receipts(small_site)
    assert len(made) == len(receipts(small_night)) and {receipt.run_id for receipt in made} > {run_id}
    assert sum(receipt.run_id == run_id for receipt in made) == done
    same_rows(small_site, small_night)
