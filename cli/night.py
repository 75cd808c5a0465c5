"""`night`: what a schedule starts. Its output goes to a log beside the report as well."""

import io
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, TextIO
from zoneinfo import ZoneInfo

import typer
from rich.console import Console

from cli.options import HERE, SiteFolder
from cli.output import PIPE_WIDTH, Output
from cli.run import progress_note, stopping_gently
from jobs.engine.driver import Progress
from jobs.engine.options import RunOptions, parse_clock
from jobs.nights.night import REPORTS_FOLDER, NightOptions, Reporting, report_failure, run_night
from jobs.nights.window import NightWindow, parse_days
from jobs.site import Site, open_site
from schemas.errors import UserError

LOG_FILE = "night.log"
LOG_BYTES = 10_000_000
"""Size at which the log begins anew; the former one is kept."""

At = Annotated[str, typer.Option("--at", metavar="HH:MM", help="Local time at which nights begin.")]
Until = Annotated[str, typer.Option("--until", metavar="HH:MM", help="Local time by which they end.")]
Days = Annotated[str, typer.Option("--days", metavar="mon-fri", help="Weekdays on which nights begin.")]
Address = Annotated[str | None, typer.Option("--address", help="Address of a Ray cluster: HOST:6379, or auto.")]
Workers = Annotated[
    int, typer.Option("--workers", min=0, help="Worker processes; 0 for one per CPU, if memory suffices.")
]


def night(
    at: At = "",
    until: Until = "",
    days: Days = "mon-sun",
    folder: SiteFolder = HERE,
    purge: Annotated[bool, typer.Option("--purge", help="Apply [retention] of site.toml after the run.")] = False,
    workers: Workers = 0,
    in_process: Annotated[bool, typer.Option("--in-process", help="Work in this process, without Ray.")] = False,
    address: Address = None,
    delay_min: Annotated[
        float, typer.Option("--delay-min", min=0, help="Wait up to this many minutes first, at random.")
    ] = 0.0,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing unless a person is needed.")] = False,
    after_failure: Annotated[
        bool, typer.Option("--after-failure", help="Only send the notification of a night that was killed.")
    ] = False,
) -> int:
    """Run the night that it is now, once: scan, run, purge, report, notify. Schedules start it; twice is harmless."""
    site = open_site(folder)
    if after_failure:
        return report_failure(site, datetime.now(UTC), Output(False).warn)
    if not at or not until:
        raise UserError("a night needs --at and --until: as `nightshift schedule --at 01:00 --until 06:00` writes them")
    zone = ZoneInfo(site.files.config.timezone)
    window = NightWindow(parse_clock(at), parse_clock(until), zone, parse_days(days))
    options = NightOptions(window, RunOptions(workers=None if in_process else workers, address=address), purge)
    with _logged(site, quiet) as (output, release), stopping_gently(output) as stop:
        if window.night_at(datetime.now(UTC)):
            stop.wait(random.uniform(0, 60 * delay_min))
        with output.progress("night") as bar:

            def show(progress: Progress) -> None:
                bar.update(progress.units_done, progress.units_total, progress_note(progress))

            code = run_night(site, options, Reporting(output.say, output.warn, show), datetime.now(UTC), stop)
        if code:
            release()
        return code


@contextmanager
def _logged(site: Site, quiet: bool) -> Iterator[tuple[Output, Callable[[], None]]]:
    """Yields an output whose lines go to the log of the site's nights too, and a function that prints held-back lines.

    Args:
        quiet: hold lines back until that function is called or an error is raised: what is printed, cron mails.
    """
    log = site.files.root / REPORTS_FOLDER / LOG_FILE
    try:
        log.parent.mkdir(exist_ok=True)
        if log.exists() and log.stat().st_size > LOG_BYTES:
            log.replace(log.with_suffix(".1.log"))
        file = log.open("a", encoding="utf-8")
    except OSError as error:
        raise UserError(
            f"{log} cannot be written ({error.strerror}): nights leave their log and report there"
        ) from error
    held = io.StringIO()

    def release() -> None:
        if quiet:
            sys.stderr.write(held.getvalue())

    with file:
        out, err = (held, held) if quiet else (sys.stdout, sys.stderr)
        both = [Console(file=_Both(file, shown), width=PIPE_WIDTH) for shown in (out, err)]
        output = Output(False, both[0], both[1])
        output.log(f"--- {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC")
        try:
            yield output, release
        except BaseException as error:
            file.write(f"{type(error).__name__}: {error}\n")  # run_cli prints it
            release()
            raise


class _Both(io.StringIO):
    """A text file that writes to two."""

    def __init__(self, *files: TextIO) -> None:
        super().__init__()
        self._files = files

    def write(self, text: str) -> int:
        """Writes to both, at once: a log is read while it grows."""
        for file in self._files:
            file.write(text)
            file.flush()
        return len(text)
