"""Fakes of what a worker gives an op: a unit's context, and services that keep everything in memory."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from hashlib import sha256

import numpy as np
import pyarrow as pa

from schemas.op import VideoChunk
from schemas.values import (
    CameraView,
    Feature,
    FrameBatch,
    RasterFile,
    Segment,
    Uint8,
    Uint16,
    UnitContext,
    VideoFile,
)
from storage.archive.segments import SEGMENT_COLUMNS

START = datetime(2026, 3, 2, 22, 0, 0, tzinfo=UTC)
FOOTAGE_ID = "00112233445566aa"
TIME_BASE = Fraction(1, 12800)
_FRACTION = (("num", "numer"), ("den", "denomin"))


def make_segment(
    index: int = 0,
    duration_s: float = 10.0,
    fps: float = 10.0,
    size_px: tuple[int, int] = (320, 240),
    start: datetime = START,
    camera: str = "cam1",
) -> Segment:
    """Builds segment ``index`` of footage that starts at ``start`` and is cut every ``duration_s``."""
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


def segment_columns(segments: Iterable[Segment]) -> pa.Table:
    """Returns segments as rows of ``SEGMENT_COLUMNS``, sorted by camera, start and id."""
    epoch, microsecond = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
    rows = []
    for segment in segments:
        times = {"start_us": segment.start, "end_us": segment.end, "footage_start_us": segment.footage_start}
        in_us = {name: (time - epoch) // microsecond for name, time in times.items()}
        base = {"time_base_num": segment.time_base.numerator, "time_base_den": segment.time_base.denominator}
        base |= {f"pixel_aspect_{part}": getattr(segment.pixel_aspect, f"{name}ator") for part, name in _FRACTION}
        base |= {f"raw_fps_{part}": getattr(segment.raw_fps or Fraction(0), f"{name}ator") for part, name in _FRACTION}
        rows.append({**vars(segment), **in_us, **base})
    order = [(name, "ascending") for name in ("camera", "start_us", "segment_id")]
    return pa.Table.from_pylist(rows, SEGMENT_COLUMNS).sort_by(order).combine_chunks()


def make_unit(
    segments: Sequence[Segment],
    camera: CameraView | None = None,
    features: Sequence[Feature] = (),
    unit: str | None = None,
    site_crs: str = "EPSG:28992",
) -> UnitContext:
    """Builds the context of a segment's unit; of a camera-day's for several segments, or if ``unit`` names it."""
    camera = camera or CameraView("cam1", "Camera 1", "Europe/Amsterdam", fixed=True)
    name = unit or (segments[0].segment_id if len(segments) == 1 else "day")
    return UnitContext(camera, "2026-03-02", name, site_crs, tuple(segments), tuple(features))


def make_batch(frames: Uint8, segment: Segment, first: int = 0, fps: float = 10.0) -> FrameBatch:
    """Builds a batch of a segment's frames from number ``first``, ``(N, H, W, 3)`` BGR, at a constant rate."""
    offsets_s = (first + np.arange(len(frames))) / fps
    pts = segment.start_pts + np.round(offsets_s / float(segment.time_base)).astype(np.int64)
    times_us = round(segment.start.timestamp() * 1e6) + np.round(offsets_s * 1e6).astype(np.int64)
    return FrameBatch(frames, pts, times_us)


class MemoryChunk:
    """A ``VideoChunk`` that keeps its frames, and plays them unchanged."""

    def __init__(self) -> None:
        self.batches: list[FrameBatch] = []
        self.ended = False

    def write(self, batch: FrameBatch) -> None:
        """Keeps a batch."""
        if self.ended:
            raise ValueError("this chunk was played or kept already")
        self.batches.append(batch)

    def repeat(self, pts: int, time_us: int) -> None:
        """Keeps the last frame again."""
        if self.ended or not self.batches:
            raise ValueError("this chunk was played or kept already, or has no frame")
        last = self.batches[-1].frames[-1:]
        self.batches.append(FrameBatch(last, np.array([pts]), np.array([time_us])))

    def decode(self) -> Iterator[FrameBatch]:
        """Yields the batches as they were written, and ends the chunk."""
        self.ended = True
        return iter(self.batches)


class MemorySink:
    """A ``VideoSink`` in memory: all ``chunks`` begun, and the ``batches`` of the kept ones."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.chunks: list[MemoryChunk] = []
        self.kept: list[MemoryChunk] = []
        self.aborted = False

    @property
    def batches(self) -> list[FrameBatch]:
        """The batches of the kept chunks."""
        return [batch for chunk in self.kept for batch in chunk.batches]

    def new_chunk(self, reencode: bool = False) -> MemoryChunk:
        """Begins a chunk."""
        self.chunks.append(MemoryChunk())
        return self.chunks[-1]

    def keep(self, chunk: VideoChunk) -> None:
        """Adds a chunk to the file, once."""
        if not isinstance(chunk, MemoryChunk) or chunk not in self.chunks or chunk in self.kept:
            raise ValueError("this is not a chunk of this file, or it was kept already")
        chunk.ended = True
        self.kept.append(chunk)

    def close(self) -> VideoFile:
        """Returns a made-up file with the number of kept frames."""
        return VideoFile(self.path, sum(map(len, self.batches)), 1000, "0" * 64)

    def abort(self) -> None:
        """Records that the file was given up."""
        self.aborted = True


class MemoryRasters:
    """A ``RasterSink`` in memory: rasters by entry."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.rasters: dict[str, Uint16] = {}
        self.aborted = False

    def add(self, pts: int, raster: Uint16) -> str:
        """Keeps a raster."""
        self.rasters[f"{pts}.png"] = raster
        return f"{pts}.png"

    def close(self) -> RasterFile:
        """Returns a made-up file with the number of rasters."""
        return RasterFile(self.path, len(self.rasters), 1000, "0" * 64)

    def abort(self) -> None:
        """Records that the file was given up."""
        self.aborted = True


class FakeServices:
    """``Services`` in memory: ``counters``, ``sinks``, ``rasters`` by unit, ``merged`` parts, ``beside`` files."""

    def __init__(self) -> None:
        self.counters: Counter[str] = Counter()
        self.sinks: dict[str, MemorySink] = {}
        self.rasters: dict[str, MemoryRasters] = {}
        self.merged: list[tuple[str, ...]] = []
        self.beside: dict[str, bytes] = {}

    def count(self, counter: str, amount: int = 1) -> None:
        """Adds to a counter."""
        self.counters[counter] += amount

    def video_sink(self, unit: UnitContext) -> MemorySink:
        """Returns the unit's sink."""
        return self.sinks.setdefault(unit.unit, MemorySink(f"_parts/{unit.unit}.mp4"))

    def raster_sink(self, unit: UnitContext) -> MemoryRasters:
        """Returns the unit's sink of rasters."""
        return self.rasters.setdefault(unit.unit, MemoryRasters(f"depth_files/{unit.unit}.zip"))

    def merge_video(self, unit: UnitContext, parts: Sequence[str]) -> VideoFile:
        """Records the parts, and returns a made-up file."""
        self.merged.append(tuple(parts))
        return VideoFile(f"anonymized/{unit.unit}.mp4", 100, 1000, "0" * 64)

    def write_beside(self, video_path: str, suffix: str, content: bytes) -> VideoFile:
        """Keeps a file under the video's name with another suffix."""
        name = f"{video_path.removesuffix('.mp4')}{suffix}"
        self.beside[name] = content
        return VideoFile(name, 0, len(content), sha256(content).hexdigest())
