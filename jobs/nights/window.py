"""The window of a site's nights: the local times of day between which scheduled work is done, and on which days."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from schemas.errors import UserError

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
EVERY_DAY = frozenset(range(7))
_LOOK_AHEAD = 8
"""Days after which every weekday was seen once more."""


@dataclass(frozen=True)
class Night:
    """One night.

    Attributes:
        date: the local day on which it begins, ``YYYY-MM-DD``; its name.
        starts, ends: UTC.
    """

    date: str
    starts: datetime
    ends: datetime


@dataclass(frozen=True)
class NightWindow:
    """When the nights of a site are.

    Attributes:
        at, until: local times of day; a night that ends at an earlier time than it starts ends on the next day.
        zone: of both.
        days: weekdays on which nights begin, 0 for Monday.
    """

    at: time
    until: time
    zone: ZoneInfo
    days: frozenset[int] = EVERY_DAY

    def __post_init__(self) -> None:
        if self.at == self.until:
            raise UserError(f"--at and --until are both {self.at:%H:%M}: a night that ends as it begins does nothing")

    @property
    def length(self) -> timedelta:
        """How long a night is on a day without a change of clocks."""
        minutes = (self.until.hour - self.at.hour) * 60 + self.until.minute - self.at.minute
        return timedelta(minutes=minutes % (24 * 60))

    @property
    def text(self) -> str:
        """The window, as ``01:00 to 06:00, mon-fri``."""
        days = "every day" if self.days == EVERY_DAY else days_text(self.days)
        return f"{self.at:%H:%M} to {self.until:%H:%M}, {days}"

    def night_at(self, now: datetime) -> Night | None:
        """Returns the night that it is now, or None."""
        return next((night for night in self._around(now, -1, 1) if night.starts <= now < night.ends), None)

    def next_night(self, now: datetime) -> Night:
        """Returns the next night that begins after now."""
        return next(night for night in self._around(now, -1, _LOOK_AHEAD) if night.starts > now)

    def last_night(self, now: datetime) -> Night:
        """Returns the last night that ended before now."""
        return [night for night in self._around(now, -_LOOK_AHEAD, 1) if night.ends <= now][-1]

    def _around(self, now: datetime, first: int, last: int) -> list[Night]:
        today = now.astimezone(self.zone).date()
        days = (today + timedelta(days=number) for number in range(first, last + 1))
        return [self._night_of(day) for day in days if day.weekday() in self.days]

    def _night_of(self, day: date) -> Night:
        end_day = day if self.until > self.at else day + timedelta(days=1)
        return Night(day.isoformat(), self._utc(day, self.at), self._utc(end_day, self.until))

    def _utc(self, day: date, clock: time) -> datetime:
        """Returns the first moment at which clocks show a time, or would if they were not set forward.

        Schedulers differ in what they do with a time that a day lacks; none starts a night before this moment.
        """
        local = datetime.combine(day, clock, self.zone)
        return min(local.replace(fold=fold).astimezone(UTC) for fold in (0, 1))


def parse_days(text: str) -> frozenset[int]:
    """Reads weekdays such as ``mon-fri``, ``sat,sun`` or ``fri-mon``.

    Raises:
        UserError: the text names no weekdays.
    """
    found: set[int] = set()
    for part in text.lower().split(","):
        first, dash, last = (each.strip() for each in part.partition("-"))
        if first not in DAYS or (last if dash else first) not in DAYS:
            raise UserError(f"--days {text}: write weekdays as mon-fri or sat,sun; they are {', '.join(DAYS)}")
        begin, end = DAYS.index(first), DAYS.index(last or first)
        found.update(number % 7 for number in range(begin, end + 1 if end >= begin else end + 8))
    return frozenset(found)


def days_text(days: frozenset[int]) -> str:
    """Returns weekdays as ``--days`` takes them."""
    runs = day_runs(days)
    return ",".join(DAYS[first] if first == last else f"{DAYS[first]}-{DAYS[last]}" for first, last in runs)


def day_runs(days: frozenset[int]) -> list[tuple[int, int]]:
    """Returns the first and last of each run of neighbouring weekdays, Monday first."""
    starts = [day for day in sorted(days) if day - 1 not in days]
    ends = [day for day in sorted(days) if day + 1 not in days]
    return list(zip(starts, ends, strict=True))
