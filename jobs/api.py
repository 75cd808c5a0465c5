"""What the command line calls: one function a command. Opens the site, does the work, gives a value to print."""

import os
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow.compute as pc

from jobs.commands.maintenance import compact_if_many
from jobs.engine.coordination import SharedRun
from jobs.engine.driver import Driver, Progress, RunReport
from jobs.engine.missing_parts import drop_units_with_missing_parts
from jobs.engine.options import RunOptions
from jobs.engine.pool import InlinePool, Pool
from jobs.engine.queue import Priority
from jobs.engine.run_clock import RunClock
from jobs.engine.tasks import WorkerSetup
from jobs.engine.worker import totals
from jobs.planning.configure import ReadySite, configure_site
from jobs.planning.graph import Selection
from jobs.planning.inventory import Inventory, scan_inventory, write_inventory, write_quarantine
from jobs.planning.ledger import Ledger, key_of
from jobs.planning.plan import Plan, make_plan
from schemas.errors import SelectionError, StoreFull
from schemas.values import Quarantined, Receipt
from storage.coordination import Claims
from storage.maintenance.tombstones import read_tombstones
from storage.site.file import SiteFiles, load_site
from storage.store.journal import Journal, RunRecord, new_run_id
from storage.store.store import Store


@dataclass(frozen=True)
class Opened:
    """A site with its store."""

    site: SiteFiles
    store: Store
    journal: Journal


def open_site(root: Path) -> Opened:
    """Reads site.toml and opens the store, to read from: it need not be there, and may be read-only.

    Raises:
        SiteError: site.toml is missing or wrong, or the store is not one that this Nightshift reads.
    """
    site = load_site(root)
    store = Store.open(site.store)
    return Opened(site, store, Journal(store.blobs))


@dataclass(frozen=True)
class ScanReport:
    """What a scan found."""

    inventory: Inventory
    days_written: int
    set_aside: list[Quarantined]


def scan(opened: Opened, progress: Callable[[int, int], None] | None = None) -> ScanReport:
    """Scans the archive and writes down what is there.

    Raises:
        SiteError: there is no archive, or the store cannot be written.
    """
    Store.create(opened.site.store)
    clock = run_clock(opened)
    return _scan(opened, new_run_id(clock.now()), clock, progress)


def _scan(
    opened: Opened, run_id: str, clock: RunClock, progress: Callable[[int, int], None] | None = None
) -> ScanReport:
    inventory = scan_inventory(opened.site, opened.store, progress)
    committed = clock.now()
    written = write_inventory(inventory, opened.site, opened.store, run_id, committed)
    clock.advance_past(committed)
    return ScanReport(inventory, written, write_quarantine(inventory, opened.journal, run_id))


def run_clock(opened: Opened) -> RunClock:
    """The clock of a run that begins now."""
    runs = opened.journal.runs()
    columns = (opened.store.receipts_arrow()["committed"], runs["started"], runs["ended"])
    moments: list[datetime | None] = [pc.max(column).as_py() for column in columns]
    return RunClock(max(filter(None, moments), default=None))


def plan(opened: Opened, selection: Selection, inventory: Inventory | None = None, retry: bool = False) -> Plan:
    """What would run. Writes nothing.

    Args:
        inventory: the archive, if it was just scanned; else it is scanned now.
        retry: count quarantined units as to be tried again.
    """
    ready = configure_site(opened.site)
    inventory = inventory or scan_inventory(opened.site, opened.store)
    ledger = Ledger(opened.store.receipts_arrow(), opened.journal.quarantined(), read_tombstones(opened.store))
    return make_plan(ready, inventory.timeline, ledger, selection, retry)


def check_order(opened: Opened, inventory: Inventory, order: Priority) -> None:
    """Sees to it that the cameras that are to go first are there.

    Raises:
        SelectionError: one is not.
    """
    known = {camera.id for camera in opened.site.config.cameras}.union(inventory.footage["camera"].unique().to_pylist())
    for camera in order.cameras_first:
        if camera not in known:
            there = ", ".join(sorted(known)) or "none"
            raise SelectionError(f"--first-camera {camera}: no such camera; there are {there}")


