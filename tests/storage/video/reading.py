"""Clips read by segment, for tests."""

from datetime import UTC, datetime
from pathlib import Path

from schemas.op import FrameNeed
from schemas.values import FrameBatch, Segment
from storage.video.probe import probe
from storage.video.reader import SegmentReader
from tests.storage.video.planned import plan_segments
from tests.support import clips

START = datetime(2026, 3, 2, 22, 0, 0, tzinfo=UTC)


EVERY = FrameNeed()


def segments_of(path: Path, segment_s: float = 0.8) -> list[Segment]:
    return plan_segments(probe(path), "ab" * 8, "cam", path.name, START, "UTC", segment_s)


def read(
    path: Path, segment: Segment, *needs: FrameNeed, **options: int
) -> tuple[list[list[FrameBatch]], SegmentReader]:
    reader = SegmentReader(path, segment, needs, **options)
    given: list[list[FrameBatch]] = [[] for _ in needs]
    for index, batch in reader:
        given[index].append(batch)
    return given, reader


def numbers(batches: list[FrameBatch]) -> list[int]:
    return [clips.frame_number(image) for batch in batches for image in batch.frames]


def all_pts(batches: list[FrameBatch]) -> list[int]:
    return [pts for batch in batches for pts in batch.pts.tolist()]


def all_times(batches: list[FrameBatch]) -> list[int]:
    return [time for batch in batches for time in batch.times_us.tolist()]
