"""`plan` and `run`: shows what a run would do, and runs it."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from types import FrameType
from zoneinfo import ZoneInfo

from cli.cost import cost_text
from cli.options import HERE, Json, SelectionOptions, SiteFolder, WorkOptions, with_shared_options
from cli.output import Output, duration, tracebacks_wanted
from cli.quarantine import show_quarantine
from jobs.commands.plan import plan_run
from jobs.commands.run import RunSummary, run_site
from jobs.engine.driver import Progress
from jobs.engine.options import RunOptions, default_workers
from jobs.planning.graph import Selection
from jobs.planning.plan import Plan
from jobs.planning.unit_status import State
from jobs.site import Site, open_site

REASONS_SHOWN = 5


@with_shared_options
def plan(*, folder: SiteFolder = HERE, selected: SelectionOptions, as_json: Json = False) -> None:
    """Show what would run and why, with an estimate from past runs."""
    output = Output(as_json)
    planned = plan_run(open_site(folder), selected.selection(), retry=selected.retry)
    for warning in planned.ready.warnings:
        output.warn(warning)
    workers = default_workers()
    if as_json:
        output.json(_plan_json(planned, workers))
        return
    output.table(["op", *(state.value for state in State)], unit_count_rows(planned))
    for op, reasons in planned.reasons().items():
        for reason, units in reasons.most_common(REASONS_SHOWN):
            output.say(f"  {op}: {units} × {reason}")
    if not planned.to_do:
        output.say("nothing to do")
        return
    time_left = duration(planned.estimate_s(workers))
    output.say(f"{len(planned.to_do)} units to do, about {time_left} on {workers} workers, {estimate_basis(planned)}")


def estimate_basis(planned: Plan) -> str:
    """Returns what the estimate of a plan was made from."""
    guessed = ", ".join(planned.guessed_ops)
    if not guessed:
        return "at the speed of past runs"
    if planned.rates:
        return f"at the speed of past runs, and guessed for {guessed}, which none has measured"
    return "a guess: no run has measured yet how fast this machine is on this footage"


def unit_count_rows(planned: Plan) -> list[list[object]]:
    """Returns one row per op: its name, and its number of units in each state."""
    return [[op, *(counts[state] for state in State)] for op, counts in planned.unit_counts().items()]


def unit_count_json(planned: Plan) -> dict[str, dict[str, int]]:
    """Returns the number of units by op and state."""
    return {op: {state.value: counts[state] for state in State} for op, counts in planned.unit_counts().items()}


def _plan_json(planned: Plan, workers: int) -> object:
    return {
        "to_do": len(planned.to_do),
        "estimate_s": round(planned.estimate_s(workers), 1),
        "estimate_guesses": planned.guessed_ops,
        "workers": workers,
        "ops": unit_count_json(planned),
        "why": {op: dict(reasons) for op, reasons in planned.reasons().items()},
        "units": [
            {**key._asdict(), "state": status.state.value, "why": status.reason}
            for key, status in planned.statuses.items()
            if status.state is not State.DONE
        ],
    }


@with_shared_options
def run(*, folder: SiteFolder = HERE, selected: SelectionOptions, work: WorkOptions, as_json: Json = False) -> int:
    """Scan the archive, plan and run. What is done is kept, however the run ends."""
    output = Output(as_json)
    summary = run_and_show(output, open_site(folder), selected.selection(), work.run_options(selected.retry))
    if as_json:
        output.json(summary_json(summary))
    else:
        show_summary(output, summary)
    return summary.exit_code


def run_and_show(output: Output, site: Site, chosen: Selection, options: RunOptions) -> RunSummary:
    """Runs a selection with a progress bar, until it is done or the user stops it."""
    zone, now = ZoneInfo(site.files.config.timezone), datetime.now(UTC)
    if deadline := options.deadline(zone, now):
        left = duration((deadline - now).total_seconds())
        output.log(f"this run ends by {deadline.astimezone(zone):%Y-%m-%d %H:%M}, in {left}")
    with stopping_gently(output) as stop, output.progress("night") as bar:

        def show(progress: Progress) -> None:
            bar.update(progress.units_done, progress.units_total, progress_note(progress))

        summary = run_site(site, chosen, options, show, output.warn, stop)
    if tracebacks_wanted.get():
        for failure in summary.report.failures:
            output.log(f"{failure.key.op} of {failure.key.camera}, {failure.key.unit}: {failure.detail}")
            for line in failure.trace.splitlines():
                output.log(line)
    return summary


def progress_note(progress: Progress) -> str:
    """Returns how much time is left at a run's speed; empty as long as it is unknown."""
    if not progress.elapsed_s or progress.left_s is None:
        return ""
    return f"about {duration(progress.left_s)} left at this run's speed"


@contextmanager
def stopping_gently(output: Output) -> Iterator[threading.Event]:
    """Handles Ctrl-C: the first lets units in flight finish, the second drops them; nothing of them was committed."""
    stop = threading.Event()

    def on_signal(number: int, frame: FrameType | None) -> None:
        del number, frame
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        output.err.print("finishing the units in flight; press Ctrl-C again to stop at once", highlight=False)

    # SIGTERM too: `kill` and container platforms send it.
    former = {name: signal.signal(name, on_signal) for name in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for name, handler in former.items():
            signal.signal(name, handler)


def summary_json(summary: RunSummary) -> dict[str, object]:
    """Returns how a run ended, for machines."""
    record = summary.record
    return {
        "run_id": record.run_id,
        "state": summary.report.state,
        "exit_code": summary.exit_code,
        "units_done": record.units_done,
        "units_elsewhere": summary.report.elsewhere,
        "units_left": summary.report.left,
        "media_s": round(record.media_s, 3),
        "wall_s": record.wall_s,
        "frames_decoded": record.frames_decoded,
        "detector_calls": record.detector_calls,
        "stage_s": {stage: round(seconds, 3) for stage, seconds in record.stage_s.items()},
        "cores": record.cores,
        "frames_observed": record.frames_observed,
        "frames_held": record.frames_held,
        **record.cost.as_columns(),
        "quarantined": [
            {"op": entry.op, "camera": entry.camera, "unit": entry.unit, "reason": entry.reason, "detail": entry.detail}
            for entry in summary.quarantined
        ],
    }


def show_summary(output: Output, summary: RunSummary) -> None:
    """Prints how a run ended, for people."""
    record, report = summary.record, summary.report
    wall_s = record.wall_s or 0.0
    output.say(
        f"run {record.run_id}: {report.state}; {record.units_done} units done of {duration(record.media_s)} of footage "
        f"in {duration(wall_s)}; {record.frames_decoded} frames decoded, {record.detector_calls} detector calls"
    )
    if report.elsewhere:
        output.say(f"{report.elsewhere} units were done by another run in the meantime")
    if report.left:
        output.say(f"{report.left} units left: the next run continues with them")
    if summary.quarantined:
        show_quarantine(output, summary.quarantined)
    if cost := cost_text(record.cost):
        output.say(f"cost: {cost}")
