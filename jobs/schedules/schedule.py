"""A schedule: which site's nights are started, when, and by what."""

import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from jobs.nights.window import EVERY_DAY, NightWindow, days_text
from schemas.errors import UserError

MARK = "# nightshift-schedule "
"""Begins the line of an installed file that says which schedule it is, as JSON."""

DELAY_MIN = 5
"""Minutes by which a start is delayed at random at most, so that sites do not all ask one network share at once."""

COMMAND_TIMEOUT_S = 60.0


class Kind(StrEnum):
    """What starts the nights."""

    SYSTEMD = "systemd"
    SYSTEMD_USER = "systemd-user"
    CRON = "cron"
    KUBERNETES = "kubernetes"


@dataclass(frozen=True)
class Schedule:
    """A schedule of one site.

    Attributes:
        root: absolute path of the site's folder.
        site: its name.
        user: account that works.
        purge: whether nights apply ``[retention]``.
        extra: further options of ``nightshift night``.
    """

    root: Path
    site: str
    window: NightWindow
    user: str
    purge: bool = False
    extra: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name of its units: of the site, and different for each folder."""
        return name_of(self.root, self.site)

    @property
    def mark(self) -> str:
        """The line that says which schedule a file belongs to."""
        facts = {"name": self.name, "nights": f"{self.window.text}, {self.window.zone.key}", "site": str(self.root)}
        return MARK + json.dumps(facts)

    def command(self, *more: str) -> list[str]:
        """Returns the command of a night, with the full path of the program: no scheduler has a shell's PATH."""
        window = self.window
        words = [program(), "night", "--site", str(self.root), "--at", f"{window.at:%H:%M}"]
        words += ["--until", f"{window.until:%H:%M}"]
        words += [] if window.days == EVERY_DAY else ["--days", days_text(window.days)]
        words += ["--purge"] if self.purge else []
        return [*words, *self.extra, *more]


@dataclass(frozen=True)
class Installed:
    """A schedule that was found installed.

    Attributes:
        site: folder of its site.
        nights: when they are.
        where: what holds it.
    """

    kind: Kind
    name: str
    site: str
    nights: str
    where: str


def name_of(root: Path, site: str) -> str:
    """Returns the name of a site's schedule: at most 34 characters, since Kubernetes takes 52."""
    readable = re.sub(r"[^a-z0-9]+", "-", site.lower()).strip("-")[:16].strip("-") or "site"
    return f"nightshift-{readable}-{hashlib.sha256(str(root).encode()).hexdigest()[:6]}"


def program() -> str:
    """Returns the full path of the command ``nightshift``."""
    called = Path(sys.argv[0])
    return str(called.resolve() if called.name == "nightshift" else Path(sys.prefix, "bin/nightshift"))


def read_mark(text: str, kind: Kind, where: str) -> list[Installed]:
    """Returns the schedules that a text is marked with; marks that people have changed are left out."""
    found = []
    for line in text.splitlines():
        if line.startswith(MARK):
            try:
                facts = json.loads(line.removeprefix(MARK))
                found.append(Installed(kind, facts["name"], facts["site"], facts["nights"], where))
            except (ValueError, KeyError, TypeError):
                continue
    return found


def run_tool(command: Sequence[str], given: str | None = None, missing_ok: bool = False) -> str | None:
    """Runs a tool of the system and returns what it prints; None if ``missing_ok`` and it fails or does not exist.

    Raises:
        UserError: it does not exist, hangs, or ends with an error.
    """
    try:
        done = subprocess.run(
            command, input=given, capture_output=True, text=True, timeout=COMMAND_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        if missing_ok:
            return None
        raise UserError(
            f"`{' '.join(command)}` does not run ({error}): install it, or choose another --kind"
        ) from error
    if done.returncode == 0:
        return done.stdout
    if missing_ok:
        return None
    said = " ".join((done.stderr or done.stdout).split()) or f"exit code {done.returncode}"
    raise UserError(f"`{' '.join(command)}` failed: {said}")
