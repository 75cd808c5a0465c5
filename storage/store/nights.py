"""Records of nights: one small JSON file each, ``_nights/DATE.json``, which says how a scheduled night ended.

A scheduler may start a night twice, and a machine may come back in the middle of one. The record says what is left to
do: a night that ended is not run again, one that broke off is.
"""

import json
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Literal

from storage.blobs import Blobs
from storage.files import safe_name
from storage.store.layout import NIGHTS_FOLDER
from storage.store.records import ReadResult, parse_record, parse_time, read_records, record_bytes, record_names

FORMAT = 1
NightState = Literal["running", "done", "partial", "deadline", "interrupted", "failed", "missed"]
ENDED: tuple[NightState, ...] = ("done", "partial", "deadline", "missed")
"""States after which a night is not run again."""

_TIMES = ("starts", "ends", "started", "ended")


@dataclass(frozen=True)
class NightRecord:
    """How a night went.

    Attributes:
        night: the local day on which it began.
        at, until, days: the window of the site's nights, as ``nightshift night`` takes them.
        starts, ends: of this night.
        started, ended: when its work began and ended.
        state: of its run, or ``missed``: nothing ran between ``starts`` and ``ends``.
        run_id: of its run; empty before the run, and if there was none.
        units_done, units_left: of its run.
        new_quarantine: entries of the quarantine since the night before.
        notified: whether its notification was sent, or none was due.
    """

    night: str
    at: str
    until: str
    days: str
    starts: datetime
    ends: datetime
    started: datetime
    ended: datetime | None = None
    state: NightState = "running"
    run_id: str = ""
    units_done: int = 0
    units_left: int = 0
    new_quarantine: int = 0
    notified: bool = False


def write_night(blobs: Blobs, record: NightRecord) -> None:
    """Records a night as it is now, in place of the former record.

    Raises:
        StoreFull: no space is left.
    """
    values = asdict(record)
    times = {name: values[name] and values[name].isoformat() for name in _TIMES}
    name = f"{NIGHTS_FOLDER}/{safe_name(record.night)}.json"
    blobs.write(name, record_bytes({"format": FORMAT, **values, **times}))


def read_nights(blobs: Blobs) -> ReadResult[list[NightRecord]]:
    """Reads the records of all nights, oldest first."""
    found, errors = read_records(blobs, record_names(blobs, NIGHTS_FOLDER), _parse)
    problems = (f"{blobs.url}/{name}: {error}; ignored" for name, error in errors.items())
    return ReadResult(sorted(found.values(), key=lambda record: record.night), tuple(problems))


def _parse(_: str, content: bytes) -> NightRecord:
    found = parse_record(content, FORMAT)
    if found.keys() != {each.name for each in fields(NightRecord)}:
        raise ValueError(f"its fields are {json.dumps(sorted(found))}")
    ended = found["ended"]
    times = {name: parse_time(name, found[name]) for name in _TIMES if name != "ended"}
    return NightRecord(**{**found, **times, "ended": ended and parse_time("ended", ended)})
