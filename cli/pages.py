"""`map`: writes results as a page for people."""

from pathlib import Path
from typing import Annotated

import typer

from cli.options import HERE, AsOf, Json, SiteFolder, parse_day
from cli.output import Output
from jobs.commands.map_page import MapRequest, write_map_page
from jobs.site import open_site
from schemas.errors import SelectionError

Day = Annotated[str | None, typer.Option("--date", metavar="YYYY-MM-DD", help="Only this local day.")]
First = Annotated[str | None, typer.Option("--from", metavar="YYYY-MM-DD", help="First local day.")]
Last = Annotated[str | None, typer.Option("--to", metavar="YYYY-MM-DD", help="Last local day.")]


def draw_map(
    target: Annotated[Path, typer.Option("-o", "--output", help="HTML file to write.")] = Path("map.html"),
    folder: SiteFolder = HERE,
    day: Day = None,
    first: First = None,
    last: Last = None,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """Write one HTML page that works offline: the map over time, with layers, density, and charts of counts."""
    output = Output(as_json)
    if day is not None and (first is not None or last is not None):
        raise SelectionError("--date is one day, --from and --to are more: give one or the other")
    begin, end = parse_day("--from", first), parse_day("--to", last)
    if day is not None:
        begin = end = parse_day("--date", day)
    done = write_map_page(open_site(folder), MapRequest(target, begin, end, as_of))
    if as_json:
        output.json({"file": str(target), "positions": done.positions, "size_bytes": done.size_bytes})
    else:
        output.say(f"{done.positions} positions drawn on {target} ({done.size_bytes / 1e6:.1f} MB)")
