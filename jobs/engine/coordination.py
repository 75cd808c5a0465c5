"""Coordination with other runs on the same store: claims on partitions, and what the others have committed meanwhile.

Claims only save work; receipts keep the store right: docs/decisions/0011-claims-save-work-receipts-keep-right.md.
"""

from jobs.planning.graph import UnitKey
from schemas.values import Receipt
from storage.coordination import Claims, Partition
from storage.store.store import Store


class RunCoordination:
    """What a run needs to know of other runs on its store."""

    def __init__(self, store: Store, claims: Claims) -> None:
        self._store = store
        self._claims = claims

    @property
    def met_other_runs(self) -> bool:
        """Whether another run was met. Until then no unit is looked up in the store before it runs."""
        return self._claims.met_other_runs

    def acquire(self, partition: Partition) -> bool:
        """Claims a partition; returns False while another run holds it."""
        return self._claims.acquire(partition)

    def release(self, partition: Partition) -> None:
        """Releases a claim."""
        self._claims.release(partition)

    def find_receipt(self, key: UnitKey, fingerprint: str) -> Receipt | None:
        """Returns the receipt of exactly this work, whichever run committed it; None if it is not committed."""
        return self._store.find_receipt(*key, fingerprint)
