"""`init`, `scan`, `status` and `doctor`: sets up a site, and shows its state."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import pyarrow.compute as pc
import typer

from cli.cost import COST_COLUMNS, cost_of, cost_text
from cli.logs import follow_runs
from cli.options import HERE, Json, SiteFolder
from cli.output import Output, counted
from cli.quarantine import show_quarantine
from cli.run import stopping_gently, unit_count_json, unit_count_rows
from jobs.commands.doctor import diagnose
from jobs.commands.scan import scan_archive
from jobs.commands.status import read_status
from jobs.planning.unit_status import State
from jobs.site import open_site
from schemas.errors import SiteError
from storage.site.file import write_new_site
from storage.site.layouts import Layout

RUNS_SHOWN = NIGHTS_SHOWN = 10


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the new site.")],
    crs: Annotated[str, typer.Option("--crs", help="Projected CRS in metres, such as EPSG:28992.")],
    timezone: Annotated[str, typer.Option("--timezone", help="IANA time zone, such as Europe/Amsterdam.")],
    name: Annotated[str, typer.Option("--name", help="Name of the site.", show_default="the folder's")] = "",
    layout: Annotated[
        Layout | None,
        typer.Option("--layout", help="Recorder whose paths the footage has.", show_default="CAMERA/DATE-TIME"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Write a commented site.toml and the folders."""
    path = write_new_site(folder, name or folder.resolve().name, crs, timezone, layout)
    output = Output(as_json)
    if as_json:
        output.json({"site": str(path)})
    else:
        into = folder / "archive" if layout else f"{folder / 'archive'}/CAMERA/"
        output.say(f"{path} is written; put footage into {into}, then `nightshift scan`")


def scan(folder: SiteFolder = HERE, as_json: Json = False) -> int:
    """Probe the files of the archive and record them in the table footage."""
    output = Output(as_json)
    with output.progress("scan") as bar:
        report = scan_archive(open_site(folder), bar.update)
    columns = [
        "camera",
        "path",
        "start_time",
        "start_source",
        "duration_s",
        "codec",
        "width",
        "height",
        "frames",
        "damage",
    ]
    rows = report.inventory.footage.select(columns).to_pylist()
    if as_json:
        output.json(
            {
                "footage": report.inventory.footage.to_pylist(),
                "quarantined": [asdict(entry) for entry in report.quarantined],
                "waiting": [asdict(file) for file in report.inventory.waiting],
                "notices": list(report.inventory.notices),
            }
        )
    else:
        output.table(columns, [list(row.values()) for row in rows])
        for entry in report.quarantined:
            output.warn(f"{entry.path}: {entry.reason}: {entry.detail}")
        total_h = (pc.sum(report.inventory.footage["recorded_s"]).as_py() or 0.0) / 3600
        segments = counted(len(report.inventory.timeline), "segment")
        output.say(f"{counted(len(rows), 'file')}, {total_h:.2f} h, {segments}")
    for notice in report.notices:
        output.warn(notice)
    return 1 if report.quarantined or report.inventory.emptied else 0


def status(
    folder: SiteFolder = HERE,
    follow: Annotated[
        bool, typer.Option("--follow", help="Show how far the runs under way have got, until all have ended.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show past runs, what is done, missing or in quarantine, video that awaits a sign-off, and cameras that move."""
    output = Output(as_json)
    if follow:
        with stopping_gently(output) as stop:
            follow_runs(output, open_site(folder), stop)
        return
    found = read_status(open_site(folder))
    runs = found.runs.to_pylist()
    if as_json:
        output.json(
            {
                "runs": runs,
                "ops": unit_count_json(found.plan),
                "quarantine": [asdict(entry) for entry in found.quarantined],
                "problems": list(found.problems),
                "moving_cameras": [asdict(camera) | {"message": camera.message} for camera in found.moving],
                "awaiting": [asdict(each) for each in found.awaiting],
                "missed_people": [asdict(each) for each in found.missed],
                "profiles": [asdict(each) for each in found.profiles],
            }
        )
        return
    columns = ["run_id", "state", "units_done", "units_quarantined", "media_s", "wall_s", *COST_COLUMNS]
    output.table(columns, [[run[name] for name in columns] for run in runs[-RUNS_SHOWN:]], "runs")
    costs = [(run["run_id"], text) for run in runs if (text := cost_text(cost_of(run)))]
    for run_id, cost in costs[-1:]:
        output.say(f"cost of run {run_id}: {cost}")
    output.say("")
    output.table(["op", *(state.value for state in State)], unit_count_rows(found.plan))
    if found.quarantined:
        output.say("")
        show_quarantine(output, found.quarantined)
    if found.awaiting:
        rows = [[each.camera, each.footage_id, each.path, each.state] for each in found.awaiting]
        output.say("")
        output.table(["camera", "footage", "file", "state"], rows, "published, but not handed out")
    if found.missed:
        missed = [[each.camera, each.date, each.message] for each in found.missed[-NIGHTS_SHOWN:]]
        output.say("")
        output.table(["camera", "date", "missed"], missed, "missed by looking again only where something changed")
    tuned = [each for each in found.profiles if each.profile]
    if tuned:
        output.say("")
        profiles = [[each.camera, each.profile, each.loss, each.runs_share] for each in tuned]
        output.table(["camera", "profile", "loss", "share of the runs"], profiles, "tuned")
    for camera in found.moving:
        output.warn(camera.message)
    for each in found.profiles:
        if each.message:
            output.warn(each.message)
    for problem in found.problems:
        output.warn(problem)


def doctor(folder: SiteFolder = HERE, as_json: Json = False) -> int:
    """Check ffmpeg, weights, the spatial extension, Ray, disk and clock, and say what to do."""
    output = Output(as_json)
    try:
        site = open_site(folder)
        broken = ""
    except SiteError as error:
        site, broken = None, str(error)
    checks = diagnose(site, broken)
    if as_json:
        output.json([asdict(check) for check in checks])
    else:
        output.table(["check", "", "result", "advice"], [[c.name, c.verdict, c.result, c.advice] for c in checks])
    return 1 if any(check.verdict == "error" for check in checks) else 0
