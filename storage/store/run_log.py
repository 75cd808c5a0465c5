"""The logs of runs: one JSON object per line, in the store, so that what happened on any machine is found in one place.

::

    _run_logs/RUN/000001.jsonl     lines in order of time; a file is replaced as a whole until it has some 500 kB

Each line has ``time`` (UTC, ISO 8601), ``level`` (``debug``, ``info``, ``warning``, ``error``) and ``event``, and what
belongs to that event.
"""

import json
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Literal, Self

from schemas.errors import NightshiftError
from storage.blobs import Blobs
from storage.files import safe_name
from storage.store.journal import run_started
from storage.store.layout import RUN_LOGS_FOLDER
from storage.store.records import ReadResult

Level = Literal["debug", "info", "warning", "error"]
LEVELS: tuple[Level, ...] = ("debug", "info", "warning", "error")

KEPT_DAYS = 90
"""Days after which the log of a run is deleted. Receipts, runs and quarantine, which are kept, say what was done."""

FLUSH_S = 5.0
"""Seconds that a line waits at most until it is in the store, if others follow."""

FILE_BYTES = 500_000
MAX_WAITING = 20_000
"""Lines that are kept while the store does not answer; later ones are counted, and lost."""


class RunLog:
    """The log of one run; a context manager, at whose end everything is written.

    A store that cannot be written never ends a run through its log: lines wait, and are tried again with later ones.

    Args:
        now: returns the time, UTC.
        clock: returns seconds that never run backwards.
    """

    def __init__(
        self,
        blobs: Blobs,
        run_id: str,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._blobs, self._folder = blobs, _folder(run_id)
        self._now, self._clock = now, clock
        self._file, self._written = 1, b""
        self._waiting: list[bytes] = []
        self._lost = 0
        self._flushed_s = -FLUSH_S  # the first line is written at once: it says that the run began

    def __enter__(self) -> Self:
        remove_old_logs(self._blobs, self._now() - timedelta(days=KEPT_DAYS))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.flush()

    def write(self, event: str, level: Level = "info", **facts: Any) -> None:
        """Adds a line.

        Args:
            event: what happened, such as ``unit_failed``.
            facts: what JSON can hold; times and paths become text.
        """
        if len(self._waiting) >= MAX_WAITING:
            self._lost += 1
            return
        self._waiting.append(self._line(event, level, facts))
        if level == "error" or self._clock() - self._flushed_s >= FLUSH_S:
            self.flush()

    def _line(self, event: str, level: Level, facts: Mapping[str, Any]) -> bytes:
        time = self._now().isoformat(timespec="milliseconds")
        return json.dumps({"time": time, "level": level, "event": event, **facts}, default=str).encode() + b"\n"

    def flush(self) -> None:
        """Writes the lines that wait."""
        if not self._waiting:
            return
        self._flushed_s = self._clock()
        if self._lost:
            self._waiting.append(self._line("lines_lost", "warning", {"lines": self._lost}))
            self._lost = 0
        content = self._written + b"".join(self._waiting)
        try:
            self._blobs.write(f"{self._folder}/{self._file:06d}.jsonl", content)
        except (NightshiftError, OSError):
            return
        self._waiting.clear()
        self._written = content
        if len(content) >= FILE_BYTES:
            self._file, self._written = self._file + 1, b""


def read_run_log(blobs: Blobs, run_id: str, after: int = 0) -> ReadResult[list[Mapping[str, Any]]]:
    """Reads the lines of a run's log; none if it has no log.

    Args:
        after: number of lines at its beginning that are left out.
    """
    lines: list[Mapping[str, Any]] = []
    problems = []
    for blob in sorted(blobs.list(_folder(run_id)), key=lambda blob: blob.name):
        for number, line in enumerate(blobs.read(blob.name).splitlines(), start=1):
            try:
                found = json.loads(line)
                if not isinstance(found, dict) or not {"time", "level", "event"} <= found.keys():
                    raise ValueError("not a line of a log")
            except ValueError as error:
                problems.append(f"{blobs.url}/{blob.name}, line {number}: {error}; left out")
                continue
            lines.append(found)
    return ReadResult(lines[after:], tuple(problems))


def remove_old_logs(blobs: Blobs, before: datetime) -> None:
    """Deletes the logs of runs that began before a time. A store that cannot be written keeps them."""
    old = []
    for blob in blobs.list(RUN_LOGS_FOLDER):
        started = run_started(blob.name.split("/")[1])
        if started is not None and started < before:
            old.append(blob.name)
    try:
        blobs.delete(old)
    except (NightshiftError, OSError):
        return


def _folder(run_id: str) -> str:
    return f"{RUN_LOGS_FOLDER}/{safe_name(run_id)}"
