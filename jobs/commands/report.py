"""Collects the report of a night: coverage, quarantine, busiest places, unusual hours, costs and privacy checks."""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, fields
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb

from jobs.commands.results import connect
from jobs.commands.sign_offs import awaiting_video
from jobs.nights.backlog import read_backlog
from jobs.site import Site
from ops.usual import usual_range
from schemas.backlog import Backlog
from schemas.errors import SelectionError
from schemas.night_report import (
    REPORT_VERSION,
    BusyPlace,
    CameraCoverage,
    HourOfPeople,
    NightOfReport,
    OpCost,
    PrivacyChecks,
    QuarantinedUnit,
    SiteReport,
)
from storage.files import write_atomic
from storage.sql.query import run_query
from storage.store.nights import read_nights

WEEKS = 8
"""Weeks before in which the same weekday and hour is looked at."""

NIGHTS_SHOWN = 7
"""Scheduled nights in a report."""

_NAMED = (
    "coverage people_by_hour people_by_day flows quarantine receipts segments anonymized audits review_frames cameras"
)
_ANONYMIZING = ("anonymize", "publish", "audit")

_COVERAGE = """WITH past AS (
    SELECT camera, median(recorded_s) AS usual_s, count(*) AS days FROM coverage
    WHERE date >= {day} - 28 AND date < {day} AND recorded_s > 0 GROUP BY camera
)
SELECT coalesce(today.camera, past.camera) AS camera, coalesce(nullif(cameras.name, ''), camera) AS name,
    coalesce(recorded_s, 0) AS recorded_s, coalesce(looked_at_s, 0) AS looked_at_s, coalesce(lost_s, 0) AS lost_s,
    coalesce(gaps, 0) AS gaps, coalesce(gap_s, 0) AS gap_s, usual_s, coalesce(days, 0) AS days
FROM (SELECT * FROM coverage WHERE date = {day}) AS today FULL JOIN past USING (camera)
LEFT JOIN cameras USING (camera) ORDER BY camera"""
_SPANS = (
    """SELECT camera, start_time, end_time FROM segments WHERE date = {day} ORDER BY camera, start_time, end_time"""
)
_QUARANTINE = """SELECT op, camera, unit, kind, reason, detail, path, time FROM quarantine
WHERE date = '{date}' ORDER BY camera, time, op, unit"""
_HOURS = """WITH hours AS (
    SELECT *, hour(local_time(camera, hour)) AS of_day, people * 3600.0 / greatest(observed_s, 1) AS rate
    FROM people_by_hour WHERE date <= {day} AND date >= {day} - {days}
)
SELECT today.camera, today.zone, today.local_hour, today.hour, today.people, today.observed_s, today.rate,
    coalesce(list(past.rate ORDER BY past.date, past.hour) FILTER (past.rate IS NOT NULL), []) AS past
FROM hours AS today LEFT JOIN hours AS past
    ON past.camera = today.camera AND past.zone = today.zone AND past.of_day = today.of_day
    AND past.date < today.date AND isodow(past.date) = isodow(today.date) AND past.observed_s >= 1800
WHERE today.date = {day} GROUP BY ALL ORDER BY today.camera, today.zone, today.hour"""
_ZONES = """SELECT 'zone' AS kind, zone AS place, camera, any_value(days.people) AS people,
    any_value(days.max_count) AS most, arg_max(local_hour, hours.people) AS peak_hour, max(hours.people) AS peak
FROM (SELECT * FROM people_by_day WHERE date = {day} AND people > 0) AS days
JOIN (SELECT * FROM people_by_hour WHERE date = {day}) AS hours USING (camera, zone)
GROUP BY zone, camera ORDER BY people DESC, zone, camera"""
_LINES = """WITH hours AS (
    SELECT line, camera, min(bin_start) AS first, sum(crossings)::BIGINT AS crossings
    FROM flows WHERE date = {day} AND label = 'person'
    GROUP BY line, camera, date_trunc('hour', local_time(camera, bin_start))
)
SELECT 'line' AS kind, line AS place, camera, sum(crossings)::BIGINT AS people, NULL AS most,
    arg_max(local_text(camera, time_bucket(INTERVAL 1 HOUR, first)), crossings) AS peak_hour, max(crossings) AS peak
FROM hours GROUP BY line, camera HAVING sum(crossings) > 0 ORDER BY people DESC, line, camera"""
_COSTS = """SELECT op, count(*) AS units, sum(wall_s) AS worker_s FROM receipts
WHERE date = '{date}' AND "current" AND op <> 'scan' GROUP BY op ORDER BY worker_s DESC, op"""
_PUBLISHED = """SELECT count(*) AS published,
    coalesce(sum(epoch_us(end_time) - epoch_us(start_time)) / 1e6, 0) AS seconds,
    coalesce(list(DISTINCT mode ORDER BY mode), []) AS modes, coalesce(sum(frames_whole), 0)::BIGINT AS whole
FROM anonymized WHERE date = {day}"""
_AUDITS = """SELECT count(*) AS audited, coalesce(sum(head_checks), 0)::BIGINT AS checks,
    coalesce(sum(head_leaks), 0)::BIGINT AS leaks, max(leak_rate_bound) AS bound FROM audits WHERE date = {day}"""


