"""Audits of published footage: finds them, compares them with the files as they are now, and draws contact sheets.

See docs/decisions/0014-published-video-is-verified.md.
"""

import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from shlex import quote
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pyarrow.compute as pc

from jobs.commands.results import connect, query
from jobs.site import Site
from schemas.errors import NightshiftError, SelectionError
from schemas.values import SCAN_OP, Segment
from storage.archive.footage import segments_of_footage
from storage.exports.contact_sheet import ContactSheet, SheetFrame, render_contact_sheet
from storage.exports.sign_off_records import SignedFile, SignOff, describe, read_sign_offs
from storage.maintenance.problems import hash_blob
from storage.sql.query import run_query
from storage.sql.text import quote_text
from storage.store.named_files import find_video
from storage.video.published import pts_to_ticks, read_frames_at, read_ticks

MAX_FRAMES, MIN_FRAMES = 60, 12
"""Frames on a contact sheet."""

SOUND, ALTERED, MISSING = "sound", "altered", "missing"

_IDS_NAMED = 5
_SAMPLE = "an evenly spread sample: nothing was found in it"
_LIST = '`nightshift sql "SELECT footage_id, path FROM footage"` lists all footage'

Row = Mapping[str, Any]


@dataclass(frozen=True)
class PublishedFootage:
    """Footage that is published.

    Attributes:
        footage, video: the rows of the tables ``footage`` and ``anonymized``.
        timezone: of the camera.
    """

    camera: str
    footage_id: str
    footage: Row
    video: Row
    timezone: str

    @cached_property
    def segments(self) -> tuple[Segment, ...]:
        """Segments of the footage, in order."""
        return segments_of_footage(dict(self.footage), self.timezone)

    @property
    def signed_file(self) -> SignedFile:
        """What a sign-off of the published file holds for."""
        return SignedFile(self.camera, self.footage_id, self.video["sha256"])

    @property
    def size_px(self) -> tuple[int, int]:
        """(width, height) of the frames."""
        return self.segments[0].width, self.segments[0].height

    def local_text(self, time: datetime) -> str:
        """Returns a time in the camera's time zone, with its offset from UTC."""
        return time.astimezone(ZoneInfo(self.timezone)).isoformat(sep=" ", timespec="milliseconds")

    def segments_condition(self, column: str = "segment_id") -> str:
        """Returns the SQL condition for rows of its segments in a table with ``camera`` and segment ids."""
        return f"camera = {quote_text(self.camera)} AND starts_with({column}, {quote_text(self.footage_id + '-')})"


@dataclass(frozen=True)
class AuditedFootage:
    """An audit, and whether the files are still those that it describes.

    Attributes:
        document: the JSON beside the published file.
        path: of the audit, relative to the store.
        video_state, audit_state: ``sound``, ``altered`` or ``missing``.
        made_by: op, version and weights of the work on the footage, from its receipts.
        sha256: of the audit, as it was written.
        sign_offs: of the published file as it is now, oldest first.
    """

    published: PublishedFootage
    document: Mapping[str, Any]
    path: str
    video_state: str
    audit_state: str
    made_by: tuple[tuple[str, int, str], ...]
    sha256: str
    sign_offs: tuple[SignOff, ...]

    @property
    def problems(self) -> list[str]:
        """What is wrong with the files, one line each."""
        video = self.published.video["path"]
        states = {f"the published file {video}": self.video_state, f"this audit {self.path}": self.audit_state}
        words = {ALTERED: "was altered after it was written", MISSING: "is missing"}
        return [f"{what} {words[state]}" for what, state in states.items() if state != SOUND]


def find_published(site: Site, name: str) -> PublishedFootage:
    """Finds the published footage that a user names.

    Args:
        name: a footage id, an unambiguous beginning of one, or a path: of the original relative to the archive, of the
            published file relative to the store, or of either relative to the current folder.

    Raises:
        SelectionError: there is no such footage, or there is more than one.
        NightshiftError: it is not published; the message says why.
    """
    with closing(_open_tables(site)) as connection:
        return _find_published(site, connection, name)


def _open_tables(site: Site) -> duckdb.DuckDBPyConnection:
    """Opens the tables that an audit reads, all of one moment."""
    return connect(site, for_query="footage, anonymized, audits", pending=True)


