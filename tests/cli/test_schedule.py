"""`schedule`: its output, and the mistakes that it refuses."""

import os
import stat
from pathlib import Path

import pytest

from jobs.schedules import systemd
from tests.support.mistakes import one_line

TIMES = ("--at", "01:00", "--until", "06:00")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with systemctl and crontab that take everything, and with no schedule."""
    folder = tmp_path / "bin"
    folder.mkdir()
    file = tmp_path / "crontab.txt"
    scripts = {"systemctl": "true", "crontab": f'if [ "$1" = -l ]; then exec cat {file}; fi\nexec cat > {file}'}
    for name, script in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr(systemd, "SYSTEM_UNITS", tmp_path / "system")
    return tmp_path


@pytest.fixture
def site(nightshift, tmp_path: Path) -> Path:
    """A site without footage."""
    root = tmp_path / "yard"
    assert nightshift("init", root, "--timezone", "Europe/Amsterdam", "--crs", "EPSG:28992").code == 0
    return root


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("systemd", ["[Timer]", "OnCalendar=*-*-* 01:00:00 Europe/Amsterdam", "User="]),
        ("systemd-user", [".config/systemd/user" if "XDG_CONFIG_HOME" not in os.environ else "systemd/user"]),
        ("cron", ["--quiet", "nice -n 10"]),
        ("kubernetes", ["kind: CronJob", "timeZone: Europe/Amsterdam"]),
    ],
)
def test_each_kind_is_printed(nightshift, site, kind, words):
    said = nightshift("schedule", *TIMES, "--kind", kind, "--site", site)
    assert said.code == 0, said.err
    for word in (*words, f"night --site {site} --at 01:00 --until 06:00"):
        assert word in said.out
    as_json = nightshift("schedule", "add", *TIMES, "--kind", kind, "--site", site, "--json").json
    assert all(line in said.out for text in as_json.values() for line in text.splitlines())


def test_retention_is_part_of_the_night_if_the_site_has_limits(nightshift, site):
    assert "--purge" not in nightshift("schedule", *TIMES, "--site", site).out
    config = site / "site.toml"
    config.write_text(config.read_text() + "\n[retention]\nvideo_days = 90\n")
    assert " --purge\n" in nightshift("schedule", *TIMES, "--site", site).out
    assert "--purge" not in nightshift("schedule", *TIMES, "--no-purge", "--site", site).out


def test_a_schedule_is_installed_listed_and_removed_and_a_site_has_one(nightshift, machine, site):
    assert nightshift("schedule", "list").out == "this account sees no schedule on this machine\n"
    assert nightshift("schedule", *TIMES, "--kind", "systemd-user", "--install", "--site", site).code == 0
    for kind in ("systemd", "systemd-user", "cron"):
        again = nightshift("schedule", "--at", "02:00", "--until", "05:00", "--kind", kind, "--install", "--site", site)
        one_line(again, "has a schedule already", "01:00 to 06:00", "schedule remove")
    (found,) = nightshift("schedule", "list", "--json").json
    assert (found["site"], found["kind"]) == (str(site), "systemd-user")
    assert nightshift("schedule", "remove", "--site", site).code == 0
    one_line(nightshift("schedule", "remove", "--site", site), "has no schedule")
    assert nightshift("schedule", *TIMES, "--kind", "cron", "--install", "--site", site).code == 0
    assert str(site) in nightshift("schedule", "list").out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--at", "late", "--until", "06:00"), ["'late' is not a time of day"]),
        (("--at", "06:00", "--until", "06:00"), ["both 06:00"]),
        ((*TIMES, "--days", "always"), ["--days always", "mon-fri"]),
        ((*TIMES, "--kind", "kubernetes", "--install"), ["kubectl apply"]),
        ((*TIMES, "--kind", "windows"), ["windows"]),
    ],
)
def test_mistakes_are_one_line(nightshift, machine, site, options, words):
    one_line(nightshift("schedule", *options, "--site", site), *words)


def test_a_machine_without_cron_is_one_line(nightshift, machine, site, monkeypatch):
    monkeypatch.setenv("PATH", str(machine / "none"))
    one_line(nightshift("schedule", *TIMES, "--kind", "cron", "--install", "--site", site), "crontab", "--kind")


def test_an_account_without_a_name_is_named_by_its_number(nightshift, site, monkeypatch):
    def unnamed() -> str:
        raise KeyError("getpwuid(): uid not found")

    monkeypatch.setattr("getpass.getuser", unnamed)
    assert f"User={os.getuid()}\n" in nightshift("schedule", *TIMES, "--site", site).out


def test_units_work_under_the_account_that_called_sudo(nightshift, site, monkeypatch):
    monkeypatch.setenv("SUDO_USER", "camera")
    assert "User=camera\n" in nightshift("schedule", *TIMES, "--site", site).out
