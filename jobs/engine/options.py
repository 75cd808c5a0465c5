"""How a selection is run: with which workers, in which order, and until when."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from jobs.engine.queue import Priority
from schemas.errors import UserError
from storage.coordination import LEASE_S


@dataclass(frozen=True)
class RunOptions:
    """How a selection is run.

    Attributes:
        workers: worker slots; 0 for one a CPU; None for this process, without Ray.
        address: of a Ray cluster; None for this machine.
        until: local time at which all must have ended.
        max_hours: after which all must have ended.
        retry: try what is in quarantine again.
        priority: what goes first.
        lease_s: seconds after which a run that shows no sign of life no longer keeps others from its work.
    """

    workers: int | None = 0
    address: str | None = None
    until: time | None = None
    max_hours: float | None = None
    retry: bool = False
    priority: Priority = field(default_factory=Priority)
    lease_s: float = LEASE_S

    def deadline(self, zone: ZoneInfo, now: datetime) -> datetime | None:
        """When all must have ended; None if nothing says so.

        Args:
            zone: whose clock ``until`` is read on.
        """
        ends = []
        if self.until is not None:
            ends.append(next_time(self.until, zone, now))
        if self.max_hours is not None:
            ends.append(now + timedelta(hours=self.max_hours))
        return min(ends, default=None)


def next_time(clock: time, zone: ZoneInfo, now: datetime) -> datetime:
    """The next moment, after ``now``, at which a local clock shows ``clock``; UTC."""
    local = now.astimezone(zone)
    today = datetime.combine(local.date(), clock, zone)
    chosen = today if today > local else datetime.combine(local.date() + timedelta(days=1), clock, zone)
    return chosen.astimezone(UTC)


def parse_clock(text: str) -> time:
    """``HH:MM`` as a time of day.

    Raises:
        UserError: it is not one.
    """
    try:
        return time.fromisoformat(text)
    except ValueError as error:
        raise UserError(f"{text!r} is not a time of day; write it as 06:00") from error
