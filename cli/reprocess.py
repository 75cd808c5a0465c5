"""`reprocess` and `diff`: does again what a change made stale, and shows what it changed."""

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
from cli.run import SHOWN_WHYS, run_and_show, show_summary, summary_json
from jobs import api
from jobs.commands.diff import COUNT_MEASURES, Difference, diff_runs
from jobs.commands.preview import Preview, preview
from jobs.planning.cost import Cost

DONE = 0
NOTHING = "nothing to reprocess"


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command("reprocess")(reprocess)
    app.command("diff")(diff)


def reprocess(
    site: Site = HERE,
    cameras: Cameras = None,
    first: First = None,
    last: Last = None,
    ops: Ops = None,
    purged: Annotated[bool, typer.Option("--purged", help="Also do again what was purged.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be done, and what it costs.")] = False,
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
    """Do again what is stale or missing of some ops, and all that reads them. Old results stay until new ones are."""
    output = Output(as_json)
    options = run_options(workers, in_process, address, until, max_hours, age, first_cameras, retry)
    chosen = selection(cameras, first, last, ops, readers=True, purged=purged)
    opened = api.open_site(site)
    if dry_run:
        _show_preview(output, preview(opened, chosen, options))
        return DONE
    summary = run_and_show(output, opened, chosen, options)
    if as_json:
        output.json(summary_json(summary))
    elif summary.record.units_planned:
        show_summary(output, summary)
    else:
        output.say(NOTHING)
        if summary.footage_set_aside:
            output.warn(f"{len(summary.footage_set_aside)} files of footage are set aside: nightshift status says why")
    return summary.exit_code if summary.record.units_planned else DONE


def _show_preview(output: Output, found: Preview) -> None:
    cost = found.cost
    for warning in found.plan.ready.warnings:
        output.warn(warning)
    if output.as_json:
        output.json(_cost_json(cost))
        return
    if not cost.units:
        output.say(NOTHING)
        return
    rows = [
        [
            op.op,
            op.units,
            ", ".join(f"{why} ({units})" for why, units in op.reasons.most_common(SHOWN_WHYS)),
            op.media_s / 3600,
            f"{duration(op.work_s)}{'' if op.measured else ', a guess'}",
            _size(op.size_bytes),
        ]
        for op in cost.ops
    ]
    output.table(["op", "units", "why", "hours of footage", "work", "space"], rows)
    output.say(f"{cost.units} units, about {duration(cost.wall_s)} on {cost.workers} workers")
    if cost.fit:
        output.say(
            f"in {duration(cost.fit.budget_s)} fit {cost.fit.units} of them, {cost.fit.media_s / 3600:.1f} hours of "
            "footage; the next call carries on"
        )
    free = "" if cost.free_bytes is None else f" of {_size(cost.free_bytes)} that are free"
    output.say(f"space for the new results: {_size(cost.size_bytes)}{free}; the old ones stay until they are purged")


def _size(size_bytes: int | None) -> str:
    if size_bytes is None:
        return "not known"
    return f"{size_bytes / 1e9:.1f} GB" if size_bytes >= 1e9 else f"{size_bytes / 1e6:.1f} MB"


def _cost_json(cost: Cost) -> object:
    return {
        "units": cost.units,
        "workers": cost.workers,
        "wall_s": round(cost.wall_s, 1),
        "size_bytes": cost.size_bytes,
        "free_bytes": cost.free_bytes,
        "fit": None
        if cost.fit is None
        else {
            "budget_s": round(cost.fit.budget_s, 1),
            "units": cost.fit.units,
            "media_s": round(cost.fit.media_s, 3),
        },
        "ops": [
            {
                "op": op.op,
                "units": op.units,
                "why": dict(op.reasons),
                "media_s": round(op.media_s, 3),
                "work_s": round(op.work_s, 1),
                "measured": op.measured,
                "size_bytes": op.size_bytes,
            }
            for op in cost.ops
        ],
    }


def diff(
    run_a: Annotated[str, typer.Argument(metavar="RUN_A", help="The earlier run.")],
    run_b: Annotated[str, typer.Argument(metavar="RUN_B", help="The later run.")],
    site: Site = HERE,
    as_json: Json = False,
) -> None:
    """Show what changed from one run to another: rows, counts a camera-day, tracks gained and lost."""
    output = Output(as_json)
    found = diff_runs(api.open_site(site), run_a, run_b)
    if as_json:
        output.json(_difference_json(found))
    elif found.nothing:
        output.say(f"nothing changed from {run_a} to {run_b}")
    else:
        _show_difference(output, found)


def _show_difference(output: Output, found: Difference) -> None:
    output.say(f"{found.units} units differ")
    output.table(
        ["table", "camera-days", "rows before", "rows after", "rows lost", "rows gained"],
        [[t.table, t.camera_days, t.rows_a, t.rows_b, t.lost, t.gained] for t in found.tables],
        "rows of the camera-days that have changed units",
    )
    if found.counts:
        rows = [
            [change.camera, change.date, *(_arrow(change.before[name], change.after[name]) for name in COUNT_MEASURES)]
            for change in found.counts
        ]
        output.table(["camera", "date", *COUNT_MEASURES], rows, "counts, summed over zones, labels and bins")
    if found.tracks:
        output.table(
            ["camera", "date", "tracks before", "tracks after", "lost", "gained", "not comparable"],
            [[t.camera, t.date, t.tracks_a, t.tracks_b, len(t.lost), len(t.gained), t.apart] for t in found.tracks],
            "tracks, matched by their boxes",
        )


def _arrow(before: float, after: float) -> str:
    return f"{before:.6g}" if before == after else f"{before:.6g} → {after:.6g}"


def _difference_json(found: Difference) -> object:
    return {
        "run_a": found.run_a,
        "run_b": found.run_b,
        "units": found.units,
        "tables": [
            {
                "table": change.table,
                "camera_days": change.camera_days,
                "rows_a": change.rows_a,
                "rows_b": change.rows_b,
                "lost": change.lost,
                "gained": change.gained,
            }
            for change in found.tables
        ],
        "counts": [
            {"camera": change.camera, "date": change.date.isoformat(), "before": change.before, "after": change.after}
            for change in found.counts
        ],
        "tracks": [
            {
                "camera": change.camera,
                "date": change.date.isoformat(),
                "tracks_a": change.tracks_a,
                "tracks_b": change.tracks_b,
                "lost": list(change.lost),
                "gained": list(change.gained),
                "apart": change.apart,
            }
            for change in found.tracks
        ],
    }
