"""Units of systemd: what is in them, that systemd itself takes them, and that they are installed and removed whole."""

import os
import shutil
import stat
import subprocess
from dataclasses import replace
from datetime import time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from jobs.nights.window import NightWindow, parse_days
from jobs.schedules import systemd
from jobs.schedules.schedule import Kind, Schedule, name_of
from schemas.errors import UserError


def schedule(root: Path = Path("/srv/yard"), days: str = "mon-sun", zone: str = "Europe/Amsterdam") -> Schedule:
    window = NightWindow(time(1), time(6), ZoneInfo(zone), parse_days(days))
    return Schedule(root, "The Yard", window, "camera", purge=True)


@pytest.fixture
def analyze() -> str:
    """systemd's own checker."""
    found = shutil.which("systemd-analyze")
    if found is None:
        pytest.skip("systemd-analyze is not on this machine: Debian's package systemd has it")
    return found


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A systemctl that writes down how it was called, and the folders of units in a scratch folder."""
    folder = tmp_path / "bin"
    folder.mkdir()
    tool = folder / "systemctl"
    tool.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\ntest ! -e {tmp_path}/broken\n')
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr(systemd, "SYSTEM_UNITS", tmp_path / "system")
    return tmp_path


def test_names_carry_the_site_and_differ_by_folder():
    names = {name_of(Path(root), site) for root in ("/srv/a", "/srv/b") for site in ("The Yard", "Hof!")}
    assert len(names) == 4 and all(len(name) <= 34 for name in names)
    assert schedule().name.startswith("nightshift-the-yard-")
    assert name_of(Path("/srv/a"), "停车场").startswith("nightshift-site-")
    assert len(name_of(Path("/srv/a"), "a very long name of a site")) <= 34


def test_the_service_runs_a_night_and_hides_no_failure():
    files = systemd.unit_files(schedule(days="mon-fri"), Kind.SYSTEMD)
    name = schedule().name
    service, timer = files[f"{name}.service"], files[f"{name}.timer"]
    assert "night --site /srv/yard --at 01:00 --until 06:00 --days mon-fri --purge\n" in service
    assert "SuccessExitStatus=130\n" in service, "a stop by hand is the only failure that is none"
    assert f"OnFailure={name}-failed.service\n" in service
    assert "night --site /srv/yard --after-failure\n" in files[f"{name}-failed.service"]
    assert "OnCalendar=Mon..Fri *-*-* 01:00:00 Europe/Amsterdam\n" in timer
    assert {"Persistent=true", "RandomizedDelaySec=5min"} <= set(timer.splitlines())
    assert {"Nice=10", "IOSchedulingClass=idle", "User=camera"} <= set(service.splitlines())
    assert "TimeoutStartSec=540min\n" in service, "a night that hangs ends before the next one"
    assert "User=" not in systemd.unit_files(schedule(), Kind.SYSTEMD_USER)[f"{name}.service"]


@pytest.mark.parametrize("folder", ["yard", 'a "quoted" yard', "50% of $HOME", "back\\slash", "hof 7 ü"])
def test_systemd_takes_the_units(analyze, tmp_path, monkeypatch, folder):
    program = tmp_path / "nightshift"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setattr("jobs.schedules.schedule.program", lambda: str(program))
    units = systemd.unit_files(replace(schedule(tmp_path / folder), user="root"), Kind.SYSTEMD)
    for name, text in units.items():
        (tmp_path / name).write_text(text)
    paths = [tmp_path / name for name in units]
    done = subprocess.run([analyze, "verify", "--man=no", *paths], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "nightshift" not in done.stderr, done.stderr


@pytest.mark.parametrize(
    ("days", "zone", "base", "elapses"),
    [
        ("mon-sun", "Europe/Amsterdam", "2026-03-28 12:00:00", "2026-03-29 00:00:00"),  # CET: an hour before UTC
        ("mon-sun", "Europe/Amsterdam", "2026-03-29 12:00:00", "2026-03-29 23:00:00"),  # CEST: two hours
        ("mon-fri", "UTC", "2026-03-06 12:00:00", "2026-03-09 01:00:00"),  # from Friday to Monday
        ("sat,wed", "UTC", "2026-03-05 12:00:00", "2026-03-07 01:00:00"),
    ],
)
def test_systemd_reads_the_calendar_as_the_window_does(analyze, days, zone, base, elapses):
    chosen = schedule(days=days, zone=zone)
    command = [analyze, "calendar", "--base-time", f"{base} UTC", systemd.calendar(chosen)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "TZ": "UTC"})
    assert f"{elapses} UTC" in done.stdout, done.stdout


@pytest.mark.parametrize("kind", [Kind.SYSTEMD, Kind.SYSTEMD_USER])
def test_units_are_installed_listed_and_removed(tools, kind):
    chosen = schedule()
    said = systemd.install(chosen, kind)
    (found,) = systemd.installed(kind)
    assert (found.name, found.site, found.nights) == (
        chosen.name,
        "/srv/yard",
        "01:00 to 06:00, every day, Europe/Amsterdam",
    )
    assert ("enable-linger" in said[-1]) == (kind is Kind.SYSTEMD_USER)
    systemd.remove(found)
    assert systemd.installed(kind) == [] and not list(systemd.units_folder(kind).iterdir())
    user = "--user " if kind is Kind.SYSTEMD_USER else ""
    assert (tools / "calls").read_text().splitlines() == [
        f"{user}daemon-reload",
        f"{user}enable --now {chosen.name}.timer",
        f"{user}disable --now {chosen.name}.timer",
        f"{user}daemon-reload",
    ]


def test_units_that_systemd_refuses_are_not_left(tools):
    (tools / "broken").touch()
    with pytest.raises(UserError, match="systemctl daemon-reload"):
        systemd.install(schedule(), Kind.SYSTEMD)
    assert not list(systemd.SYSTEM_UNITS.iterdir())


def test_a_folder_that_cannot_be_written_is_one_line(tools):
    systemd.SYSTEM_UNITS.write_text("a file")
    with pytest.raises(UserError, match="systemd-user"):
        systemd.install(schedule(), Kind.SYSTEMD)
