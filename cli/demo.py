"""`demo`: builds the sample site and runs everything on it."""

import shutil
from pathlib import Path
from typing import Annotated

import typer

from cli.options import Json
from cli.output import Output
from cli.run import run_and_show, show_summary, summary_json
from jobs.commands.map_page import MapRequest, write_map_page
from jobs.commands.results import connect, query
from jobs.engine.options import RunOptions
from jobs.planning.graph import Selection
from jobs.site import Site, open_site
from schemas.errors import UserError

COUNTS = """SELECT camera, zone, bin_start, max_count, distinct_tracks FROM counts
WHERE label = 'person' AND distinct_tracks > 0"""
TRUTH_FOLDER = "truth"
"""Folder that only sample sites have: a folder without it may hold a user's own files, and is never deleted."""


def demo(
    folder: Annotated[Path, typer.Option("--dir", help="Folder of the sample site.")] = Path("demo-site"),
    workers: Annotated[int, typer.Option("--workers", min=0, help="Worker processes; 0 for one per CPU.")] = 0,
    as_json: Json = False,
) -> int:
    """Build a sample site, run a night on it, and compare the results with the truth."""
    from sample_site import build_sample_site  # takes a second, which only this command needs
    from sample_site.comparison import compare
    from sample_site.truth import load_truth

    output = Output(as_json)
    _clear(folder)
    with output.progress("sample footage") as bar:
        build_sample_site(folder, progress=bar.update)
    site = open_site(folder)
    output.say(f"sample site in {folder}: two cameras, made from the photographs inside the ultralytics package")
    summary = run_and_show(output, site, Selection(), RunOptions(workers=workers))
    page = folder / "map.html"
    write_map_page(site, MapRequest(page))
    connection = connect(site)
    comparison = compare(load_truth(folder), connection)
    connection.close()
    if as_json:
        output.json({"run": summary_json(summary), "map": str(page), "measured": comparison.as_rows()})
    else:
        show_summary(output, summary)
        _show_results(output, site, comparison.as_rows(), page)
    return 130 if summary.report.state == "interrupted" else 0


def _clear(folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()):
        if not (folder / TRUTH_FOLDER).is_dir():
            raise UserError(f"{folder} is not empty and not a sample site; give another folder with --dir")
        shutil.rmtree(folder)


def _show_results(output: Output, site: Site, rows: list[list[object]], page: Path) -> None:
    counts = query(site, COUNTS)
    output.say("")
    output.table(counts.column_names, [list(row.values()) for row in counts.to_pylist()], "counts")
    output.say("")
    output.table(["what", "measured", "true", "error", "unit"], rows, "measured against true (measured-synthetic)")
    anonymized = query(site, "SELECT path FROM anonymized ORDER BY path")["path"].to_pylist()
    output.say("")
    for path in anonymized:
        output.say(f"anonymized: {site.store.blobs.url}/{path}")
    output.say(f"map:        {page}")
    output.say(f'query it:   nightshift sql --site {site.files.root} "SELECT * FROM flows"')
