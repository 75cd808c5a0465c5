"""`map` and `report`: write results as pages for people."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from cli.options import HERE, AsOf, Json, SiteFolder, parse_day
from cli.output import Output, counted
from jobs.commands.map_page import MapRequest, write_map_page
from jobs.commands.report import night_report, write_report
from jobs.site import open_site
from schemas.errors import SelectionError, UserError
from schemas.night_report import SiteReport

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


def report(
    folder: SiteFolder = HERE,
    day: Annotated[
        str | None,
        typer.Option("--date", metavar="YYYY-MM-DD", help="Local day.", show_default="the last with footage"),
    ] = None,
    target: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="File to write, .html or .json.", show_default="a summary on stdout"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Report a night: footage and gaps, quarantine, busiest places, unusual hours, costs, privacy checks."""
    output = Output(as_json)
    if target is not None and target.suffix.lower() not in (".html", ".json"):
        raise UserError(f"{target}: a report is .html or .json")
    found = night_report(open_site(folder), parse_day("--date", day))
    if target is not None:
        write_report(found, target)
    if as_json:
        output.json(asdict(found))
    elif target is not None:
        output.say(f"report of {found.date} written to {target}")
    else:
        _show_report(output, found)


def _show_report(output: Output, found: SiteReport) -> None:
    footage = [
        [each.camera, each.recorded_s, each.usual_s, each.looked_at_s, each.lost_s, each.gaps, each.gap_s]
        for each in found.coverage
    ]
    columns = ["camera", "recorded_s", "usual_s", "looked_at_s", "lost_s", "gaps", "gap_s"]
    output.table(columns, footage, f"{found.site}, {found.date}")
    output.say(f"left to do: {found.backlog.text}")
    if found.quarantine:
        output.say("")
        output.table(
            ["camera", "op", "reason", "what"],
            [[each.camera, each.op, each.reason, each.path or each.unit] for each in found.quarantine],
            "in quarantine",
        )
    if found.places:
        output.say("")
        output.table(
            ["place", "camera", "people", "busiest hour", "in that hour"],
            [[each.place, each.camera, each.people, each.peak_hour[11:16], each.peak] for each in found.places[:10]],
            "busiest places",
        )
    output.say("")
    unusual = [
        [each.local_hour[11:16], each.zone, each.camera, each.people, each.usual, each.verdict]
        for each in found.unusual
    ]
    judged = sum(each.verdict != "unknown" for each in found.hours)
    if unusual:
        output.table(["hour", "zone", "camera", "people", "usual", "than usual"], unusual, "unusual hours")
    elif judged:
        output.say(f"unusual hours: none of {judged}")
    else:
        output.say("unusual hours: too little history or footage to say")
    checks = found.privacy
    output.say(
        f"published: {counted(checks.published, 'file')}, {checks.head_checks} heads checked, {checks.head_leaks} less "
        f"than half covered; {checks.refused} units refused or failed"
    )
    work = sum(each.worker_s for each in found.costs)
    recorded = sum(each.recorded_s for each in found.coverage)
    if recorded:
        output.say(f"cost: {work * 3600 / recorded:.0f} worker-seconds per hour of footage, elapsed")
