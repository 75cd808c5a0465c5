"""A request for subject access that tests share: the film, its longest track, the reason."""

from datetime import UTC, datetime
from pathlib import Path

from jobs.commands.audits import find_published
from jobs.commands.results import query
from jobs.commands.subject_access import export_subject_access
from jobs.site import Site
from storage.exports.export_records import ExportRecord

FILM = "hall/2026-03-02T21-59-00.mp4"
NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
REASON = "request 17, by the person shown"


def track_of(site: Site) -> str:
    """The track with the most points in the film."""
    mine = find_published(site, FILM).segments_condition()
    sql = f"SELECT track_id FROM track_points WHERE {mine} GROUP BY track_id ORDER BY count(*) DESC, track_id LIMIT 1"
    return str(query(site, sql)["track_id"][0].as_py())


def ask(site: Site, track: str, target: Path, reason: str = REASON) -> ExportRecord:
    return export_subject_access(site, FILM, track, reason, target, "an operator", NOW)
