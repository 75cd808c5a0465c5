"""Prints results: JSON on stdout for machines, tables for people; progress and warnings always on stderr.

Everything that reaches a terminal goes through ``printable``: names of files, cameras and weights, and details of
errors, are text of others, and a terminal obeys the codes in it.
"""

import json
import re
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from rich.console import Console
from rich.markup import escape

if TYPE_CHECKING:
    from rich.progress import Progress

PIPE_WIDTH = 400
"""Width in characters of a table that goes to a file or a pipe, where lines need no folding."""


tracebacks_wanted: ContextVar[bool] = ContextVar("tracebacks_wanted", default=False)
"""Whether the command line has ``--debug``."""

LOG_PERIOD_S = 30.0
"""Seconds between the lines of progress that a log gets, where no terminal shows a bar."""


class Bar(Protocol):
    """Progress that is shown."""

    def update(self, done: float, total: float, note: str = "") -> None:
        """Sets the progress."""


class Output:
    """The output of a command.

    Args:
        as_json: one JSON value on stdout, and nothing else there.
        out, err: consoles for stdout and stderr; tests give their own.
        log_period_s: seconds between lines of progress without a terminal.
    """

    def __init__(
        self, as_json: bool, out: Console | None = None, err: Console | None = None, log_period_s: float = LOG_PERIOD_S
    ) -> None:
        self.as_json = as_json
        self._log_period_s = log_period_s
        self.out = out or Console(file=sys.stdout, width=None if sys.stdout.isatty() else PIPE_WIDTH)
        self.err = err or Console(file=sys.stderr)

    def json(self, value: Any) -> None:
        """Prints a value as JSON."""
        self._write_json(json.dumps(value, indent=2, default=_plain, ensure_ascii=False))

    def json_line(self, value: Any) -> None:
        """Prints a value as JSON in one line, at once: for commands that print one after the other."""
        self._write_json(json.dumps(value, default=_plain, ensure_ascii=False))
        self.out.file.flush()

    def _write_json(self, text: str) -> None:
        # JSON itself escapes what is below a space; the line ends are its own.
        self.out.file.write(_OBEYED_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n")

    def write(self, text: str) -> None:
        """Writes text of a format such as CSV to stdout: as it is to a file or pipe, printable to a terminal."""
        if self.out.is_terminal:
            text = "\n".join(map(printable, text.split("\n")))
        self.out.file.write(text)

    def say(self, text: str) -> None:
        """Prints a line for people; on stderr if stdout is JSON."""
        (self.err if self.as_json else self.out).print(_cell(text), soft_wrap=True, highlight=False)

    def say_lines(self, lines: Iterable[str]) -> None:
        """Prints lines for people, as ``say`` does."""
        for line in lines:
            self.say(line)

    def warn(self, text: str) -> None:
        """Prints a warning."""
        self.err.print(f"[yellow]warning:[/] {_cell(text)}", soft_wrap=True, highlight=False)

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[object]], title: str = "") -> None:
        """Prints a table for people, with numbers aligned to the right."""
        from rich.table import Table

        rows = [list(row) for row in rows]  # read twice: for the alignment of columns, and for the cells
        table = Table(title=title or None, title_justify="left", header_style="bold", box=None, pad_edge=False)
        for index, name in enumerate(columns):
            numeric = bool(rows) and all(isinstance(row[index], int | float) or row[index] is None for row in rows)
            table.add_column(_cell(name), justify="right" if numeric else "left", overflow="fold")
        for row in rows:
            table.add_row(*(_cell(readable(value)) for value in row))
        self.out.print(table)

    @contextmanager
    def progress(self, what: str) -> Iterator[Bar]:
        """Shows a progress bar on stderr; where that is no terminal, a line now and then."""
        if not self.err.is_terminal:
            with _LoggedBar(self, what, self._log_period_s) as logged:
                yield logged
            return
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
        )
        with Progress(*columns, console=self.err, transient=True) as progress:
            yield _ShownBar(progress, progress.add_task(what, total=None, rate=""))

    def log(self, text: str) -> None:
        """Prints a line of progress."""
        self.err.print(_cell(text), soft_wrap=True, highlight=False)


class _ShownBar:
    def __init__(self, progress: "Progress", task: Any) -> None:
        self._progress = progress
        self._task = task

    def update(self, done: float, total: float, note: str = "") -> None:
        self._progress.update(self._task, completed=done, total=total, rate=_cell(note))


class _LoggedBar:
    """Writes lines from a thread: work that reports nothing for long must not look as if it hung."""

    def __init__(self, output: Output, what: str, period_s: float) -> None:
        self._output = output
        self._what = what
        self._period_s = period_s
        self._began_s = time.monotonic()
        self._state = ""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._write_lines, daemon=True)

    def __enter__(self) -> "_LoggedBar":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def update(self, done: float, total: float, note: str = "") -> None:
        self._state = f"{done:,.0f} of {total:,.0f}, " if total else ""
        self._state += f"{note}, " if note else ""

    def _write_lines(self) -> None:
        while not self._ended.wait(self._period_s):
            elapsed = duration(time.monotonic() - self._began_s)
            self._output.log(f"{self._what}: {self._state}{elapsed} so far")


_OBEYED = "\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff"
_OBEYED_IN_JSON = re.compile(f"[{_OBEYED}]")
_OBEYED_BY_TERMINALS = re.compile(f"[\x00-\x1f{_OBEYED}]")
"""Control characters (C0 and C1), direction marks, line separators, and lone surrogates, in which Python keeps those
bytes of names that are not UTF-8."""


def printable(text: str) -> str:
    """Returns a text as one line that a terminal only shows: what it would obey is escaped, as ``\\x1b`` is."""
    return _OBEYED_BY_TERMINALS.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def _cell(text: str) -> str:
    return escape(printable(text))


def readable(value: object) -> str:
    """Returns a value as people read it."""
    if value is None:
        return "–"
    if isinstance(value, float):
        if 0 < abs(value) < 0.001:
            return f"{value:.3g}"
        return f"{value:,.3f}".rstrip("0").rstrip(".") if abs(value) < 1e6 else f"{value:,.0f}"
    if isinstance(value, datetime):
        # str() shows the zone; of the fraction of a second it shows trailing zeros.
        return re.sub(r"(\.\d+?)0+(?=\D|$)", r"\1", str(value)).replace("+00:00", "Z")
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    return str(value)


def counted(count: int, noun: str) -> str:
    """Returns a number with its noun, as ``1 file`` or ``2 files``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def duration(seconds: float) -> str:
    """Returns seconds as ``1:02:03``, or as ``12.3 s`` below a minute."""
    return f"{seconds:.1f} s" if seconds < 60 else str(timedelta(seconds=round(seconds)))


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    return str(value)
