"""Upkeep of a store: compacting it, and verifying and repairing it."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

from schemas.errors import NightshiftError
from storage.maintenance import repair as repairing
from storage.maintenance.compaction import Compaction, compact
from storage.maintenance.sweep import sweep
from storage.maintenance.verify import Audit, audit
from storage.site.file import SiteFiles
from storage.store.receipts import RECEIPTS_FOLDER
from storage.store.store import Store

MANY = 2000
"""Loose receipts that are compacted at the end of a run: listing them begins to be felt."""

Told = Callable[[int, int], None]
"""Called with how much is done, and how much there is to do."""


@dataclass(frozen=True)
class Compacted:
    """What a compaction did, and what was swept after it."""

    compaction: Compaction
    swept: tuple[str, ...]


def compact_store(site: SiteFiles, on_progress: Told = lambda _done, _total: None) -> Compacted:
    """Moves receipts into the manifest, merges small files, and sweeps what killed writers left.

    Raises:
        SiteError: the store cannot be written.
        TransientError: another compaction got ahead of this one; nothing was changed.
    """
    store = Store.create(site.store)
    done = compact(store, on_progress=on_progress)
    return Compacted(done, tuple(sweep(store)))


def compact_if_many(store: Store, on_warning: Callable[[str], None]) -> None:
    """Compacts a store in which many receipts are loose, as a run does at its end; trouble is told, the run is done."""
    if sum(1 for _ in islice(store.blobs.list(RECEIPTS_FOLDER), MANY)) < MANY:
        return
    try:
        compact(store)
    except NightshiftError as error:
        on_warning(f"the store was not compacted: {error}")


def verify_store(site: SiteFiles, on_progress: Told = lambda _done, _total: None) -> Audit:
    """Compares every file with its hash; the store may be read-only."""
    return audit(Store.open(site.store), on_progress)


def repair_store(site: SiteFiles, on_progress: Told = lambda _done, _total: None) -> repairing.Repair:
    """Takes out what is damaged, so that the next run makes it anew.

    Raises:
        SiteError: the store cannot be written.
    """
    return repairing.repair(Store.create(site.store), on_progress)
