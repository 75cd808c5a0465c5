"""`hold`: keeps a camera and time from purges, lists what is held, and releases it."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from cli.account import user_name
from cli.options import HERE, LOCAL_TIME, Json, SiteFolder, parse_local_end, parse_local_time
from cli.output import Output
from jobs.commands.holds import HoldRequest, place_hold, release_hold
from jobs.site import Site, open_site
from schemas.errors import SelectionError
from storage.maintenance.holds import Hold, hold_row, read_holds


def hold(
    camera: Annotated[
        str | None, typer.Argument(metavar="CAMERA", help="Id of the camera.", show_default=False)
    ] = None,
    start: Annotated[
        str | None, typer.Option("--from", metavar=LOCAL_TIME, help="Local time, or day, at which it begins.")
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", metavar=LOCAL_TIME, help="Local time at which it ends, or its last day.")
    ] = None,
    reason: Annotated[str, typer.Option("--reason", help="Why it is kept, or released; it is recorded.")] = "",
    show: Annotated[bool, typer.Option("--list", help="Show every hold, released ones too.")] = False,
    release: Annotated[str | None, typer.Option("--release", metavar="ID", help="End this hold.")] = None,
    folder: SiteFolder = HERE,
    as_json: Json = False,
) -> None:
    """Keep footage, video and results of a camera and time from `purge`, until the hold is released."""
    output = Output(as_json)
    wanted = (camera is not None or start is not None or end is not None, show, release is not None)
    if sum(wanted) != 1:
        raise SelectionError("give CAMERA with --from, --to and --reason; or --list; or --release ID")
    site, now = open_site(folder), datetime.now(UTC)
    if show:
        _list(output, site, read_holds(site.store))
    elif release is not None:
        _say(output, site, release_hold(site, release, user_name(), reason, now))
    elif camera is None or start is None or end is None:
        raise SelectionError("give CAMERA, --from and --to: a hold has a camera, a beginning and an end")
    else:
        request = HoldRequest(
            camera, parse_local_time("--from", start), parse_local_end("--to", end), reason, user_name()
        )
        _say(output, site, place_hold(site, request, now))


def _say(output: Output, site: Site, hold: Hold) -> None:
    if output.as_json:
        output.json(hold_row(hold))
        return
    local = _local(site, hold.camera)
    state = "held" if hold.release is None else "released: purges may delete it"
    output.say(f"{hold.hold_id}: {hold.camera} from {local(hold.start_time)} to {local(hold.end_time)} is {state}")


def _list(output: Output, site: Site, holds: tuple[Hold, ...]) -> None:
    if output.as_json:
        output.json([hold_row(each) for each in holds])
        return
    rows: list[list[object]] = []
    for each in holds:
        local, end = _local(site, each.camera), each.release
        state = (
            "held"
            if end is None
            else f"released {local(end.time)} by {end.user}" + f": {end.reason}" * bool(end.reason)
        )
        span = [local(each.start_time), local(each.end_time)]
        rows.append([each.hold_id, each.camera, *span, each.reason, each.user, state])
    if rows:
        output.table(["hold", "camera", "from", "to", "reason", "by", "state"], rows)
    else:
        output.say("nothing is held")


def _local(site: Site, camera: str) -> Callable[[datetime], str]:
    """Returns what writes times in the time zone of a camera."""
    zone = ZoneInfo(site.files.config.camera_view(camera).timezone)
    return lambda moment: f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S %Z}"
