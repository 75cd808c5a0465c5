"""The status of a unit of work, and the reason for it."""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

_ID = re.compile(r"^segment [0-9a-f]{16}-\d+: | of [0-9a-f]{16}(-\d+)?(?=,)|(?<=: )segment [0-9a-f]{16}-\d+: ")


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


@lru_cache(maxsize=1024)  # a plan has a million units and few reasons
def without_ids(reason: str) -> str:
    """Returns a reason without the segment or footage that it names: units of one cause are counted together."""
    return _ID.sub("", reason)
