"""Scans an archive: finds footage, its camera and start time, its damage, and where to cut it into segments.

Footage is identified by content, never by path; docs/decisions/0003-live-rows.md says what happens to files that
change or disappear.
"""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from math import ceil
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa

from schemas.errors import NO_TIMES, SECOND_CLOCK, STILL_WRITTEN, CorruptFootage
from schemas.site import SiteConfig
from schemas.tables import TABLES
from storage.archive.clock import AmbiguousFile, camera_from_path, find_second_hours, parse_path, to_utc
from storage.archive.footage import (
    KnownFootage,
    Row,
    name_copies,
    raw_fps_of,
    segment_rows,
    segments_of_footage,
    unusable_columns,
    usable_columns,
)
from storage.archive.listing import ListedFile, empty_folders, find_files
from storage.archive.notices import left_out, unmatched, without_footage
from storage.archive.overlaps import describe_overlaps, describe_undated_overlaps, leave_out_overlaps
from storage.blobs import Blob, Blobs
from storage.files import sha256_file
from storage.video.probe import probe, too_large
from storage.video.raw import own_fps, raw_codec, readable

_ID_DIGITS = 16
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class QuarantinedFile:
    """A file that cannot be used, whole or in part; for the table ``quarantine``.

    Attributes:
        path: below the archive.
        unit: the footage id, or the path if the content could not be read.
        fingerprint: identifies the state of the file; changes with it.
        reason: one of ``schemas.errors.DAMAGE_REASONS``.
        date: local date of the start, if known.
    """

    camera: str
    path: str
    unit: str
    fingerprint: str
    reason: str
    detail: str
    date: str | None


@dataclass(frozen=True)
class ScanResult:
    """The contents of an archive.

    Attributes:
        footage: table ``footage``, one row per file, readable or not.
        segments: table ``segments``, of all usable footage.
        quarantined: damaged files, by path; one that is usable in part has segments as well.
        waiting: files that may still be written, by path: they are left for a later scan.
        notices: one line each about the archive as a whole.
    """

    footage: pa.Table
    segments: pa.Table
    quarantined: tuple[QuarantinedFile, ...]
    waiting: tuple[QuarantinedFile, ...] = ()
    notices: tuple[str, ...] = ()


def scan_archive(
    archive: Blobs,
    config: SiteConfig,
    known: pa.Table | None,
    now: datetime,
    progress: Callable[[int, int], None] | None = None,
) -> ScanResult:
    """Scans every file of an archive; a file whose path, size and time are those of the last scan is not read again.

    Args:
        archive: the footage.
        config: the site's configuration.
        known: the footage table of the last scan.
        now: files changed less than ``config.settle_s`` before it are left for the next scan.
        progress: called after each file with the number done and the total.

    Raises:
        SiteError: the archive does not exist, or the file name pattern is wrong.
    """
    archive.check_readable()
    others: Counter[str] = Counter()
    entries = list(find_files(archive, config.suffixes, others))
    scan = _Scan(archive, config, KnownFootage(known, config.segment_s), now)
    files: list[_File] = []
    for number, entry in enumerate(entries, start=1):
        files.append(scan.examine(entry))
        if progress is not None:
            progress(number, len(entries))
    files = _resolve_second_hours(files, config)
    rows = name_copies(_row(file, config, now) for file in files if file.is_footage)
    dated = {file.path for file in files if file.has_time_of_day and file.named_time is not None}
    overlaps = describe_undated_overlaps(rows, dated)
    rows = leave_out_overlaps(rows, dated, scan.count_frames)
    overlaps += describe_overlaps(rows)
    footage = TABLES["footage"].conform(pa.Table.from_pylist(rows, TABLES["footage"].schema))
    segments = segment_rows(
        segment for row in rows for segment in segments_of_footage(row, config.camera_view(row["camera"]).timezone)
    )
    copies = {row["path"]: row for row in rows if row["copy_of"] is not None}
    files = [_marked(file, copies[file.path]) if file.path in copies else file for file in files]
    damaged = [_quarantined_file(file, config, now) for file in files if file.content["damage"] is not None]
    waiting = tuple(file for file in damaged if file.reason == STILL_WRITTEN)
    quarantined = tuple(file for file in damaged if file.reason != STILL_WRITTEN)
    unknown = [file.path for file in files if file.is_footage and file.named_time is None]
    notices = (
        *left_out(others, len(rows)),
        *without_footage(empty_folders(archive, entries), len(rows)),
        *unmatched(unknown, len(rows), config),
        *overlaps,
    )
    return ScanResult(footage, segments, quarantined, waiting, notices)


