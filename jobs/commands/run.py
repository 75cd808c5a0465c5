"""Runs a selection: scans the archive, plans, drives the workers and records how the run ended.

Runs share a store as docs/decisions/0011-claims-save-work.md describes; done work becomes live again as in
0009-results-become-live-again.md.
"""

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing, nullcontext
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import version
from zoneinfo import ZoneInfo

from jobs.cluster.nodes import NodeNeeds, check_nodes, cluster_machines
from jobs.cluster.placement import place
from jobs.cluster.versions import require_client_version
from jobs.commands.after_run import tidy_up
from jobs.commands.plan import check_priority, plan_run
from jobs.commands.scan import record_scan, start_clock
from jobs.engine.driver import Driver, Progress, RunReport
from jobs.engine.metrics import RunMetrics
from jobs.engine.missing_parts import drop_units_with_missing_parts
from jobs.engine.options import RunOptions
from jobs.engine.pool import InlinePool, Pool
from jobs.engine.run_clock import RunClock
from jobs.engine.run_events import RunEvents
from jobs.engine.tasks import WorkerSetup
from jobs.planning.graph import Selection
from jobs.planning.inventory import Inventory
from jobs.planning.ledger import key_of
from jobs.planning.plan import Plan
from jobs.proofs import require_able
from jobs.site import Site
from schemas.errors import StoreFull
from schemas.values import Quarantined, Receipt
from storage.coordination import Claims
from storage.store.journal import RunRecord, new_run_id
from storage.store.layer_versions import record_layers
from storage.store.receipts import receipts_from_rows
from storage.store.run_log import RunLog
from storage.store.runs import units_done_by
from storage.store.store import Store


@dataclass(frozen=True)
class RunSummary:
    """How a run ended.

    Attributes:
        report: of the units that ran.
        record: the run's row of the table ``runs``.
        footage_quarantined: files of the selected cameras that the scan could not use.
        emptied: whether nothing is left in an archive in which the scan before found footage.
    """

    report: RunReport
    record: RunRecord
    plan: Plan = field(repr=False)  # its repr is pages long
    footage_quarantined: list[Quarantined]
    emptied: bool = False

    @property
    def quarantined(self) -> list[Quarantined]:
        """Everything that the run put in quarantine: files, units, and lost stretches of footage."""
        return [*self.footage_quarantined, *self.report.quarantined, *self.report.lost]

    @property
    def exit_code(self) -> int:
        """0 done; 1 something is quarantined or failed; 3 stopped at the deadline; 130 interrupted."""
        return {"done": 0, "partial": 1, "deadline": 3, "interrupted": 130}[self.report.state]


@dataclass(frozen=True)
class ClusterUse:
    """What a run asks of a cluster.

    Attributes:
        witness: a file that this run has written to the store, by which machines prove that they see it.
        node_labels: by camera, the label of the machines that do its units.
    """

    witness: str
    node_labels: Mapping[str, str]


@dataclass(frozen=True)
class _Run:
    """A run under way: what was asked of it, and when it began."""

    site: Site
    selection: Selection
    options: RunOptions
    record: RunRecord
    clock: RunClock
    deadline: datetime | None
    began_s: float


def run_site(
    site: Site,
    selection: Selection,
    options: RunOptions,
    on_progress: Callable[[Progress], None] = lambda _: None,
    on_warning: Callable[[str], None] = lambda _: None,
    stop: threading.Event | None = None,
    night: Claims | None = None,
) -> RunSummary:
    """Scans, plans and runs a selection. Every unit is committed as soon as it is done.

    Several runs may work on one store at the same time: they share the work, and each ends when all that it was asked
    to do is done.

    Args:
        on_progress: called whenever units end, and while workers are waited for.
        on_warning: called with one line per problem that does not stop the run.
        stop: once set, units in flight are finished and no others begun.
        night: the claims of the night that this run is part of; None opens claims for the run alone.

    Raises:
        UserError: the selection, the site or the cluster is not as described, a detector is broken, the store cannot be
            written, or another version of Nightshift submitted the run.
        StoreFull: no space is left; what is committed stays.
    """
    run = _prepare(site, selection, options)
    with RunLog(site.store.blobs, run.record.run_id) as log:
        events = RunEvents(log, on_progress, on_warning)
        events.begin(run.record, options)
        try:
            summary = _run_claimed(run, events, stop, night)
        except BaseException as error:
            events.break_off(error)
            raise
        tidy_up(site, summary.report, events.warn)
        events.end(summary.report, summary.record)
        return summary


