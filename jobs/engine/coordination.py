"""Coordination with other runs on the same store: claims on partitions, and what the others have committed meanwhile.

Claims only save work; receipts keep the store right: docs/decisions/0011-claims-save-work-receipts-keep-right.md.
"""

from typing import Protocol

from jobs.planning.graph import UnitKey
from schemas.values import Receipt
from storage.coordination import Claims, Place
from storage.store.store import Store


class RunCoordination(Protocol):
    """What a run needs to know of other runs on its store."""

    @property
    def has_others(self) -> bool:
        """Whether another run was met since this one began."""

    def take(self, partition: Place) -> bool:
        """Claims a partition; returns False while another run holds it."""

    def release(self, partition: Place) -> None:
        """Releases a claim."""

    def committed(self, key: UnitKey, fingerprint: str) -> Receipt | None:
        """Returns the receipt of exactly this work, whichever run committed it; None if it is not committed."""


class SingleRun:
    """A run that has its store to itself."""

    has_others = False

    def take(self, partition: Place) -> bool:  # noqa: ARG002
        """Grants every claim."""
        return True

    def release(self, partition: Place) -> None:
        """Does nothing."""

    def committed(self, key: UnitKey, fingerprint: str) -> Receipt | None:  # noqa: ARG002
        """Returns None: nobody else commits."""
        return None


class SharedRun:
    """A run among others, coordinated by claims."""

    def __init__(self, store: Store, claims: Claims) -> None:
        self._store = store
        self._claims = claims
        self.take = claims.take
        self.release = claims.release

    @property
    def has_others(self) -> bool:
        """Whether another run was met: until then no unit is looked up in the store before it runs."""
        return self._claims.crowded

    def committed(self, key: UnitKey, fingerprint: str) -> Receipt | None:
        """Looks the work up in the store."""
        return self._store.committed(*key, fingerprint)
