"""Schedules of systemd: a timer that starts a service, and a service that notifies when that one was killed.

See systemd.timer(5), systemd.service(5) and, for quoting, the section "Command lines" there.
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from jobs.nights.window import DAYS, EVERY_DAY, day_runs
from jobs.schedules.schedule import DELAY_MIN, Installed, Kind, Schedule, read_mark, run_tool
from schemas.errors import UserError

SYSTEM_UNITS = Path("/etc/systemd/system")
STOP_MIN = 10
"""Minutes that units in flight may take to end when the service is stopped."""

AFTER_NIGHT_H = 4
"""Hours after the end of a night in which purge and report should be done; a night that hangs is ended then."""

_PLAIN = re.compile(r"[\w@+=:,./-]+", re.ASCII)


def units_folder(kind: Kind) -> Path:
    """Returns where systemd looks for units of the system, or of this user."""
    if kind is Kind.SYSTEMD:
        return SYSTEM_UNITS
    config = os.environ.get("XDG_CONFIG_HOME")
    return Path(config or Path("~/.config").expanduser()) / "systemd/user"


def unit_files(schedule: Schedule, kind: Kind) -> dict[str, str]:
    """Returns the text of each unit, by file name."""
    name = schedule.name
    account = f"User={schedule.user}\n" if kind is Kind.SYSTEMD else ""
    settings = f"/etc/nightshift/{name}.env" if kind is Kind.SYSTEMD else f"%h/.config/nightshift/{name}.env"
    title = f"{schedule.site} ({schedule.root})".replace("%", "%%")
    limit_min = round(schedule.window.length.total_seconds() / 60) + AFTER_NIGHT_H * 60
    low_priority = "Nice=10\nIOSchedulingClass=idle\n"
    # Ray's processes are the service's too: only the main one is asked to stop, and it ends the others.
    service = f"""{schedule.mark}
[Unit]
Description=Nightshift night of {title}
Wants=network-online.target
After=network-online.target remote-fs.target
OnFailure={name}-failed.service

[Service]
Type=oneshot
{account}ExecStart={_quoted(schedule.command())}
EnvironmentFile=-{settings}
{low_priority}KillMode=mixed
KillSignal=SIGINT
TimeoutStopSec={STOP_MIN}min
TimeoutStartSec={limit_min}min
SuccessExitStatus=130
"""
    failed = f"""{schedule.mark}
[Unit]
Description=Nightshift notification of a failed night of {title}

[Service]
Type=oneshot
{account}ExecStart={_quoted([schedule.command()[0], "night", "--site", str(schedule.root), "--after-failure"])}
EnvironmentFile=-{settings}
"""
    timer = f"""{schedule.mark}
[Unit]
Description=Nightshift nights of {title}

[Timer]
OnCalendar={calendar(schedule)}
RandomizedDelaySec={DELAY_MIN}min
Persistent=true

[Install]
WantedBy=timers.target
"""
    return {f"{name}.service": service, f"{name}-failed.service": failed, f"{name}.timer": timer}


def calendar(schedule: Schedule) -> str:
    """Returns when nights begin, as systemd.time(7) writes it."""
    window = schedule.window
    runs = [(DAYS[first].title(), DAYS[last].title()) for first, last in day_runs(window.days)]
    days = ",".join(first if first == last else f"{first}..{last}" for first, last in runs)
    weekdays = "" if window.days == EVERY_DAY else f"{days} "
    return f"{weekdays}*-*-* {window.at:%H:%M}:00 {window.zone.key}"


def install(schedule: Schedule, kind: Kind) -> list[str]:
    """Writes the units and starts the timer; returns one line for each thing that was done.

    Raises:
        UserError: the folder cannot be written, or systemd does not take the units; then they are removed again.
    """
    folder = units_folder(kind)
    units = unit_files(schedule, kind)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, text in units.items():
            (folder / file).write_text(text)
    except OSError as error:
        raise UserError(f"{folder} cannot be written ({error.strerror}): use sudo, or --kind systemd-user") from error
    try:
        _systemctl(kind, "daemon-reload")
        _systemctl(kind, "enable", "--now", f"{schedule.name}.timer")
    except UserError:
        for file in units:
            (folder / file).unlink(missing_ok=True)
        raise
    done = [f"{folder / file} written" for file in units] + [f"{schedule.name}.timer enabled and started"]
    if kind is Kind.SYSTEMD_USER:
        done.append(f"nights also begin while nobody is logged in after: loginctl enable-linger {schedule.user}")
    return done


def installed(kind: Kind) -> list[Installed]:
    """Returns the schedules among the units."""
    files = sorted(units_folder(kind).glob("nightshift-*.timer"))
    return [found for file in files for found in read_mark(file.read_text(), kind, str(file))]


def remove(found: Installed) -> list[str]:
    """Stops the timer and deletes the units; a night under way goes on to its end.

    Raises:
        UserError: the units cannot be deleted.
    """
    folder = Path(found.where).parent
    run_tool([*_tool(found.kind), "disable", "--now", f"{found.name}.timer"], missing_ok=True)  # maybe not enabled
    done = []
    try:
        for file in (f"{found.name}.timer", f"{found.name}-failed.service", f"{found.name}.service"):
            (folder / file).unlink(missing_ok=True)
            done.append(f"{folder / file} removed")
    except OSError as error:
        raise UserError(f"{folder} cannot be written ({error.strerror}): use sudo") from error
    run_tool([*_tool(found.kind), "daemon-reload"], missing_ok=True)
    return done


def _systemctl(kind: Kind, *arguments: str) -> None:
    run_tool([*_tool(kind), *arguments])


def _tool(kind: Kind) -> list[str]:
    return ["systemctl", "--user"] if kind is Kind.SYSTEMD_USER else ["systemctl"]


def _quoted(words: Sequence[str]) -> str:
    return " ".join(word if _PLAIN.fullmatch(word) else _quote(word) for word in words)


def _quote(word: str) -> str:
    """Returns a word as systemd reads it back: ``%`` and ``$`` are doubled, since both would be replaced."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"'
