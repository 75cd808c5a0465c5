"""Bad input: one clear line, the right exit code, everything else processed, nothing half-written visible."""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support import clips, damage

pytestmark = pytest.mark.slow


def one_line(said, *words):
    assert said.code == 2, said
    assert said.err.count("\n") == 1 and "Traceback" not in said.err, said.err
    for word in words:
        assert word in said.err, said.err


def test_no_site_here(nightshift, tmp_path):
    one_line(nightshift("plan", "--site", tmp_path), "site.toml", "nightshift init")


def test_missing_archive(nightshift, fresh_site):
    (fresh_site / "archive").rename(fresh_site / "elsewhere")
    one_line(nightshift("run", "--site", fresh_site, "--in-process"), "archive")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--camera", "nobody"], ["--camera nobody", "gate, hall"]),
        (["--ops", "fly"], ["--ops fly", "detect"]),
        (["--from", "soon"], ["--from soon", "2026-03-02"]),
        (["--from", "2026-03-03", "--to", "2026-03-01"], ["after --to"]),
    ],
)
def test_unknown_selection(nightshift, fresh_site, options, words):
    one_line(nightshift("plan", "--site", fresh_site, *options), *words)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("segmnet_s = 5", ["segmnet_s", "segment_s", "line"]),
        ('settle_s = "soon"', ["settle_s", "line"]),
        ("[ops.detekt]\nfps = 5", ["detekt", "detect", "line"]),
        ("[ops.detect]\nfbs = 5", ["fbs", "fps", "line"]),
        ('[ops.detect]\nfps = "fast"', ["fps", "line"]),
        ('skip_ops = ["fly"]', ["fly"]),
        ('[ops.anonymize]\nmode = "invisible"', ["mode", "silhouette", "line"]),
        ('[ops.anonymize]\ntargets = ["face"]', ["targets", "person", "line"]),
        ('[ops.anonymize]\ntargets = ["person", "screen"]', ["screen", "would stay visible", "line"]),
        ('[ops.anonymize]\nmode = "skeleton"', ["pose", "nightshift models import"]),
    ],
)
def test_wrong_key_or_type_names_key_and_line(nightshift, fresh_site, line, words):
    config = fresh_site / "site.toml"
    text = config.read_text()
    config.write_text(text + f"\n{line}\n" if line.startswith("[") else f"{line}\n{text}")
    one_line(nightshift("plan", "--site", fresh_site), "site.toml", *words)


def test_a_command_that_does_not_exist(nightshift):
    one_line(nightshift("fly"), "fly")


def test_sql_mistakes_are_one_line(nightshift, used_site):
    one_line(nightshift("sql", "SELEC 1", "--site", used_site), "SELEC")
    one_line(nightshift("sql", "DROP VIEW counts", "--site", used_site))
    one_line(nightshift("export", "nothing", "-o", "x.csv", "--site", used_site), "nothing")
    one_line(nightshift("export", "backgrounds", "-o", "x.csv", "--site", used_site), "sensitive")


def test_a_bug_is_reported_as_one_and_debug_shows_where(nightshift, fresh_site, monkeypatch):
    monkeypatch.setattr("jobs.commands.plan.scan_inventory", lambda *_: 1 / 0)
    said = nightshift("plan", "--site", fresh_site)
    assert said.code == 1 and "ZeroDivisionError" in said.err and "Traceback" not in said.err
    with pytest.raises(ZeroDivisionError):
        nightshift("--debug", "plan", "--site", fresh_site)


@pytest.fixture
def no_debug(monkeypatch):
    monkeypatch.delenv("NIGHTSHIFT_DEBUG", raising=False)


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
    assert reasons == {"empty_file", "not_a_video", "no_index", "no_video_stream", "still_written", "truncated"}
    assert said.json["units_done"] == 5, "every segment of sound footage is done"


def test_a_disk_that_is_full_stops_the_night_and_keeps_what_is_committed(nightshift, fresh_site, monkeypatch):
    import storage.files

    written = []
    sync = os.fsync

    def full_after_a_while(handle):
        written.append(handle)
        if len(written) > 40:
            raise OSError(errno.ENOSPC, "No space left on device")
        sync(handle)

    monkeypatch.setattr(storage.files.os, "fsync", full_after_a_while)
    said = nightshift("run", "--site", fresh_site, "--in-process")
    assert said.code == 1 and "space" in said.err and "Traceback" not in said.err
    monkeypatch.undo()
    assert nightshift("run", "--site", fresh_site, "--in-process", "--json").code == 1
    missing = nightshift("status", "--site", fresh_site, "--json").json["ops"]
    assert all(counts["missing"] == counts["stale"] == 0 for counts in missing.values())


def test_a_zone_that_no_camera_sees_is_reported(nightshift, fresh_site):
    zones = fresh_site / "layers" / "zones.geojson"
    zones.write_text(zones.read_text().replace("12100", "12900"))
    assert "outside" in nightshift("plan", "--site", fresh_site).err


def run_night(site: Path, *options: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "cli.main", "run", "--site", str(site), *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for_a_receipt(site: Path, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + 180
    while not list((site / "store" / "_receipts").glob("detect/*/*/*.json")):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("signals", [1, 2], ids=["gently", "at once"])
def test_ctrl_c_leaves_nothing_half_written_and_the_next_run_continues(fresh_site, nightshift, signals):
    process = run_night(fresh_site, "--in-process")
    wait_for_a_receipt(fresh_site, process)
    for _ in range(signals):
        process.send_signal(signal.SIGINT)
        time.sleep(0.1)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130 and "Traceback" not in err
    finish = nightshift("run", "--site", fresh_site, "--in-process", "--json")
    assert finish.code == 1 and finish.json["units_done"] < 36


def test_kill_9_loses_no_row_and_doubles_none(fresh_site, night_site, nightshift):
    process = run_night(fresh_site, "--in-process")
    wait_for_a_receipt(fresh_site, process)
    process.kill()
    process.communicate(timeout=60)
    assert nightshift("run", "--site", fresh_site, "--in-process", "--json").code == 1
    for table in ("detections", "track_points", "counts", "anonymized"):
        query = f"SELECT * FROM {table} ORDER BY ALL"
        mine = nightshift("sql", query, "--site", fresh_site, "--json").json
        assert mine == nightshift("sql", query, "--site", night_site, "--json").json, table


def test_a_deadline_stops_the_night_and_the_next_run_continues(fresh_site, nightshift):
    from datetime import datetime, timedelta
    from zoneinfo import ZoneInfo

    soon = f"{datetime.now(ZoneInfo('Europe/Amsterdam')) + timedelta(seconds=2):%H:%M:%S}"
    said = nightshift("run", "--site", fresh_site, "--in-process", "--json", "--until", soon)
    assert said.code == 3 and said.json["state"] == "deadline" and said.json["units_left"] > 0
    assert nightshift("run", "--site", fresh_site, "--in-process", "--json").json["units_left"] == 0
