"""Sweeping: removes what killed writers left behind, and what readers no longer need."""

import time
from collections.abc import Collection, Iterator

from schemas.errors import NightshiftError, SiteError
from schemas.tables import TABLES
from storage.blobs import Blob
from storage.maintenance.verify_manifest import find_headless_shards
from storage.store.layout import (
    MANIFEST_FOLDER,
    PARTS_FOLDER,
    PENDING_FOLDER,
    RASTERS_FOLDER,
    RASTERS_SUFFIX,
    VIDEO_FOLDER,
    VIDEO_SUFFIX,
    pending_file,
)
from storage.store.manifest import RETIRED_SCHEMA, Head
from storage.store.named_files import FILE_SUFFIXES, FILE_TABLES, VIDEO_SUFFIXES, read_file_rows
from storage.store.receipts import files_of
from storage.store.store import Store

SWEEP_AGE_H = 24.0
"""Hours after which a file that nothing names counts as left behind; a worker may be about to commit a younger one."""

_SUFFIXES = {
    **dict.fromkeys((*TABLES, PARTS_FOLDER), (".parquet", VIDEO_SUFFIX)),
    VIDEO_FOLDER: (".parquet", *VIDEO_SUFFIXES),
    PENDING_FOLDER: (VIDEO_SUFFIX,),
    RASTERS_FOLDER: (".parquet", RASTERS_SUFFIX),
    MANIFEST_FOLDER: (".parquet",),  # not heads: a compaction that began earlier could take a number again
}
"""By folder, the suffixes of what Nightshift writes there; nothing else is ever swept."""


def sweep(store: Store, older_than_h: float = SWEEP_AGE_H) -> list[str]:
    """Removes old temporary files, and old files of tables, video and the manifest that nothing names.

    While a receipt or the manifest cannot be read, only temporary files go: it may name the others.

    Returns:
        The names of the removed files, relative to the store, sorted.
    """
    temporaries = store.blobs.sweep(older_than_h)
    # Files first, receipts second: a file that is committed in between is then found to be named.
    found = list(sweepable_files(store))
    oldest = time.time() - older_than_h * 3600
    unnamed = unnamed_files(store, [blob.name for blob in found]) if found else set()
    swept = [blob.name for blob in found if blob.name in unnamed and blob.modified < oldest]
    store.blobs.delete(swept)
    return sorted([*temporaries, *swept])


def sweepable_files(store: Store) -> Iterator[Blob]:
    """Yields every file that is of use only if a receipt, a row or the manifest names it."""
    for folder, suffixes in _SUFFIXES.items():
        yield from (blob for blob in store.blobs.list(folder) if blob.name.endswith(suffixes))


def manifest_files(store: Store, head: Head) -> set[str]:
    """Returns the names of a head's files, and of those that are kept for readers who began earlier.

    Raises:
        NightshiftError: the list of the latter is missing or torn.
    """
    kept = store.manifest.read(head.retired, RETIRED_SCHEMA)["name"].to_pylist()
    return {*(part.name for part in head.parts()), *kept}


def unnamed_files(store: Store, names: Collection[str]) -> set[str]:
    """Returns which files nothing names; none if that cannot be known (`nightshift verify` reports why)."""
    try:
        receipts = store.read_receipts()
        known = manifest_files(store, store.manifest.head())
        if receipts.problems or find_headless_shards(store, names, known, receipts.rows):
            return set()
        named = set(files_of(receipts.rows)["name"].to_pylist()) | known
        for table in FILE_TABLES if any(name.endswith(FILE_SUFFIXES) for name in names) else ():
            paths = read_file_rows(store, receipts.rows, table)["path"].to_pylist()
            named.update(paths, map(pending_file, paths))
    except SiteError:
        raise
    except NightshiftError:
        return set()
    return {*names} - named
