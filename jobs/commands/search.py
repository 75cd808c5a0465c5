"""Answers when something changed in a camera's view, from the table ``motion`` alone: no footage is opened."""

from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jobs.commands.excerpts import find_camera
from jobs.commands.local_times import moments
from jobs.commands.results import connect
from jobs.site import Site
from jobs.zone_tiles import zones_of_camera
from ops.motion import Motion
from schemas.errors import SelectionError, UserError
from storage.sql.query import run_query
from storage.sql.text import quote_text

_CHANGES = "SELECT * FROM changes_in({camera}, zone_id := {zone}, since := {since}, until := {until}, gap_s := {gap_s})"

_SEGMENTS = """
SELECT segment_id, epoch_us(least(end_time, coalesce({until}::TIMESTAMPTZ, end_time))
    - greatest(start_time, coalesce({since}::TIMESTAMPTZ, start_time))) AS length_us
FROM segments WHERE camera = {camera} AND length_us > 0
"""


@dataclass(frozen=True)
class SearchRequest:
    """What to search.

    Attributes:
        zone: id of a zone; None for the whole view.
        since, until: local times of the camera, or with an offset; None for the first and the last footage. Where a
            clock change makes two times of one, both are searched.
        gap_s: longest pause within an interval.
    """

    camera: str
    zone: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    gap_s: float = 5.0


@dataclass(frozen=True)
class Found:
    """The answer to a search.

    Attributes:
        intervals: in order of time, as the macro ``changes_in`` gives them: ``kind``; ``start_time`` and ``end_time``,
            UTC; ``seconds`` of them in which something changed; and ``peak_share``, the largest share of the zone's
            tiles, or of all, that changed in one second, 0..1.
        recorded_s: length of the camera's footage within the searched time.
        looked_at_s: of that, what the op ``motion`` looked at: in the rest, it is not known what changed.
    """

    camera: str
    zone: str | None
    intervals: pa.Table
    recorded_s: float
    looked_at_s: float


def search_changes(site: Site, request: SearchRequest) -> Found:
    """Returns when something changed in a camera's view, or in a zone of it.

    Raises:
        SelectionError: there is no such camera, or it sees no such zone.
        UserError: the time ends before it begins, or is no plausible one.
    """
    camera = find_camera(site, request.camera)
    if request.zone is not None:
        _require_zone(site, camera, request.zone)
    if not request.gap_s >= 0:
        raise UserError(f"--gap {request.gap_s:g} is below 0")
    zone = ZoneInfo(site.files.config.camera_view(camera).timezone)
    since = None if request.since is None else min(moments("--since", request.since, zone))
    until = None if request.until is None else max(moments("--until", request.until, zone))
    if since is not None and until is not None and since >= until:
        raise UserError(f"--since {since.isoformat()} is not before --until {until.isoformat()}")
    words = {
        "camera": quote_text(camera),
        "zone": "NULL" if request.zone is None else quote_text(request.zone),
        "since": _moment(since),
        "until": _moment(until),
        "gap_s": f"{request.gap_s:f}",
    }
    asked = [sql.format(**words) for sql in (_CHANGES, _SEGMENTS)]
    # Only now are the views made which the macro reads.
    with closing(connect(site, for_query=f"{'; '.join(asked)} -- motion, zone_tiles")) as connection:
        intervals, segments = (run_query(connection, sql) for sql in asked)
    done = pc.is_in(segments["segment_id"], site.store.committed_units(Motion.spec.name, camera))
    recorded_s, looked_at_s = (
        (pc.sum(lengths_us).as_py() or 0) / 1e6
        for lengths_us in (segments["length_us"], segments.filter(done)["length_us"])
    )
    return Found(camera, request.zone, intervals, recorded_s, looked_at_s)


def _moment(time: datetime | None) -> str:
    return "NULL" if time is None else quote_text(time.isoformat())


def _require_zone(site: Site, camera: str, zone: str) -> None:
    """Checks that a camera sees a zone.

    Raises:
        SelectionError: it does not.
    """
    seen = zones_of_camera(site.files, site.store, camera)
    if zone not in seen:
        names = ", ".join(sorted(seen)) or "none"
        raise SelectionError(
            f"camera {camera} sees no zone {zone!r}; it has {names} (a map zone needs control points of the camera: "
            "four, or two and a measured ground; a zone in pixels its image_size or scanned footage)"
        )
    if not np.any(seen[zone]):
        raise SelectionError(f"zone {zone!r} is outside the view of {camera}: what changes there cannot be seen")
