"""The clock of a run, which never goes behind the newest time in the store.

Readers see the version of a unit that was committed last. If this machine's clock was set back, a new commit would be
older than what it replaces, and stay invisible; so a run's time begins just after the newest time in the store.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from jobs.engine.tasks import EARLIEST

TICK = timedelta(microseconds=1)
"""The resolution of times in the store."""


class RunClock:
    """The clock of one run.

    Args:
        newest: the newest time in the store, of a commit or of a run; None if it has none.
        wall: this machine's clock.

    Attributes:
        floor: the earliest time that the clock gives.
    """

    def __init__(self, newest: datetime | None, wall: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._wall = wall
        self.floor = EARLIEST if newest is None else newest + TICK

    def now(self) -> datetime:
        """Returns the time."""
        return max(self._wall(), self.floor)

    def advance_past(self, moment: datetime) -> None:
        """Moves the clock past a time that the store has now."""
        self.floor = max(self.floor, moment + TICK)
