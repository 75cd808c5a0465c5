"""Compacts a store: on demand, and at the end of a run that leaves many receipts loose.

See docs/decisions/0008-merged-files-and-the-manifest.md.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

from jobs.site import Site
from schemas.errors import NightshiftError
from storage.maintenance.compaction import Compaction, compact
from storage.maintenance.sweep import sweep
from storage.store.receipts import RECEIPTS_FOLDER
from storage.store.store import Store

MANY_RECEIPTS = 2000
"""Loose receipts at which a run compacts the store: from here on, listing them takes noticeable time."""


@dataclass(frozen=True)
class CompactReport:
    """What a compaction did, and which leftover files were swept after it."""

    compaction: Compaction
    swept: tuple[str, ...]


def compact_store(site: Site, on_progress: Callable[[int, int], None] = lambda _done, _total: None) -> CompactReport:
    """Moves receipts into the manifest, merges small files, and sweeps what killed writers left.

    Args:
        on_progress: called with steps done and steps in all.

    Raises:
        SiteError: the store cannot be written.
        TransientError: another compaction was faster; nothing was changed.
    """
    store = Store.create(site.files.store)
    done = compact(store, on_progress=on_progress)
    return CompactReport(done, tuple(sweep(store)))


def compact_if_many(store: Store, on_warning: Callable[[str], None]) -> None:
    """Compacts a store with many loose receipts at the end of a run. Failures become warnings: the run is done."""
    if sum(1 for _ in islice(store.blobs.list(RECEIPTS_FOLDER), MANY_RECEIPTS)) < MANY_RECEIPTS:
        return
    try:
        compact(store)
    except NightshiftError as error:
        on_warning(f"the store was not compacted: {error}")
