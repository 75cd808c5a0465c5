"""Options that several commands share."""

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from jobs.graph import Selection
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
HERE = Path()


def selection(cameras: list[str] | None, first: str | None, last: str | None, ops: list[str] | None) -> Selection:
    """The selection that the options name.

    Raises:
        SelectionError: a day that is not one.
    """
    names = tuple(name.strip() for item in ops or () for name in item.split(",") if name.strip())
    return Selection(tuple(cameras or ()), _day("--from", first), _day("--to", last), names)


def _day(option: str, text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise SelectionError(f"{option} {text}: not a day; write it as 2026-03-02") from error
