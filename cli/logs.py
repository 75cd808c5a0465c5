"""`log`, and `status --follow`: what a run did, and how far those under way have got."""

import threading
from dataclasses import asdict
from typing import Annotated, Literal

import typer

from cli.options import HERE, Json, SiteFolder
from cli.output import Output, counted, duration
from cli.run import stopping_gently
from jobs.commands.run_logs import Line, RunLines, RunningRun, problem_text, read_lines, running_runs
from jobs.site import Site, open_site

FOLLOW_S = 2.0
"""Seconds between two looks."""

_FACTS = ("units", "units_done", "units_total", "units_quarantined", "units_left", "running", "state", "wall_s")


def log(
    run_id: Annotated[
        str | None, typer.Argument(metavar="[RUN]", help="Id of the run.", show_default="the newest")
    ] = None,
    folder: SiteFolder = HERE,
    level: Annotated[
        Literal["debug", "info", "warning", "error"],
        typer.Option("--level", help="The least level that is shown; debug has a line per unit."),
    ] = "info",
    follow: Annotated[bool, typer.Option("--follow", help="Show new lines until the run ends.")] = False,
    as_json: Json = False,
) -> None:
    """Show what a run did, from its log in the store. With --json, each line is one JSON value."""
    output, site = Output(as_json), open_site(folder)
    with stopping_gently(output) as stop:
        read = 0
        while True:
            # Before the lines are read: those that a run writes at its end are then among them.
            under_way = {run.run_id: run for run in running_runs(site)} if follow else {}
            found = read_lines(site, run_id, level, read)
            run_id, read = found.run_id, found.read
            _show(output, found)
            run = under_way.get(run_id)
            if run and run.is_silent:
                output.warn(_progress_text(run))
            if run is None or run.is_silent or stop.wait(FOLLOW_S):
                return


def _show(output: Output, found: RunLines) -> None:
    for line in found.lines:
        if output.as_json:
            output.json_line(line)
        else:
            output.say(_as_text(line))
    for problem in found.problems:
        output.warn(problem)


def _as_text(line: Line) -> str:
    facts = ", ".join(f"{name} {line[name]}" for name in _FACTS if line.get(name) is not None)
    text = " ".join(filter(None, (str(line["event"]), problem_text(line), facts)))
    return f"{line['time']} {line['level']:<7} {text}"


def follow_runs(output: Output, site: Site, stop: threading.Event) -> None:
    """Shows how far the runs under way have got, until all have ended or the user stops."""
    shown = ""
    while True:
        runs = running_runs(site)
        if output.as_json:
            output.json_line([asdict(run) for run in runs])
        elif not runs:
            output.say("no run is under way")
        else:
            text = "\n".join(map(_progress_text, runs))
            if text != shown:
                output.say_lines(text.splitlines())
            shown = text
        if not any(not run.is_silent for run in runs) or stop.wait(FOLLOW_S):
            return


def _progress_text(run: RunningRun) -> str:
    if run.units_total is None:
        text = f"run {run.run_id}: it scans and plans"
    else:
        text = f"run {run.run_id}: {run.units_done} of {counted(run.units_total, 'unit')}, {run.running} running"
    if run.left_s is not None:
        text += f", about {duration(round(run.left_s))} left"
    if run.problems:
        text += f"; {counted(run.problems, 'problem')}, the last: {run.last_problem}"
    if run.is_silent:
        text += f"; nothing was heard of it for {duration(round(run.silent_s))}: it may have been killed"
    return text
