"""Exports in which somebody is left visible: each is written down before its file gets its name.

One JSON file an export, ``_exports/EXPORT.json``. They are never purged: who was let see whom stays accountable.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from schemas.errors import NightshiftError, TransientError, UserError
from schemas.tables import TABLES
from storage.files import atomic_path, first_line, safe_name
from storage.store.store import Store

EXPORTS_FOLDER = "_exports"
FORMAT = 1


@dataclass(frozen=True)
class ExportRecord:
    """One export. Fields as in the table ``exports``."""

    export_id: str
    time: datetime
    user: str
    camera: str
    footage_id: str
    track_id: str
    reason: str
    file: str
    frames: int
    visible_frames: int
    size_bytes: int
    sha256: str


def write_export_record(store: Store, export: ExportRecord) -> None:
    """Writes an export down.

    Raises:
        StoreFull: no space is left; then nothing may be exported.
        TransientError: an export of this name is written down already.
    """
    content = {"format": FORMAT, **asdict(export), "time": export.time.isoformat()}
    name = f"{EXPORTS_FOLDER}/{safe_name(export.export_id)}.json"
    if not store.blobs.put_if_absent(name, json.dumps(content, indent=1, sort_keys=True).encode()):
        raise TransientError(f"{store.blobs.url}/{name} is there already: nothing was exported, try again")


def exports_table(store: Store) -> pa.Table:
    """Every export, as the table ``exports``.

    Raises:
        NightshiftError: a record is torn. It is not passed over: the record of who saw whom is to be whole.
    """
    spec = TABLES["exports"]
    rows = list(_exports(store))
    return spec.conform({name: [row[name] for row in rows] for name in spec.schema.names})


def _exports(store: Store) -> Iterator[dict[str, Any]]:
    for blob in store.blobs.list(EXPORTS_FOLDER):
        try:
            found: dict[str, Any] = json.loads(store.blobs.read(blob.name))
            version = found.pop("format")
            if version != FORMAT:
                raise ValueError(f"format {version}, this Nightshift reads {FORMAT}")
            yield asdict(ExportRecord(**found | {"time": datetime.fromisoformat(found["time"])}))
        except (ValueError, KeyError, TypeError) as error:
            raise NightshiftError(
                f"{store.blobs.url}/{blob.name}, which records an export, cannot be read: {first_line(error)}; "
                "put it back from a backup"
            ) from error


@contextmanager
def exclusive_path(target: Path) -> Iterator[Path]:
    """A hidden path beside ``target`` for the block to write, whose file gets that name at the end, or vanishes.

    Raises:
        UserError: there is such a file already; it stays as it is.
        StoreFull: no space is left.
    """
    taken = UserError(f"{target} is there already: name a file that is not")
    if target.exists():
        raise taken
    with atomic_path(target) as hidden:
        yield hidden
        try:
            target.open("xb").close()  # the name is ours now: what takes its place is no other's file
        except FileExistsError as error:
            raise taken from error
