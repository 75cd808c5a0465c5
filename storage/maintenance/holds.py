"""Holds: a camera and time that no purge deletes, with the reason, such as footage that a court has asked for.

One JSON file per hold, ``_holds/placed/HOLD.json``, and one more when it is released, ``_holds/released/HOLD.json``;
none is ever changed or purged.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa

from schemas.errors import TransientError
from schemas.tables import TABLES
from storage.files import safe_name
from storage.store.layout import HOLDS_FOLDER
from storage.store.records import Record, parse_as, read_whole_folder, record_bytes
from storage.store.store import Store

FORMAT = 1
PLACED, RELEASED = f"{HOLDS_FOLDER}/placed", f"{HOLDS_FOLDER}/released"


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
    _write(store, f"{PLACED}/{safe_name(hold.hold_id)}.json", content)


def write_release(store: Store, release: Release) -> None:
    """Records the release of a hold.

    Raises:
        StoreFull: no space is left; nothing is recorded.
        TransientError: it is released already.
    """
    _write(store, f"{RELEASED}/{safe_name(release.hold_id)}.json", asdict(release))


def read_holds(store: Store) -> tuple[Hold, ...]:
    """Returns all holds, released ones too, oldest first.

    Raises:
        NightshiftError: a record is damaged. It is not skipped: what it holds would be purged.
    """
    # Releases first: one whose hold is listed later was written later, and is read the next time.
    released = {release.hold_id: release for release in _read(store, RELEASED, parse_release)}
    placed = list(_read(store, PLACED, parse_hold))
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


def parse_hold(name: str, content: bytes) -> Hold:
    """Returns the hold in a file.

    Raises:
        ValueError: it is torn, lies under another's name, or has times that are not plausible.
    """
    hold = parse_as(Hold, "hold_id", name, content, FORMAT)
    if hold.start_time >= hold.end_time:
        raise ValueError("it ends before it begins")
    return hold


def parse_release(name: str, content: bytes) -> Release:
    """Returns the release in a file; errors as of ``parse_hold``."""
    return parse_as(Release, "hold_id", name, content, FORMAT)


def _read(store: Store, folder: str, parse: Callable[[str, bytes], Record]) -> Iterator[Record]:
    advice = "restore it from a backup: nothing is purged without it"
    return read_whole_folder(store.blobs, folder, parse, "a hold", advice)
