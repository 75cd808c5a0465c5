"""What the command line calls: one function a command. Opens the site, does the work, gives a value to print."""

import os
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, time, timedelta
from importlib.metadata import version
from pathlib import Path
from zoneinfo import ZoneInfo

from jobs.configure import ReadySite, ready_site
from jobs.graph import Selection
from jobs.ledger import Ledger, key_of
from jobs.night import Night, NightReport, Progress
from jobs.plan import Plan, State, make_plan
from jobs.pool import InlinePool, Pool
from jobs.stock import Stock, take_stock, write_set_aside, write_stock
from jobs.visit import WorkerSetup
from jobs.worker import totals
from schemas.errors import StoreFull, UserError
from schemas.values import Quarantined
from storage.journal import Journal, RunRecord, new_run_id
from storage.site_file import Site, load_site
from storage.store import Store


@dataclass(frozen=True)
class Opened:
    """A site with its store."""

    site: Site
    store: Store
    journal: Journal


def open_site(root: Path) -> Opened:
    """Reads site.toml and opens the store, which is made if it is not there.

    Raises:
        SiteError: site.toml is missing or wrong, or the store cannot be made.
    """
    site = load_site(root)
    store = Store.create(site.store)
    return Opened(site, store, Journal(store.root))


@dataclass(frozen=True)
class ScanReport:
    """What a scan found."""

    stock: Stock
    days_written: int
    set_aside: list[Quarantined]


def scan(opened: Opened, progress: Callable[[int, int], None] | None = None, run_id: str = "") -> ScanReport:
    """Scans the archive and writes down what is there."""
    run_id = run_id or new_run_id(datetime.now(UTC))
    stock = take_stock(opened.site, opened.store, progress)
    written = write_stock(stock, opened.site, opened.store, run_id)
    return ScanReport(stock, written, write_set_aside(stock, opened.journal, run_id))


def plan(opened: Opened, selection: Selection, stock: Stock | None = None, retry: bool = False) -> Plan:
    """What would run. Writes nothing.

    Args:
        stock: the archive, if it was just scanned; else it is scanned now.
        retry: count quarantined units as to be tried again.
    """
    ready = ready_site(opened.site)
    stock = stock or take_stock(opened.site, opened.store)
    ledger = Ledger(opened.store.receipts(), opened.journal.quarantined())
    return make_plan(ready, stock.plan, ledger, selection, retry)


@dataclass(frozen=True)
class RunOptions:
    """How a selection is run.

    Attributes:
        workers: worker slots; 0 for one a CPU; None for this process, without Ray.
        address: of a Ray cluster; None for this machine.
        until: local time at which all must have ended.
        retry: try what is in quarantine again.
    """

    workers: int | None = 0
    address: str | None = None
    until: time | None = None
    retry: bool = False


@dataclass(frozen=True)
class RunSummary:
    """How a run ended."""

    report: NightReport
    record: RunRecord
    plan: Plan
    footage_set_aside: list[Quarantined]

    @property
    def exit_code(self) -> int:
        """0 done; 1 something is quarantined or failed; 3 stopped at the deadline; 130 interrupted."""
        return {"done": 0, "partial": 1, "deadline": 3, "interrupted": 130}[self.report.state]


def run(
    opened: Opened,
    selection: Selection,
    options: RunOptions,
    on_progress: Callable[[Progress], None] = lambda _: None,
    on_warning: Callable[[str], None] = lambda _: None,
    stop: threading.Event | None = None,
) -> RunSummary:
    """Scans, plans and runs a selection; every unit is committed as it is done.

    Raises:
        UserError: the selection, the site or the cluster is not as said.
        StoreFull: no space is left; what is committed stays.
    """
    started = datetime.now(UTC)
    record = RunRecord(
        run_id=new_run_id(started),
        started=started,
        selection={key: str(value) for key, value in asdict(selection).items() if value},
        version=version("nightshift"),
    )
    deadline = next_time(options.until, ZoneInfo(opened.site.config.timezone), started) if options.until else None
    opened.store.sweep()
    found = scan(opened, run_id=record.run_id)
    planned = plan(opened, selection, found.stock, options.retry)
    for warning in planned.ready.warnings:
        on_warning(warning)
    opened.journal.start_run(replace(record, units_planned=len(planned.to_do)))
    reaffirm_done(opened.store, planned, record.run_id)
    try:
        report = _work(opened, planned, options, record.run_id, on_progress, deadline, stop)
    except StoreFull:
        raise  # there is no room to write down how the run ended either: in the journal it never ended
    except BaseException as error:
        state = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
        opened.journal.finish_run(_finished(record, NightReport(record.run_id, state=state), planned))
        raise
    seen = [entry for entry in found.set_aside if _concerns(selection, entry)]
    if seen and report.state == "done":
        report.state = "partial"
    record = _finished(record, report, planned)
    opened.journal.finish_run(record)
    return RunSummary(report, record, planned, seen)


