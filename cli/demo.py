"""`demo`: builds the sample site and runs everything on it."""

import shutil
from pathlib import Path
from typing import Annotated

import typer

from cli.options import Json
from cli.output import Output
from cli.run import show_summary, stopping_gently, summary_json
from jobs import api, reading
from jobs.engine.driver import Progress
from jobs.engine.options import RunOptions
from jobs.planning.graph import Selection
from schemas.errors import UserError

MINUTES = """SELECT camera, zone, bin_start, max_count, distinct_tracks FROM counts
WHERE label = 'person' AND distinct_tracks > 0"""
MARK = "truth"
"""Folder that tells a sample site from a user's own: only that is ever replaced."""


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("demo")(demo)


def demo(
    folder: Annotated[Path, typer.Option("--dir", help="Folder of the sample site.")] = Path("demo-site"),
    workers: Annotated[int, typer.Option("--workers", min=0, help="Worker processes; 0: one a CPU.")] = 0,
    as_json: Json = False,
) -> int:
    """Build a sample site, run a night on it, and compare what was measured with what is true."""
    from sample_site import build_sample_site  # a second of imports that only this command needs
    from sample_site.comparison import compare
    from sample_site.truth import load_truth

    output = Output(as_json)
    _clear(folder)
    with output.progress("sample footage") as bar:
        build_sample_site(folder, progress=bar.update)
    opened = api.open_site(folder)
    output.say(f"sample site in {folder}: two cameras, made from the photographs inside the ultralytics package")
    with stopping_gently(output) as stop, output.progress("night") as bar:

        def show(progress: Progress) -> None:
            bar.update(progress.units_done, progress.units_total)

        summary = api.run(opened, Selection(), RunOptions(workers=workers), show, output.warn, stop)
    page = folder / "map.html"
    reading.draw_map(opened, page)
    connection = reading.connect(opened)
    comparison = compare(load_truth(folder), connection)
    connection.close()
    if as_json:
        output.json({"run": summary_json(summary), "map": str(page), "measured": comparison.as_rows()})
    else:
        show_summary(output, summary)
        _show_results(output, opened, comparison.as_rows(), page)
    return 130 if summary.report.state == "interrupted" else 0


def _clear(folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()):
        if not (folder / MARK).is_dir():
            raise UserError(f"{folder} is not empty and not a sample site; name another folder with --dir")
        shutil.rmtree(folder)


def _show_results(output: Output, opened: api.Opened, rows: list[list[object]], page: Path) -> None:
    counts = reading.query(opened, MINUTES)
    output.say("")
    output.table(counts.column_names, [list(row.values()) for row in counts.to_pylist()], "counts")
    output.say("")
    output.table(["what", "measured", "true", "error", "unit"], rows, "measured against true (measured-synthetic)")
    anonymized = reading.query(opened, "SELECT path FROM anonymized ORDER BY path")["path"].to_pylist()
    output.say("")
    for path in anonymized:
        output.say(f"anonymized: {opened.store.blobs.url}/{path}")
    output.say(f"map:        {page}")
    output.say(f'query it:   nightshift sql --site {opened.site.root} "SELECT * FROM flows"')
