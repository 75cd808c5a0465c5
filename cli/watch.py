"""`watch`: runs whenever recorders have finished files."""

from typing import Annotated

import typer

from cli.options import HERE, Json, SelectionOptions, SiteFolder, WorkOptions, with_shared_options
from cli.output import Output
from cli.run import show_summary, stopping_gently, summary_json
from jobs.commands.run import RunSummary
from jobs.commands.watch import WatchEvents, WatchOptions, watch_site


@with_shared_options
def watch(
    *,
    folder: SiteFolder = HERE,
    selected: SelectionOptions,
    work: WorkOptions,
    poll_s: Annotated[
        float | None,
        typer.Option(
            "--poll",
            metavar="SECONDS",
            min=1,
            help="List the archive this often; without it the system tells what changes, where it can.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Run whenever recorders finish files, until Ctrl-C or the given end. With --json, one line per run."""
    output = Output(as_json)
    options = WatchOptions(work.run_options(selected.retry), poll_s)

    def show(summary: RunSummary) -> None:
        if as_json:
            output.json_line(summary_json(summary))
        else:
            show_summary(output, summary)
        output.log("waiting for footage; Ctrl-C ends the watch")

    with stopping_gently(output) as stop:
        watch_site(folder, selected.selection(), options, WatchEvents(show, on_warning=output.warn), stop)
