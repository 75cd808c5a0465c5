"""Subject access: published footage with one chosen track visible, and all others covered as they were published.

Who asked, for whom and why is written down before the file gets its name, and no file is left where anything fails.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from jobs.commands.audits import SOUND, Published, Row, find_published, video_state
from jobs.commands.results import query
from jobs.site import Site
from ops.anonymize.geometry import static_mask
from ops.anonymize.reveal import Reveal, untracked_detections
from schemas.anonymity import TARGETS
from schemas.errors import CorruptFootage, NightshiftError, SelectionError, TransientError, UserError
from schemas.op import FrameNeed
from schemas.tables import TABLES
from schemas.values import FrameBatch, Int64, Segment, Uint8, VideoFile
from storage.blobs import LocalBlobs, open_blobs
from storage.exports.export_records import ExportRecord, exclusive_path, write_export_record
from storage.files import sha256_file
from storage.sql.text import quote_text
from storage.store.journal import new_run_id
from storage.store.layout import VIDEO_SUFFIX
from storage.store.store import Store
from storage.video.published import pts_to_ticks, read_frames
from storage.video.reader import SegmentReader
from storage.video.source import pts_to_us
from storage.video.writer import PartWriter

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_CHUNK_FRAMES = 250
_NAMED = 5

Progress = Callable[[int, int], None]


def export_subject_access(
    site: Site,
    name: str,
    track_id: str,
    reason: str,
    target: Path,
    user: str,
    now: datetime,
    on_progress: Progress = lambda _done, _total: None,
) -> ExportRecord:
    """Exports published footage with one track visible, and writes that down.

    Args:
        name: of the footage, as for ``jobs.commands.audits.find_published``.
        reason: why somebody is let see it.
        target: the file to be; it must not be there.
        user: who asks.
        on_progress: called with frames done, and frames in all.

    Raises:
        UserError: no reason is given, the file is there or would stand in the store or the archive, or there is no
            such footage or track.
        NightshiftError: the footage is not published, its published file or the original is not what it was, or the
            track is nowhere to be shown.
        StoreFull: no space is left.
    """
    _check_request(site, reason, target)
    published = find_published(site, name)
    video = published.video
    if video_state(site, video["path"], video["sha256"]) != SOUND:
        raise NightshiftError(
            f"the published file {video['path']} is not what was written, so nobody is known to be covered in it: "
            "see `nightshift verify`; nothing was exported"
        )
    reveal = _reveal(site, published, track_id)
    store = Store.create(site.files.store)
    with exclusive_path(target) as hidden:
        written, shown = _Export(site, published, reveal, on_progress).write(hidden)
        if not shown:
            raise NightshiftError(
                f"track {track_id} can be shown in no frame: others are before it, or the frames are covered whole; "
                "nothing was exported"
            )
        record = ExportRecord(
            export_id=new_run_id(now),
            time=now,
            user=user,
            camera=published.camera,
            footage_id=published.footage_id,
            track_id=track_id,
            reason=reason.strip(),
            file=str(target.absolute()),
            frames=written.frames,
            visible_frames=shown,
            size_bytes=written.size_bytes,
            sha256=written.sha256,
        )
        write_export_record(store, record)
    return record


def _check_request(site: Site, reason: str, target: Path) -> None:
    if not reason.strip():
        raise UserError("--reason is empty: say why somebody is let see this; it is written down with the export")
    if target.suffix.lower() != VIDEO_SUFFIX:
        raise UserError(f"--out {target}: the export is an MP4 file; name one that ends in {VIDEO_SUFFIX}")
    if target.exists():
        raise UserError(f"--out {target} is there already: name a file that is not")
    for what, location in (("store", site.files.store), ("archive", site.files.archive)):
        if "://" not in location and target.resolve().is_relative_to(Path(location).resolve()):
            raise UserError(f"--out {target} is in the site's {what}, which holds nothing like it: name another folder")


def _reveal(site: Site, published: Published, track_id: str) -> Reveal:
    """Where the track is, and all others of the classes that are covered.

    Raises:
        SelectionError: the track is not in this footage.
    """
    labels = _covered_labels(published.video)
    mine = published.of_segments()
    wanted = ", ".join(map(quote_text, sorted(labels)))
    key = quote_text(track_id)
    points = query(site, f"SELECT * FROM track_points WHERE {mine} AND (track_id = {key} OR label IN ({wanted}))")
    tracks = points["track_id"].to_pylist()
    if track_id not in tracks:
        there = sorted(set(tracks))
        named = ", ".join(there[:_NAMED]) + (f" and {len(there) - _NAMED} more" if len(there) > _NAMED else "")
        raise SelectionError(
            f"track {track_id!r} is not in footage {published.footage_id}: there are {named or 'none'}; "
            f'`nightshift sql "SELECT * FROM tracks"` lists them all'
        )
    detections = query(site, f"SELECT * FROM detections WHERE {mine} ORDER BY time, detection")
    tracklets = query(
        site,
        "SELECT frame_segment_id, pts, x1, y1, x2, y2, detection FROM tracklet_points WHERE detection IS NOT NULL AND "
        + published.of_segments("frame_segment_id"),
    )
    looked = query(site, f"SELECT time FROM observed_frames WHERE {mine} ORDER BY time")
    view = site.files.config.camera_view(published.camera)
    static = static_mask(view.privacy_masks, view.image_size_px, published.size_px)
    loose = untracked_detections(
        TABLES["detections"].conform(detections.drop_columns(["date"])), tracklets, points, labels
    )
    return Reveal(track_id, points, loose, _us(looked["time"].to_pylist()), static)


def _covered_labels(video: Row) -> set[str]:
    """Classes that are covered in a published file; people at least."""
    named = [target.strip() for target in (video["targets"] or "").split(",")]
    return {label for target in ("person", *named) for label in TARGETS.get(target, ())}


class _Export:
    """One export while it is written.

    Args:
        reveal: knows what of each frame is shown.
    """

    def __init__(self, site: Site, published: Published, reveal: Reveal, on_progress: Progress) -> None:
        self._site = site
        self._published = published
        self._reveal = reveal
        self._on_progress = on_progress
        self._shown = 0

    def write(self, hidden: Path) -> tuple[VideoFile, int]:
        """Writes the file; gives what it is, and in how many frames the track is visible."""
        segments = self._published.segments
        whole = replace(segments[0], end=segments[-1].end, end_pts=segments[-1].end_pts)
        sink = PartWriter(LocalBlobs(hidden.parent), hidden.name, whole)
        try:
            chunk, chunk_frames, done = sink.new_chunk(), 0, 0
            for batch in self._frames():
                chunk.write(batch)
                chunk_frames, done = chunk_frames + len(batch), done + len(batch)
                if chunk_frames >= _CHUNK_FRAMES:
                    sink.keep(chunk)
                    chunk, chunk_frames = sink.new_chunk(), 0
                self._on_progress(done, self._published.video["frames"])
            sink.keep(chunk)
            return sink.close(), self._shown
        except BaseException:
            sink.abort()
            raise

    def _frames(self) -> Iterator[FrameBatch]:
        """Every frame of the published file, with the track visible where it may be."""
        published, first = self._published, self._published.segments[0]
        originals = self._originals()
        at, original = next(originals, (None, None))
        with self._site.store.blobs.local(published.video["path"]) as path:
            for ticks, covered in read_frames(path, published.size_px):
                while at is not None and at < ticks:
                    at, original = next(originals, (None, None))
                pts = first.footage_start_pts + ticks // first.time_base.numerator
                time_us = _time_us(first, pts)
                shown = self._reveal.apply(original, covered, time_us) if at == ticks and original is not None else None
                self._shown += shown is not None
                image = covered if shown is None else shown
                yield FrameBatch(image[None], np.array([pts], np.int64), np.array([time_us], np.int64))

    def _originals(self) -> Iterator[tuple[int, Uint8]]:
        """Ticks and frames of the segments in which the track is, as far as they can be decoded."""
        published = self._published
        footage = published.footage
        wanted = [segment for segment in published.segments if self._reveal.is_within(*_span_us(segment))]
        with open_blobs(self._site.files.archive).local(footage["path"]) as path:
            if sha256_file(path) != footage["content_sha256"]:
                raise TransientError(
                    f"{footage['path']} is not what the last scan saw: scan the archive again; nothing was exported"
                )
            for segment in wanted:
                yield from _decoded(path, segment)


def _decoded(path: Path, segment: Segment) -> Iterator[tuple[int, Uint8]]:
    """Ticks and frames of a segment; none of one that cannot be decoded at all: it is covered whole then."""
    try:
        for _, batch in SegmentReader(path, segment, [FrameNeed()]):
            for image, pts in zip(batch.frames, batch.pts.tolist(), strict=True):
                yield pts_to_ticks(pts, segment), image
    except CorruptFootage:
        return


def _span_us(segment: Segment) -> tuple[int, int]:
    start_us, end_us = _us([segment.start, segment.end]).tolist()
    return start_us, end_us


def _time_us(segment: Segment, pts: int) -> int:
    return int(_us([segment.footage_start])[0]) + pts_to_us(pts - segment.footage_start_pts, segment.time_base)


def _us(times: Sequence[datetime]) -> Int64:
    return np.array([(time - _EPOCH) // _MICROSECOND for time in times], np.int64)
