"""Records subject-access exports, in which one person is visible: before the exported file gets its name.

One JSON file per export, ``_exports/EXPORT.json``. Records are never purged: who may see whom stays accountable.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa

from schemas.errors import TransientError, UserError
from schemas.tables import TABLES
from storage.files import atomic_path, safe_name
from storage.store.layout import EXPORTS_FOLDER
from storage.store.records import parse_as, read_whole_folder, record_bytes
from storage.store.store import Store

FORMAT = 1


@dataclass(frozen=True)
class ExportRecord:
    """A subject-access export record; fields as in the table ``exports``."""

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
    """Writes the record of an export.

    Raises:
        StoreFull: no space is left; then nothing may be exported.
        TransientError: an export of this id is recorded already.
    """
    content = {"format": FORMAT, **asdict(export), "time": export.time.isoformat()}
    name = f"{EXPORTS_FOLDER}/{safe_name(export.export_id)}.json"
    if not store.blobs.put_if_absent(name, record_bytes(content)):
        raise TransientError(f"{store.blobs.url}/{name} exists already: nothing was exported, try again")


def exports_table(store: Store) -> pa.Table:
    """Returns all export records as the table ``exports``.

    Raises:
        NightshiftError: a record is damaged. It is not skipped, since the list of exports must be complete.
    """
    advice = "restore it from a backup"
    records = read_whole_folder(store.blobs, EXPORTS_FOLDER, parse_export_record, "an export", advice)
    rows = [asdict(each) for each in records]
    spec = TABLES["exports"]
    return spec.conform({name: [row[name] for row in rows] for name in spec.schema.names})


def parse_export_record(name: str, content: bytes) -> ExportRecord:
    """Returns the record in a file.

    Raises:
        ValueError: it is torn, lies under another's name, or has a time that is not plausible.
    """
    return parse_as(ExportRecord, "export_id", name, content, FORMAT)


@contextmanager
def exclusive_path(target: Path) -> Iterator[Path]:
    """Yields a hidden path to write; the file becomes ``target`` at the end, or is dropped if the block raises.

    Only its owner may read it: it shows a person uncovered.

    Raises:
        UserError: ``target`` exists; it stays as it is.
        StoreFull: no space is left.
    """
    taken = UserError(f"{target} exists already: name a new file")
    if target.exists():
        raise taken
    with atomic_path(target, private=True) as hidden:
        yield hidden
        try:
            # Reserves the name, so that the rename that follows replaces no other process's file.
            target.open("xb").close()
        except FileExistsError as error:
            raise taken from error
