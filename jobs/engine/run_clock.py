"""The time of a run, which never runs behind what the store has seen.

Readers see of each unit the version that was committed last. Should this machine's clock have been set back, what it
commits now would be older than what it replaces; so a run's time begins just after the newest moment in the store.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from jobs.engine.tasks import EARLIEST

TICK = timedelta(microseconds=1)
"""What the store can tell apart."""


class RunClock:
    """The clock of one run.

    Args:
        newest: the newest moment that the store has, of a commit or of a run; None if it has none.
        wall: this machine's clock.

    Attributes:
        floor: no moment that the clock gives is before this one.
    """

    def __init__(self, newest: datetime | None, wall: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._wall = wall
        self.floor = EARLIEST if newest is None else newest + TICK

    def now(self) -> datetime:
        """The time."""
        return max(self._wall(), self.floor)

    def advance_past(self, moment: datetime) -> None:
        """Notes a moment that the store has now; the clock goes on after it."""
        self.floor = max(self.floor, moment + TICK)
