"""Holds: a camera and time that no purge deletes, with the reason, such as footage that a court has asked for.

One JSON file per hold, ``_holds/placed/HOLD.json``, and one more when it is released, ``_holds/released/HOLD.json``;
none is ever changed or purged.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any

import pyarrow as pa

from schemas.errors import NightshiftError, TransientError
from schemas.tables import TABLES
from storage.files import first_line, safe_name
from storage.store.layout import HOLDS_FOLDER
from storage.store.records import parse_record, parse_time, record_bytes
from storage.store.store import Store

FORMAT = 1
_PLACED, _RELEASED = f"{HOLDS_FOLDER}/placed", f"{HOLDS_FOLDER}/released"


@dataclass(frozen=True)
class Release:
    """The end of a hold."""

    hold_id: str
    time: datetime
    user: str
    reason: str


@dataclass(frozen=True)
class Hold:
    """A hold from ``start_time`` up to, without, ``end_time``; fields as in the table ``holds``."""

    hold_id: str
    time: datetime
    user: str
    camera: str
    start_time: datetime
    end_time: datetime
    reason: str
    release: Release | None = None


def write_hold(store: Store, hold: Hold) -> None:
    """Records a hold that is not released.

    Raises:
        StoreFull: no space is left; nothing is recorded.
        TransientError: a hold of this id is recorded already.
    """
    content = asdict(hold)
    del content["release"]
    _write(store, f"{_PLACED}/{safe_name(hold.hold_id)}.json", content)


def write_release(store: Store, release: Release) -> None:
    """Records the release of a hold.

    Raises:
        StoreFull: no space is left; nothing is recorded.
        TransientError: it is released already.
    """
    _write(store, f"{_RELEASED}/{safe_name(release.hold_id)}.json", asdict(release))


def read_holds(store: Store) -> tuple[Hold, ...]:
    """Returns all holds, released ones too, oldest first.

    Raises:
        NightshiftError: a record is damaged. It is not skipped: what it holds would be purged.
    """
    # Releases first: one whose hold is listed later was written later, and is read the next time.
    released = {release.hold_id: release for release in (Release(**each) for each in _read(store, _RELEASED, "time"))}
    placed = [Hold(**each) for each in _read(store, _PLACED, "time", "start_time", "end_time")]
    found = [Hold(**{**vars(hold), "release": released.get(hold.hold_id)}) for hold in placed]
    return tuple(sorted(found, key=lambda each: (each.time, each.hold_id)))


def active_holds(store: Store) -> tuple[Hold, ...]:
    """Returns the holds that are not released, oldest first.

    Raises:
        NightshiftError: a record is damaged.
    """
    return tuple(hold for hold in read_holds(store) if hold.release is None)


def holds_table(store: Store) -> pa.Table:
    """Returns all holds as the table ``holds``.

    Raises:
        NightshiftError: a record is damaged.
    """
    spec = TABLES["holds"]
    rows = [hold_row(hold) for hold in read_holds(store)]
    return spec.conform({name: [row[name] for row in rows] for name in spec.schema.names})


def hold_row(hold: Hold) -> dict[str, Any]:
    """Returns a hold as a row of the table ``holds``."""
    row, release = asdict(hold), hold.release
    del row["release"]
    return row | {
        "released": release and release.time,
        "released_by": release and release.user,
        "release_reason": release and release.reason,
    }


def _write(store: Store, name: str, content: dict[str, Any]) -> None:
    texts = {key: value.isoformat() if isinstance(value, datetime) else value for key, value in content.items()}
    if not store.blobs.put_if_absent(name, record_bytes({"format": FORMAT, **texts})):
        raise TransientError(f"{store.blobs.url}/{name} exists already: nothing was recorded, try again")


def _read(store: Store, folder: str, *times: str) -> Iterator[dict[str, Any]]:
    known = {field.name for field in fields(Hold if folder == _PLACED else Release)} - {"release"}
    for blob in store.blobs.list(folder):
        try:
            content = parse_record(store.blobs.read(blob.name), FORMAT)
            if content.keys() != known:
                raise ValueError(f"its fields are {', '.join(sorted(content))}")
            yield content | {name: parse_time(name, content[name]) for name in times}
        except (ValueError, TypeError) as error:
            raise NightshiftError(
                f"{store.blobs.url}/{blob.name}, the record of a hold, cannot be read: {first_line(error)}; "
                "restore it from a backup: nothing is purged without it"
            ) from error
