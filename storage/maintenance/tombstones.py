"""Tombstones: the record of what was purged, so that it is not made again unasked, and can be accounted for.

One JSON file per purge, ``_tombstones/PURGE.json``, is written before anything is deleted: if the purge is killed, it
is known what it was about to delete, and the next purge finishes it.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal, NamedTuple

import pyarrow as pa

from schemas.errors import NightshiftError, TransientError
from schemas.tables import TABLES
from schemas.values import Tombstone
from storage.files import first_line, safe_name
from storage.store.records import parse_record, parse_time
from storage.store.store import Store

TOMBSTONES_FOLDER = "_tombstones"
FORMAT = 2

DataKind = Literal["footage", "tables", "video"]


class PurgedUnit(NamedTuple):
    """One unit's results; of footage the op is ``FOOTAGE_OP``, and the unit the footage id."""

    op: str
    unit: str
    fingerprint: str


@dataclass(frozen=True)
class PurgeRecord:
    """What one rule deletes of one camera-day, of one kind of data.

    Attributes:
        rule: the retention rule, as in site.toml.
        files: number of files that hold the data, alone or with other data.
        size_bytes: size of the data; of rows in shared files, their share.
    """

    rule: str
    what: DataKind
    camera: str
    date: str
    units: tuple[PurgedUnit, ...]
    files: int
    rows: int
    size_bytes: int


def write_tombstones(store: Store, purge_id: str, purged: datetime, records: Sequence[PurgeRecord]) -> None:
    """Records what a purge is about to delete.

    Raises:
        TransientError: another purge has this id.
        StoreFull: no space is left.
    """
    content = {
        "format": FORMAT,
        "purge_id": purge_id,
        "purged": purged.isoformat(),
        "records": [asdict(record) for record in records],
    }
    name = _name_of(purge_id)
    if not store.blobs.put_if_absent(name, json.dumps(content, sort_keys=True, separators=(",", ":")).encode()):
        raise TransientError(f"{store.blobs.url}/{name} exists already: nothing was deleted, try again")


def _name_of(purge_id: str) -> str:
    return f"{TOMBSTONES_FOLDER}/{safe_name(purge_id)}.json"


def read_tombstones(store: Store) -> list[Tombstone]:
    """Reads every tombstone of a store, ordered by time of purge.

    Raises:
        NightshiftError: a file is torn. It is not skipped: what it says was purged would be made again.
    """
    return [
        Tombstone(op, record.camera, record.date, fingerprint, unit, purged, record.rule)
        for _, purged, records in _purges(store)
        for record in records
        for op, unit, fingerprint in record.units
    ]


def purges_table(store: Store) -> pa.Table:
    """Returns what was purged, as the table ``purges``.

    Raises:
        NightshiftError: a file of tombstones is torn.
    """
    rows = [
        {**vars(record), "purge_id": purge_id, "purged": purged, "units": len(record.units)}
        for purge_id, purged, records in _purges(store)
        for record in records
    ]
    spec = TABLES["purges"]
    return spec.conform({name: [row[name] for row in rows] for name in spec.schema.names})


def _purges(store: Store) -> Iterator[tuple[str, datetime, list[PurgeRecord]]]:
    for blob in store.blobs.list(TOMBSTONES_FOLDER):
        try:
            found = parse_record(store.blobs.read(blob.name), FORMAT)
            if blob.name != _name_of(found["purge_id"]):
                raise ValueError(f"purge_id is {found['purge_id']!r}: the file has the name of another purge")
            records = [
                PurgeRecord(**record | {"units": tuple(PurgedUnit(*unit) for unit in record["units"])})
                for record in found["records"]
            ]
            yield found["purge_id"], parse_time("purged", found["purged"]), records
        except (ValueError, KeyError, TypeError) as error:
            raise NightshiftError(
                f"{store.blobs.url}/{blob.name}, which records what was purged, cannot be read: {first_line(error)}; "
                "restore it from a backup, or remove it, and what it records may be made again"
            ) from error
