"""Takes a still of raw footage for calibration, and cuts clips of published video."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow.compute as pc

from jobs.commands.audits import SOUND, file_state
from jobs.commands.results import query
from jobs.planning.inventory import recorded_inventory
from jobs.site import Site, refuse_within_site
from schemas.camera_ids import camera_id
from schemas.errors import NightshiftError, SelectionError, UserError
from storage.archive.footage import raw_fps_of
from storage.blobs import open_blobs
from storage.files import atomic_path
from storage.sql.text import quote_text
from storage.store.layout import VIDEO_SUFFIX
from storage.store.named_files import find_video
from storage.video.ffmpeg import cut_clip, take_still
from storage.video.raw import readable

STILL_SUFFIX = ".png"

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Still:
    """A picture of raw footage.

    Attributes:
        source: path of the footage below the archive.
        time: of the frame, as far as it was asked for; else of the footage's first frame.
        size_px: (width, height) of the picture, upright.
    """

    camera: str
    source: str
    time: datetime
    size_px: tuple[int, int]


@dataclass(frozen=True)
class Clip:
    """A cut of published video.

    Attributes:
        sources: published files that it is cut from, in order.
        recorded_s: seconds of video within the asked time; the rest was not recorded, or is not published.
    """

    camera: str
    start: datetime
    end: datetime
    sources: tuple[str, ...]
    recorded_s: float


@dataclass(frozen=True)
class PublishedTime:
    """The published video of a camera and time.

    Attributes:
        rows: of the table ``anonymized``, in order of time.
    """

    camera: str
    start: datetime
    end: datetime
    rows: tuple[Row, ...]

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the files in the store."""
        return tuple(row["path"] for row in self.rows)

    @property
    def shown(self) -> tuple[datetime, datetime]:
        """When its video begins and ends."""
        return max(self.start, self.rows[0]["start_time"]), min(self.end, max(row["end_time"] for row in self.rows))

    @property
    def recorded_s(self) -> float:
        """Seconds of video within the time."""
        return sum(end_s - start_s for start_s, end_s in map(self.part_s, self.rows))

    def part_s(self, row: Row) -> tuple[float, float]:
        """Returns the seconds after a file's start at which the time begins and ends in it."""
        start, end = max(self.start, row["start_time"]), min(self.end, row["end_time"])
        return (start - row["start_time"]).total_seconds(), (end - row["start_time"]).total_seconds()


def write_still(site: Site, camera: str, target: Path, at: datetime | None = None) -> Still:
    """Writes a full-size frame of raw footage as a PNG picture that only its owner can read.

    Args:
        at: local time of the frame, or with an offset; None for the first frame of the newest footage.

    Raises:
        UserError: the target is no PNG, or lies in the archive or the store.
        SelectionError: there is no such camera, or no footage of that time.
        CorruptFootage: the frame cannot be decoded.
    """
    _check_target(site, target, STILL_SUFFIX)
    camera = find_camera(site, camera)
    row = _footage_at(site, camera, at and _local(site, camera, at))
    turned = row["rotation_deg"] in (90, 270)
    size_px = (row["height"], row["width"]) if turned else (row["width"], row["height"])
    time = row["start_time"] if at is None else _local(site, camera, at)
    fps, archive = raw_fps_of(row), open_blobs(site.files.archive)
    with archive.local(row["path"]) as local, readable(local, fps) as source, atomic_path(target, True) as picture:
        take_still(source, picture, (time - row["start_time"]).total_seconds())
    return Still(camera, row["path"], time, size_px)


def write_clip(site: Site, camera: str, start: datetime, end: datetime, target: Path) -> Clip:
    """Cuts published video of a camera. Raw footage and video that awaits its sign-off are never used.

    Args:
        start, end: local times, or with an offset.

    Raises:
        UserError: the target is no MP4 or lies in the archive or the store, or the time ends before it begins.
        SelectionError: there is no such camera, or nothing published of that time.
        NightshiftError: a published file was altered.
    """
    found = find_published_time(site, camera, start, end, target)
    with sound_files(site, found) as files, atomic_path(target) as clip:
        cut_clip([(path, *found.part_s(row)) for row, path in files], clip)
    return Clip(found.camera, found.start, found.end, found.sources, found.recorded_s)