@dataclass(frozen=True)
class _File:
    """A scanned file; ``content`` holds the content columns of its footage row."""

    camera: str
    path: str
    size_bytes: int
    mtime_ns: int
    sha256: str | None
    named_time: datetime | None
    content: Row
    is_footage: bool = True
    has_time_of_day: bool = False

    @property
    def footage_id(self) -> str:
        if self.sha256 is not None:
            return self.sha256[:_ID_DIGITS]
        return hashlib.sha256(f"unread:{self.path}".encode()).hexdigest()[:_ID_DIGITS]


class _Scan:
    """Examines one file after another."""

    def __init__(self, archive: Blobs, config: SiteConfig, known: KnownFootage, now: datetime) -> None:
        self._archive = archive
        self._config = config
        self._known = known
        self._max_pixels = config.max_pixels
        self._now_s = now.timestamp()

    def examine(self, entry: ListedFile) -> _File:
        """Returns a file's facts, except which of two equal hours it is from: that depends on other files."""
        patterns = ((pattern, parse_path(pattern, entry.path)) for pattern in self._config.patterns)
        pattern, named = next((match for match in patterns if match[1]), ("", None))
        camera = named.camera if named else camera_from_path(entry.path)
        found = _File(camera, entry.name, 0, 0, None, named.time if named else None, {})
        found = replace(found, has_time_of_day="%H" in pattern or "%s" in pattern)
        if entry.problem is not None:
            # A folder, a link loop or a file of another suffix gets no footage row; a file that should be footage does.
            is_footage = entry.path.suffix.lower() in self._config.suffixes
            return replace(found, content=unusable_columns("unreadable", entry.problem), is_footage=is_footage)
        assert entry.blob is not None
        found = replace(found, size_bytes=entry.blob.size_bytes, mtime_ns=entry.blob.modified_ns)
        try:
            return self._read(entry.blob, found)
        except OSError as error:
            reason = f"{entry.name} cannot be read: {error.strerror or error}"
            return replace(found, size_bytes=0, mtime_ns=0, content=unusable_columns("unreadable", reason))

    def _read(self, blob: Blob, found: _File) -> _File:
        age_s = self._now_s - blob.modified
        if abs(age_s) < self._config.settle_s:
            return replace(found, content=self._still_written(found, blob.modified))
        # Three steps, cheapest first: the same file as before; the same content under another name; a new probe.
        sha256 = self._known.sha256(found.path, found.size_bytes, found.mtime_ns)
        content = self._known_content(sha256, found.camera) if sha256 is not None else None
        if sha256 is None or content is None:
            with self._archive.local(blob.name) as path:
                sha256 = sha256 or sha256_file(path)
                content = self._known_content(sha256, found.camera) or self._content(path, found.camera)
            # A recorder that kept writing meanwhile would give a hash and a probe of different contents.
            if self._archive.stat(blob.name) != blob:
                return replace(found, content=self._still_written(found, datetime.now(UTC).timestamp()))
        if content["damage"] == "unreadable":
            return replace(found, content=content)
        if content["width"] * content["height"] > self._max_pixels:  # known from a scan under another limit
            content = unusable_columns("too_large", too_large(content["width"], content["height"], self._max_pixels))
        return replace(found, sha256=sha256, content=content)

    def _still_written(self, found: _File, changed_s: float) -> Row:
        """Returns the content columns of a file that may grow; the text is the same until it changes again."""
        changed, settled = (
            datetime.fromtimestamp(int(second), _zone(found, self._config)).isoformat(" ")
            for second in (changed_s, ceil(changed_s + self._config.settle_s))
        )
        return unusable_columns(STILL_WRITTEN, f"it changed at {changed}: scans from {settled} on read it")

    def count_frames(self, row: Row, ranges: Sequence[tuple[int, int]]) -> list[int]:
        """Returns the number of frames of a file in ranges of PTS; the file is read again if they are not known."""
        known = self._known.frames(row["content_sha256"])
        cuts = json.loads(row["cuts"])
        known |= {(start_pts, end_pts): frames for start_pts, end_pts, frames in cuts}
        if not known.keys() >= set(ranges):
            with self._archive.local(row["path"]) as local, readable(local, raw_fps_of(row)) as path:
                pts = probe(path, self._max_pixels).pts
            known |= {(start, end): int(((pts >= start) & (pts < end)).sum()) for start, end in ranges}
        return [known[each] for each in ranges]

    def _known_content(self, sha256: str, camera: str) -> Row | None:
        """Returns what is known of a content, unless it is a raw stream that the site gives another rate now."""
        content = self._known.content(sha256)
        if content is None or (content["raw_fps_source"] is None and content["damage"] != NO_TIMES):
            return content
        known = raw_fps_of(content) if content["raw_fps_source"] == "site" else None
        return content if known == self._config.raw_fps(camera) else None

    def _content(self, path: Path, camera: str) -> Row:
        try:
            fps, source = self._raw_fps(path, camera)
            with readable(path, fps) as whole:
                columns = usable_columns(probe(whole, self._max_pixels), self._config.segment_s)
            if fps is not None:
                columns |= {"raw_fps_source": source, "raw_fps_num": fps.numerator, "raw_fps_den": fps.denominator}
            return columns
        except CorruptFootage as error:
            return unusable_columns(error.reason, error.message)

    def _raw_fps(self, path: Path, camera: str) -> tuple[Fraction | None, str | None]:
        """Returns the frame rate of a raw stream and its source; (None, None) for any other file."""
        codec = raw_codec(path)
        if codec is None:
            return None, None
        if given := self._config.raw_fps(camera):
            return given, "site"
        if own := own_fps(path, codec):
            return own, "stream"
        raise CorruptFootage(
            NO_TIMES,
            f"{path.name} is a raw stream without times, which does not say its frame rate either: give the camera "
            f"{camera} its raw_fps in site.toml",
        )


