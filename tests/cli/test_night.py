"""`night` on the command line: its log, what it prints for cron, and accounts as cron and systemd give them."""

import os
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.support.mistakes import one_line

BEGAN = datetime.now(ZoneInfo("Europe/Amsterdam"))
ROOT = Path(__file__).parents[2]


def times(begins_h: float, ends_h: float) -> list[str]:
    """Returns the options of a window that begins and ends these hours from the start of the tests."""
    at, until = (f"{BEGAN + timedelta(hours=hours):%H:%M}" for hours in (begins_h, ends_h))
    return ["--at", at, "--until", until]


TONIGHT, LATER = times(-2, 3), times(6, 11)


@pytest.fixture
def site(nightshift, tmp_path: Path) -> Path:
    """A site without footage, whose nights are over at once."""
    root = tmp_path / "yard"
    assert nightshift("init", root, "--timezone", "Europe/Amsterdam", "--crs", "EPSG:28992").code == 0
    return root


def test_what_needs_nobody_is_in_the_log_and_quiet_on_the_terminal(nightshift, site):
    said = nightshift("night", *LATER, "--site", site)
    assert said.code == 0 and "nothing begins before" in said.out
    quiet = nightshift("night", *LATER, "--quiet", "--delay-min", "5", "--site", site)
    assert (quiet.code, quiet.out, quiet.err) == (0, "", "")
    log = (site / "reports" / "night.log").read_text()
    assert log.count("nothing begins before") == 2 and log.count("--- ") == 2


def test_what_needs_a_person_is_printed_though_it_is_quiet(nightshift, site):
    bad = site / "archive" / "gate" / "2026-03-02T12-00-00.mp4"
    bad.parent.mkdir()
    bad.touch()
    os.utime(bad, (0, 0))
    said = nightshift("night", *TONIGHT, "--quiet", "--in-process", "--site", site)
    assert said.code == 1 and said.out == ""
    assert "nothing is left" in said.err and "new in quarantine: 1 × empty_file" in said.err


def test_an_error_ends_the_log(nightshift, site):
    (site / "archive").rmdir()
    said = nightshift("night", *TONIGHT, "--quiet", "--in-process", "--site", site)
    assert said.code == 2 and "archive" in said.err.splitlines()[-1]
    assert "SiteError: " in (site / "reports" / "night.log").read_text()


def test_a_long_log_begins_anew(nightshift, site, monkeypatch):
    monkeypatch.setattr("cli.night.LOG_BYTES", 10)
    for _ in range(3):
        nightshift("night", *LATER, "--site", site)
    assert sorted(file.name for file in (site / "reports").iterdir()) == ["night.1.log", "night.log"]
    assert (site / "reports" / "night.log").read_text().count("--- ") == 1


@pytest.mark.parametrize(
    ("options", "word"),
    [([], "--at"), (["--at", "01:00", "--until", "01:00"], "both"), ([*LATER, "--days", "x"], "--days")],
)
def test_mistakes_are_one_line(nightshift, site, options, word):
    one_line(nightshift("night", *options, "--site", site), word)


def test_a_folder_that_takes_no_log_is_one_line(nightshift, site):
    (site / "reports").touch()
    one_line(nightshift("night", *LATER, "--site", site), "night.log", "leave their log")


def test_after_a_failure_without_a_night_there_is_nothing_to_send(nightshift, site):
    assert nightshift("night", "--after-failure", "--site", site).code == 0


@pytest.mark.slow
@pytest.mark.parametrize("home", [None, "/proc", "/nonexistent"], ids=["none", "read-only", "missing"])
def test_no_home_is_needed(site, home):
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)} | ({"HOME": home} if home else {})
    command = [sys.executable, "-m", "cli.main", "night", *TONIGHT, "--in-process", "--site", str(site)]
    done = subprocess.run(command, env=environment, cwd="/", capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "nothing is left" in done.stdout, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
