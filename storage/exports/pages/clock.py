"""Local times on axes: ticks at round local times, also where clocks change."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200)
_STEPS_DAYS = (1, 2, 7, 14, 30, 60, 120, 365, 730, 1825)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Clock:
    """Times of one time zone, as pages show them.

    Args:
        zone: IANA name.
    """

    def __init__(self, zone: str) -> None:
        self.zone = zone
        self._zone = ZoneInfo(zone)

    def local(self, time_us: int) -> datetime:
        """Returns microseconds since 1970 as local time."""
        return (_EPOCH + timedelta(microseconds=time_us)).astimezone(self._zone)

    def text(self, time_us: int, form: str = "%Y-%m-%d %H:%M:%S") -> str:
        """Returns a time as text, without its offset from UTC."""
        return self.local(time_us).strftime(form)

    def period(self, start_us: int, end_us: int) -> str:
        """Returns a period as short text: the date once if it is one day."""
        start, end = self.local(start_us), self.local(end_us)
        first = f"{start:%A} {start.day} {start:%B %Y}"
        if start.date() == end.date():
            return f"{first}, {start:%H:%M} to {end:%H:%M}"
        return f"{start.day} {start:%b %Y %H:%M} to {end.day} {end:%b %Y %H:%M}"

    def offsets(self, start_us: int, end_us: int) -> list[list[float]]:
        """Returns pairs of milliseconds since 1970 and the offset from UTC in milliseconds that holds from then on."""
        day_us = 86_400_000_000
        hours = range(start_us - day_us, end_us + 2 * day_us, day_us // 24)
        found = [[hours[0] / 1e3, self._offset_ms(hours[0])]]
        for before, after in pairwise(range(hours.start, hours.stop, day_us)):
            if self._offset_ms(before) != self._offset_ms(after):
                change = next(t for t in range(before, after + 1, 900_000_000) if self._offset_ms(t) != found[-1][1])
                found.append([change // 900_000_000 * 900_000.0, self._offset_ms(change)])
        return found

    def _offset_ms(self, time_us: int) -> float:
        offset = self.local(time_us).utcoffset()
        assert offset is not None, "a time with a zone has an offset"
        return offset.total_seconds() * 1e3

    def ticks(self, start_us: int, end_us: int, most: int = 7) -> dict[float, str]:
        """Returns labels of an axis by milliseconds since 1970, at most ``most`` of them (or one more)."""
        span_s = max((end_us - start_us) / 1e6, 1e-3)
        step_s = next((step for step in _STEPS_S if span_s / step <= most), None)
        if step_s is None:
            days = next((days for days in _STEPS_DAYS if span_s / 86400 / days <= most), _STEPS_DAYS[-1])
            return self._days(start_us, end_us, days)
        midnight = self.local(start_us).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
        labels: dict[float, str] = {}
        shown, form = None, "%H:%M:%S" if step_s < 60 else "%H:%M"
        for number in range(int(span_s // step_s) + 86_400 // step_s + 2):
            wall = midnight + timedelta(seconds=number * step_s)
            at_us = round((wall.replace(tzinfo=self._zone) - _EPOCH).total_seconds() * 1e6)
            if start_us <= at_us <= end_us:
                date = f"{wall.day} {wall:%b}" if span_s > 43_200 and wall.date() != shown else ""
                labels[at_us / 1e3] = f"{wall.strftime(form)}\n{date}" if date else wall.strftime(form)
                shown = wall.date()
        return labels

    def _days(self, start_us: int, end_us: int, days: int) -> dict[float, str]:
        first = self.local(start_us).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
        labels: dict[float, str] = {}
        for number in range(0, round((end_us - start_us) / 8.64e10) + 2, days):
            wall = first + timedelta(days=number)
            at_us = round((wall.replace(tzinfo=self._zone) - _EPOCH).total_seconds() * 1e6)
            if start_us <= at_us <= end_us:
                labels[at_us / 1e3] = f"{wall.day} {wall:%b}" if days < 300 else f"{wall:%b %Y}"
        return labels
