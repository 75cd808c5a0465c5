"""`try-rules`: what the rules for interactions find on one day, without storing it."""

from datetime import datetime
from typing import Annotated

import typer

from cli.options import HERE, Camera, Json, SiteFolder
from cli.output import Output, counted
from jobs.commands.try_rules import Trial, try_rules
from jobs.site import open_site

SHOWN = ("verb", "subject", "object", "object_label", "start_time", "end_time", "score")


def try_interaction_rules(
    camera: Camera,
    day: Annotated[datetime, typer.Option("--date", formats=["%Y-%m-%d"], help="Local day.")],
    folder: SiteFolder = HERE,
    verbs: Annotated[list[str] | None, typer.Option("--verb", help="Show only this verb; may be repeated.")] = None,
    as_json: Json = False,
) -> None:
    """Show what the rules for interactions find on one day, without storing it."""
    output = Output(as_json)
    trial = try_rules(open_site(folder), camera, day.date())
    rows = [row for row in trial.rows.to_pylist() if not verbs or row["verb"] in verbs]
    if as_json:
        output.json({"camera": trial.camera, "date": trial.day, "stored": dict(trial.stored), "found": rows})
        return
    output.table(list(SHOWN), [_cells(row) for row in rows])
    _say_difference(output, trial)


def _cells(row: dict[str, object]) -> list[object]:
    cells = []
    for name in SHOWN:
        value = row[name]
        if isinstance(value, datetime):
            value = f"{value:%H:%M:%S.%f}"[:-5]
        elif isinstance(value, float):
            value = f"{value:.2f}"
        cells.append("" if value is None else value)
    return cells


def _say_difference(output: Output, trial: Trial) -> None:
    every = sorted({*trial.now, *trial.stored})
    changes = [
        f"{verb} {trial.stored.get(verb, 0)} → {trial.now.get(verb, 0)}"
        for verb in every
        if trial.stored.get(verb, 0) != trial.now.get(verb, 0)
    ]
    found = counted(sum(trial.now.values()), "interaction")
    output.say(f"{found} on {trial.day}, times in UTC")
    output.say(f"against the store: {', '.join(changes) or 'as many of each verb'}")
