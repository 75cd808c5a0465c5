"""Exports published footage with one track visible, for a person's right of access to footage of themselves.

All others stay covered as published. Who asked, for which track and why is recorded before the file gets its name, and
a failed export leaves no file. See docs/privacy.md.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np

from jobs.commands.audits import SOUND, PublishedFootage, file_state, find_published
from jobs.commands.results import query
from jobs.commands.sign_offs import awaiting_video
from jobs.site import Site, refuse_within_site
from ops.anonymize.cover.modes import plain_ground
from ops.anonymize.cover.paint import Colour
from ops.anonymize.geometry import static_mask
from ops.anonymize.locate.others import FootageDetections
from ops.anonymize.locate.riders import TWO_WHEELERS
from ops.anonymize.locate.second_look import SECOND_LOOK_TABLES, second_look_of
from ops.anonymize.params import AnonymizeParams
from ops.anonymize.reveal import Reveal, untracked_detections
from ops.arrays import datetime_us, times_us
from schemas.anonymity import TARGETS
from schemas.errors import CorruptFootage, NightshiftError, SelectionError, TransientError, UserError
from schemas.op import FrameNeed
from schemas.tables import TABLES
from schemas.values import FrameBatch, Segment, Uint8, VideoFile
from storage.archive.footage import raw_fps_of
from storage.blobs import LocalBlobs, open_blobs
from storage.exports.export_records import ExportRecord, exclusive_path, write_export_record
from storage.files import sha256_file
from storage.sql.text import quote_text
from storage.store.journal import new_run_id
from storage.store.layout import VIDEO_SUFFIX
from storage.store.named_files import find_video
from storage.store.store import Store
from storage.video.published import pts_to_ticks, read_frames
from storage.video.raw import readable
from storage.video.reader import SegmentReader
from storage.video.source import pts_to_us
from storage.video.writer import PartWriter, write_frames

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
    if any(each.path == video["path"] for each in awaiting_video(site)):
        raise NightshiftError(
            f"the published file {video['path']} was not accepted by anybody: see `nightshift sign-off`; nothing was "
            "exported"
        )
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
        written, visible_frames = _write(site, published, reveal, path, on_progress)
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
    refuse_within_site(site, target, "--out")


def _reveal(site: Site, published: PublishedFootage, track_id: str) -> Reveal:
    """Reads where the track is, and where everything else is that is covered.

    Raises:
        SelectionError: the track is not in this footage.
    """
    # The classes that are covered in the published file: people, and others if the site says so.
    targets = [target.strip() for target in (published.video["targets"] or "").split(",")]
    labels = {label for target in ("person", *targets) for label in TARGETS.get(target, ())}
    in_footage = published.segments_condition()
    read = labels.union(TWO_WHEELERS)  # whatever is covered, their riders are
    wanted = f"(track_id = {quote_text(track_id)} OR label IN ({', '.join(map(quote_text, sorted(read)))}))"
    points = query(site, f"SELECT * FROM track_points WHERE {in_footage} AND {wanted}")
    known = sorted(points["track_id"].unique().to_pylist())
    if track_id not in known:
        more = f" and {len(known) - _IDS_NAMED} more" if len(known) > _IDS_NAMED else ""
        raise SelectionError(
            f"track {track_id!r} is not in footage {published.footage_id}: there are "
            f"{', '.join(known[:_IDS_NAMED]) or 'none'}{more}; "
            '`nightshift sql "SELECT * FROM tracks"` lists them all'
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
    detections = TABLES["detections"].conform(detections.drop_columns(["date"]))
    loose = untracked_detections(detections, tracklets, points, read)
    second = {name: query(site, f"SELECT * FROM {name} WHERE {in_footage}") for name in SECOND_LOOK_TABLES}
    found = FootageDetections(points, loose, times_us(observed), labels, second_look_of(second))
    return Reveal(track_id, found, static, _plain_scene(published))


def _plain_scene(published: PublishedFootage) -> Colour | None:
    """Returns the colour of the plain scene of the published file, if it has one."""
    if published.video["mode"] != "replace":
        return None
    return plain_ground(AnonymizeParams(colour=json.loads(published.video["params"])["colour"]).bgr)


def _write(
    site: Site, published: PublishedFootage, reveal: Reveal, path: Path, on_progress: Progress
) -> tuple[VideoFile, int]:
    """Writes the file; returns its description, and the number of frames in which the track is visible."""
    # The writer takes one segment, and the published file is the whole footage.
    segments = published.segments
    whole = replace(segments[0], end=segments[-1].end, end_pts=segments[-1].end_pts)
    sink = PartWriter(LocalBlobs(path.parent, {path.name}), path.name, whole)
    visible_frames = 0

    def frames() -> Iterator[FrameBatch]:
        nonlocal visible_frames
        for done, (frame, is_visible) in enumerate(_frames(site, published, reveal), 1):
            visible_frames += is_visible
            on_progress(done, published.video["frames"])
            yield frame

    return write_frames(sink, frames()), visible_frames


def _frames(site: Site, published: PublishedFootage, reveal: Reveal) -> Iterator[tuple[FrameBatch, bool]]:
    """Yields every frame of the published file with the track visible where it may be, and whether it is."""
    first = published.segments[0]
    originals = _originals(site, published, reveal)
    at, original = next(originals, (None, None))
    blobs = site.store.blobs
    with blobs.local(find_video(blobs, published.video["path"])) as path:
        # Matched by time and not by number: originals that cannot be decoded are missing.
        for ticks, covered in read_frames(path, published.size_px):
            while at is not None and at < ticks:
                at, original = next(originals, (None, None))
            pts = ticks // first.time_base.numerator
            time_us = datetime_us(first.footage_start) + pts_to_us(pts, first.time_base)
            revealed = None
            if at == ticks and original is not None:
                revealed = reveal.apply(original, covered, time_us)
            image = covered if revealed is None else revealed
            all_pts = np.array([first.footage_start_pts + pts], np.int64)
            yield FrameBatch(image[None], all_pts, np.array([time_us], np.int64)), revealed is not None


def _originals(site: Site, published: PublishedFootage, reveal: Reveal) -> Iterator[tuple[int, Uint8]]:
    """Yields ticks and frames of the segments with the track, as far as they can be decoded."""
    footage = published.footage
    with open_blobs(site.files.archive).local(footage["path"]) as original:
        if sha256_file(original) != footage["content_sha256"]:
            raise TransientError(
                f"{footage['path']} has changed since the last scan: scan the archive again; nothing was exported"
            )
        with readable(original, raw_fps_of(footage)) as path:
            for segment in published.segments:
                if reveal.is_within(datetime_us(segment.start), datetime_us(segment.end)):
                    yield from _decoded(path, segment, site.files.config.max_pixels)


def _decoded(path: Path, segment: Segment, max_pixels: int) -> Iterator[tuple[int, Uint8]]:
    with suppress(CorruptFootage):  # what cannot be decoded stays covered as published
        for _, batch in SegmentReader(path, segment, [FrameNeed()], max_pixels=max_pixels):
            ticks = (pts_to_ticks(pts, segment) for pts in batch.pts.tolist())
            yield from zip(ticks, batch.frames, strict=True)
