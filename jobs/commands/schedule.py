"""Schedules nightly runs with what machines already have: a systemd service and timer, or a crontab line."""

import shlex
import sys
from datetime import time
from pathlib import Path


def schedule_text(site_root: Path, timezone: str, at: time, until: time, user: str) -> dict[str, str]:
    """Returns what starts a run each night at ``at`` and stops it by ``until``, both in the site's time zone.

    The administrator installs either the files ``service`` and ``timer``, or the line ``crontab``.

    Exit codes 1 (something is in quarantine) and 3 (stopped at the deadline) count as success: a night often ends so,
    and the next one continues.
    """
    # Timers start without a shell's PATH, so the command is written with its full path.
    program = (
        Path(sys.argv[0]).resolve() if Path(sys.argv[0]).name == "nightshift" else Path(sys.prefix, "bin/nightshift")
    )
    root = site_root.resolve()
    command = shlex.join([str(program), "run", "--site", str(root), "--until", f"{until:%H:%M}"])
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
    return {"service": service, "timer": timer, "crontab": crontab}
