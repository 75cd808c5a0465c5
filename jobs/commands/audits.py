"""Audits of published footage: found by id or path, held against the files as they are now, and shown as a sheet."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jobs.commands.results import query
from jobs.site import Site
from schemas.errors import NightshiftError, SelectionError
from schemas.values import SCAN_OP, Quarantined, Segment
from storage.archive.footage import segments_of_footage
from storage.exports.contact_sheet import ContactSheet, SheetFrame, render_contact_sheet
from storage.maintenance.problems import hash_blob
from storage.sql.text import quote_text
from storage.video.published import pts_to_ticks, read_frames_at, read_ticks

MOST_SHOTS, LEAST_SHOTS = 60, 12
SOUND, ALTERED, MISSING = "sound", "altered", "missing"

_NAMED = 5
_SAMPLE = "a sample, evenly spread: nothing speaks for it"
_LIST = '`nightshift sql "SELECT footage_id, path FROM footage"` lists what there is'

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Published:
    """Footage that is published.

    Attributes:
        footage, video: its rows of the tables ``footage`` and ``anonymized``.
        timezone: of the camera.
    """

    footage: Row
    video: Row
    timezone: str

    @property
    def footage_id(self) -> str:
        """Of the footage."""
        return str(self.footage["footage_id"])

    @property
    def camera(self) -> str:
        """Of the footage."""
        return str(self.footage["camera"])

    @cached_property
    def segments(self) -> tuple[Segment, ...]:
        """Of the footage, in order."""
        return segments_of_footage(dict(self.footage), self.timezone)

    @property
    def size_px(self) -> tuple[int, int]:
        """(width, height) of its frames."""
        return self.segments[0].width, self.segments[0].height

    def local_text(self, time: datetime) -> str:
        """A time as the camera's clocks show it, with its distance from UTC."""
        return time.astimezone(ZoneInfo(self.timezone)).isoformat(sep=" ", timespec="milliseconds")

    def of_segments(self, column: str = "segment_id") -> str:
        """SQL: rows of its segments, in a table that has ``camera`` and the segment in a column."""
        return f"camera = {quote_text(self.camera)} AND starts_with({column}, {quote_text(self.footage_id + '-')})"


@dataclass(frozen=True)
class Audited:
    """An audit, and whether the files are still what it is of.

    Attributes:
        document: the JSON beside the published file.
        path, video_path: where both stand, below the store.
        video_state, audit_state: ``sound``, ``altered`` or ``missing``.
        made_by: op, version and weights of what was run on the footage, as its receipts have it.
    """

    published: Published
    document: Mapping[str, Any]
    path: str
    video_path: str
    video_state: str
    audit_state: str
    made_by: tuple[tuple[str, int, str], ...]

    @property
    def problems(self) -> list[str]:
        """What is wrong, in words."""
        states = {
            f"the published file {self.video_path}": self.video_state,
            f"this audit {self.path}": self.audit_state,
        }
        words = {ALTERED: "is not what was written: it was altered", MISSING: "is not there"}
        return [f"{what} {words[state]}" for what, state in states.items() if state != SOUND]


def find_published(site: Site, name: str) -> Published:
    """The published footage that a user names.

    Args:
        name: a footage id, as many of its first digits as tell it from others, the path of the original below the
            archive, or of the published file below the store; a path from the current folder does as well.

    Raises:
        SelectionError: there is no such footage, or there is more than one.
        NightshiftError: it is not published; the message says why.
    """
    footage = _find_footage(site, name)
    key = f"camera = {quote_text(footage['camera'])} AND footage_id = {quote_text(footage['footage_id'])}"
    videos = query(site, f"SELECT * FROM anonymized WHERE {key}").to_pylist()
    if not videos:
        raise NightshiftError(_why_not(site, footage))
    return Published(footage, videos[0], site.files.config.camera_view(footage["camera"]).timezone)


def audit_of(site: Site, name: str) -> Audited:
    """The audit of published footage; the published file is hashed again.

    Raises:
        SelectionError: there is no such footage, or there is more than one.
        NightshiftError: it is not published, or has no audit.
    """
    published = find_published(site, name)
    key = f"camera = {quote_text(published.camera)} AND footage_id = {quote_text(published.footage_id)}"
    rows = query(site, f"SELECT path, sha256, video_sha256 FROM audits WHERE {key}").to_pylist()
    if not rows:
        reason = _set_aside(site, published.footage, ("audit",))
        raise NightshiftError(
            f"footage {published.footage_id} is published but has no audit: "
            + (reason or "`nightshift run --ops audit` makes it")
        )
    (row,) = rows
    try:
        content = site.store.blobs.read(row["path"])
        document = json.loads(content)
    except (FileNotFoundError, ValueError) as error:
        raise NightshiftError(
            f"{site.store.blobs.url}/{row['path']}, the audit of footage {published.footage_id}, is gone or torn: "
            "`nightshift repair` lets it be made again"
        ) from error
    return Audited(
        published,
        document,
        row["path"],
        published.video["path"],
        video_state(site, published.video["path"], row["video_sha256"]),
        video_state(site, row["path"], row["sha256"]),
        _made_by(site, published),
    )


def video_state(site: Site, path: str, sha256: str) -> str:
    """Whether a file of the store is ``sound``, ``altered`` or ``missing``."""
    try:
        return SOUND if hash_blob(site.store.blobs, path) == sha256 else ALTERED
    except FileNotFoundError:
        return MISSING


