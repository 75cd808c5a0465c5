"""Options that several commands share, each declared once.

What plans and runs is imported by the options that need it: ``sql`` and ``--help`` start without it.
"""

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import typer

from schemas.errors import SelectionError, UserError

if TYPE_CHECKING:
    from jobs.engine.options import RunOptions
    from jobs.planning.graph import Selection

Result = TypeVar("Result")

SiteFolder = Annotated[
    Path,
    typer.Option("--site", envvar="NIGHTSHIFT_SITE", help="Folder of the site.", show_default="the current folder"),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout, and everything else on stderr.")]
AsOf = Annotated[str | None, typer.Option("--as-of", metavar="RUN", help="Show results as this run left them.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do it; without this option it is only shown.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what would be done, which is the default.")]
Camera = Annotated[str, typer.Argument(metavar="CAMERA", help="Id of the camera.")]
LOCAL_TIME = "YYYY-MM-DDTHH:MM:SS"
HERE = Path()


@dataclass(frozen=True)
class SelectionOptions:
    """Options that select work."""

    cameras: Annotated[list[str] | None, typer.Option("--camera", help="Only this camera; repeat for more.")] = None
    first: Annotated[str | None, typer.Option("--from", metavar="YYYY-MM-DD", help="First local day.")] = None
    last: Annotated[str | None, typer.Option("--to", metavar="YYYY-MM-DD", help="Last local day.")] = None
    ops: Annotated[
        list[str] | None,
        typer.Option("--ops", help="Only these ops and what they need; separated by commas or repeated."),
    ] = None
    retry: Annotated[bool, typer.Option("--retry", help="Try what is in quarantine again.")] = False

    def selection(self, readers: bool = False, purged: bool = False) -> "Selection":
        """Returns the selection that the options describe.

        Args:
            readers: include the ops that read those named.
            purged: include what was purged.

        Raises:
            SelectionError: a day is not a date.
        """
        from jobs.planning.graph import Selection

        names = tuple(name.strip() for item in self.ops or () for name in item.split(",") if name.strip())
        first, last = parse_day("--from", self.first), parse_day("--to", self.last)
        return Selection(tuple(self.cameras or ()), first, last, names, readers, purged)


@dataclass(frozen=True)
class WorkOptions:
    """Options that say how selected work is run."""

    workers: Annotated[
        int, typer.Option("--workers", min=0, help="Worker processes; 0 for one per CPU, if memory suffices.")
    ] = 0
    in_process: Annotated[bool, typer.Option("--in-process", help="Work in this process, without Ray.")] = False
    address: Annotated[
        str | None,
        typer.Option("--address", help="Address of a Ray cluster: HOST:6379, or auto; for submit http://HOST:8265."),
    ] = None
    until: Annotated[str | None, typer.Option("--until", metavar="HH:MM", help="Stop by this local time.")] = None
    max_hours: Annotated[float | None, typer.Option("--max-hours", min=0, help="Stop after this many hours.")] = None
    age: Annotated[
        Literal["newest", "oldest"], typer.Option("--order", help="Whether the newest or oldest footage goes first.")
    ] = "newest"
    first_cameras: Annotated[
        list[str] | None, typer.Option("--first-camera", help="This camera goes before all others; repeat for more.")
    ] = None

    def run_options(self, retry: bool) -> "RunOptions":
        """Returns how to run, as the options describe it.

        Raises:
            UserError: a time of day is not one.
        """
        from jobs.engine.options import RunOptions, parse_clock
        from jobs.planning.queue import Priority

        return RunOptions(
            workers=None if self.in_process else self.workers,
            address=self.address,
            until=parse_clock(self.until) if self.until else None,
            max_hours=self.max_hours,
            retry=retry,
            priority=Priority(newest_first=self.age == "newest", cameras_first=tuple(self.first_cameras or ())),
        )


def with_shared_options(command: Callable[..., Result]) -> Callable[..., Result]:
    """Replaces each parameter that is a group of options by the options themselves, as Typer expects them.

    ::

        @with_shared_options
        def run(*, folder: SiteFolder = HERE, selected: SelectionOptions, work: WorkOptions) -> int: ...
    """
    signature = inspect.signature(command)  # where Typer finds a command's options
    groups: dict[str, Any] = {
        name: parameter.annotation
        for name, parameter in signature.parameters.items()
        if is_dataclass(parameter.annotation)
    }
    parameters: list[inspect.Parameter] = []
    for name, parameter in signature.parameters.items():
        if name not in groups:
            parameters.append(parameter)
            continue
        parameters += [
            inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=field.type)
            for field in fields(groups[name])
        ]

    @functools.wraps(command)
    def expanded(**given: Any) -> Result:
        grouped = {
            name: group(**{field.name: given.pop(field.name) for field in fields(group)})
            for name, group in groups.items()
        }
        return command(**given, **grouped)

    expanded.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return expanded


def parse_local_time(option: str, text: str) -> datetime:
    """Returns the time that an option gives; without a zone it is local time.

    Raises:
        UserError: it is no time.
    """
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise UserError(f"{option} {text!r} is not a time; write it as {LOCAL_TIME}") from error


def parse_local_end(option: str, text: str) -> datetime:
    """Returns the time at which something ends; a day ends with its last moment.

    Raises:
        UserError: it is neither a day nor a time.
    """
    try:
        return datetime.combine(date.fromisoformat(text), time.max)
    except ValueError:
        return parse_local_time(option, text)


def parse_day(option: str, text: str | None) -> date | None:
    """Returns a day that is written as 2026-03-02.

    Raises:
        SelectionError: it is none.
    """
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise SelectionError(f"{option} {text}: not a day; write it as 2026-03-02") from error
