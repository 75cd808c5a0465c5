"""Runs that lose machines and workers: the rows of an undisturbed run, and nothing that should not be quarantined.

The short form loses one machine of three; with ``--long`` also two thousand segments are shaken.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.ray]

ROOT = Path(__file__).parents[1]


def said_by(module: str, folder: Path, *numbers: int) -> dict:
    """Returns what a program prints last. Each has a process of its own, since one can start Ray but once."""
    command = [sys.executable, "-m", module, str(folder), *map(str, numbers)]
    ended = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT)
    assert ended.returncode == 0, ended.stderr[-3000:]
    return json.loads(ended.stdout.splitlines()[-1])


@pytest.mark.timeout(900)
def test_a_lost_and_an_added_machine_change_nothing(tmp_path, long):
    count = 1000 if long else 120
    said = said_by("tests.support.lost_nodes", tmp_path / "site", count)
    assert said["lost_after"] < count, "the machine was lost in mid-run"
    assert (said["state"], said["units"], said["left"], said["quarantined"]) == ("done", 2 * count, 0, 0)
    assert set(map(tuple, said["differences"].values())) == {(0, 0)}
    assert said["nodes"] == 3, "the head, the one that is left, and the one that was added"


@pytest.mark.timeout(7200)
def test_kills_hangs_and_outages_lose_and_double_nothing(tmp_path, long):
    if not long:
        pytest.skip("minutes of killed workers: run with --long")
    said = said_by("tests.support.soak", tmp_path / "site", 2000, 40, 12, 3, 3, 4)
    assert (said["kills"], said["outages"], said["hangs_left"]) == (40, 3, 0), "all faults have struck"
    assert said["lost"] == said["doubled"] == 0 and set(said["rows_lost"].values()) == {0}
    assert said["quarantine_right"] and said["report_right"], said
    assert set(said["quarantined"]) == {"look footage decoder_dies"}
    assert said["memory_mb_end"] < 1.5 * said["memory_mb_early"]
