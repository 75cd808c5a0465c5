"""Exports published footage with one track visible, for a person's right of access to footage of themselves.

All others stay covered as published. Who asked, for which track and why is recorded before the file gets its name, and
a failed export leaves no file. See docs/privacy.md.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np

from jobs.commands.audits import SOUND, PublishedFootage, Row, file_state, find_published
from jobs.commands.results import query
from jobs.site import Site
from ops.anonymize.geometry import static_mask
from ops.anonymize.reveal import Reveal, untracked_detections
from ops.arrays import datetime_us, times_us
from schemas.anonymity import TARGETS
from schemas.errors import CorruptFootage, NightshiftError, SelectionError, TransientError, UserError
from schemas.op import FrameNeed
from schemas.tables import TABLES
from schemas.values import FrameBatch, Segment, Uint8, VideoFile
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

_CHUNK_FRAMES = 250
"""Frames encoded together: the same frames in other chunks give other bytes."""

_IDS_NAMED = 5

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
    """Exports published footage with one track visible, and records the export.

    Args:
        name: of the footage, as in ``jobs.commands.audits.find_published``.
        reason: why the person may see it.
        target: the MP4 file to write; it must not exist.
        user: who asks.
        on_progress: called with frames done and frames in all.

    Raises:
        UserError: no reason is given, the file exists or would lie in the store or the archive, or there is no such
            footage or track.
        NightshiftError: the footage is not published, its published file or the original was altered, or the track
            cannot be shown in any frame.
        StoreFull: no space is left.
    """
    _check_request(site, reason, target)
    published = find_published(site, name)
    video = published.video
    # An altered file may show people uncovered, and the export would copy them.
    if file_state(site, video["path"], video["sha256"]) != SOUND:
        raise NightshiftError(
            f"the published file {video['path']} was altered, so it may show people uncovered: "
            "see `nightshift verify`; nothing was exported"
        )
    reveal = _reveal(site, published, track_id)
    store = Store.create(site.files.store)
    # The record comes before the file has its name: an export that is not recorded never exists.
    with exclusive_path(target) as path:
        written, visible_frames = _Export(site, published, reveal, on_progress).write(path)
        if not visible_frames:
            raise NightshiftError(
                f"track {track_id} cannot be shown in any frame: others are in front of it, or all of the frame is "
                "covered; nothing was exported"
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
            visible_frames=visible_frames,
            size_bytes=written.size_bytes,
            sha256=written.sha256,
        )
        write_export_record(store, record)
    return record


def _check_request(site: Site, reason: str, target: Path) -> None:
    if not reason.strip():
        raise UserError("--reason is empty: say why the person may see this; it is recorded with the export")
    if target.suffix.lower() != VIDEO_SUFFIX:
        raise UserError(f"--out {target}: the export is an MP4 file: give a name that ends in {VIDEO_SUFFIX}")
    if target.exists():
        raise UserError(f"--out {target} exists already: give another name")
    for what, location in (("store", site.files.store), ("archive", site.files.archive)):
        if "://" not in location and target.resolve().is_relative_to(Path(location).resolve()):
            raise UserError(f"--out {target} is in the site's {what}, where no exports belong: give another folder")


def _reveal(site: Site, published: PublishedFootage, track_id: str) -> Reveal:
    """Reads where the track is, and where everything else is that is covered.

    Raises:
        SelectionError: the track is not in this footage.
    """
    labels = _covered_labels(published.video)
    in_footage = published.segments_condition()
    covered = ", ".join(map(quote_text, sorted(labels)))
    key = quote_text(track_id)
    points = query(
        site, f"SELECT * FROM track_points WHERE {in_footage} AND (track_id = {key} OR label IN ({covered}))"
    )
    tracks = points["track_id"].to_pylist()
    if track_id not in tracks:
        known = sorted(set(tracks))
        named = ", ".join(known[:_IDS_NAMED]) + (
            f" and {len(known) - _IDS_NAMED} more" if len(known) > _IDS_NAMED else ""
        )
        raise SelectionError(
            f"track {track_id!r} is not in footage {published.footage_id}: there are {named or 'none'}; "
            f'`nightshift sql "SELECT * FROM tracks"` lists them all'
        )
    detections = query(site, f"SELECT * FROM detections WHERE {in_footage} ORDER BY time, detection")
    tracklets = query(
        site,
        "SELECT frame_segment_id, pts, x1, y1, x2, y2, detection FROM tracklet_points WHERE detection IS NOT NULL AND "
        + published.segments_condition("frame_segment_id"),
    )
    observed = query(site, f"SELECT time FROM observed_frames WHERE {in_footage} ORDER BY time")
    view = site.files.config.camera_view(published.camera)
    static = static_mask(view.privacy_masks, view.image_size_px, published.size_px)
    loose = untracked_detections(
        TABLES["detections"].conform(detections.drop_columns(["date"])), tracklets, points, labels
    )
    return Reveal(track_id, points, loose, times_us(observed), static)


def _covered_labels(video: Row) -> set[str]:
    """Returns the classes that are covered in a published file: people, and others if the site says so."""
    named = [target.strip() for target in (video["targets"] or "").split(",")]
    return {label for target in ("person", *named) for label in TARGETS.get(target, ())}


class _Export:
    """Writes one export.

    Args:
        reveal: decides which pixels of each frame are shown.
    """

    def __init__(self, site: Site, published: PublishedFootage, reveal: Reveal, on_progress: Progress) -> None:
        self._site = site
        self._published = published
        self._reveal = reveal
        self._on_progress = on_progress
        self._visible_frames = 0

    def write(self, path: Path) -> tuple[VideoFile, int]:
        """Writes the file; returns its description, and the number of frames in which the track is visible."""
        # The writer takes one segment, and the published file is the whole footage.
        segments = self._published.segments
        whole = replace(segments[0], end=segments[-1].end, end_pts=segments[-1].end_pts)
        sink = PartWriter(LocalBlobs(path.parent), path.name, whole)
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
            return sink.close(), self._visible_frames
        except BaseException:
            sink.abort()
            raise

    def _frames(self) -> Iterator[FrameBatch]:
        """Yields every frame of the published file, with the track visible where it may be."""
        published, first = self._published, self._published.segments[0]
        originals = self._originals()
        at, original = next(originals, (None, None))
        with self._site.store.blobs.local(published.video["path"]) as path:
            # Matched by time and not by number: originals that cannot be decoded are missing.
            for ticks, covered in read_frames(path, published.size_px):
                while at is not None and at < ticks:
                    at, original = next(originals, (None, None))
                pts = first.footage_start_pts + ticks // first.time_base.numerator
                time_us = _time_us(first, pts)
                revealed = None
                if at == ticks and original is not None:
                    revealed = self._reveal.apply(original, covered, time_us)
                self._visible_frames += revealed is not None
                image = covered if revealed is None else revealed
                yield FrameBatch(image[None], np.array([pts], np.int64), np.array([time_us], np.int64))

    def _originals(self) -> Iterator[tuple[int, Uint8]]:
        """Yields ticks and frames of the segments with the track, as far as they can be decoded."""
        published = self._published
        footage = published.footage
        wanted = [segment for segment in published.segments if self._reveal.is_within(*_span_us(segment))]
        with open_blobs(self._site.files.archive).local(footage["path"]) as path:
            if sha256_file(path) != footage["content_sha256"]:
                raise TransientError(
                    f"{footage['path']} has changed since the last scan: scan the archive again; nothing was exported"
                )
            for segment in wanted:
                yield from _decoded(path, segment)


def _decoded(path: Path, segment: Segment) -> Iterator[tuple[int, Uint8]]:
    """Yields ticks and frames of a segment; none if it cannot be decoded: it then stays covered as published."""
    try:
        for _, batch in SegmentReader(path, segment, [FrameNeed()]):
            for image, pts in zip(batch.frames, batch.pts.tolist(), strict=True):
                yield pts_to_ticks(pts, segment), image
    except CorruptFootage:
        return


def _span_us(segment: Segment) -> tuple[int, int]:
    return datetime_us(segment.start), datetime_us(segment.end)


def _time_us(segment: Segment, pts: int) -> int:
    return datetime_us(segment.footage_start) + pts_to_us(pts - segment.footage_start_pts, segment.time_base)
