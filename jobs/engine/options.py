"""Options of a run: its workers, its priority and its deadline."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from jobs.engine.tasks import STEP_LIMIT_S
from jobs.planning.queue import Priority
from schemas.errors import UserError
from storage.coordination import LEASE_S
from storage.machine import usable_cpus, usable_memory_bytes

WORKER_BYTES = 1_500_000_000
"""Memory of a worker: 0.75 GB with two detectors (measured-real), and frames of up to 16 megapixels, 42 bytes each."""


def default_workers() -> int:
    """Returns how many workers this process may start: one per CPU, as far as memory suffices for them."""
    return max(1, min(usable_cpus(), usable_memory_bytes() // WORKER_BYTES))


@dataclass(frozen=True)
class RunOptions:
    """Options of a run.

    Attributes:
        workers: worker slots; 0 for ``default_workers``; None for this process, without Ray.
        address: of a Ray cluster; None for this machine.
        until: local time of day at which the run ends.
        max_hours: hours after which the run ends.
        ends: moment at which the run ends, aware.
        retry: also try quarantined units again.
        priority: what runs first.
        lease_s: seconds without a heartbeat after which a run's claims may be taken over.
        step_limit_s: seconds without progress after which a worker ends itself, beside what its footage's length adds.
    """

    workers: int | None = 0
    address: str | None = None
    until: time | None = None
    max_hours: float | None = None
    ends: datetime | None = None
    retry: bool = False
    priority: Priority = field(default_factory=Priority)
    lease_s: float = LEASE_S
    step_limit_s: float = STEP_LIMIT_S

    def deadline(self, zone: ZoneInfo, now: datetime) -> datetime | None:
        """Returns when the run ends at the latest; None if there is no limit.

        Args:
            zone: the time zone of ``until``.
        """
        ends = [] if self.ends is None else [self.ends]
        if self.until is not None:
            ends.append(next_time(self.until, zone, now))
        if self.max_hours is not None:
            ends.append(now + timedelta(hours=self.max_hours))
        return min(ends, default=None)


def next_time(clock: time, zone: ZoneInfo, now: datetime) -> datetime:
    """Returns the next time after ``now`` at which clocks in the zone show ``clock``; UTC."""
    local = now.astimezone(zone)
    today = datetime.combine(local.date(), clock, zone)
    chosen = today if today > local else datetime.combine(local.date() + timedelta(days=1), clock, zone)
    return chosen.astimezone(UTC)


def parse_clock(text: str) -> time:
    """Reads a time of day, ``HH:MM``.

    Raises:
        UserError: the text is not a time of day.
    """
    try:
        return time.fromisoformat(text)
    except ValueError as error:
        raise UserError(f"{text!r} is not a time of day; write it as 06:00") from error
