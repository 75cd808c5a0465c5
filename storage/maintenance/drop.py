"""Drops units on purpose: removes their receipts, and their rows from every file."""

from collections.abc import Callable, Collection

from schemas.errors import TransientError
from storage.maintenance.compaction import compact
from storage.store.store import Store

_TRIES = 5


def drop_receipts(store: Store, fingerprints: Collection[str]) -> None:
    """Drops units wherever their receipts are, loose or in the manifest, so that they run again.

    Raises:
        TransientError: other compactions came first again and again; what the manifest has was not dropped.
        StoreFull: no space is left; what the manifest has was not dropped.
    """
    if not fingerprints:
        return
    loose = store.read_loose_receipts().rows
    store.blobs.delete([name for name, receipt in loose.items() if receipt.fingerprint in fingerprints])
    kept = store.manifest.receipts(store.manifest.head(), ["fingerprint"])["fingerprint"]
    drop_units(store, set(fingerprints).intersection(kept.to_pylist()))


def drop_units(
    store: Store,
    fingerprints: Collection[str],
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> None:
    """Drops every version of units with these fingerprints; files that they share with other units are rewritten.

    Raises:
        TransientError: other compactions came first again and again; nothing was dropped.
        StoreFull: no space is left; nothing was dropped.
    """
    for tries_left in reversed(range(_TRIES if fingerprints else 0)):
        try:
            compact(store, drop=fingerprints, on_progress=on_progress)
            return
        except TransientError:
            if not tries_left:
                raise
