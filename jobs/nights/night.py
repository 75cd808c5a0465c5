"""A scheduled night: one run within its window, then retention, the report and the notification.

Schedulers fire late, twice, or not at all: see docs/decisions/0071-nights-that-may-fire-twice.md.
"""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from jobs.commands.purge import apply_purge, plan_purge
from jobs.commands.report import night_report, write_report
from jobs.commands.run import RunSummary, run_site
from jobs.engine.driver import Progress
from jobs.engine.options import RunOptions
from jobs.nights.backlog import read_backlog
from jobs.nights.messages import NightEnd, due_events, message_of
from jobs.nights.notify import send_message
from jobs.nights.window import Night, NightWindow, days_text
from jobs.planning.graph import Selection
from jobs.site import Site
from schemas.backlog import Backlog
from schemas.errors import NightshiftError, SelectionError
from storage.coordination import Claims, Partition
from storage.store.journal import new_run_id
from storage.store.nights import ENDED, NightRecord, NightState, read_nights, write_night
from storage.store.store import Store

NIGHT: Partition = ("night", "", "")
"""What a night claims, so that no other begins on the same store."""

REPORTS_FOLDER = "reports"
"""Folder of the site in which each night leaves its report and its log."""


@dataclass(frozen=True)
class NightOptions:
    """What a night does.

    Attributes:
        window: when the nights are.
        run: how it works; its deadline is set to the end of the night.
        purge: whether to apply ``[retention]`` afterwards.
    """

    window: NightWindow
    run: RunOptions
    purge: bool = False


@dataclass(frozen=True)
class Reporting:
    """Whom a night tells what it does: ``say`` gets a line for people, ``warn`` one about a problem."""

    say: Callable[[str], None]
    warn: Callable[[str], None]
    on_progress: Callable[[Progress], None] = lambda _: None


def run_night(
    site: Site, options: NightOptions, reporting: Reporting, now: datetime, stop: threading.Event | None = None
) -> int:
    """Runs the night that it is now, once; returns the exit code.

    Returns:
        0 if nothing needs a person: also outside the night, where another process works on it, and where it is done.
        1 if something is newly in quarantine, the archive is empty, or purge, report or notification failed. 130 if
        it was stopped.

    Args:
        now: aware.
        stop: once set, units in flight are finished and no others begun.

    Raises:
        NightshiftError: the run, or what follows it, failed; that is recorded and notified.
    """
    Store.create(site.files.store)
    night = options.window.night_at(now)
    if night is None:
        return _miss(site, options.window, reporting, now)
    with Claims(site.store.blobs, f"night-{new_run_id(now)}", options.run.lease_s) as claims:
        if not claims.acquire_from_dead(NIGHT):
            reporting.say("another process works on this night: nothing to do here")
            return 0
        records = {record.night: record for record in _records(site, reporting)}
        known = records.get(night.date)
        if known and known.state in ENDED and known.ends == night.ends:
            reporting.say(f"the night of {night.date} has ended already ({known.state}): nothing to do")
            return 0
        started = known.started if known else now
        return _Night(site, options, reporting, _record(night, options.window, started), claims, stop).run()


def report_failure(site: Site, now: datetime, warn: Callable[[str], None]) -> int:
    """Sends the notification of a night that was killed before it could; returns the exit code.

    A scheduler starts it after each failure. A night that sent its own notification is left alone.
    """
    nights = read_nights(site.store.blobs).rows
    if not nights or nights[-1].notified:
        return 0
    record = replace(nights[-1], ended=now, state="failed")
    problems = _notify(site, record, NightEnd(failure="killed"))
    for problem in problems:
        warn(problem)
    write_night(site.store.blobs, replace(record, notified=not problems))
    return 1 if problems else 0