def night_report(site: Site, day: date | None = None, backlog: Backlog | None = None) -> SiteReport:
    """Returns the report of a local day.

    Args:
        site: the site.
        day: the day; None for the last one with footage.
        backlog: what is left; None reads it.

    Raises:
        SelectionError: there is no footage, or none of that day.
    """
    with closing(connect(site, for_query=_NAMED, pending=True)) as connection:
        night = day or _last_day(connection)
        coverage = tuple(_coverage(connection, night))
        recorded_h = sum(camera.recorded_s for camera in coverage) / 3600
        quarantine = tuple(QuarantinedUnit(**row) for row in _rows(connection, _QUARANTINE, night))
        if not recorded_h and not quarantine:
            raise SelectionError(
                f"there is no footage of {night}; the last day with footage is {_last_day(connection)}"
            )
        places = [BusyPlace(**row) for sql in (_ZONES, _LINES) for row in _rows(connection, sql, night)]
        hours = tuple(_hour(row) for row in _rows(connection, _HOURS, night))
        costs = tuple(
            OpCost(row["op"], row["units"], row["worker_s"], row["worker_s"] / recorded_h if recorded_h else None)
            for row in _rows(connection, _COSTS, night)
        )
        privacy = _privacy(connection, night, quarantine, _awaiting(site, connection, night))
    nights = [
        NightOfReport(**{each.name: getattr(record, each.name) for each in fields(NightOfReport)})
        for record in read_nights(site.store.blobs).rows[: -NIGHTS_SHOWN - 1 : -1]
    ]
    config = site.files.config
    return SiteReport(
        version=REPORT_VERSION,
        site=config.name,
        timezone=config.timezone,
        date=str(night),
        coverage=coverage,
        quarantine=quarantine,
        places=tuple(places),
        hours=hours,
        costs=costs,
        privacy=privacy,
        backlog=backlog or read_backlog(site, datetime.now(UTC)),
        nights=tuple(nights),
    )


def write_report(report: SiteReport, target: Path) -> None:
    """Writes a report as JSON, or as a page, as the suffix says.

    Raises:
        StoreFull: no space is left.
    """
    if target.suffix.lower() == ".json":
        text = json.dumps(asdict(report), indent=2, default=datetime.isoformat, ensure_ascii=False)
        write_atomic(target, f"{text}\n".encode())
        return
    from storage.exports.report_page import render_report  # draws, which JSON does not need

    render_report(report, target, datetime.now(UTC))


def _rows(connection: duckdb.DuckDBPyConnection, sql: str, night: date) -> list[dict[str, Any]]:
    words = {"day": f"DATE '{night}'", "date": str(night), "days": 7 * WEEKS}
    rows: list[dict[str, Any]] = run_query(connection, sql.format(**words)).to_pylist()
    return rows


def _last_day(connection: duckdb.DuckDBPyConnection) -> date:
    (row,) = run_query(connection, "SELECT max(date) AS last FROM coverage WHERE recorded_s > 0").to_pylist()
    if row["last"] is None:
        raise SelectionError("there is no footage yet: run `nightshift scan`, then `nightshift run`")
    last: date = row["last"]
    return last


def _coverage(connection: duckdb.DuckDBPyConnection, night: date) -> Iterator[CameraCoverage]:
    spans: dict[str, list[tuple[Any, Any]]] = {}
    for row in _rows(connection, _SPANS, night):
        known = spans.setdefault(row["camera"], [])
        if known and (row["start_time"] - known[-1][1]).total_seconds() <= 1:
            known[-1] = (known[-1][0], max(known[-1][1], row["end_time"]))
        else:
            known.append((row["start_time"], row["end_time"]))
    for row in _rows(connection, _COVERAGE, night):
        days, usual_s = row.pop("days"), row.pop("usual_s")
        enough = usual_s if days >= 7 else None
        yield CameraCoverage(**row, usual_s=enough, usual_days=days, spans=tuple(spans.get(row["camera"], ())))


def _hour(row: dict[str, Any]) -> HourOfPeople:
    """Compares the hour with the same hours before; each is scaled to a whole hour of footage."""
    past, rate = row.pop("past"), row.pop("rate")
    usual = usual_range(past)
    if usual is None or row["observed_s"] < 1800:
        return HourOfPeople(**row, usual=None, least=None, most=None, weeks=len(past), verdict="unknown")
    verdict: Any = "more" if rate > usual.most else "fewer" if rate < usual.least else "usual"
    return HourOfPeople(**row, usual=usual.median, least=usual.least, most=usual.most, weeks=len(past), verdict=verdict)


def _awaiting(site: Site, connection: duckdb.DuckDBPyConnection, night: date) -> int:
    files = run_query(connection, f"SELECT path FROM anonymized WHERE date = DATE '{night}'")["path"].to_pylist()
    return sum(each.path in files for each in awaiting_video(site))


def _privacy(
    connection: duckdb.DuckDBPyConnection, night: date, quarantine: tuple[QuarantinedUnit, ...], awaiting: int
) -> PrivacyChecks:
    (published,) = _rows(connection, _PUBLISHED, night)
    (audits,) = _rows(connection, _AUDITS, night)
    (review,) = _rows(connection, "SELECT count(*) AS frames FROM review_frames WHERE date = {day}", night)
    return PrivacyChecks(
        published=published["published"],
        published_s=published["seconds"],
        audited=audits["audited"],
        modes=tuple(published["modes"]),
        head_checks=audits["checks"],
        head_leaks=audits["leaks"],
        leak_rate_bound=audits["bound"],
        frames_whole=published["whole"],
        review_frames=review["frames"],
        awaiting=awaiting,
        refused=sum(unit.op in _ANONYMIZING for unit in quarantine),
    )
