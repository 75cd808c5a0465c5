"""Where a unit of work stands, and why."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """Where a unit stands."""

    DONE = "done"
    MISSING = "missing"
    STALE = "stale"
    QUARANTINED = "quarantined"
    BLOCKED = "blocked"
    PURGED = "purged"


@dataclass(frozen=True)
class UnitStatus:
    """A unit's state, and why it is so, for people.

    Attributes:
        lasting: of what is blocked, that it is so by what was purged: no trouble, and nobody needs to act.
    """

    state: State
    reason: str = ""
    permanent: bool = False

    @property
    def is_problem(self) -> bool:
        """Whether a run that leaves it so did not do all that it should."""
        return self.state in (State.QUARANTINED, State.BLOCKED) and not self.permanent
