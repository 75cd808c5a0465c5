"""What a purge keeps because of a hold. What a hold touches is kept whole: the file, and the unit of work of a day."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from storage.maintenance.holds import Hold
from storage.maintenance.tombstones import DataKind

_TICK = timedelta(microseconds=1)
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class HeldData:
    """What is past its limit and stays, of one camera-day and kind of data, by one hold.

    Attributes:
        units: number of footage files, or of units of work (all versions).
    """

    camera: str
    date: str
    what: DataKind
    units: int
    hold_id: str
    reason: str


class HeldTimes:
    """The footage and camera-days that holds keep.

    Args:
        holds: those that are not released.
        footage: rows of the table ``footage``, of all scans.
        zones: the time zone of each camera that has a hold.
    """

    def __init__(
        self, holds: Sequence[Hold], footage: Iterable[Mapping[str, Any]], zones: Mapping[str, ZoneInfo]
    ) -> None:
        self._contents: dict[tuple[str, str], list[Hold]] = defaultdict(list)
        self._days: dict[tuple[str, str], list[Hold]] = defaultdict(list)
        rows = list(footage)
        for hold in holds:
            zone = zones[hold.camera]
            touched = [row for row in rows if row["camera"] == hold.camera and _overlaps(row, hold, zone)]
            for row in touched:
                self._contents[_content(row)].append(hold)
            # Units of work bear the day in which they begin: footage may begin on the day before, with its segments.
            first = min([hold.start_time, *(row["start_time"] for row in touched)]).astimezone(zone).date()
            last = (hold.end_time - _TICK).astimezone(zone).date()
            for number in range((last - first).days + 1):
                self._days[hold.camera, (first + number * _DAY).isoformat()].append(hold)

    def of_footage(self, row: Mapping[str, Any]) -> list[Hold]:
        """Returns the holds of a file, or of another one of the camera with its content: copies go together."""
        return _unique(self._contents.get(_content(row), ()))

    def of_day(self, camera: str, day: str) -> list[Hold]:
        """Returns the holds of the units of work of a camera-day."""
        return _unique(self._days.get((camera, day), ()))


class HeldCount:
    """Counts what each hold keeps."""

    def __init__(self) -> None:
        self._units: dict[tuple[str, str, DataKind, Hold], set[tuple[str, ...]]] = defaultdict(set)

    def add(self, camera: str, day: str, what: DataKind, holds: Iterable[Hold], unit: tuple[str, ...]) -> None:
        """Counts a footage file or a unit of work."""
        for hold in holds:
            self._units[camera, day, what, hold].add(unit)

    def found(self) -> tuple[HeldData, ...]:
        """Returns what is held, in order of camera and day."""
        found = [
            HeldData(camera, day, what, len(units), hold.hold_id, hold.reason)
            for (camera, day, what, hold), units in self._units.items()
        ]
        return tuple(sorted(found, key=lambda each: (each.camera, each.date, each.what, each.hold_id)))


def _overlaps(row: Mapping[str, Any], hold: Hold, zone: ZoneInfo) -> bool:
    start: datetime = row["start_time"]
    return start < hold.end_time and max(start, _end(row, zone)) >= hold.start_time


def _end(row: Mapping[str, Any], zone: ZoneInfo) -> datetime:
    """Returns when footage ends; nobody knows of what cannot be decoded, so that lasts to the end of its day."""
    start: datetime = row["start_time"]
    if row["frames"]:
        return start + timedelta(seconds=row["duration_s"])
    day: date = start.astimezone(zone).date()
    return datetime.combine(day, time.max, tzinfo=zone)


def _content(row: Mapping[str, Any]) -> tuple[str, str]:
    return row["camera"], row["content_sha256"] or row["path"]


def _unique(holds: Iterable[Hold]) -> list[Hold]:
    return list(dict.fromkeys(holds))
