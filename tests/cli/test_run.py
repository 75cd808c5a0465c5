"""`plan` and `run`: reasons and estimates, and nights that were stopped, killed or out of space."""

import errno
import os
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pytest

from jobs.engine.tasks import Failure
from jobs.planning.graph import UnitKey
from tests.support import clips, damage
from tests.support.mistakes import one_line


def test_plan_gives_reasons_and_an_estimate_from_past_runs(nightshift, used_site):
    config = used_site / "site.toml"
    config.write_text(config.read_text() + "\n[ops.track]\nmax_gap_s = 2.0\n")
    plan = nightshift("plan", "--site", used_site, "--json").json
    assert plan["why"]["track"] == {"params: max_gap_s 1.5 → 2.0": 5}
    assert plan["estimate_s"] > 0
    assert "detect" not in {unit["op"] for unit in plan["units"]}
    assert "workers, at the speed of past runs\n" in nightshift("plan", "--site", used_site).out
    assert plan["estimate_guesses"] == []


def test_an_estimate_without_past_runs_calls_itself_a_guess(nightshift, fresh_site):
    assert "workers, a guess: no run has measured" in nightshift("plan", "--site", fresh_site).out
    assert "detect" in nightshift("plan", "--site", fresh_site, "--json").json["estimate_guesses"]


def test_debug_prints_the_tracebacks_of_failed_units(nightshift, used_site, monkeypatch):
    failed = Failure(UnitKey("detect", "hall", date(2026, 3, 1), "u"), "bug", "ValueError", "odd", "Traceback: here")
    summary = SimpleNamespace(report=SimpleNamespace(failures=[failed]), exit_code=1)
    monkeypatch.setattr("cli.run.run_site", lambda *_: summary)
    monkeypatch.setattr("cli.run.show_summary", lambda *_: None)
    assert "Traceback" not in nightshift("run", "--site", used_site).err
    assert "detect of hall, u: odd\nTraceback: here" in nightshift("--debug", "run", "--site", used_site).err


@pytest.mark.slow
def test_missing_archive(nightshift, fresh_site):
    (fresh_site / "archive").rename(fresh_site / "elsewhere")
    one_line(nightshift("run", "--site", fresh_site, "--in-process"), "archive")


@pytest.mark.slow
def test_damaged_footage_is_quarantined_and_the_rest_is_processed(nightshift, fresh_site):
    archive = fresh_site / "archive" / "hall"
    good = next(archive.glob("*.mp4"))
    bad = [archive / f"2026-03-02T23-0{number}-00.mp4" for number in range(4)]
    damage.empty(bad[0])
    damage.random_bytes(bad[1])
    damage.without_moov(good, bad[2])
    clips.write_sound(bad[3])
    for file in bad:
        os.utime(file, (0, 0))
    growing = archive / "2026-03-02T23-30-00.mp4"
    growing.write_bytes(good.read_bytes()[:5000])
    said = nightshift("run", "--site", fresh_site, "--in-process", "--json", "--ops", "detect")
    assert said.code == 1
    reasons = {entry["reason"] for entry in said.json["quarantined"]}
    assert reasons == {"empty_file", "not_a_video", "no_index", "no_video_stream", "truncated"}
    assert "1 file may still be written and waits for a later scan, which is no error" in said.err
    assert said.json["units_done"] == 5, "every segment of sound footage is done"


@pytest.mark.slow
def test_a_disk_that_is_full_stops_the_night_and_keeps_what_is_committed(nightshift, small_site, monkeypatch):
    import storage.files

    written = []
    sync = os.fsync

    def full_after_a_while(handle):
        written.append(handle)
        if len(written) > 40:
            raise OSError(errno.ENOSPC, "No space left on device")
        sync(handle)

    monkeypatch.setattr(storage.files.os, "fsync", full_after_a_while)
    said = nightshift("run", "--site", small_site, "--in-process")
    assert said.code == 1 and "space" in said.err and "Traceback" not in said.err
    monkeypatch.undo()
    assert nightshift("run", "--site", small_site, "--in-process", "--json").code == 0
    missing = nightshift("status", "--site", small_site, "--json").json["ops"]
    assert all(counts["missing"] == counts["stale"] == 0 for counts in missing.values())


def run_night(site: Path, *options: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "cli.main", "run", "--site", str(site), *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for_a_receipt(site: Path, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + 180
    while not list((site / "store" / "_receipts").glob("detect/*/*/*.json")):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.slow
@pytest.mark.parametrize("signals", [1, 2], ids=["gently", "at once"])
def test_ctrl_c_leaves_nothing_half_written_and_the_next_run_continues(small_site, nightshift, signals):
    process = run_night(small_site, "--in-process")
    wait_for_a_receipt(small_site, process)
    for _ in range(signals):
        process.send_signal(signal.SIGINT)
        time.sleep(0.1)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130 and "Traceback" not in err
    finish = nightshift("run", "--site", small_site, "--in-process", "--json")
    done = nightshift("status", "--site", small_site, "--json").json["ops"]
    assert finish.code == 0 and finish.json["units_done"] < sum(counts["done"] for counts in done.values())


@pytest.mark.slow
def test_kill_9_loses_no_row_and_doubles_none(small_site, small_night, nightshift):
    process = run_night(small_site, "--in-process")
    wait_for_a_receipt(small_site, process)
    process.kill()
    process.communicate(timeout=60)
    assert nightshift("run", "--site", small_site, "--in-process", "--json").code == 0
    for table in ("detections", "track_points", "counts", "anonymized"):
        query = f"SELECT * FROM {table} ORDER BY ALL"
        mine = nightshift("sql", query, "--site", small_site, "--json").json
        assert mine == nightshift("sql", query, "--site", small_night, "--json").json, table


@pytest.mark.slow
def test_a_deadline_stops_the_night_and_the_next_run_continues(fresh_site, nightshift):
    from datetime import datetime, timedelta
    from zoneinfo import ZoneInfo

    soon = f"{datetime.now(ZoneInfo('Europe/Amsterdam')) + timedelta(seconds=2):%H:%M:%S}"
    said = nightshift("run", "--site", fresh_site, "--in-process", "--json", "--until", soon)
    assert said.code == 3 and said.json["state"] == "deadline" and said.json["units_left"] > 0
    assert nightshift("run", "--site", fresh_site, "--in-process", "--json").json["units_left"] == 0
