"""Nightly runs with what the machine already has: a systemd service and timer, and a crontab line."""

import shlex
import sys
from dataclasses import dataclass
from datetime import time
from pathlib import Path


@dataclass(frozen=True)
class ScheduleText:
    """Files and a line to be installed by whoever runs the machine."""

    service: str
    timer: str
    crontab: str


def schedule_text(site_root: Path, timezone: str, at: time, until: time, user: str) -> ScheduleText:
    """What starts a run each night at ``at`` and drains it by ``until``, both in the site's time zone.

    The service may end with exit code 1 (something is in quarantine) or 3 (stopped at its deadline): both are a
    night's ordinary end, and the next night carries on.
    """
    program = (
        Path(sys.argv[0]).resolve() if Path(sys.argv[0]).name == "nightshift" else Path(sys.prefix, "bin/nightshift")
    )
    root = site_root.resolve()
    arguments = ["--site", str(root), "--until", f"{until:%H:%M}"]
    command = f"{shlex.quote(str(program))} run {' '.join(map(shlex.quote, arguments))}"
    name = f"nightshift for {root}"
    service = f"""# /etc/systemd/system/nightshift.service
[Unit]
Description={name}

[Service]
Type=oneshot
User={user}
ExecStart={command}
SuccessExitStatus=1 3
Nice=10
IOSchedulingClass=idle
KillSignal=SIGINT
TimeoutStopSec=10min
"""
    timer = f"""# /etc/systemd/system/nightshift.timer
[Unit]
Description={name}, every night

[Timer]
OnCalendar=*-*-* {at:%H:%M}:00 {timezone}
Persistent=true

[Install]
WantedBy=timers.target
"""
    escaped = command.replace("%", r"\%")  # cron reads a bare % as a line's end
    crontab = f"CRON_TZ={timezone}\n{at.minute} {at.hour} * * * {escaped}\n"
    return ScheduleText(service, timer, crontab)