def _concerns(selection: Selection, entry: Quarantined) -> bool:
    return not selection.cameras or entry.camera in selection.cameras


def _work(
    opened: Opened,
    planned: Plan,
    options: RunOptions,
    run_id: str,
    on_progress: Callable[[Progress], None],
    deadline: datetime | None,
    stop: threading.Event | None,
) -> NightReport:
    """Runs the night on a pool; with nothing to do none is opened."""
    if not planned.to_do:
        return Night(planned, _NoPool(), run_id, opened.journal.set_aside).run()
    pool = open_pool(worker_setup(opened, planned.ready), options, len(planned.to_do))
    try:
        return Night(planned, pool, run_id, opened.journal.set_aside, on_progress, deadline, stop).run()
    finally:
        pool.close()


class _NoPool(InlinePool):
    def __init__(self) -> None:
        self._waiting = []

    def close(self) -> None:
        """There is nothing to close."""


def worker_setup(opened: Opened, ready: ReadySite) -> WorkerSetup:
    """What workers of this site are made from."""
    ops = {name: (item.op, item.model) for name, item in ready.ops.items()}
    return WorkerSetup(opened.site.archive.resolve(), opened.store.root.resolve(), ops)


def open_pool(setup: WorkerSetup, options: RunOptions, units: int) -> Pool:
    """Workers as the options ask for them; never more than there are units."""
    if options.workers is None:
        return InlinePool(setup)
    from jobs.ray_pool import RayPool, start_ray  # Ray takes a second to import: only a run pays for it

    slots = start_ray(options.address, options.workers)
    return RayPool(setup, max(1, min(slots, units)))


def default_workers() -> int:
    """One worker slot a CPU."""
    return os.cpu_count() or 1


def reaffirm_done(store: Store, planned: Plan, run_id: str) -> None:
    """Makes readers see what the plan calls done, where newer work under other parameters hides it."""
    for key, standing in planned.standing.items():
        if standing.state is State.DONE:
            receipt = planned.ledger.receipt(key, planned.fingerprints.of(key))
            newest = planned.ledger.newest(key)
            if receipt and newest and newest.fingerprint != receipt.fingerprint:
                planned.ledger.add(store.reaffirm(receipt, run_id))


def _finished(record: RunRecord, report: NightReport, planned: Plan) -> RunRecord:
    counters, stage_s = totals(report.receipts)
    worked_on = {
        segment.segment_id: segment.duration_s
        for receipt in report.receipts
        for segment in planned.units[key_of(receipt)].segments
    }
    ended = datetime.now(UTC)
    return replace(
        record,
        ended=ended,
        state=report.state,  # type: ignore[arg-type]
        units_planned=len(planned.to_do) + len(report.receipts) + len(report.set_aside),
        units_done=len(report.receipts),
        units_quarantined=len(report.set_aside),
        media_s=sum(worked_on.values()),
        wall_s=(ended - record.started).total_seconds(),
        frames_decoded=counters["frames_decoded"],
        detector_calls=counters["detector_calls"],
        stage_s=stage_s,
    )


def next_time(clock: time, zone: ZoneInfo, now: datetime) -> datetime:
    """The next moment, after ``now``, at which a local clock shows ``clock``; UTC."""
    local = now.astimezone(zone)
    today = datetime.combine(local.date(), clock, zone)
    chosen = today if today > local else datetime.combine(local.date() + timedelta(days=1), clock, zone)
    return chosen.astimezone(UTC)


def parse_clock(text: str) -> time:
    """``HH:MM`` as a time of day.

    Raises:
        UserError: it is not one.
    """
    try:
        return time.fromisoformat(text)
    except ValueError as error:
        raise UserError(f"{text!r} is not a time of day; write it as 06:00") from error
