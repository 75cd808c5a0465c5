"""Copies of clips in parts, for tests."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from schemas.op import FrameNeed
from schemas.values import FrameBatch, Segment, Uint8
from storage.blobs import LocalBlobs
from storage.video.probe import probe
from storage.video.reader import SegmentReader
from storage.video.writer import PartWriter
from tests.storage.video.planned import plan_segments

START = datetime(2026, 3, 2, 22, 0, 0, tzinfo=UTC)


def segments_of(path: Path, segment_s: float = 0.8) -> list[Segment]:
    return plan_segments(probe(path), "ab" * 8, "cam", path.name, START, "UTC", segment_s)


def copy_part(source: Path, segment: Segment, target: Path, store: Path) -> list[int]:
    sink = PartWriter(LocalBlobs(store), target.relative_to(store).as_posix(), segment)
    chunk = sink.new_chunk()
    pts: list[int] = []
    for _, batch in SegmentReader(source, segment, [FrameNeed()]):
        chunk.write(batch)
        pts += batch.pts.tolist()
    sink.keep(chunk)
    made = sink.close()
    assert made.frames == len(pts) == segment.frames
    assert made.path == target.relative_to(store).as_posix()
    assert made.size_bytes == target.stat().st_size
    return pts


def keep_all(sink: PartWriter, *batches: FrameBatch) -> None:
    """One chunk of some frames, kept."""
    chunk = sink.new_chunk()
    for batch in batches:
        chunk.write(batch)
    sink.keep(chunk)


def batch_of(images: list[Uint8], pts: list[int]) -> FrameBatch:
    return FrameBatch(np.stack(images), np.array(pts, dtype=np.int64), np.array(pts, dtype=np.int64))