def _resolve_second_hours(files: Sequence[_File], config: SiteConfig) -> list[_File]:
    """Sets ``fold`` on the files from the second of two equal hours, which modification times and other files tell."""
    result = list(files)
    ambiguous: dict[str, list[tuple[int, AmbiguousFile]]] = defaultdict(list)
    for index, file in enumerate(files):
        time = file.named_time
        if time is not None and to_utc(time, _zone(file, config))[1] == "ambiguous":
            each = AmbiguousFile(time, file.content["duration_s"], file.mtime_ns, _zone(file, config))
            ambiguous[file.camera].append((index, each))
    for group in ambiguous.values():
        second = find_second_hours([each for _, each in group])
        for (index, each), is_second in zip(group, second, strict=True):
            result[index] = replace(result[index], named_time=each.start.replace(fold=int(is_second)))
    return result


def _zone(file: _File, config: SiteConfig) -> ZoneInfo:
    return ZoneInfo(config.camera_view(file.camera).timezone)


def _start(file: _File, config: SiteConfig, now: datetime) -> tuple[datetime, str, str | None]:
    """Returns the time of the first frame (UTC), its source, and a note where it is doubtful."""
    if file.named_time is not None:
        start, note = to_utc(file.named_time, _zone(file, config))
        return start, "name", note
    container_time: datetime | None = file.content["container_time"]
    if container_time is not None and container_time <= now:
        return container_time, "container", None
    # Last resort: a recorder closes its file when the last frame is written.
    written = _EPOCH + timedelta(microseconds=file.mtime_ns // 1000)
    return written - timedelta(seconds=file.content["duration_s"]), "mtime", None


def _row(file: _File, config: SiteConfig, now: datetime) -> Row:
    start, source, note = _start(file, config, now)
    return {
        "camera": file.camera,
        "footage_id": file.footage_id,
        "path": file.path,
        "size_bytes": file.size_bytes,
        "mtime_ns": file.mtime_ns,
        "content_sha256": file.sha256,
        "start_time": start,
        "start_source": source,
        "clock_note": note,
        **file.content,
    }


def _marked(file: _File, copy: Row) -> _File:
    """Returns a file with what its row says of it as a copy."""
    return replace(file, content={**file.content, **{name: copy[name] for name in ("damage", "damage_detail")}})


def _quarantined_file(file: _File, config: SiteConfig, now: datetime) -> QuarantinedFile:
    reason: str = file.content["damage"]
    state = f"{file.path}:{file.size_bytes}:{file.mtime_ns}:{file.sha256}:{file.content['damage']}"
    date = None
    if file.named_time is not None or file.mtime_ns:
        date = _start(file, config, now)[0].astimezone(_zone(file, config)).date().isoformat()
    return QuarantinedFile(
        camera=file.camera,
        path=file.path,
        # The footage that a copy has too is a unit of its own.
        unit=file.path if file.sha256 is None or reason == SECOND_CLOCK else file.footage_id,
        fingerprint=hashlib.sha256(state.encode()).hexdigest()[:_ID_DIGITS],
        reason=reason,
        detail=file.content["damage_detail"],
        date=date,
    )
