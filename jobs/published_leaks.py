"""Measures in published video how many true heads it leaves bare: its decoded frames are compared with the raw ones."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from jobs.commands.audits import SOUND, file_state
from jobs.commands.results import query
from jobs.footage_frames import FootageFrames
from jobs.site import Site
from ops.anonymize.params import AnonymizeParams
from ops.leaks import CODEC_TOLERANCE, LeakScores, covered_pixels, frame_cover, leak_scores
from schemas.frame_boxes import FrameBoxes
from schemas.op import FrameNeed
from schemas.values import Int64, Segment, Uint8
from storage.archive.footage import raw_fps_of
from storage.blobs import open_blobs
from storage.sql.text import quote_text
from storage.store.named_files import find_video
from storage.video.published import pts_to_ticks, read_frames
from storage.video.raw import readable
from storage.video.reader import SegmentReader

FLAT_MODES = ("silhouette", "solid")
"""Modes that cover people in a flat colour, so that covered pixels can be recognized."""


@dataclass(frozen=True)
class PublishedLeaks:
    """Leaks in the published video of footage.

    Attributes:
        unknown: why they are not measured; None if they are.
        video: path of the published file, relative to the store.
        frames_left_out: frames with true heads that the published file or the footage does not show.
        scores: over the other frames with true heads; None if there are none.
    """

    unknown: str | None
    video: str | None = None
    frames_left_out: int = 0
    scores: LeakScores | None = None


def measure_leaks(site: Site, footage: FootageFrames, truth: FrameBoxes, as_of: str | None = None) -> PublishedLeaks:
    """Measures the leaks of footage, as ``ops/leaks.py`` defines them.

    Args:
        truth: the true boxes in pixels of the footage; frames count from 1.
        as_of: run after which the published file is taken; None for now.

    Raises:
        CorruptFootage: one of the files cannot be read.
    """
    sql = (
        f"SELECT path, sha256, params FROM anonymized WHERE camera = {quote_text(footage.camera)} "
        f"AND footage_id = {quote_text(footage.row['footage_id'])}"
    )
    videos = query(site, sql, as_of=as_of, pending=True).to_pylist()
    if not videos:
        return PublishedLeaks(f"no anonymized video of {footage.path} is published")
    (video,) = videos
    params = json.loads(video["params"] or "{}")
    if reason := _not_flat(params):
        return PublishedLeaks(reason, video["path"])
    if (state := file_state(site, video["path"], video["sha256"])) != SOUND:
        return PublishedLeaks(f"the published file {video['path']} is {state}", video["path"])
    heads = truth.by_frame()
    wanted = np.unique(heads.frame[heads.counts])
    colour = AnonymizeParams(colour=params["colour"]).bgr
    covers = []
    for number, raw, published in _pairs(site, footage, video["path"], wanted):
        rows = heads.take(slice(*np.searchsorted(heads.frame, [number, number + 1]).tolist()))
        covers.append(frame_cover(covered_pixels(published, raw, colour, CODEC_TOLERANCE), rows))
    scores = leak_scores(covers) if covers else None
    return PublishedLeaks(None, video["path"], len(wanted) - len(covers), scores)


def _not_flat(params: dict[str, Any]) -> str | None:
    """Returns why covered pixels cannot be recognized by one colour."""
    mode = params.get("mode")
    if mode not in FLAT_MODES or "colour" not in params:
        return f"mode {mode or 'unknown'} does not cover people in a flat colour, by which leaks are recognized"
    if params.get("colour_by", "none") != "none":
        return f"colour_by = {params['colour_by']!r} covers people in many colours; leaks are recognized by one"
    return None


def _pairs(site: Site, footage: FootageFrames, video: str, wanted: Int64) -> Iterator[tuple[int, Uint8, Uint8]]:
    """Yields the wanted frames that both files show: number, raw picture, published picture, both BGR."""
    blobs = site.store.blobs
    first = footage.segments[0]
    since = pts_to_ticks(int(footage.pts[wanted[0] - 1]), first)
    with blobs.local(find_video(blobs, video)) as path:
        published = read_frames(path, footage.size_px, max(since, 0))
        ticks, image = next(published, (None, None))
        for number, raw in _raw_frames(site, footage, wanted):
            at = pts_to_ticks(int(footage.pts[number - 1]), first)
            while ticks is not None and ticks < at:
                ticks, image = next(published, (None, None))
            if ticks == at and image is not None:
                yield number, raw, image


def _raw_frames(site: Site, footage: FootageFrames, wanted: Int64) -> Iterator[tuple[int, Uint8]]:
    """Yields numbers and pictures of the wanted frames of the footage that can be decoded."""
    pts = footage.pts[wanted - 1]
    archive = open_blobs(site.files.archive)
    with archive.local(footage.path) as local, readable(local, raw_fps_of(footage.row)) as source:
        for segment in footage.segments:
            if _any_within(pts, segment):
                reader = SegmentReader(source, segment, [FrameNeed()], max_pixels=site.files.config.max_pixels)
                for _, batch in reader:
                    for at, image in zip(batch.pts.tolist(), batch.frames, strict=True):
                        place = int(np.searchsorted(pts, at))
                        if place < len(pts) and pts[place] == at:
                            yield int(wanted[place]), image


def _any_within(pts: Int64, segment: Segment) -> bool:
    return bool(((pts >= segment.start_pts) & (pts < segment.end_pts)).any())
