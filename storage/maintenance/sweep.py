"""Sweeping: removes what killed writers left behind, and what nobody may read any more."""

import time
from collections.abc import Collection, Iterator

import pyarrow as pa

from schemas.errors import NightshiftError, SiteError
from schemas.tables import TABLES
from storage.blobs import Blob
from storage.maintenance.verify_manifest import headless_shards
from storage.store.live_rows import files_of
from storage.store.manifest import MANIFEST_FOLDER, Head
from storage.store.store import PARTS_FOLDER, VIDEO_FOLDER, VIDEO_SUFFIX, Store
from storage.store.video_files import VIDEO_SUFFIXES, VIDEO_TABLES, named_video

SWEPT_H = 24.0
"""Hours after which a file that nothing names is taken to be left behind: a worker may be about to commit a younger."""

_SUFFIXES = {
    **dict.fromkeys((*TABLES, PARTS_FOLDER), (".parquet", VIDEO_SUFFIX)),
    VIDEO_FOLDER: (".parquet", *VIDEO_SUFFIXES),
    MANIFEST_FOLDER: (".parquet",),  # heads stay: their numbers must not be free for a compaction that began before
}
"""By folder, the suffixes of what Nightshift writes there; nothing else is ever swept."""


def sweep(store: Store, older_than_h: float = SWEPT_H) -> list[str]:
    """Removes old temporaries, and old files of tables, video and the manifest that nothing names.

    While a receipt or the manifest cannot be read only temporaries go: it may name the rest.

    Returns:
        names below the store, sorted.
    """
    temporaries = store.blobs.sweep(older_than_h)
    # Files first, receipts second: what is committed in between is found in the receipts.
    found = list(swept_files(store))
    oldest = time.time() - older_than_h * 3600
    unnamed = _unnamed(store, [blob.name for blob in found]) if found else set()
    doomed = [blob.name for blob in found if blob.name in unnamed and blob.modified < oldest]
    store.blobs.delete(doomed)
    return sorted([*temporaries, *doomed])


def swept_files(store: Store) -> Iterator[Blob]:
    """Every file that a receipt, a row or the manifest has to name for it to be of use."""
    for folder, suffixes in _SUFFIXES.items():
        yield from (blob for blob in store.blobs.list(folder) if blob.name.endswith(suffixes))


def named_files(receipts: pa.Table) -> set[str]:
    """The table files that receipts name."""
    return set(files_of(receipts, pa.repeat(pa.scalar(False), receipts.num_rows))["name"].to_pylist())


def manifest_files(store: Store, head: Head) -> set[str]:
    """The files that a head is made of, and those that are kept for readers who began earlier.

    Raises:
        NightshiftError: the list of those is missing or torn.
    """
    kept = store.manifest.retired(head)["name"].to_pylist()
    return {*(part.name for part in head.parts()), *kept}


def _unnamed(store: Store, names: Collection[str]) -> set[str]:
    """Of some files, those that nothing names; none if that cannot be known: `nightshift verify` says why."""
    try:
        receipts = store.receipts_arrow()
        known = manifest_files(store, store.manifest.head())
        if headless_shards(store, names, known, receipts):
            return set()
        named = named_files(receipts) | known
        for table in VIDEO_TABLES if any(name.endswith(VIDEO_SUFFIXES) for name in names) else ():
            named.update(named_video(store, receipts, table)["path"].to_pylist())
    except SiteError:
        raise
    except NightshiftError:
        return set()
    return set() if store.problems else {*names} - named
