"""Scrubbing: after a purge no file keeps a row or a picture of what was purged, named or not, however young.

Replaced files wait for readers (compaction.GRACE_H), and what killed writers leave waits in case they still live
(sweep.SWEEP_AGE_H). Neither may outlive a purge.
"""

import io
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.tables import TABLES
from schemas.values import FOOTAGE_OP, UNIT_TAG_DIGITS, Tombstone
from storage.blobs import Blob
from storage.maintenance.compaction import retired_files
from storage.maintenance.sweep import sweepable_files, unnamed_files
from storage.maintenance.tombstones import read_tombstones
from storage.store.layout import MANIFEST_FOLDER, PENDING_FOLDER, month_of
from storage.store.named_files import FILE_SUFFIXES, VIDEO_SUFFIXES
from storage.store.parquet import UNIT_COLUMN
from storage.store.receipts import files_of, unit_tags
from storage.store.scan_rows import SCAN_ROWS_PREFIX
from storage.store.store import Store

_VIDEO_RULE = "video_days"

Folder = tuple[str, str]
"""``camera=ID`` and ``date=YYYY-MM-DD`` or ``month=YYYY-MM``."""


def scrub(store: Store, before: float) -> list[str]:
    """Deletes what still holds purged data and is no longer needed; returns the names.

    Args:
        before: seconds since 1970; younger files that nothing names stay, since a worker that was asked to make purged
            results again may be about to commit them.
    """
    gone = _Purged(read_tombstones(store), store)
    if not gone.folders:
        return []
    retired = retired_files(store.manifest, store.manifest.head())["name"].to_pylist()
    old = {name for name in retired if name.split("/")[0] in TABLES and _folder_of(name) in gone.folders}
    left = [blob for blob in sweepable_files(store) if blob.modified <= before and _may_hold(blob.name, gone)]
    unnamed = unnamed_files(store, [blob.name for blob in left])
    old |= {blob.name for blob in left if blob.name in unnamed and _holds(store, blob, gone)}
    old -= set(files_of(store.read_receipts().rows)["name"].to_pylist())
    old = {name for name in old if store.blobs.exists(name)}  # what was deleted earlier is still listed as replaced
    store.blobs.delete(old)
    return sorted(old)


@dataclass(frozen=True)
class _Purged:
    """What was purged.

    Attributes:
        folders, video_folders: camera-days, and months, of which anything or video was purged.
        unit_tags: tags of units that were purged and not made again since.
    """

    tombstones: Collection[Tombstone]
    store: Store

    @cached_property
    def folders(self) -> set[Folder]:
        return {folder for each in self.tombstones if each.op != FOOTAGE_OP for folder in _folders(each)}

    @cached_property
    def video_folders(self) -> set[Folder]:
        return {folder for each in self.tombstones if each.rule.startswith(_VIDEO_RULE) for folder in _folders(each)}

    @cached_property
    def unit_tags(self) -> set[str]:
        tags = {each.fingerprint[:UNIT_TAG_DIGITS] for each in self.tombstones if each.op != FOOTAGE_OP}
        return tags - set(unit_tags(self.store.read_receipts().rows).to_pylist())


def _folders(tombstone: Tombstone) -> tuple[Folder, Folder]:
    camera = f"camera={tombstone.camera}"
    return (camera, f"date={tombstone.date}"), (camera, f"month={month_of(tombstone.date)}")


def _folder_of(name: str) -> Folder | None:
    _, *folders, _ = name.removeprefix(f"{PENDING_FOLDER}/").split("/")
    return (folders[0], folders[1]) if len(folders) == 2 else None


def _may_hold(name: str, gone: _Purged) -> bool:
    if name.startswith(f"{MANIFEST_FOLDER}/"):
        return name.startswith(SCAN_ROWS_PREFIX)
    return _folder_of(name) in (gone.video_folders if name.endswith(VIDEO_SUFFIXES) else gone.folders)


def _holds(store: Store, blob: Blob, gone: _Purged) -> bool:
    """Returns whether a file that nothing names holds something purged, or cannot be read, so that it may.

    A compaction at work names such a file soon: of what was purged before it began, its files hold nothing.
    """
    if blob.name.endswith(FILE_SUFFIXES):
        return True
    try:
        tags = pq.read_table(io.BytesIO(store.blobs.read(blob.name)), columns=[UNIT_COLUMN])[UNIT_COLUMN]
    except FileNotFoundError:
        return False
    except (OSError, pa.ArrowException):
        return True
    return not gone.unit_tags.isdisjoint(tags.unique().to_pylist())