@dataclass(frozen=True)
class RunSummary:
    """How a run ended."""

    report: RunReport
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

    Other runs may be at work on the same store: they share the work, and each ends when all that it was to do is done.

    Raises:
        UserError: the selection, the site or the cluster is not as said, or the store cannot be written.
        StoreFull: no space is left; what is committed stays.
    """
    Store.create(opened.site.store)
    began = time.monotonic()
    deadline = options.deadline(ZoneInfo(opened.site.config.timezone), datetime.now(UTC))
    clock = run_clock(opened)
    started = clock.now()
    record = RunRecord(
        run_id=new_run_id(started),
        started=started,
        selection={key: str(value) for key, value in asdict(selection).items() if value},
        version=version("nightshift"),
    )
    # What others commit from here on is looked for, so their signs of life are watched before the store is read.
    with Claims(opened.store.blobs, record.run_id, options.lease_s) as claims:
        found = _scan(opened, record.run_id, clock)
        check_order(opened, found.inventory, options.priority)
        planned = plan(opened, selection, found.inventory, options.retry)
        if drop_units_with_missing_parts(opened.store, planned):
            planned = plan(opened, selection, found.inventory, options.retry)
        for warning in planned.ready.warnings:
            on_warning(warning)
        opened.journal.start_run(replace(record, units_planned=len(planned.to_do)))
        reaffirm_done(opened.store, planned, record.run_id, clock)
        night = partial(
            Driver,
            run_id=record.run_id,
            keep=opened.journal.set_aside,
            on_progress=on_progress,
            deadline=deadline,
            stop=stop,
            priority=options.priority,
            coordination=SharedRun(opened.store, claims),
            clock=clock,
        )
        try:
            report = _work(opened, planned, options, night)
        except StoreFull:
            raise  # there is no room to write down how the run ended either: in the journal it never ended
        except BaseException as error:
            state = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
            failed = RunReport(record.run_id, state=state)
            opened.journal.finish_run(_finished(record, failed, planned, clock, began))
            raise
        seen = [entry for entry in found.set_aside if _concerns(selection, entry)]
        if seen and report.state == "done":
            report.state = "partial"
        record = _finished(record, report, planned, clock, began)
        opened.journal.finish_run(record)
    if report.state in ("done", "partial"):
        compact_if_many(opened.store, on_warning)
    return RunSummary(report, record, planned, seen)


def _concerns(selection: Selection, entry: Quarantined) -> bool:
    return not selection.cameras or entry.camera in selection.cameras


def _work(opened: Opened, planned: Plan, options: RunOptions, night: Callable[[Plan, Pool], Driver]) -> RunReport:
    """Runs the night on a pool; with nothing to do none is opened."""
    setup = worker_setup(opened, planned.ready)
    pool = open_pool(setup, options, len(planned.to_do)) if planned.to_do else _NoPool()
    try:
        return night(planned, pool).run()
    finally:
        pool.close()


class _NoPool(InlinePool):
    def __init__(self) -> None:
        self._waiting = []

    def close(self) -> None:
        """There is nothing to close."""


def worker_setup(opened: Opened, ready: ReadySite) -> WorkerSetup:
    """What workers of this site are made from."""
    ops = {name: (item.op, item.models) for name, item in ready.ops.items()}
    return WorkerSetup(opened.site.archive, opened.site.store, ops)


def open_pool(setup: WorkerSetup, options: RunOptions, units: int) -> Pool:
    """Workers as the options ask for them; never more than there are units."""
    if options.workers is None:
        return InlinePool(setup)
    from jobs.engine.ray_pool import RayPool, start_ray  # Ray takes a second to import: only a run pays for it

    slots = start_ray(options.address, options.workers)
    return RayPool(setup, max(1, min(slots, units)))


def default_workers() -> int:
    """One worker slot a CPU."""
    return os.cpu_count() or 1


def reaffirm_done(store: Store, planned: Plan, run_id: str, clock: RunClock) -> list[Receipt]:
    """Makes readers see what the plan calls done, where newer work under other parameters hides it."""
    reaffirmed = []
    for key, fingerprint in planned.superseded:
        receipt = planned.ledger.receipt(key, fingerprint)
        if receipt:
            again = store.reaffirm(receipt, run_id, clock.now())
            clock.advance_past(again.committed)
            reaffirmed.append(again)
    return reaffirmed


def _finished(record: RunRecord, report: RunReport, planned: Plan, clock: RunClock, began: float) -> RunRecord:
    counters, stage_s = totals(report.receipts)
    worked_on = {
        segment.segment_id: segment.duration_s
        for receipt in report.receipts
        for segment in planned.units[key_of(receipt)].segments
    }
    return replace(
        record,
        ended=clock.now(),
        state=report.state,  # type: ignore[arg-type]
        units_planned=len(planned.to_do),
        units_done=len(report.receipts),
        units_quarantined=len(report.quarantined),
        media_s=sum(worked_on.values()),
        wall_s=time.monotonic() - began,
        frames_decoded=counters["frames_decoded"],
        detector_calls=counters["detector_calls"],
        stage_s=stage_s,
    )
