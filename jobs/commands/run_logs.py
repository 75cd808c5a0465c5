"""The logs of runs: what one run did, and how far the runs under way have got."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from jobs.site import Site
from schemas.errors import SelectionError
from storage.store.run_log import LEVELS, Level, read_run_log

SILENT_S = 120.0
"""Seconds without a line after which a run is said to be silent: its lines come every ten seconds."""

Line = Mapping[str, Any]


@dataclass(frozen=True)
class RunLines:
    """Lines of a run's log.

    Attributes:
        lines: in order of time, of the wanted levels.
        read: number of lines of all levels so far, for the next reading.
        problems: one line per line that cannot be read.
    """

    run_id: str
    lines: Sequence[Line]
    read: int
    problems: tuple[str, ...]


def read_lines(site: Site, run_id: str | None, level: Level = "debug", after: int = 0) -> RunLines:
    """Reads the log of a run.

    Args:
        run_id: None for the newest run.
        level: the least level that is wanted.
        after: number of lines that were read before.

    Raises:
        SelectionError: there is no such run, or no run at all.
    """
    known = site.journal.read_runs().rows["run_id"].to_pylist()
    if run_id is None and not known:
        raise SelectionError("there is no run yet; `nightshift run` begins one")
    chosen = known[-1] if run_id is None else run_id
    if chosen not in known:
        raise SelectionError(f"there is no run {chosen!r}; the last runs are {', '.join(known[-3:])}")
    found = read_run_log(site.store.blobs, chosen, after)
    least = LEVELS.index(level)
    wanted = [line for line in found.rows if line["level"] not in LEVELS or LEVELS.index(line["level"]) >= least]
    return RunLines(chosen, wanted, after + len(found.rows), found.problems)


@dataclass(frozen=True)
class RunningRun:
    """A run without an end, as its log shows it.

    Attributes:
        units_done, units_total: of the units to do; None before they are planned.
        left_s: estimated seconds until it is done; None as long as nothing is.
        running: units that workers have.
        silent_s: seconds since its last line; beyond ``SILENT_S`` it may have been killed.
        problems: number of warnings and errors.
        last_problem: the newest of them.
    """

    run_id: str
    started: datetime
    units_done: int | None
    units_total: int | None
    left_s: float | None
    running: int
    silent_s: float
    problems: int
    last_problem: str | None

    @property
    def is_silent(self) -> bool:
        """Whether nothing was heard of it for long."""
        return self.silent_s > SILENT_S


def running_runs(site: Site, now: datetime | None = None) -> list[RunningRun]:
    """Returns the runs that have no end, oldest first; those that are silent as well."""
    now = now or datetime.now(UTC)
    runs = [row for row in site.journal.read_runs().rows.to_pylist() if row["ended"] is None]
    return [
        _as_running(row["run_id"], row["started"], read_run_log(site.store.blobs, row["run_id"]).rows, now)
        for row in runs
    ]


def _as_running(run_id: str, started: datetime, lines: Sequence[Line], now: datetime) -> RunningRun:
    progress = next((line for line in reversed(lines) if line["event"] == "progress"), {})
    planned = next((line["units"] for line in lines if line["event"] == "planned"), None)
    problems = [line for line in lines if line["level"] in ("warning", "error")]
    heard = datetime.fromisoformat(lines[-1]["time"]) if lines else started
    return RunningRun(
        run_id,
        started,
        progress.get("units_done", None if planned is None else 0),
        progress.get("units_total", planned),
        progress.get("left_s"),
        progress.get("running", 0),
        (now - heard).total_seconds(),
        len(problems),
        problem_text(problems[-1]) if problems else None,
    )


def problem_text(line: Line) -> str:
    """Returns what a line says, without its time: the unit if it is of one, and the message."""
    unit = " ".join(str(line[name]) for name in ("op", "camera", "unit") if line.get(name))
    return ": ".join(filter(None, (unit, str(line.get("reason") or ""), str(line.get("message") or ""))))
