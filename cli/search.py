"""`search`: when something changed in a camera's view, without opening any footage."""

from typing import Annotated
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc
import typer

from cli.options import HERE, LOCAL_TIME, Json, SiteFolder, parse_local_end, parse_local_time
from cli.output import Output, counted, duration
from cli.results import ROWS_SHOWN
from jobs.commands.search import Found, SearchRequest, search_changes
from jobs.site import open_site


def search(
    camera: Annotated[str, typer.Option("--camera", help="Id of the camera.")],
    zone: Annotated[
        str | None, typer.Option("--zone", help="Id of a zone that it sees.", show_default="the whole view")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar=LOCAL_TIME, help="Local time, or day.", show_default="its first footage"),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option("--until", metavar=LOCAL_TIME, help="Local time, or last day.", show_default="its last footage"),
    ] = None,
    gap_s: Annotated[float, typer.Option("--gap", help="Longest pause within an interval, seconds.")] = 5.0,
    folder: SiteFolder = HERE,
    as_json: Json = False,
) -> None:
    """Show when anything changed in a camera's view, or in a zone of it."""
    output = Output(as_json)
    request = SearchRequest(
        camera,
        zone,
        None if since is None else parse_local_time("--since", since),
        None if until is None else parse_local_end("--until", until),
        gap_s,
    )
    site = open_site(folder)
    found = search_changes(site, request)
    if as_json:
        output.json({**vars(found), "intervals": _plain_rows(found.intervals)})
        return
    _show(output, found, ZoneInfo(site.files.config.camera_view(found.camera).timezone))


def _plain_rows(intervals: pa.Table) -> list[dict[str, object]]:
    """Returns intervals as JSON has them. Arrow writes the times: as Python's, those of a year take a second."""
    columns = {name: intervals[name] for name in intervals.column_names}
    for name in ("start_time", "end_time"):
        columns[name] = pc.strftime(columns[name].cast(pa.timestamp("s", "UTC")), "%Y-%m-%dT%H:%M:%S+00:00")
    rows = zip(*(column.to_pylist() for column in columns.values()), strict=True)
    return [dict(zip(columns, row, strict=True)) for row in rows]


def _show(output: Output, found: Found, zone: ZoneInfo) -> None:
    rows = [
        [
            f"{each['start_time'].astimezone(zone):%Y-%m-%d %H:%M:%S %Z}",
            f"{each['end_time'].astimezone(zone):%Y-%m-%d %H:%M:%S %Z}",
            each["kind"],
            each["seconds"],
            f"{each['peak_share']:.1%}",
        ]
        for each in found.intervals.slice(0, ROWS_SHOWN).to_pylist()
    ]
    count = found.intervals.num_rows
    if rows:
        output.table(["from", "to", "kind", "seconds", "peak share"], rows)
    if count > ROWS_SHOWN:
        output.say(f"… {count - ROWS_SHOWN} more intervals; --json shows them all")
    where = f"zone {found.zone} of {found.camera}" if found.zone else found.camera
    looked = f"{duration(found.looked_at_s)} of footage that was looked at"
    output.say(f"{counted(count, 'interval')} in which {where} changed, in {looked}")
    if found.recorded_s - found.looked_at_s >= 1:
        rest = duration(found.recorded_s - found.looked_at_s)
        output.say(f"what changed in the other {rest} is not known: `nightshift run` looks at it")
