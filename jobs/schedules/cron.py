"""Schedules of cron: a block of lines in the crontab of the account.

Debian's cron knows the machine's time zone alone, catches up with nothing, and has no other way to report an exit code
than to mail the output of a command. So the command itself knows the window, and prints only what needs a person.
"""

import shlex
import shutil
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from jobs.nights.window import EVERY_DAY, NightWindow, day_runs
from jobs.schedules.schedule import DELAY_MIN, Installed, Kind, Schedule, read_mark, run_tool

_END = "# end of nightshift-schedule "
LOCALTIME = Path("/etc/localtime")


def crontab_block(schedule: Schedule, now: datetime) -> str:
    """Returns the lines of a schedule.

    Args:
        now: aware; the clocks of the site and of the machine are compared for a year from here.
    """
    low_priority = ["nice", "-n", "10"]
    if idle := shutil.which("ionice"):
        low_priority += [idle, "-c", "3"]
    command = [*low_priority, *schedule.command("--quiet", "--delay-min", str(DELAY_MIN))]
    line = shlex.join(command).replace("%", r"\%")  # cron reads a bare % as the end of the command
    window = schedule.window
    if _same_clock(window, now):
        # A machine that starts within the night, after its beginning, takes it up at once.
        times = [f"{window.at.minute} {window.at.hour} * * {weekdays(window.days)}", "@reboot"]
        comment = []
    else:
        times = [f"{_local_minute(window, now)} * * * *"]
        comment = [f"# cron knows no time zone but the machine's; nights of {window.zone.key} are found by the hour:"]
    lines = [schedule.mark, *comment, *(f"{time} {line}" for time in times), f"{_END}{schedule.name}"]
    return "\n".join(lines) + "\n"


def weekdays(days: frozenset[int]) -> str:
    """Returns weekdays as cron writes them: 1 for Monday to 7 for Sunday."""
    if days == EVERY_DAY:
        return "*"
    return ",".join(f"{a + 1}" if a == b else f"{a + 1}-{b + 1}" for a, b in day_runs(days))


def install(schedule: Schedule, now: datetime) -> list[str]:
    """Adds the schedule to the crontab; returns what was done.

    Raises:
        UserError: there is no cron, or it does not take the lines.
    """
    run_tool(["crontab", "-"], _without(_read(), schedule.name) + crontab_block(schedule, now))
    return [f"{schedule.name} added to the crontab of {schedule.user}"]


def installed() -> list[Installed]:
    """Returns the schedules in the crontab of this account."""
    return read_mark(_read(), Kind.CRON, "crontab")


def remove(found: Installed) -> list[str]:
    """Takes a schedule out of the crontab; a night under way goes on to its end.

    Raises:
        UserError: cron does not take the remaining lines.
    """
    run_tool(["crontab", "-"], _without(_read(), found.name))
    return [f"{found.name} removed from the crontab"]


def _read() -> str:
    return run_tool(["crontab", "-l"], missing_ok=True) or ""  # it fails where there is none yet


def _without(crontab: str, name: str) -> str:
    """Returns the lines of a crontab without those of a schedule; all others stay as they are."""
    kept, inside = [], False
    for line in crontab.splitlines():
        if any(each.name == name for each in read_mark(line, Kind.CRON, "")):
            inside = True
        if not inside:
            kept.append(line)
        if line == f"{_END}{name}":
            inside = False
    return "".join(f"{line}\n" for line in kept)


def _machine_zone() -> ZoneInfo:
    if not LOCALTIME.exists():
        return ZoneInfo("UTC")
    with LOCALTIME.open("rb") as file:
        return ZoneInfo.from_file(file)


def _same_clock(window: NightWindow, now: datetime) -> bool:
    """Returns whether the site's clocks and the machine's show the same for a year, changes of summer time included."""
    machine = _machine_zone()
    moments = (now + timedelta(hours=6 * number) for number in range(4 * 366))
    return all(each.astimezone(machine).utcoffset() == each.astimezone(window.zone).utcoffset() for each in moments)


def _local_minute(window: NightWindow, now: datetime) -> int:
    start = window.next_night(now).starts
    return start.astimezone(_machine_zone()).minute