class _Night:
    """A night under way."""

    def __init__(
        self,
        site: Site,
        options: NightOptions,
        reporting: Reporting,
        record: NightRecord,
        claims: Claims,
        stop: threading.Event | None,
    ) -> None:
        self._site, self._options, self._reporting = site, options, reporting
        self._record, self._claims, self._stop = record, claims, stop

    def run(self) -> int:
        """Runs it, and records and notifies how it ended."""
        since = _last_end(_records(self._site, self._reporting), self._record.night)
        self._write()
        try:
            summary = run_site(
                self._site,
                Selection(),
                replace(self._options.run, ends=self._record.ends),
                self._reporting.on_progress,
                self._reporting.warn,
                self._stop,
                self._claims,
            )
            end = self._finish(summary, since)
        except BaseException as error:
            self._fail(error)
            raise
        problems = _notify(self._site, self._record, end)
        for problem in problems:
            self._reporting.warn(problem)
        self._record = replace(self._record, notified=not problems)
        self._write()
        if summary.report.state == "interrupted":
            return summary.exit_code
        return 1 if end.needs_a_person or problems else 0

    def _finish(self, summary: RunSummary, since: datetime | None) -> NightEnd:
        """Purges and reports; returns how the night ended."""
        new = [entry for entry in self._site.journal.read_quarantine().rows if since is None or entry.time > since]
        self._record = replace(
            self._record,
            ended=datetime.now(UTC),
            state=summary.report.state,  # type: ignore[arg-type]
            run_id=summary.record.run_id,
            units_done=summary.record.units_done,
            units_left=summary.report.left,
            new_quarantine=len(new),
        )
        self._write()
        for reason, count in sorted(Counter(entry.reason for entry in new).items()):
            self._reporting.warn(f"new in quarantine: {count} × {reason}; `nightshift status` lists it")
        problems = list(self._purge()) if self._options.purge and summary.report.state != "interrupted" else []
        backlog = read_backlog(self._site, datetime.now(UTC))
        self._reporting.say(backlog.text)
        try:
            self._reporting.say(f"report: {self._report(backlog)}")
        except SelectionError as error:
            self._reporting.say(f"no report: {error}")  # a site without footage yet
        except (NightshiftError, OSError) as error:
            problems.append(f"the report was not written: {error}")
        if summary.emptied:
            problems.append("the archive is empty, and was not before: is it mounted?")
        for problem in problems:
            self._reporting.warn(problem)
        return NightEnd(tuple(entry.reason for entry in new), tuple(problems), backlog)

    def _purge(self) -> list[str]:
        now = datetime.now(UTC)
        plan = plan_purge(self._site.files, self._site.store, now)
        kept = apply_purge(self._site.files, self._site.store, plan, now)
        self._reporting.say(f"purge: {len(plan.records)} camera-days past their limit")
        return [*plan.problems, *(f"purge keeps {each.path}: {each.reason}" for each in kept)]

    def _report(self, backlog: Backlog) -> Path:
        """Writes the report of the last day with footage, as JSON and as a page."""
        folder = self._site.files.root / REPORTS_FOLDER
        folder.mkdir(exist_ok=True)
        report = night_report(self._site, backlog=backlog)
        for suffix in (".json", ".html"):
            write_report(report, target := folder / f"{self._record.night}{suffix}")
        return target

    def _fail(self, error: BaseException) -> None:
        """Records and notifies a run that raised; what it raised goes on to the scheduler."""
        interrupted = isinstance(error, KeyboardInterrupt)
        state: NightState = "interrupted" if interrupted else "failed"
        self._record = replace(self._record, ended=datetime.now(UTC), state=state)
        problems = _notify(self._site, self._record, NightEnd(failure="" if interrupted else type(error).__name__))
        for problem in problems:
            self._reporting.warn(problem)
        self._record = replace(self._record, notified=not problems)
        self._write()

    def _write(self) -> None:
        write_night(self._site.store.blobs, self._record)


def _miss(site: Site, window: NightWindow, reporting: Reporting, now: datetime) -> int:
    """Says that it is not the night, and records and notifies one that a schedule did not start."""
    zone = window.zone
    coming, last = window.next_night(now), window.last_night(now)
    reporting.say(
        f"it is {now.astimezone(zone):%H:%M}, and nights are {window.text}: nothing begins before "
        f"{coming.starts.astimezone(zone):%Y-%m-%d %H:%M}"
    )
    records = _records(site, reporting)
    if not records or records[-1].night >= last.date:
        return 0  # nights that came before the schedule were not missed
    record = replace(_record(last, window, now), ended=now, state="missed")
    reporting.warn(f"the night of {last.date} was missed: the next one does its work")
    problems = _notify(site, record, NightEnd())
    for problem in problems:
        reporting.warn(problem)
    write_night(site.store.blobs, replace(record, notified=not problems))
    return 1 if problems else 0


def _record(night: Night, window: NightWindow, started: datetime) -> NightRecord:
    clocks = (f"{window.at:%H:%M}", f"{window.until:%H:%M}", days_text(window.days))
    return NightRecord(night.date, *clocks, night.starts, night.ends, started)


def _records(site: Site, reporting: Reporting) -> list[NightRecord]:
    found = read_nights(site.store.blobs)
    for problem in found.problems:
        reporting.warn(problem)
    return found.rows


def _last_end(records: list[NightRecord], night: str) -> datetime | None:
    """Returns when the last night before this one ended that told a person what it found; None if none did."""
    ends = [each.ended for each in records if each.night < night and each.state in ENDED and each.run_id]
    return ends[-1] if ends else None


def _notify(site: Site, record: NightRecord, end: NightEnd) -> list[str]:
    """Sends the message if an event that ``[notify]`` names happened; returns one line per receiver without it."""
    config = site.files.config.notify
    events = due_events(record, end)
    if not config.is_set or not ({*events, "always"} & set(config.on)):
        return []
    report = site.files.root / REPORTS_FOLDER / f"{record.night}.html"
    return send_message(config, message_of(site.files.config.name, record, end, str(report)))