def _find_published(site: Site, connection: duckdb.DuckDBPyConnection, name: str) -> PublishedFootage:
    footage = _find_footage(site, connection, name)
    videos = run_query(connection, f"SELECT * FROM anonymized WHERE {_condition(footage)}").to_pylist()
    if not videos:
        raise NightshiftError(_why_unpublished(site, footage))
    timezone = site.files.config.camera_view(footage["camera"]).timezone
    return PublishedFootage(footage["camera"], footage["footage_id"], footage, videos[0], timezone)


def read_audit(site: Site, name: str) -> AuditedFootage:
    """Reads the audit of published footage, and hashes both files to see whether they were altered.

    Raises:
        SelectionError: there is no such footage, or there is more than one.
        NightshiftError: it is not published, or has no audit.
    """
    with closing(_open_tables(site)) as connection:
        published = _find_published(site, connection, name)
        sql = f"SELECT path, sha256, video_sha256 FROM audits WHERE {_condition(published.footage)}"
        rows = run_query(connection, sql).to_pylist()
    if not rows:
        reason = _quarantine_reason(site, published.footage, "audit")
        raise NightshiftError(
            f"footage {published.footage_id} is published but has no audit: "
            + (reason or "`nightshift run --ops audit` creates it")
        )
    (row,) = rows
    try:
        document = json.loads(site.store.blobs.read(row["path"]))
    except (FileNotFoundError, ValueError) as error:
        raise NightshiftError(
            f"{site.store.blobs.url}/{row['path']}, the audit of footage {published.footage_id}, is missing or torn: "
            "run `nightshift repair --yes`, and then `nightshift run`"
        ) from error
    # The video is compared with its hash in the audit, not in the table anonymized: the audit describes that file only.
    return AuditedFootage(
        published,
        document,
        row["path"],
        file_state(site, published.video["path"], row["video_sha256"]),
        file_state(site, row["path"], row["sha256"]),
        _made_by(site, published),
        row["sha256"],
        tuple(each for each in read_sign_offs(site.store) if each.signed_file == published.signed_file),
    )


def file_state(site: Site, path: str, sha256: str) -> str:
    """Returns whether a file of the store is ``sound``, ``altered`` or ``missing``, wherever it lies."""
    blobs = site.store.blobs
    try:
        return SOUND if hash_blob(blobs, find_video(blobs, path)) == sha256 else ALTERED
    except FileNotFoundError:
        return MISSING


def write_contact_sheet(site: Site, audited: AuditedFootage, facts: Sequence[tuple[str, str]], target: Path) -> int:
    """Writes the review list as an HTML page of frames of the published file, and returns their number.

    Args:
        facts: names and values to print above the frames.

    Raises:
        NightshiftError: the published file is altered or missing: nobody has verified what it shows.
    """
    if audited.video_state != SOUND:
        raise NightshiftError(f"{audited.problems[0]}; no sheet was written: see `nightshift verify`")
    published = audited.published
    listed = query(
        site,
        "SELECT time, pts, risk, reason FROM review_frames "
        f"WHERE {published.segments_condition()} ORDER BY risk DESC, pts",
    ).to_pylist()
    sheet = ContactSheet(
        title=f"{published.camera}, footage {published.footage_id}",
        statement=str(audited.document["statement"]),
        warnings=audited.problems,
        facts=facts,
        flagged=len(listed),
        sha256=published.video["sha256"],
        sign_offs=[describe(sign_off) for sign_off in audited.sign_offs],
        command=f"nightshift sign-off {published.footage_id} --sheet {quote(str(target))} "
        "--verdict accept --by 'YOUR NAME'",
    )
    return render_contact_sheet(target, sheet, _sheet_frames(site, published, listed[:MAX_FRAMES]))