def _run_claimed(run: _Run, events: RunEvents, stop: threading.Event | None, night: Claims | None) -> RunSummary:
    """Scans, plans and works, with claims that other runs see."""
    site = run.site
    # The claims open before the store is read: a unit that another run commits after that read is then noticed.
    own = nullcontext(night) if night else Claims(site.store.blobs, run.record.run_id, run.options.lease_s)
    with own as claims:
        scan = record_scan(site, run.record.run_id, run.clock)
        for notice in scan.notices:
            events.warn(notice)
        plan = _plan(run, scan.inventory, events)
        for notice in record_layers(site.files, site.store, run.record.run_id, run.clock.now()):
            events.warn(notice)
        site.journal.write_run(replace(run.record, units_planned=len(plan.to_do)))
        reaffirm_done(site.store, plan, run.record.run_id, run.clock)
        report = _drive(run, plan, scan.inventory.folders, claims, events, stop)
        footage_quarantined = [entry for entry in scan.quarantined if run.selection.wants_camera(entry.camera)]
        # A run whose units are all done still left these files out, and its exit code says so.
        if (footage_quarantined or scan.inventory.emptied) and report.state == "done":
            report.state = "partial"
        record = _record_end(run, plan, report)
    return RunSummary(report, record, plan, footage_quarantined, scan.inventory.emptied)


def _prepare(site: Site, selection: Selection, options: RunOptions) -> _Run:
    """Creates the store if there is none, and names the run."""
    began_s = time.monotonic()
    require_client_version()
    Store.create(site.files.store)
    deadline = options.deadline(ZoneInfo(site.files.config.timezone), datetime.now(UTC))
    clock = start_clock(site)
    started = clock.now()
    record = RunRecord(
        run_id=new_run_id(started),
        started=started,
        selection={key: str(value) for key, value in asdict(selection).items() if value},
        version=version("nightshift"),
    )
    return _Run(site, selection, options, record, clock, deadline, began_s)


def _plan(run: _Run, inventory: Inventory, events: RunEvents) -> Plan:
    """Plans the run; units whose merged parts are needed again become missing first."""
    check_priority(run.site, inventory, run.options.priority)
    plan = plan_run(run.site, run.selection, inventory, run.options.retry)
    # Publishing again needs parts that were removed after the first merge: their units lose their receipts and rerun.
    if drop_units_with_missing_parts(run.site.store, plan):
        plan = plan_run(run.site, run.selection, inventory, run.options.retry)
    for warning in plan.ready.warnings:
        events.warn(warning)
    events.planned(plan)
    return plan


def reaffirm_done(store: Store, plan: Plan, run_id: str, clock: RunClock) -> list[Receipt]:
    """Makes done units live again where newer work with other parameters supersedes them; returns the new receipts.

    Readers take the version of a unit that was committed last. When parameters are set back, the former result needs a
    newer receipt, and no computation.
    """
    reaffirmed = []
    for key, fingerprint in plan.superseded:
        receipt = plan.ledger.receipt(key, fingerprint)
        if receipt:
            again = store.reaffirm(receipt, run_id, clock.now())
            clock.advance_past(again.committed)
            reaffirmed.append(again)
    return reaffirmed


