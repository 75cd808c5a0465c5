"""Options that several commands share."""

from datetime import date
from pathlib import Path
from typing import Annotated, Literal

import typer

from jobs.engine.options import RunOptions, parse_clock
from jobs.engine.queue import Priority
from jobs.planning.graph import Selection
from schemas.errors import SelectionError

Site = Annotated[
    Path,
    typer.Option("--site", envvar="NIGHTSHIFT_SITE", help="Folder of the site.", show_default="the current folder"),
]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output on stdout, all else on stderr.")]
Cameras = Annotated[list[str] | None, typer.Option("--camera", help="Only this camera; may be given again.")]
First = Annotated[str | None, typer.Option("--from", metavar="YYYY-MM-DD", help="First local day.")]
Last = Annotated[str | None, typer.Option("--to", metavar="YYYY-MM-DD", help="Last local day.")]
Ops = Annotated[
    list[str] | None,
    typer.Option("--ops", help="Only these ops and what they need; comma-separated or given again."),
]
Retry = Annotated[bool, typer.Option("--retry", help="Try again what is in quarantine.")]
Workers = Annotated[int, typer.Option("--workers", min=0, help="Worker processes; 0: one a CPU.")]
InProcess = Annotated[bool, typer.Option("--in-process", help="Work in this process, without Ray.")]
Address = Annotated[str | None, typer.Option("--address", help="Ray cluster, such as HOST:6379 or auto.")]
Until = Annotated[str | None, typer.Option("--until", metavar="HH:MM", help="Drain by this local time.")]
MaxHours = Annotated[float | None, typer.Option("--max-hours", min=0, help="Drain after so many hours.")]
Age = Annotated[Literal["newest", "oldest"], typer.Option("--order", help="Which footage goes first.")]
FirstCameras = Annotated[
    list[str] | None,
    typer.Option("--first-camera", help="This camera goes before all others; may be given again."),
]
HERE = Path()


def selection(
    cameras: list[str] | None,
    first: str | None,
    last: str | None,
    ops: list[str] | None,
    readers: bool = False,
    purged: bool = False,
) -> Selection:
    """The selection that the options name.

    Args:
        readers: with the ops that read those named.
        purged: with what was purged.

    Raises:
        SelectionError: a day that is not one.
    """
    names = tuple(name.strip() for item in ops or () for name in item.split(",") if name.strip())
    return Selection(tuple(cameras or ()), _day("--from", first), _day("--to", last), names, readers, purged)


def run_options(
    workers: int,
    in_process: bool,
    address: str | None,
    until: str | None,
    max_hours: float | None,
    age: str,
    first_cameras: list[str] | None,
    retry: bool = False,
) -> RunOptions:
    """How to run, as the options say it.

    Raises:
        UserError: a time of day that is not one.
    """
    return RunOptions(
        workers=None if in_process else workers,
        address=address,
        until=parse_clock(until) if until else None,
        max_hours=max_hours,
        retry=retry,
        priority=Priority(newest_first=age == "newest", cameras_first=tuple(first_cameras or ())),
    )


def _day(option: str, text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise SelectionError(f"{option} {text}: not a day; write it as 2026-03-02") from error
