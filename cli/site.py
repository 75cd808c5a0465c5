"""`init`, `scan`, `status`, `models` and `doctor`: a site, and whether all is well with it."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import pyarrow.compute as pc
import typer

from cli.options import HERE, Json, Site
from cli.output import Output
from jobs import api, reading
from jobs.commands.doctor import diagnose
from jobs.commands.models import model_store
from jobs.planning.plan import State
from schemas.errors import SiteError
from storage.site.file import write_new_site

RUNS_SHOWN = 10


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command("init")(init)
    app.command("scan")(scan)
    app.command("status")(status)
    app.command("doctor")(doctor)
    models = typer.Typer(no_args_is_help=True, help="The weights at hand.")
    models.command("list")(models_list)
    models.command("import")(models_import)
    models.command("verify")(models_verify)
    app.add_typer(models, name="models")


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the new site.")],
    crs: Annotated[str, typer.Option("--crs", help="Projected CRS in metres, such as EPSG:28992.")],
    timezone: Annotated[str, typer.Option("--timezone", help="IANA time zone, such as Europe/Amsterdam.")],
    name: Annotated[str, typer.Option("--name", help="Name of the site.", show_default="the folder's")] = "",
    as_json: Json = False,
) -> None:
    """Write a commented site.toml and the folders."""
    path = write_new_site(folder, name or folder.resolve().name, crs, timezone)
    output = Output(as_json)
    if as_json:
        output.json({"site": str(path)})
    else:
        output.say(f"{path} is written; put footage into {folder / 'archive'}/CAMERA/, then `nightshift --help`")


def scan(site: Site = HERE, as_json: Json = False) -> int:
    """Probe the archive into the footage table."""
    output = Output(as_json)
    with output.progress("scan") as bar:
        report = api.scan(api.open_site(site), bar.update)
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
            {"footage": report.inventory.footage.to_pylist(), "set_aside": [asdict(e) for e in report.set_aside]}
        )
    else:
        output.table(columns, [list(row.values()) for row in rows])
        for entry in report.set_aside:
            output.warn(f"{entry.path}: {entry.reason}: {entry.detail}")
        total_h = (pc.sum(report.inventory.footage["duration_s"]).as_py() or 0.0) / 3600
        output.say(f"{len(rows)} files, {total_h:.2f} h, {len(report.inventory.timeline)} segments")
    return 1 if report.set_aside else 0


def status(site: Site = HERE, as_json: Json = False) -> None:
    """Show runs, what is committed, what is missing, what is in quarantine and why."""
    output = Output(as_json)
    found = reading.status(api.open_site(site))
    runs = found.runs.to_pylist()
    tally = found.plan.unit_counts()
    if as_json:
        output.json(
            {
                "runs": runs,
                "ops": {op: {state.value: counts[state] for state in State} for op, counts in tally.items()},
                "quarantine": [asdict(entry) for entry in found.quarantined],
                "problems": list(found.problems),
            }
        )
        return
    columns = ["run_id", "state", "units_done", "units_quarantined", "media_s", "wall_s"]
    output.table(columns, [[run[name] for name in columns] for run in runs[-RUNS_SHOWN:]], "runs")
    output.say("")
    output.table(["op", *(state.value for state in State)], [[op, *(c[s] for s in State)] for op, c in tally.items()])
    if found.quarantined:
        rows = [[e.op, e.camera, e.path or e.unit, e.reason, e.detail] for e in found.quarantined]
        output.say("")
        output.table(["op", "camera", "what", "reason", "detail"], rows, "in quarantine")
    for problem in found.problems:
        output.warn(problem)


def models_list(site: Site = HERE, as_json: Json = False) -> None:
    """List the weights at hand."""
    output = Output(as_json)
    models = model_store(site).list()
    if as_json:
        output.json([asdict(model) for model in models])
        return
    rows = [[m.name, m.task, m.format, m.licence, m.sha256[:12], m.path] for m in models]
    output.table(["name", "task", "format", "licence", "sha256", "path"], rows)
    if not rows:
        output.say("none; `nightshift models import FILE` brings some in")


def models_import(
    source: Annotated[
        Path, typer.Argument(metavar="FILE", help="Weights: a file, or a folder of OpenVINO or transformers.")
    ],
    site: Site = HERE,
    name: Annotated[str | None, typer.Option("--name", help="Name to know it by.", show_default="its own")] = None,
    as_json: Json = False,
) -> None:
    """Copy weights into the site's models folder and record their sha256."""
    output = Output(as_json)
    model = model_store(site).import_model(source, name)
    if as_json:
        output.json(asdict(model))
    else:
        output.say(f"{model.name}: {model.task}, {model.format}, licence {model.licence}, sha256 {model.sha256}")


def models_verify(site: Site = HERE, as_json: Json = False) -> int:
    """Check weights against their recorded sha256."""
    output = Output(as_json)
    checks = model_store(site).verify()
    if as_json:
        output.json([{"name": name, "ok": fine, "detail": detail} for name, fine, detail in checks])
    else:
        output.table(["name", "", "detail"], [[name, "ok" if fine else "BAD", detail] for name, fine, detail in checks])
    return 0 if all(fine for _, fine, _ in checks) else 1


def doctor(site: Site = HERE, as_json: Json = False) -> int:
    """Check ffmpeg, weights, the spatial extension, Ray, disk and clock; say what to do."""
    output = Output(as_json)
    try:
        opened = api.open_site(site)
        broken = ""
    except SiteError as error:
        opened, broken = None, str(error)
    checks = diagnose(opened, broken)
    if as_json:
        output.json([asdict(check) for check in checks])
    else:
        output.table(["check", "", "seen", "do"], [[c.name, c.verdict, c.seen, c.advice] for c in checks])
    return 1 if any(check.verdict == "error" for check in checks) else 0