def _drive(
    run: _Run,
    plan: Plan,
    folders: frozenset[str],
    claims: Claims,
    events: RunEvents,
    stop: threading.Event | None,
) -> RunReport:
    """Runs the plan on workers; an error is recorded as the run's end before it is raised."""
    report = RunReport(run.record.run_id)
    setup = WorkerSetup(
        run.site.files.archive,
        run.site.files.store,
        plan.ready.ops,
        hold_video=run.site.files.config.publish.waits,
        max_pixels=run.site.files.config.max_pixels,
        step_limit_s=run.options.step_limit_s,
        folders=folders,
    )
    try:
        for warning in require_able(plan.ready.ops, {key.op for key in plan.to_do}):
            events.warn(warning)
        cluster = ClusterUse(claims.heartbeat, run.site.files.config.node_labels)
        with closing(open_pool(setup, run.options, len(plan.to_do), events.warn, cluster)) as pool:
            if run.options.address and plan.to_do:
                events.metrics = RunMetrics()
            driver = Driver(
                plan,
                pool,
                run_id=run.record.run_id,
                keep=run.site.journal.quarantine,
                on_progress=events.progress,
                on_warning=events.warn,
                on_finished=events.finish,
                deadline=run.deadline,
                stop=stop,
                priority=run.options.priority,
                store=run.site.store,
                claims=claims,
                clock=run.clock,
            )
            report = driver.report
            report.cores = pool.slots * setup.cpus
            driver.run()
        if driver.gave_up:
            report.receipts = _committed(run, plan)
        return report
    except StoreFull:
        raise  # no space is left for the record either: the journal shows a run that never ended
    except BaseException as error:
        report.state = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
        report.receipts = _committed(run, plan)
        _record_end(run, plan, report)
        raise


def _committed(run: _Run, plan: Plan) -> list[Receipt]:
    """Returns what a run committed, also of batches that it gave up: of these the driver knows nothing."""
    done = units_done_by(run.site.store.read_receipts().rows, run.record.run_id)
    return [receipt for receipt in receipts_from_rows(done) if key_of(receipt) in plan.units]


def open_pool(
    setup: WorkerSetup, options: RunOptions, units: int, on_warning: Callable[[str], None], cluster: ClusterUse
) -> Pool:
    """Opens the workers that the options ask for, at most one per unit; without units Ray is not started.

    Raises:
        UserError: the cluster cannot be reached, or one of its machines is not ready.
    """
    if options.workers is None or not units:
        return InlinePool(setup)
    from jobs.engine.ray_actors import RayPool  # Ray takes a second to import: only a run pays for it
    from jobs.engine.ray_pool import start_ray

    slots = start_ray(options.address, options.workers, on_warning)
    if not options.address:
        return RayPool(setup, max(1, min(slots, units)))
    check_nodes(NodeNeeds.of(setup, cluster.witness), on_warning)
    machines = cluster_machines()
    slots = max(1, min(options.workers or sum(machine.room for machine in machines), units))
    placement = place(slots, machines, cluster.node_labels)
    for notice in placement.notices:
        on_warning(notice)
    return RayPool(setup, slots, placement=placement)


def _record_end(run: _Run, plan: Plan, report: RunReport) -> RunRecord:
    """Writes how the run ended to the journal."""
    counters = report.counters
    # Several ops work on one segment; its footage counts once.
    media_s_by_segment = {
        segment.segment_id: segment.duration_s
        for receipt in report.receipts
        for segment in plan.units[key_of(receipt)].segments
    }
    record = replace(
        run.record,
        ended=run.clock.now(),
        state=report.state,  # type: ignore[arg-type]
        units_planned=len(plan.to_do),
        units_done=len(report.receipts),
        units_quarantined=len(report.quarantined),
        media_s=sum(media_s_by_segment.values()),
        wall_s=time.monotonic() - run.began_s,
        frames_decoded=counters["frames_decoded"],
        detector_calls=counters["detector_calls"],
        stage_s=report.stage_s,
        cores=report.cores,
        frames_observed=counters["frames_observed"],
        frames_held=counters["frames_held"],
    )
    run.site.journal.finish_run(record)
    return record