def write_contact_sheet(site: Site, audited: Audited, facts: Sequence[tuple[str, str]], target: Path) -> int:
    """Writes the review list as an HTML page of frames of the published file. Returns how many are on it.

    Args:
        facts: names and values that stand above the frames.

    Raises:
        NightshiftError: the published file is altered or gone: what is in it nobody has vouched for.
    """
    if audited.video_state != SOUND:
        raise NightshiftError(f"{audited.problems[0]}; no sheet is made of it: see `nightshift verify`")
    published = audited.published
    listed = query(
        site,
        f"SELECT time, pts, risk, reason FROM review_frames WHERE {published.of_segments()} ORDER BY risk DESC, pts",
    ).to_pylist()
    sheet = ContactSheet(
        title=f"{published.camera}, footage {published.footage_id}",
        statement=str(audited.document["statement"]),
        warnings=audited.problems,
        facts=facts,
        flagged=len(listed),
    )
    return render_contact_sheet(target, sheet, _shots(site, published, listed[:MOST_SHOTS]))


def _shots(site: Site, published: Published, listed: Sequence[Row]) -> list[SheetFrame]:
    """Frames of the published file in the order of the list; where it is short, a sample of the others after them."""
    first = published.segments[0]
    why = {pts_to_ticks(row["pts"], first): (row["risk"], row["reason"]) for row in listed}
    with site.store.blobs.local(published.video["path"]) as path:
        others = [ticks for ticks in read_ticks(path) if ticks not in why]
        count = min(len(others), max(0, LEAST_SHOTS - len(why)))
        why |= {others[number * len(others) // count]: (0.0, _SAMPLE) for number in range(count)}
        images = dict(read_frames_at(path, sorted(why), published.size_px))
    shots = []
    for ticks, (risk, reason) in why.items():
        if ticks in images:
            time = first.footage_start + timedelta(seconds=float(ticks * Fraction(1, first.time_base.denominator)))
            shots.append(SheetFrame(images[ticks], published.local_text(time), risk, reason))
    return shots


def _find_footage(site: Site, name: str) -> dict[str, Any]:
    """The row of the table ``footage``."""
    paths = ", ".join(map(quote_text, {name, *_below(name, site.files.archive)}))
    rows = query(site, f"SELECT * FROM footage WHERE path IN ({paths}) ORDER BY camera, path").to_pylist()
    if not rows:
        videos = ", ".join(map(quote_text, {name, *_below(name, site.files.store)}))
        named = f"SELECT (camera, footage_id) FROM anonymized WHERE path IN ({videos})"
        rows = query(site, f"SELECT * FROM footage WHERE (camera, footage_id) IN ({named}) ORDER BY path").to_pylist()
    if not rows and name:
        begins = f"starts_with(footage_id, {quote_text(name.lower())})"
        rows = query(site, f"SELECT * FROM footage WHERE {begins} ORDER BY camera, path").to_pylist()
    known: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        key = (row["camera"], row["footage_id"])
        if key not in known or known[key]["cuts"] is None:
            known[key] = row
    if not known:
        raise SelectionError(f"there is no footage {name!r}: give an id, the beginning of one, or a path; {_LIST}")
    if len(known) > 1:
        found = ", ".join(f"{row['footage_id']} ({row['path']})" for row in list(known.values())[:_NAMED])
        raise SelectionError(
            f"{name!r} is the beginning of {len(known)} footage ids: {found}; give more of it, or a path"
        )
    return next(iter(known.values()))


def _below(name: str, location: str) -> list[str]:
    """A path from the current folder as one below a folder, if it is there."""
    if "://" in location:
        return [name.removeprefix(location.rstrip("/") + "/")]
    path, root = Path(name).absolute(), Path(location).absolute()
    return [path.relative_to(root).as_posix()] if path.is_relative_to(root) else []


def _why_not(site: Site, footage: Row) -> str:
    said = f"footage {footage['footage_id']} ({footage['path']}) is not published: "
    reason = _set_aside(site, footage, (SCAN_OP, "detect", "background", "track", "anonymize", "publish"))
    if reason:
        return said + reason
    if footage["cuts"] is None:
        return f"{said}it cannot be used: {footage['damage']}: {footage['damage_detail']}"
    return f"{said}`nightshift run` has not come to it, or what was published was purged; `nightshift status` says more"


def _set_aside(site: Site, footage: Row, ops: Sequence[str]) -> str | None:
    """Why footage, or a segment of it, is in quarantine; the op that is first in the pipeline counts."""
    units = (footage["footage_id"], footage["path"])
    mine: list[Quarantined] = [
        entry
        for entry in site.journal.read_quarantine().rows
        if entry.op in ops
        and entry.camera == footage["camera"]
        and (entry.unit in units or entry.unit.startswith(f"{footage['footage_id']}-"))
    ]
    if not mine:
        return None
    entry = min(mine, key=lambda each: (ops.index(each.op), each.unit))
    more = f" (and {len(mine) - 1} more)" if len(mine) > 1 else ""
    return f"{entry.op} of {entry.unit} is in quarantine: {entry.kind}: {entry.reason}: {entry.detail}{more}"


def _made_by(site: Site, published: Published) -> tuple[tuple[str, int, str], ...]:
    """Ops, versions and weights of the newest work on this footage and its segments."""
    receipts = site.store.read_receipts().rows.filter(_of_footage(published)).sort_by("committed")
    newest = {row["op"]: (row["op"], row["version"], row["ingredients"]) for row in receipts.to_pylist()}
    return tuple((op, version, json.loads(made).get("weights", "none")) for op, version, made in newest.values())


def _of_footage(published: Published) -> Any:
    """A filter of receipts."""
    import pyarrow.compute as pc

    unit = pc.field("unit")
    mine = (unit == published.footage_id) | pc.starts_with(unit, f"{published.footage_id}-")
    return (pc.field("camera") == published.camera) & mine