def _sheet_frames(site: Site, published: PublishedFootage, listed: Sequence[Row]) -> list[SheetFrame]:
    """Returns the listed frames in the order of the list; if they are few, an even sample of the others follows."""
    first = published.segments[0]
    # The published file counts ticks from its own start; the review list has the PTS of the original.
    reasons = {pts_to_ticks(row["pts"], first): (row["risk"], row["reason"]) for row in listed}
    blobs = site.store.blobs
    with blobs.local(find_video(blobs, published.video["path"])) as path:
        others = [ticks for ticks in read_ticks(path) if ticks not in reasons]
        count = min(len(others), max(0, MIN_FRAMES - len(reasons)))
        reasons |= {others[number * len(others) // count]: (0.0, _SAMPLE) for number in range(count)}
        images = dict(read_frames_at(path, sorted(reasons), published.size_px))
    frames = []
    for ticks, (risk, reason) in reasons.items():
        if ticks in images:
            time = first.footage_start + timedelta(seconds=float(Fraction(ticks, first.time_base.denominator)))
            frames.append(SheetFrame(images[ticks], published.local_text(time), risk, reason))
    return frames


def _find_footage(site: Site, connection: duckdb.DuckDBPyConnection, name: str) -> dict[str, Any]:
    """Returns a row of the table ``footage``."""
    archive_paths, store_paths = (
        ", ".join(map(quote_text, {name, *_relative_paths(name, location)}))
        for location in (site.files.archive, site.files.store)
    )
    # First as a path of an original, then of a published file, then as the beginning of an id.
    for condition in (
        f"path IN ({archive_paths})",
        f"(camera, footage_id) IN (SELECT (camera, footage_id) FROM anonymized WHERE path IN ({store_paths}))",
        f"starts_with(footage_id, {quote_text(name.lower())}) AND {quote_text(name)} <> ''",
    ):
        # The same content may lie at two paths; the row that a scan could cut into segments is the useful one.
        distinct = f"SELECT DISTINCT ON (camera, footage_id) * FROM footage WHERE {condition}"
        sql = f"FROM ({distinct} ORDER BY cuts IS NULL, path) ORDER BY camera, path"
        found: list[dict[str, Any]] = run_query(connection, sql).to_pylist()
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(f"{row['footage_id']} ({row['path']})" for row in found[:_IDS_NAMED])
            raise SelectionError(
                f"{name!r} is the beginning of {len(found)} footage ids: {names}; give more digits, or a path"
            )
    raise SelectionError(f"there is no footage {name!r}: give its id, the beginning of its id, or its path; {_LIST}")


def _condition(footage: Row) -> str:
    return f"camera = {quote_text(footage['camera'])} AND footage_id = {quote_text(footage['footage_id'])}"


def _relative_paths(name: str, location: str) -> list[str]:
    """Returns a path relative to the current folder as one relative to another folder, if it is inside that."""
    if "://" in location:
        return [name.removeprefix(location.rstrip("/") + "/")]
    path, root = Path(name).absolute(), Path(location).absolute()
    return [path.relative_to(root).as_posix()] if path.is_relative_to(root) else []


def _why_unpublished(site: Site, footage: Row) -> str:
    start = f"footage {footage['footage_id']} ({footage['path']}) is not published: "
    reason = _quarantine_reason(site, footage, SCAN_OP, "detect", "background", "track", "anonymize", "publish")
    if reason:
        return start + reason
    if footage["cuts"] is None:
        return f"{start}it cannot be used: {footage['damage']}: {footage['damage_detail']}"
    return f"{start}no run has reached it yet, or it was purged; see `nightshift status`"


def _quarantine_reason(site: Site, footage: Row, *ops: str) -> str | None:
    """Returns why footage, or a segment of it, is in quarantine; of several reasons that of the first op."""
    units = f"unit IN ({quote_text(footage['footage_id'])}, {quote_text(footage['path'])})"
    segments = f"starts_with(unit, {quote_text(footage['footage_id'] + '-')})"
    entries = query(
        site,
        f"SELECT * FROM quarantine WHERE camera = {quote_text(footage['camera'])} AND ({units} OR {segments}) "
        f"AND op IN {[*ops]} ORDER BY list_position({[*ops]}, op), unit",
    ).to_pylist()
    if not entries:
        return None
    more = f" (and {len(entries) - 1} more)" if len(entries) > 1 else ""
    return "{op} of {unit} is in quarantine: {kind}: {reason}: {detail}".format(**entries[0]) + more


def _made_by(site: Site, published: PublishedFootage) -> tuple[tuple[str, int, str], ...]:
    """Returns op, version and weights of the newest work of each op on this footage and its segments."""
    unit = pc.field("unit")
    of_footage = (unit == published.footage_id) | pc.starts_with(unit, f"{published.footage_id}-")
    receipts = site.store.read_receipts().rows.filter((pc.field("camera") == published.camera) & of_footage)
    newest = {row["op"]: row for row in receipts.sort_by("committed").to_pylist()}
    return tuple(
        (op, row["version"], json.loads(row["ingredients"]).get("weights", "none")) for op, row in newest.items()
    )
