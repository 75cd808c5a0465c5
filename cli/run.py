"""`plan`, `run` and `schedule`: what a night would do, the night, and how it is started every night."""

import getpass
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Annotated

import typer

from cli.options import (
    HERE,
    Address,
    Age,
    Cameras,
    First,
    FirstCameras,
    InProcess,
    Json,
    Last,
    MaxHours,
    Ops,
    Retry,
    Site,
    Until,
    Workers,
    run_options,
    selection,
)
from cli.output import Output, duration
from jobs import api
from jobs.commands.schedule import schedule_text
from jobs.engine.driver import Progress
from jobs.engine.options import RunOptions, parse_clock
from jobs.planning.graph import Selection
from jobs.planning.plan import Plan
from jobs.planning.unit_status import State

SHOWN_WHYS = 5


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command("plan")(plan)
    app.command("run")(run)
    app.command("schedule")(schedule)


def plan(
    site: Site = HERE,
    cameras: Cameras = None,
    first: First = None,
    last: Last = None,
    ops: Ops = None,
    retry: Retry = False,
    as_json: Json = False,
) -> None:
    """Show what would run and why, with an estimate from past runs."""
    output = Output(as_json)
    planned = api.plan(api.open_site(site), selection(cameras, first, last, ops), retry=retry)
    for warning in planned.ready.warnings:
        output.warn(warning)
    workers = api.default_workers()
    if as_json:
        output.json(_plan_json(planned, workers))
        return
    columns = ["op", *(state.value for state in State)]
    output.table(columns, [[op, *(tally[state] for state in State)] for op, tally in planned.unit_counts().items()])
    for op, whys in planned.reasons().items():
        for why, units in whys.most_common(SHOWN_WHYS):
            output.say(f"  {op}: {units} × {why}")
    output.say(
        f"{len(planned.to_do)} units to do, about {duration(planned.estimate_s(workers))} on {workers} workers"
        if planned.to_do
        else "nothing to do"
    )


def _plan_json(planned: Plan, workers: int) -> object:
    return {
        "to_do": len(planned.to_do),
        "estimate_s": round(planned.estimate_s(workers), 1),
        "workers": workers,
        "ops": {op: {state.value: tally[state] for state in State} for op, tally in planned.unit_counts().items()},
        "why": {op: dict(whys) for op, whys in planned.reasons().items()},
        "units": [
            {**key._asdict(), "state": standing.state.value, "why": standing.reason}
            for key, standing in planned.statuses.items()
            if standing.state is not State.DONE
        ],
    }


def run(
    site: Site = HERE,
    cameras: Cameras = None,
    first: First = None,
    last: Last = None,
    ops: Ops = None,
    workers: Workers = 0,
    in_process: InProcess = False,
    address: Address = None,
    until: Until = None,
    max_hours: MaxHours = None,
    age: Age = "newest",
    first_cameras: FirstCameras = None,
    retry: Retry = False,
    as_json: Json = False,
) -> int:
    """Scan, plan and run: a night. What is done is kept, whatever happens."""
    output = Output(as_json)
    options = run_options(workers, in_process, address, until, max_hours, age, first_cameras, retry)
    summary = run_and_show(output, api.open_site(site), selection(cameras, first, last, ops), options)
    if as_json:
        output.json(summary_json(summary))
    else:
        show_summary(output, summary)
    return summary.exit_code


def run_and_show(output: Output, opened: api.Opened, chosen: Selection, options: RunOptions) -> api.RunSummary:
    """Runs a selection with a progress bar, until it is done or somebody stops it."""
    with stopping_gently(output) as stop, output.progress("night") as bar:

        def show(progress: Progress) -> None:
            bar.update(progress.units_done, progress.units_total, _rate(progress))

        return api.run(opened, chosen, options, show, output.warn, stop)


def _rate(progress: Progress) -> str:
    if not progress.elapsed_s or progress.left_s is None:
        return ""
    return f"{progress.units_done / progress.elapsed_s:.1f} units/s, {duration(progress.left_s)} left"


@contextmanager
def stopping_gently(output: Output) -> Iterator[threading.Event]:
    """First Ctrl-C: what runs is finished. Second: it is dropped; nothing of it was committed."""
    stop = threading.Event()

    def on_signal(number: int, frame: FrameType | None) -> None:
        del number, frame
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        output.err.print("finishing what runs; once more to stop at once", highlight=False)

    former = {name: signal.signal(name, on_signal) for name in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for name, handler in former.items():
            signal.signal(name, handler)


def summary_json(summary: api.RunSummary) -> dict[str, object]:
    """A run's end, for machines."""
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
        "quarantined": [
            {"op": entry.op, "camera": entry.camera, "unit": entry.unit, "reason": entry.reason, "detail": entry.detail}
            for entry in [*summary.footage_set_aside, *summary.report.quarantined]
        ],
    }


def show_summary(output: Output, summary: api.RunSummary) -> None:
    """A run's end, for people."""
    record, report = summary.record, summary.report
    wall_s = record.wall_s or 0.0
    speed = f", {record.media_s / wall_s:.1f} × real time" if wall_s and record.media_s else ""
    output.say(
        f"run {record.run_id}: {report.state}; {record.units_done} units done of {duration(record.media_s)} of footage "
        f"in {duration(wall_s)}{speed}; {record.frames_decoded} frames decoded, {record.detector_calls} detector calls"
    )
    if report.elsewhere:
        output.say(f"{report.elsewhere} units were done by another run meanwhile")
    if report.left:
        output.say(f"{report.left} units left: the next run carries on")
    entries = [*summary.footage_set_aside, *report.quarantined]
    if entries:
        rows = [[entry.op, entry.camera, entry.path or entry.unit, entry.reason, entry.detail] for entry in entries]
        output.table(["op", "camera", "what", "reason", "detail"], rows, "in quarantine")


def schedule(
    at: Annotated[str, typer.Option("--at", metavar="HH:MM", help="Local time to start.")],
    until: Annotated[str, typer.Option("--until", metavar="HH:MM", help="Local time to have drained by.")],
    site: Site = HERE,
    as_json: Json = False,
) -> None:
    """Print a systemd service and timer, and a crontab line, that run every night."""
    output = Output(as_json)
    opened = api.open_site(site)
    text = schedule_text(
        opened.site.root, opened.site.config.timezone, parse_clock(at), parse_clock(until), getpass.getuser()
    )
    if as_json:
        output.json({"service": text.service, "timer": text.timer, "crontab": text.crontab})
        return
    for part in (text.service, text.timer, "# or, in crontab -e:\n" + text.crontab):
        output.say(part)
