"""Other runs on the same store: at which places they work now, and what they have committed meanwhile."""

from typing import Protocol

from jobs.planning.graph import UnitKey
from schemas.values import Receipt
from storage.coordination import Claims, Place
from storage.store.store import Store


class RunCoordination(Protocol):
    """What a run needs to know of the other runs on its store."""

    @property
    def has_others(self) -> bool:
        """Whether there were any since this run began."""

    def take(self, place: Place) -> bool:
        """Claims a place; False while another run works there."""

    def release(self, place: Place) -> None:
        """Lets go of a place."""

    def committed(self, key: UnitKey, fingerprint: str) -> Receipt | None:
        """The receipt of exactly this work, whoever did it, if it is committed by now."""


class SingleRun:
    """A run that shares its store with nobody."""

    has_others = False

    def take(self, place: Place) -> bool:  # noqa: ARG002  nobody else wants it
        """Always granted."""
        return True

    def release(self, place: Place) -> None:
        """There is nothing to let go of."""

    def committed(self, key: UnitKey, fingerprint: str) -> Receipt | None:  # noqa: ARG002
        """Nobody else commits."""
        return None


class SharedRun:
    """A run among others, which keeps out of their way by claims."""

    def __init__(self, store: Store, claims: Claims) -> None:
        self._store = store
        self._claims = claims

    @property
    def has_others(self) -> bool:
        """Whether the claims have met another run."""
        return self._claims.crowded

    def take(self, place: Place) -> bool:
        """Claims a place."""
        return self._claims.take(place)

    def release(self, place: Place) -> None:
        """Lets go of a place."""
        self._claims.release(place)

    def committed(self, key: UnitKey, fingerprint: str) -> Receipt | None:
        """Looks into the store."""
        return self._store.committed(key.op, key.camera, key.date, key.unit, fingerprint)
