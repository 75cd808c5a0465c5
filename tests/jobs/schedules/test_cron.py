"""Lines of a crontab: when they fire, that cron takes them, and that the lines of others stay."""

import os
import shlex
import stat
from datetime import UTC, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from jobs.nights.window import NightWindow, parse_days
from jobs.schedules import cron
from jobs.schedules.schedule import Schedule

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
AMSTERDAM = Path("/usr/share/zoneinfo/Europe/Amsterdam")


def schedule(root: str = "/srv/yard", days: str = "mon-sun", zone: str = "Europe/Amsterdam") -> Schedule:
    return Schedule(Path(root), "Yard", NightWindow(time(1), time(6), ZoneInfo(zone), parse_days(days)), "camera")


@pytest.fixture
def machine_zone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine on the time of Amsterdam."""
    if not AMSTERDAM.exists():
        pytest.skip(f"this machine has no {AMSTERDAM}")
    monkeypatch.setattr(cron, "LOCALTIME", AMSTERDAM)


@pytest.fixture
def crontab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A crontab in a file, behind a command of that name."""
    file = tmp_path / "crontab.txt"
    tool = tmp_path / "bin" / "crontab"
    tool.parent.mkdir()
    tool.write_text(f'#!/bin/sh\nif [ "$1" = -l ]; then exec cat {file}; fi\nexec cat > {file}\n')
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tool.parent}:{os.environ['PATH']}")
    return file


def fields_of(block: str) -> list[str]:
    """Returns the times of a block's lines."""
    lines = [line for line in block.splitlines() if not line.startswith("#")]
    return [line.split(" nice ")[0] for line in lines]


@pytest.mark.usefixtures("machine_zone")
@pytest.mark.parametrize(("days", "field"), [("mon-sun", "*"), ("mon-fri", "1-5"), ("sat,sun,wed", "3,6-7")])
def test_on_the_machines_time_a_line_fires_once_and_another_when_it_starts(days, field):
    assert fields_of(cron.crontab_block(schedule(days=days), NOW)) == [f"0 1 * * {field}", "@reboot"]


@pytest.mark.usefixtures("machine_zone")
@pytest.mark.parametrize(("zone", "minute"), [("America/New_York", 0), ("Asia/Kolkata", 30), ("Africa/Lagos", 0)])
def test_in_another_zone_a_line_fires_every_hour_and_the_night_knows_itself(zone, minute):
    # Lagos and Amsterdam show the same in March, and not in summer.
    block = cron.crontab_block(schedule(zone=zone), NOW)
    assert fields_of(block) == [f"{minute} * * * *"] and zone in block


def test_the_command_has_low_priority_and_prints_only_what_needs_a_person():
    line = cron.crontab_block(schedule("/srv/50% yard"), NOW).splitlines()[-2]
    command = line[line.index("nice") :]
    assert "50\\% yard" in command, "cron reads a bare % as the end of the command"
    words = shlex.split(command.replace("\\%", "%"))
    assert words[:3] == ["nice", "-n", "10"]
    program = words.index("night") - 1
    assert Path(words[program]).is_absolute() and words[program + 3] == "/srv/50% yard"
    assert words[-3:] == ["--quiet", "--delay-min", "5"]


def test_lines_of_others_stay(crontab):
    crontab.write_text("MAILTO=me\n# mine\n5 4 * * * true\n")
    yard, hall = schedule(), schedule("/srv/hall")
    for each in (yard, hall, yard):
        cron.install(each, NOW)
    assert crontab.read_text().startswith("MAILTO=me\n# mine\n5 4 * * * true\n")
    assert [found.site for found in cron.installed()] == ["/srv/hall", "/srv/yard"]
    for found in cron.installed():
        cron.remove(found)
    assert crontab.read_text() == "MAILTO=me\n# mine\n5 4 * * * true\n"


def test_without_a_crontab_there_is_none(crontab):
    assert cron.installed() == []
