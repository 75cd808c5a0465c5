"""Writes the map page: reads what the tables have of a period, and lets ``storage`` draw it."""

from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from jobs.commands.results import connect
from jobs.site import Site
from schemas.errors import SelectionError
from schemas.tables import TABLES
from storage.exports.map_page.tables import MapTables, Step
from storage.sql.query import run_query

MAX_POSITIONS = 5_000_000
"""Most positions that a page is made of: more take too much memory."""
_HOURS, _DAYS = 3, 10  # periods up to these are charted in bins, and in hours

_COUNTED = """SELECT camera, zone, label, epoch_us(bin_start) AS start_us, bin_s AS length_s,
    distinct_tracks AS people, max_count, observed_s FROM counts WHERE {day} ORDER BY ALL"""
_BY_HOUR = """SELECT camera, zone, 'person' AS label, epoch_us(hour) AS start_us, 3600::DOUBLE AS length_s,
    people, max_count, observed_s FROM people_by_hour WHERE {day} ORDER BY ALL"""
_BY_DAY = """SELECT camera, zone, 'person' AS label,
    epoch_us(timezone(timezone_of(camera), date::TIMESTAMP)) AS start_us, 86400::DOUBLE AS length_s,
    people, max_count, observed_s FROM people_by_day WHERE {day} ORDER BY ALL"""
_FLOWS = """SELECT camera, line, label, {start} AS start_us, {length} AS length_s, direction,
    sum(crossings)::BIGINT AS crossings FROM flows WHERE {day} GROUP BY ALL ORDER BY ALL"""
_STARTS = {
    "minute": ("epoch_us(bin_start)", "bin_s"),
    "hour": ("epoch_us(date_trunc('hour', bin_start))", "3600::DOUBLE"),
    "day": ("epoch_us(timezone(timezone_of(camera), date::TIMESTAMP))", "86400::DOUBLE"),
}


@dataclass(frozen=True)
class MapRequest:
    """What a map page shows.

    Attributes:
        target: the page.
        first, last: local days, both included; None for the first and the last there is.
        as_of: show the tables as this run left them; None for now.
    """

    target: Path
    first: date | None = None
    last: date | None = None
    as_of: str | None = None


@dataclass(frozen=True)
class MapFile:
    """A map page that was written: its file, its size and the number of positions that it is made of."""

    file: Path
    positions: int
    size_bytes: int


def write_map_page(site: Site, request: MapRequest) -> MapFile:
    """Writes the map page.

    Raises:
        SelectionError: the period has too many positions, or ends before it begins, or there is no such run.
        SiteError: a layer or a picture cannot be read.
    """
    from storage.exports.map_page import render_map
    from storage.site.pictures import load_pictures
    from storage.store.layer_versions import features_as_of, references_as_of

    tables = _read(site, request)
    features = tuple(
        feature
        for read in (features_as_of, references_as_of)
        for feature in read(site.files, site.store, request.as_of)
    )
    pictures = load_pictures(site.files)
    size = render_map(site.files, features, pictures, tables, request.target, datetime.now(UTC))
    return MapFile(request.target, tables.positions.num_rows, size)


def _read(site: Site, request: MapRequest) -> MapTables:
    day = during(request.first, request.last)
    named = "positions, zone_events, interactions, counts, flows, cameras, people_by_hour, people_by_day"
    with closing(connect(site, as_of=request.as_of, for_query=named)) as connection:
        _check_size(connection, day)
        positions, events, interactions, counts = (
            TABLES[name].conform(run_query(connection, f"SELECT * EXCLUDE (date) FROM {name} WHERE {day}"))
            for name in ("positions", "zone_events", "interactions", "counts")
        )
        step = _step(connection, day)
        people = {"minute": _COUNTED, "hour": _BY_HOUR, "day": _BY_DAY}[step].format(day=day)
        start, length = _STARTS[step]
        return MapTables(
            cameras=run_query(connection, "SELECT * FROM cameras"),
            positions=positions,
            events=events,
            interactions=interactions,
            counts=counts,
            people=run_query(connection, people),
            flows=run_query(connection, _FLOWS.format(start=start, length=length, day=day)),
            step=step,
        )


def during(first: date | None, last: date | None) -> str:
    """Returns the SQL condition that a row is of these local days.

    Raises:
        SelectionError: the last day is before the first.
    """
    if first is not None and last is not None and last < first:
        raise SelectionError(f"the last day, {last}, is before the first, {first}")
    bounds = [f"date >= DATE '{first}'"] if first else []
    bounds += [f"date <= DATE '{last}'"] if last else []
    return " AND ".join(bounds) or "true"


def _check_size(connection: duckdb.DuckDBPyConnection, day: str) -> None:
    rows = run_query(connection, f"SELECT count(*) AS rows, max(date) AS last FROM positions WHERE {day}").to_pylist()
    if rows[0]["rows"] > MAX_POSITIONS:
        raise SelectionError(
            f"{rows[0]['rows']:,} positions are too many for one page, which takes {MAX_POSITIONS:,}: choose days with "
            f"--date or --from and --to; the last one is --date {rows[0]['last']}"
        )


def _step(connection: duckdb.DuckDBPyConnection, day: str) -> Step:
    span = f"SELECT (epoch_us(max(bin_start)) - epoch_us(min(bin_start))) / 3.6e9 AS hours FROM counts WHERE {day}"
    hours: pa.Scalar = run_query(connection, span)["hours"][0]
    spanned = hours.as_py() or 0.0
    return "minute" if spanned <= _HOURS else "hour" if spanned <= _DAYS * 24 else "day"
