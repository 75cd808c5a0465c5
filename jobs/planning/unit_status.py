"""The status of a unit of work, and the reason for it."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """The states of a unit."""

    DONE = "done"
    MISSING = "missing"
    STALE = "stale"
    QUARANTINED = "quarantined"
    BLOCKED = "blocked"
    PURGED = "purged"


@dataclass(frozen=True)
class UnitStatus:
    """A unit's state, and the reason for it in words.

    Attributes:
        permanent: for a blocked unit, that a purge is the cause. Nobody needs to act on it.
    """

    state: State
    reason: str = ""
    permanent: bool = False

    @property
    def to_do(self) -> bool:
        """Whether a run would work on the unit."""
        return self.state in (State.MISSING, State.STALE)

    @property
    def is_problem(self) -> bool:
        """Whether a run that ends with this status has not done all that it should."""
        return self.state in (State.QUARANTINED, State.BLOCKED) and not self.permanent
