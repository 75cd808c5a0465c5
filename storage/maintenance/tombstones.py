"""Tombstones: the record of what was purged, so that it is not made again by itself, and can be accounted for.

One JSON file a purge, ``_tombstones/PURGE.json``, is put before anything is deleted. What was on its way when the
purge was killed is then known to be purged, and the next purge finishes it.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple

import pyarrow as pa

from schemas.errors import NightshiftError, TransientError
from schemas.tables import TABLES
from schemas.values import Tombstone
from storage.files import safe_name
from storage.store.parquet import first_line
from storage.store.store import Store

TOMBSTONES_FOLDER = "_tombstones"
FORMAT = 1

What = Literal["footage", "tables", "video"]


class Buried(NamedTuple):
    """One unit's results; for footage the op is ``FOOTAGE_OP``, and the unit the footage id."""

    op: str
    unit: str
    fingerprint: str


@dataclass(frozen=True)
class Grave:
    """What is deleted of one camera-day, of one kind, by one rule.

    Attributes:
        rule: of site.toml, as a user would write it.
        files: how many files hold it, alone or with other things.
        size_bytes: what it takes; of rows in shared files, their share.
    """

    rule: str
    what: What
    camera: str
    date: str
    units: tuple[Buried, ...]
    files: int
    rows: int
    size_bytes: int


def put_tombstones(store: Store, purge_id: str, purged: datetime, graves: Sequence[Grave]) -> None:
    """Writes down what a purge is about to delete.

    Raises:
        StoreFull: no space is left.
    """
    content = {
        "format": FORMAT,
        "purge_id": purge_id,
        "purged": purged.isoformat(),
        "graves": [asdict(grave) for grave in graves],
    }
    name = f"{TOMBSTONES_FOLDER}/{safe_name(purge_id)}.json"
    if not store.blobs.put_if_absent(name, json.dumps(content, sort_keys=True, separators=(",", ":")).encode()):
        raise TransientError(f"{store.blobs.url}/{name} is there already: nothing was deleted, try again")


def read_tombstones(store: Store) -> list[Tombstone]:
    """Every tombstone of a store, by time of purge.

    Raises:
        NightshiftError: a file is torn. It is not passed over: what it says was purged would be made again.
    """
    return [
        Tombstone(op, grave.camera, grave.date, fingerprint, unit, purged, grave.rule)
        for _, purged, graves in _purges(store)
        for grave in graves
        for op, unit, fingerprint in grave.units
    ]


def purges_table(store: Store) -> pa.Table:
    """What was purged, as the table ``purges``.

    Raises:
        NightshiftError: a file of tombstones is torn.
    """
    rows = [
        {**vars(grave), "purge_id": purge_id, "purged": purged, "units": len(grave.units)}
        for purge_id, purged, graves in _purges(store)
        for grave in graves
    ]
    spec = TABLES["purges"]
    return spec.conform({name: [row[name] for row in rows] for name in spec.schema.names})


def _purges(store: Store) -> Iterator[tuple[str, datetime, list[Grave]]]:
    for blob in store.blobs.list(TOMBSTONES_FOLDER):
        try:
            found: dict[str, Any] = json.loads(store.blobs.read(blob.name))
            if found["format"] != FORMAT:
                raise ValueError(f"format {found['format']}, this Nightshift reads {FORMAT}")
            graves = [
                Grave(**grave | {"units": tuple(Buried(*unit) for unit in grave["units"])}) for grave in found["graves"]
            ]
            yield found["purge_id"], datetime.fromisoformat(found["purged"]), graves
        except (ValueError, KeyError, TypeError) as error:
            raise NightshiftError(
                f"{store.blobs.url}/{blob.name}, which records what was purged, cannot be read: {first_line(error)}; "
                "put it back from a backup, or remove it and what it records may be made again"
            ) from error
