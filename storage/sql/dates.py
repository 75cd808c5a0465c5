"""The column ``date`` of views: the local date of each row, by the camera's time zone.

Files are grouped by the local date at which their unit starts, and a unit may pass midnight. A view is therefore a
union: the rows of the unit's own date, and those of the next. So a query of one day opens the files of that day and of
the day before, and no others (docs/decisions/0024-the-date-of-a-row.md).
"""

import re
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, timedelta

import duckdb

from schemas.tables import TableSpec
from storage.sql.lazy import INTERNAL
from storage.sql.text import quote_name, quote_text

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")

CAMERA_MACROS = ("timezone_of", "local_time", "local_date", "local_text")
"""Macros that know the time zones of the cameras."""


@dataclass(frozen=True)
class Dates:
    """How views show dates.

    Attributes:
        zones: IANA time zone names by camera; without any, and for rows without a time, dates are those of units.
        filtered: whether a query may select rows by date.
        named: dates of units whose rows a query may select by the dates that it names.
    """

    zones: Mapping[str, str] = field(default_factory=dict)
    filtered: bool = True
    named: frozenset[date] = frozenset()

    def zone_sql(self, camera: str) -> str:
        """Returns SQL for the time zone of a camera.

        It is constant for a file, unlike ``timezone_of``: DuckDB looks each row's camera up in a map, which takes a
        hundred times as long.
        """
        (usual, _), *_ = Counter(self.zones.values()).most_common(1)
        others: dict[str, list[str]] = {}
        for name, zone in sorted(self.zones.items()):
            if zone != usual:
                others.setdefault(zone, []).append(quote_text(name))
        whens = (f"WHEN {camera} IN ({', '.join(names)}) THEN {quote_text(zone)} " for zone, names in others.items())
        return f"CASE {''.join(whens)}ELSE {quote_text(usual)} END" if others else quote_text(usual)


@dataclass(frozen=True)
class NamedDay:
    """A day of units that a query names, in one time zone: its bounds are constants, which statistics are held against.

    Where all rows of a file or row group are within the day, none is compared; where none is, none is read.
    """

    date: date
    zone: str


def named_days(query: str) -> frozenset[date]:
    """Returns the dates of the units whose rows a query may select by the dates in its text: two days around each.

    Rows are of the day of their unit or next to it, and views of stays look at the day before as well.
    """
    found: set[date] = set()
    for text in _DATE.findall(query):
        with suppress(ValueError, OverflowError):  # a number that looks like a date
            found |= {date.fromisoformat(text) + timedelta(days) for days in range(-2, 3)}
    return frozenset(found)


@dataclass(frozen=True)
class DatedRows:
    """A part of a table's rows.

    Attributes:
        date: SQL for their local date.
        condition: SQL that selects them; None for all rows of the table.
        shift: days between ``date`` and the unit's; None if that differs from row to row.
    """

    date: str
    condition: str | None = None
    shift: int | None = 0


def dated_rows(
    spec: TableSpec, dates: Dates, unit_day: str, camera: str, day: NamedDay | None = None
) -> list[DatedRows]:
    """Returns the parts that a table's rows are read in, each with one way to tell the date.

    Args:
        spec: the table.
        dates: how to show dates.
        unit_day: SQL for the local date of the unit.
        camera: SQL for the camera.
        day: the day of all units, where a query names it.
    """
    if day is not None:
        unit_day = f"DATE '{day.date}'"
    if spec.row_time is None or not dates.zones:
        return [DatedRows(unit_day)]
    time = quote_name(spec.row_time)
    zone = dates.zone_sql(camera) if day is None else quote_text(day.zone)
    begins, ends = (f"{INTERNAL}.day_start({zone}, {day})" for day in (unit_day, f"{unit_day} + 1"))
    before, after = f"{time} < {begins}", f"{time} >= {ends}"
    # Only bins may begin before the unit that fills them.
    has_before = spec.row_time == "bin_start"
    if not dates.filtered:
        earlier = f"WHEN {before} THEN {unit_day} - 1 " if has_before else ""
        return [DatedRows(f"CASE WHEN {after} THEN {unit_day} + 1 {earlier}ELSE {unit_day} END", None, None)]
    own = f"NOT ({after})" + (f" AND NOT ({before})" if has_before else "")
    parts = [DatedRows(unit_day, own), DatedRows(f"({unit_day} + 1)", after, 1)]
    return parts + ([DatedRows(f"({unit_day} - 1)", before, -1)] if has_before else [])


def create_date_macros(con: duckdb.DuckDBPyConnection, timezones: Mapping[str, str]) -> None:
    """Creates the macros of local time: ``timezone_of``, ``local_time``, ``local_date``, ``local_text``.

    ``local_text`` is ISO 8601 with the offset from UTC, which tells the hour that comes twice apart.

    Args:
        con: the connection.
        timezones: IANA time zone names by camera.
    """
    known = ", ".join(f"{quote_text(camera)}: {quote_text(zone)}" for camera, zone in sorted(timezones.items()))
    zone = f"map_extract_value(MAP {{{known}}}, camera)" if known else "NULL::VARCHAR"
    # A repeated midnight is read as its second occurrence; the day begins with the first.
    midnight = "timezone(zone, day::TIMESTAMP)"
    repeated = f"timezone(zone, {midnight} - INTERVAL 1 HOUR)::DATE = day"
    here, utc = "timezone(coalesce(timezone_of(camera), 'UTC'), ts::TIMESTAMPTZ)", "timezone('UTC', ts::TIMESTAMPTZ)"
    offset_s = f"(epoch_us({here}) - epoch_us({utc})) // 1000000"
    fraction = f"CASE WHEN epoch_us(ts::TIMESTAMPTZ) % 1000000 = 0 THEN '' ELSE strftime({here}, '.%f') END"
    sign = f"CASE WHEN {offset_s} < 0 THEN '-' ELSE '+' END"
    for macro in (
        f"timezone_of(camera) AS {zone}",
        "local_time(camera, ts) AS timezone(timezone_of(camera), ts::TIMESTAMPTZ)",
        "local_date(camera, ts) AS local_time(camera, ts)::DATE",
        f"local_text(camera, ts) AS strftime({here}, '%Y-%m-%dT%H:%M:%S') || {fraction} || {sign} || "
        f"strftime(make_timestamp(abs({offset_s}) * 1000000), '%H:%M')",
        f"{INTERNAL}.day_start(zone, day) AS {midnight} - to_hours(({repeated})::INTEGER)",
    ):
        con.execute(f"CREATE MACRO {macro}")
