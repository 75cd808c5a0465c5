"""Stand-ins for what a worker gives an op: a unit's context, and services that keep everything in memory."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import numpy as np

from schemas.values import CameraView, Feature, FrameBatch, Segment, Uint8, UnitContext, VideoFile

START = datetime(2026, 3, 2, 22, 0, 0, tzinfo=UTC)
FOOTAGE_ID = "00112233445566aa"
TIME_BASE = Fraction(1, 12800)


def make_segment(
    index: int = 0,
    duration_s: float = 10.0,
    fps: float = 10.0,
    size_px: tuple[int, int] = (320, 240),
    start: datetime = START,
    camera: str = "cam1",
) -> Segment:
    """Segment number ``index`` of footage that starts at ``start`` and is cut every ``duration_s``."""
    ticks = round(duration_s / TIME_BASE)
    begin = start + timedelta(seconds=index * duration_s)
    return Segment(
        segment_id=f"{FOOTAGE_ID}-{index:04d}",
        footage_id=FOOTAGE_ID,
        camera=camera,
        date="2026-03-02",
        index=index,
        path=f"{camera}/clip.mp4",
        start=begin,
        end=begin + timedelta(seconds=duration_s),
        start_pts=index * ticks,
        end_pts=(index + 1) * ticks,
        frames=round(duration_s * fps),
        time_base=TIME_BASE,
        footage_start=start,
        footage_start_pts=0,
        width=size_px[0],
        height=size_px[1],
    )


def make_unit(
    segments: Sequence[Segment],
    camera: CameraView | None = None,
    features: Sequence[Feature] = (),
    unit: str | None = None,
    site_crs: str = "EPSG:28992",
) -> UnitContext:
    """The context of a segment's unit, or of a camera-day's if there is not exactly one segment or ``unit`` says so."""
    camera = camera or CameraView("cam1", "Camera 1", "Europe/Amsterdam", fixed=True)
    name = unit or (segments[0].segment_id if len(segments) == 1 else "day")
    return UnitContext(camera, "2026-03-02", name, site_crs, tuple(segments), tuple(features))


def make_batch(frames: Uint8, segment: Segment, first: int = 0, fps: float = 10.0) -> FrameBatch:
    """Frames number ``first`` and on of a segment, ``(N, H, W, 3)`` BGR, at a constant rate."""
    offsets_s = (first + np.arange(len(frames))) / fps
    pts = segment.start_pts + np.round(offsets_s / float(segment.time_base)).astype(np.int64)
    times_us = round(segment.start.timestamp() * 1e6) + np.round(offsets_s * 1e6).astype(np.int64)
    return FrameBatch(frames, pts, times_us)


class MemorySink:
    """A ``VideoSink`` that keeps the frames."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.batches: list[FrameBatch] = []
        self.aborted = False

    def write(self, batch: FrameBatch) -> None:
        self.batches.append(batch)

    def close(self) -> VideoFile:
        return VideoFile(self.path, sum(map(len, self.batches)), 1000, "0" * 64)

    def abort(self) -> None:
        self.aborted = True


class FakeServices:
    """``Services`` in memory: ``counters``, ``sinks`` by unit, ``joined`` parts."""

    def __init__(self) -> None:
        self.counters: Counter[str] = Counter()
        self.sinks: dict[str, MemorySink] = {}
        self.joined: list[tuple[str, ...]] = []

    def count(self, counter: str, amount: int = 1) -> None:
        self.counters[counter] += amount

    def video_sink(self, unit: UnitContext) -> MemorySink:
        return self.sinks.setdefault(unit.unit, MemorySink(f"_parts/{unit.unit}.mp4"))

    def join_video(self, unit: UnitContext, parts: Sequence[str]) -> VideoFile:
        self.joined.append(tuple(parts))
        return VideoFile(f"anonymized/{unit.unit}.mp4", 100, 1000, "0" * 64)
