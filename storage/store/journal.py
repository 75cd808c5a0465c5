"""The journal: runs, and what is quarantined, as small JSON files that are each replaced as a whole."""

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from typing import Any, Literal

import pyarrow as pa

from schemas.tables import TABLES
from schemas.values import Quarantined
from storage.blobs import Blobs
from storage.files import safe_name
from storage.store.records import ReadResult, parse_time, read_records, record_bytes, record_names
from storage.store.run_cost import RunCost, run_cost

RUNS_FOLDER = "_runs"
QUARANTINE_FOLDER = "_quarantine"

_NEWER = {"cores": 0, "frames_observed": 0, "frames_held": 0}
"""Fields that records of former versions lack."""

RunState = Literal["running", "done", "partial", "deadline", "interrupted", "failed"]


@dataclass(frozen=True)
class RunRecord:
    """One run: its selection, its result, and the work it did. Fields are the columns of table ``runs``.

    Attributes:
        selection: the selected cameras, dates and ops; whatever JSON can hold.
        stage_s: seconds by stage, summed over workers.
        cores: cores that its workers could use.
        frames_observed, frames_held: frames that detect's network looked at or held, and those that it held.
    """

    run_id: str
    started: datetime
    selection: Mapping[str, Any] = field(default_factory=dict)
    version: str = ""
    ended: datetime | None = None
    state: RunState = "running"
    units_planned: int = 0
    units_done: int = 0
    units_quarantined: int = 0
    media_s: float = 0.0
    wall_s: float | None = None
    frames_decoded: int = 0
    detector_calls: int = 0
    stage_s: Mapping[str, float] = field(default_factory=dict)
    cores: int = 0
    frames_observed: int = 0
    frames_held: int = 0

    @property
    def cost(self) -> RunCost:
        """What its footage cost."""
        return run_cost(self.media_s, self.wall_s, self.cores, self.stage_s, self.frames_observed, self.frames_held)


def new_run_id(started: datetime) -> str:
    """Returns the start time in UTC and four random hex digits, such as ``20260302T220000Z-9f3a``."""
    return f"{started.astimezone(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"


def run_started(run_id: str) -> datetime | None:
    """Returns when a run began, by its id; None for a name that is no id of a run."""
    try:
        return datetime.strptime(run_id.partition("-")[0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None


class Journal:
    """The journal of a store."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs

    def write_run(self, run: RunRecord) -> None:
        """Records a run as it is now: when it starts, and its progress."""
        ended = run.ended and run.ended.isoformat()
        content = asdict(run) | {"started": run.started.isoformat(), "ended": ended}
        self._blobs.write(f"{RUNS_FOLDER}/{safe_name(run.run_id)}.json", record_bytes(content))

    def finish_run(self, run: RunRecord) -> None:
        """Records how a run ended.

        Raises:
            ValueError: the record has no end, or its state is ``running``.
        """
        if run.ended is None or run.state == "running":
            raise ValueError(f"run {run.run_id} is to be finished, but {run.ended = } {run.state = }")
        self.write_run(run)

    def read_runs(self) -> ReadResult[pa.Table]:
        """Reads every run, as the table ``runs``, oldest first."""
        found = self._read(RUNS_FOLDER, RunRecord, _run_row)
        return ReadResult(_table("runs", found.rows), found.problems)

    def quarantine(self, entry: Quarantined) -> None:
        """Quarantines a unit or a file; a newer reason for the same work replaces the older."""
        name = _quarantine_file(entry.op, entry.camera, entry.unit, entry.fingerprint)
        self._blobs.write(name, record_bytes(asdict(entry) | {"time": entry.time.isoformat()}))

    def release(self, op: str, camera: str, unit: str, fingerprint: str | None = None) -> int:
        """Releases a unit from quarantine.

        Args:
            fingerprint: the one it failed with; None for all.

        Returns:
            The number of entries removed.
        """
        released = [
            _quarantine_file(op, camera, unit, entry.fingerprint)
            for entry in self.read_quarantine().rows
            if (entry.op, entry.camera, entry.unit) == (op, camera, unit) and fingerprint in (None, entry.fingerprint)
        ]
        self._blobs.delete(released)
        return len(released)

    def read_quarantine(self) -> ReadResult[list[Quarantined]]:
        """Reads everything in quarantine, ordered by time, op and unit."""
        found = self._read(QUARANTINE_FOLDER, Quarantined, _quarantine_row)
        entries = [Quarantined(**content) for content in found.rows]
        entries.sort(key=lambda entry: (entry.time, entry.op, entry.unit, entry.fingerprint))
        return ReadResult(entries, found.problems)

    def quarantine_table(self) -> pa.Table:
        """Returns every readable entry of the quarantine, as the table ``quarantine``."""
        return _table("quarantine", [asdict(entry) for entry in self.read_quarantine().rows])

    def _read(
        self, folder: str, kind: type, row_of: Callable[[dict[str, Any]], dict[str, Any]]
    ) -> ReadResult[list[dict[str, Any]]]:
        """Reads the JSON files below a folder that have every field of ``kind``, as rows, ordered by name."""
        wanted = {each.name for each in fields(kind)}

        def parse(_: str, content: bytes) -> dict[str, Any]:
            found = json.loads(content)
            if kind is RunRecord and isinstance(found, dict):
                found = _NEWER | found
            # A record may have more fields than this version knows; one that lacks a field is not of this kind.
            if not isinstance(found, dict) or not wanted <= found.keys():
                raise ValueError("not a record of this kind")
            return row_of({name: found[name] for name in wanted})

        records, errors = read_records(self._blobs, record_names(self._blobs, folder), parse)
        problems = (f"{self._blobs.url}/{name}: {error}; ignored" for name, error in errors.items())
        return ReadResult(list(records.values()), tuple(problems))


def _run_row(content: dict[str, Any]) -> dict[str, Any]:
    """Returns a row of the table ``runs``; raises ``ValueError`` for values that it cannot hold."""
    numbers = ("media_s", "wall_s", "cores", "stage_s", "frames_observed", "frames_held")
    try:
        cost = run_cost(**{name: content[name] for name in numbers}).as_columns()
    except (TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f"not a record of this kind: {error}") from error
    row = {
        **content,
        **cost,
        "started": parse_time("started", content["started"]),
        "ended": content["ended"] and parse_time("ended", content["ended"]),
        "selection": json.dumps(content["selection"], sort_keys=True),
        "stage_s": json.dumps(content["stage_s"], sort_keys=True),
        "stage_share": json.dumps(cost["stage_share"]),
    }
    return _checked("runs", row)


def _quarantine_row(content: dict[str, Any]) -> dict[str, Any]:
    return _checked("quarantine", content | {"time": parse_time("time", content["time"])})


def _checked(table: str, row: dict[str, Any]) -> dict[str, Any]:
    try:
        _table(table, [row])
    except (pa.ArrowException, OverflowError, TypeError) as error:
        raise ValueError(f"not a record of this kind: {error}") from error
    return row


def _quarantine_file(op: str, camera: str, unit: str, fingerprint: str) -> str:
    file = f"{safe_name(unit)}-{safe_name(fingerprint)}.json"
    return "/".join((QUARANTINE_FOLDER, safe_name(op), safe_name(camera), file))


def _table(name: str, rows: list[dict[str, Any]]) -> pa.Table:
    spec = TABLES[name]
    return spec.conform({each.name: [_printable(row[each.name]) for row in rows] for each in spec.columns})


def _printable(value: object) -> object:
    """Escapes lone surrogates: JSON keeps a path that is not UTF-8 in them, and Arrow refuses them."""
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value
