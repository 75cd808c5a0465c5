"""`reprocess` and `diff`: computes stale results again, and shows what changed between two runs."""

from dataclasses import asdict
from typing import Annotated

import typer

from cli.options import HERE, Json, SelectionOptions, SiteFolder, WorkOptions, with_shared_options
from cli.output import Output, duration
from cli.run import REASONS_SHOWN, estimate_basis, run_and_show, show_summary, summary_json
from jobs.commands.diff import COUNT_MEASURES, Difference, diff_runs
from jobs.commands.plan import preview_run
from jobs.planning.cost import Cost
from jobs.planning.plan import Plan
from jobs.site import open_site

DONE = 0
NOTHING = "nothing to reprocess"


@with_shared_options
def reprocess(
    *,
    folder: SiteFolder = HERE,
    selected: SelectionOptions,
    purged: Annotated[bool, typer.Option("--purged", help="Also compute again what was purged.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be done, and what it costs.")] = False,
    work: WorkOptions,
    as_json: Json = False,
) -> int:
    """Compute stale and missing results of ops, and of all ops that read them. Old results stay until then."""
    output = Output(as_json)
    options = work.run_options(selected.retry)
    selection = selected.selection(readers=True, purged=purged)
    site = open_site(folder)
    if dry_run:
        _show_preview(output, *preview_run(site, selection, options))
        return DONE
    summary = run_and_show(output, site, selection, options)
    if as_json:
        output.json(summary_json(summary))
    elif summary.record.units_planned:
        show_summary(output, summary)
    else:
        output.say(NOTHING)
        if summary.footage_quarantined:
            output.warn(f"{len(summary.footage_quarantined)} files are in quarantine: `nightshift status` says why")
    return summary.exit_code if summary.record.units_planned else DONE


def _show_preview(output: Output, plan: Plan, cost: Cost) -> None:
    for warning in plan.ready.warnings:
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
            ", ".join(f"{reason} ({units})" for reason, units in op.reasons.most_common(REASONS_SHOWN)),
            op.media_s / 3600,
            f"{duration(op.work_s)}{'' if op.measured else ', a guess'}",
            _size(op.size_bytes),
        ]
        for op in cost.ops
    ]
    output.table(["op", "units", "why", "hours of footage", "work", "space"], rows)
    output.say(f"{cost.units} units, about {duration(cost.wall_s)} on {cost.workers} workers, {estimate_basis(plan)}")
    if cost.fit:
        output.say(
            f"{cost.fit.units} of them fit in {duration(cost.fit.budget_s)}, {cost.fit.media_s / 3600:.1f} hours of "
            "footage; the next call continues"
        )
    free = "" if cost.free_bytes is None else f" of {_size(cost.free_bytes)} free"
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
    folder: SiteFolder = HERE,
    as_json: Json = False,
) -> None:
    """Show what changed from one run to another: rows, counts a camera-day, tracks gained and lost."""
    output = Output(as_json)
    found = diff_runs(open_site(folder), run_a, run_b)
    if as_json:
        output.json({"run_a": run_a, "run_b": run_b, **asdict(found)})
    elif found.is_empty:
        output.say(f"nothing changed from {run_a} to {run_b}")
    else:
        _show_difference(output, found)


def _show_difference(output: Output, found: Difference) -> None:
    output.say(f"{found.units} units differ")
    output.table(
        ["table", "camera-days", "rows before", "rows after", "rows lost", "rows gained"],
        [list(asdict(change).values()) for change in found.tables],
        "rows of the camera-days that have changed units",
    )
    if found.counts:
        rows = [
            [
                *(change.camera, change.date, change.zone, change.label),
                *(_arrow(change.before[name], change.after[name]) for name in COUNT_MEASURES),
            ]
            for change in found.counts
        ]
        output.table(["camera", "date", "zone", "label", *COUNT_MEASURES], rows, "counts of each zone and day")
    if found.tracks:
        output.table(
            ["camera", "date", "tracks before", "tracks after", "lost", "gained", "not comparable"],
            [
                [t.camera, t.date, t.tracks_a, t.tracks_b, len(t.lost), len(t.gained), t.not_comparable]
                for t in found.tracks
            ],
            "tracks, matched by their boxes",
        )


def _arrow(before: float, after: float) -> str:
    return f"{before:.6g}" if before == after else f"{before:.6g} → {after:.6g}"