def find_published_time(site: Site, camera: str, start: datetime, end: datetime, target: Path) -> PublishedTime:
    """Returns the published files of a time that a clip can be cut from, without what awaits its sign-off.

    Args:
        start, end: local times, or with an offset.
        target: the MP4 file to write.

    Raises:
        UserError, SelectionError: as for ``write_clip``.
    """
    _check_target(site, target, VIDEO_SUFFIX)
    camera = find_camera(site, camera)
    start, end = _local(site, camera, start), _local(site, camera, end)
    if start >= end:
        raise UserError(f"--from {start.isoformat()} is not before --to {end.isoformat()}")
    rows = _published(site, camera, start, end)
    if not rows:
        waiting = _published(site, camera, start, end, pending=True)
        why = (
            "it awaits its sign-off: see `nightshift sign-off`" if waiting else "`nightshift status` says what is done"
        )
        raise SelectionError(f"no video of {camera} is published from {start.isoformat()} to {end.isoformat()}: {why}")
    return PublishedTime(camera, start, end, tuple(rows))


@contextmanager
def sound_files(site: Site, found: PublishedTime) -> Iterator[list[tuple[Row, Path]]]:
    """Yields each row with the path of its file, after comparing the file with its recorded hash.

    Raises:
        NightshiftError: a file was altered.
    """
    blobs = site.store.blobs
    with ExitStack() as files:
        paths = []
        for row in found.rows:
            if file_state(site, row["path"], row["sha256"]) != SOUND:
                raise NightshiftError(f"the published file {row['path']} was altered: see `nightshift verify`")
            paths.append(files.enter_context(blobs.local(find_video(blobs, row["path"]))))
        yield list(zip(found.rows, paths, strict=True))


def _check_target(site: Site, target: Path, suffix: str) -> None:
    if target.suffix.lower() != suffix:
        raise UserError(f"--output {target}: give a name that ends in {suffix}")
    refuse_within_site(site, target, "--output")


def _local(site: Site, camera: str, time: datetime) -> datetime:
    return time if time.tzinfo else time.replace(tzinfo=ZoneInfo(site.files.config.camera_view(camera).timezone))


def find_camera(site: Site, camera: str) -> str:
    """Returns the id of a camera that is in site.toml or has footage.

    Args:
        camera: its id, or the name of its folder.

    Raises:
        SelectionError: there is no such camera.
    """
    listed = {each.id for each in site.files.config.cameras}
    names = (camera, camera_id(camera))  # site.toml and options take names
    # The footage is read only if needed: that of years takes seconds.
    known = listed if camera in listed else {*listed, *_with_footage(site)}
    for found in names:
        if found in known:
            return found
    raise SelectionError(f"there is no camera {camera!r}; there are {', '.join(sorted(known)) or 'none'}")


def _with_footage(site: Site) -> list[str]:
    cameras: list[str] = recorded_inventory(site.store).footage["camera"].unique().to_pylist()
    return cameras


def _footage_at(site: Site, camera: str, at: datetime | None) -> dict[str, Any]:
    """Returns the row of the newest usable footage, or of the footage at a time."""
    table = recorded_inventory(site.store).footage
    usable = table.filter(pc.and_(pc.equal(table["camera"], camera), pc.greater(table["frames"], 0))).to_pylist()
    if at is not None:
        usable = [row for row in usable if 0 <= (at - row["start_time"]).total_seconds() < row["duration_s"]]
    if not usable:
        when = "" if at is None else f" at {at.isoformat()}"
        raise SelectionError(
            f"no usable footage of {camera}{when} is known: `nightshift scan` looks for new files, and the table "
            "footage lists those that are known"
        )
    return max(usable, key=lambda row: row["start_time"])


def _published(site: Site, camera: str, start: datetime, end: datetime, pending: bool = False) -> list[dict[str, Any]]:
    sql = (
        "SELECT camera, footage_id, path, sha256, start_time, end_time FROM anonymized "
        f"WHERE camera = {quote_text(camera)} AND start_time < TIMESTAMPTZ {quote_text(end.isoformat())} "
        f"AND end_time > TIMESTAMPTZ {quote_text(start.isoformat())} ORDER BY start_time, path"
    )
    rows: list[dict[str, Any]] = query(site, sql, pending=pending).to_pylist()
    return rows
