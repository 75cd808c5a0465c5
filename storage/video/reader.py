"""Reads one segment of footage: one decode, and to each asker the frames it wants, with their exact times."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from math import ceil
from pathlib import Path
from time import perf_counter

import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter
from av.video.stream import VideoStream

from schemas.errors import CorruptFootage
from schemas.op import FrameNeed
from schemas.values import FrameBatch, Segment, Uint8
from storage.video.source import Decoder, VideoPacket, open_video, packet_pts, pts_to_us, quarter_turns

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RATE_TOLERANCE = Fraction(95, 100)
Lost = tuple[int, int, str]


class SegmentReader:
    """Iterates over ``(need_index, FrameBatch)``; the frames of each need come in order of time.

    A frame is chosen for a need of F frames a second if it is the one on show at a multiple of 1/F s after the
    footage's first frame, or if it is on show for nearly 1/F s or longer. So the choice depends neither on where
    segments are cut nor on a declared frame rate, and slow footage gives every frame.

    Args:
        path: the video file.
        segment: the slice of it to read.
        needs: who wants which frames.
        threads: of the decoder.
        batch: most frames in a batch.

    Attributes:
        frames_decoded: frames that FFmpeg decoded, up to a few beyond the segment's end included.
        decode_s: seconds spent reading, decoding and converting; not those of whoever takes the batches.
        lost: stretches ``(start_us, end_us, reason)`` that gave no frames; microseconds since 1970 UTC.

    Raises:
        CorruptFootage: the file cannot be opened any more, or the whole segment gives no frame.
    """

    def __init__(
        self, path: Path, segment: Segment, needs: Sequence[FrameNeed], threads: int = 1, batch: int = 8
    ) -> None:
        self._path = path
        self._segment = segment
        self._needs = tuple(needs)
        self._threads = threads
        self._batch = batch
        self.frames_decoded = 0
        self.decode_s = 0.0
        self.lost: tuple[Lost, ...] = ()

    def __iter__(self) -> Iterator[tuple[int, FrameBatch]]:
        began = perf_counter()
        for item in self._batches():
            self.decode_s += perf_counter() - began
            yield item
            began = perf_counter()
        self.decode_s += perf_counter() - began

    def _batches(self) -> Iterator[tuple[int, FrameBatch]]:
        scaler = _Scaler(self._segment)
        collectors = [_Collector(need, self._segment, self._batch, scaler) for need in self._needs]
        for frame, next_pts in _with_next(self._frames(), self._segment.end_pts):
            for index, collector in enumerate(collectors):
                full = collector.miss(next_pts) if frame is None else collector.take(frame, next_pts)
                if full:
                    yield index, collector.flush()
            scaler.forget()
        for index, collector in enumerate(collectors):
            if len(collector):
                yield index, collector.flush()

    def _frames(self) -> Iterator[VideoFrame | int]:
        """The segment's sound frames, and the PTS of those that are none, strictly rising; then sets ``lost``."""
        segment = self._segment
        expected: set[int] = set()
        shown: list[int] = []
        for frame in self._decoded(expected):
            pts = frame.pts
            if pts is None or not segment.start_pts <= pts < segment.end_pts or (shown and pts <= shown[-1]):
                continue
            # A packet is fed before any later frame comes out, so what did not come out by now never will.
            yield from _between(expected, shown, pts)
            shown.append(pts)
            yield frame
        if shown:
            yield from _between(expected, shown, segment.end_pts)
        self.lost = self._stretches(expected, set(shown))
        if not shown:
            raise CorruptFootage(
                "decode_error",
                f"{self._path.name}: no frame can be decoded from {segment.start.isoformat()} "
                f"to {segment.end.isoformat()}",
            )

    def _decoded(self, expected: set[int]) -> Iterator[VideoFrame]:
        """All frames that the segment's packets give; notes the PTS of the packets in ``expected``."""
        with _at_segment(self._path, self._segment) as (container, stream, packets):
            decoder = Decoder(container, stream, self._threads)
            try:
                for packet in packets:
                    pts = packet_pts(packet)
                    if pts is not None and self._segment.start_pts <= pts < self._segment.end_pts:
                        expected.add(pts)
                    yield from decoder.feed(packet)
            except FFmpegError:
                pass  # the file breaks off: what is missing shows in ``lost``
            yield from decoder.drain()
            self.frames_decoded += decoder.frames_decoded

    def _stretches(self, expected: set[int], shown: set[int]) -> tuple[Lost, ...]:
        """Runs of expected frames that were not shown, and a tail that the file no longer has."""
        segment = self._segment
        lost: list[Lost] = []
        due = sorted(expected | shown)
        for pts, next_pts in zip(due, [*due[1:], segment.end_pts], strict=True):
            if pts in shown:
                continue
            begin = _time_us(segment, pts)
            if lost and lost[-1][1] == begin:
                begin = lost.pop()[0]
            lost.append((begin, _time_us(segment, next_pts), "decode_error"))
        if due and len(due) < segment.frames:
            lost.append((_time_us(segment, due[-1]), _time_us(segment, segment.end_pts), "truncated"))
        return tuple(lost)


@contextmanager
def _at_segment(path: Path, segment: Segment) -> Iterator[tuple[InputContainer, VideoStream, Iterator[VideoPacket]]]:
    """The packets from the segment's first keyframe until decode times pass its end.

    Seeks by time; where the index of the file misleads, goes through its packets from the beginning instead.
    """
    with open_video(path) as (container, stream):
        first = _go_to(container, stream, segment)
        if first is not None:
            yield container, stream, _until(container, stream, first, segment.end_pts)
            return
    with open_video(path) as (container, stream):
        first = _find(container, stream, segment.start_pts)
        if first is None:
            raise CorruptFootage(
                "decode_error",
                f"{path.name} has no keyframe at PTS {segment.start_pts} any more: scan the archive again",
            )
        yield container, stream, _until(container, stream, first, segment.end_pts)


def _go_to(container: InputContainer, stream: VideoStream, segment: Segment) -> VideoPacket | None:
    try:
        if segment.index == 0:  # an edit list may hide the first keyframe, so its PTS need not be the segment's
            return next((packet for packet in container.demux(stream) if packet.is_keyframe), None)
        container.seek(segment.start_pts, stream=stream, backward=True)
        return _find(container, stream, segment.start_pts, give_up_after=True)
    except FFmpegError:
        return None


def _find(container: InputContainer, stream: VideoStream, pts: int, give_up_after: bool = False) -> VideoPacket | None:
    for packet in container.demux(stream):
        if not packet.is_keyframe:
            continue
        at = packet_pts(packet)
        if at == pts:
            return packet
        if give_up_after and at is not None and at > pts:
            return None
    return None


def _until(container: InputContainer, stream: VideoStream, first: VideoPacket, end_pts: int) -> Iterator[VideoPacket]:
    yield first
    for packet in container.demux(stream):
        if packet.dts is not None and packet.dts >= end_pts:
            return
        if packet.size:
            yield packet


def _between(expected: set[int], shown: list[int], end_pts: int) -> list[int]:
    """PTS after the last frame shown and before another."""
    last = shown[-1] if shown else -(2**63)
    return sorted(pts for pts in expected if last < pts < end_pts)


def _with_next(frames: Iterator[VideoFrame | int], end_pts: int) -> Iterator[tuple[VideoFrame | None, int]]:
    """Each frame with the PTS at which the next sound one takes its place; None with the PTS of one that is lost."""
    held: VideoFrame | None = None
    lost: list[int] = []
    for frame in frames:
        if isinstance(frame, int):
            lost.append(frame)
            continue
        if held is not None and frame.pts is not None:
            yield held, frame.pts
        yield from ((None, pts) for pts in lost)
        lost.clear()
        held = frame
    if held is not None:
        yield held, end_pts
    yield from ((None, pts) for pts in lost)


def _time_us(segment: Segment, pts: int) -> int:
    start_us = (segment.footage_start - _EPOCH) // timedelta(microseconds=1)
    return start_us + pts_to_us(pts - segment.footage_start_pts, segment.time_base)


class _Scaler:
    """Turns frames into upright BGR arrays; a frame is converted once for all needs of one width."""

    def __init__(self, segment: Segment) -> None:
        self._size_px = (segment.width, segment.height)
        self._reformatters: dict[tuple[int, int], tuple[VideoReformatter, VideoReformatter]] = {}
        self._ready: dict[tuple[int, int], Uint8] = {}

    def size_px(self, width_px: int | None) -> tuple[int, int]:
        """(width, height) for a need."""
        width, height = self._size_px
        if width_px is None or width_px >= width:
            return width, height
        return width_px, max(1, round(height * width_px / width))

    def forget(self) -> None:
        """To be called before the next frame."""
        self._ready.clear()

    def bgr(self, frame: VideoFrame, size_px: tuple[int, int]) -> Uint8:
        """``(H, W, 3)`` uint8 in BGR, rotated as the container asks; a view that lives as long as the frame."""
        if size_px not in self._ready:
            self._ready[size_px] = self._convert(frame, size_px)
        return self._ready[size_px]

    def _convert(self, frame: VideoFrame, size_px: tuple[int, int]) -> Uint8:
        turns = quarter_turns(frame)
        width, height = size_px if turns % 2 == 0 else size_px[::-1]
        scale, convert = self._reformatters.setdefault(size_px, (VideoReformatter(), VideoReformatter()))
        # Scaling before colour conversion takes half the time of both at once. AREA means each pixel over all that it
        # stands for, so that small people keep their contrast.
        scaled = scale.reformat(frame, width, height, interpolation=Interpolation.AREA, threads=1)
        done = convert.reformat(scaled, width, height, "bgr24", threads=1)
        plane = done.planes[0]
        rows = np.frombuffer(memoryview(plane), dtype=np.uint8).reshape(-1, plane.line_size)[:height]
        image = np.lib.stride_tricks.as_strided(rows, (height, width, 3), (plane.line_size, 3, 1), writeable=False)
        return np.rot90(image, turns)


class _Collector:
    """Gathers the frames of one need into batches."""

    def __init__(self, need: FrameNeed, segment: Segment, batch: int, scaler: _Scaler) -> None:
        self._segment = segment
        self._batch = batch
        self._scaler = scaler
        self._size_px = scaler.size_px(need.width_px)
        self._rate = None if need.fps is None else Fraction(need.fps).limit_denominator(10_000) * segment.time_base
        self._needs_lost = need.lost
        self._pts: list[int] = []
        self._lost: list[bool] = []
        self._frames = self._room()

    def __len__(self) -> int:
        return len(self._pts)

    def take(self, frame: VideoFrame, next_pts: int) -> bool:
        """Keeps the frame if the need asks for it; True when the batch is full."""
        if frame.pts is not None and self._wants(frame.pts, next_pts):
            self._frames[len(self._pts)] = self._scaler.bgr(frame, self._size_px)
            self._pts.append(frame.pts)
            self._lost.append(False)
        return len(self._pts) == self._batch

    def miss(self, pts: int) -> bool:
        """Notes a frame that cannot be decoded, if the need asks for such; True when the batch is full."""
        if self._needs_lost:
            self._frames[len(self._pts)] = 0
            self._pts.append(pts)
            self._lost.append(True)
        return len(self._pts) == self._batch

    def flush(self) -> FrameBatch:
        """The frames gathered so far, in an array of their own."""
        frames, pts, lost = self._frames[: len(self._pts)], self._pts, self._lost
        self._frames, self._pts, self._lost = self._room(), [], []
        times_us = [_time_us(self._segment, value) for value in pts]
        marks = np.array(lost) if any(lost) else None
        return FrameBatch(frames, np.array(pts, dtype=np.int64), np.array(times_us, dtype=np.int64), marks)

    def _wants(self, pts: int, next_pts: int) -> bool:
        if self._rate is None:
            return True
        begin, end = (value - self._segment.footage_start_pts for value in (pts, next_pts))
        slow_enough = (end - begin) * self._rate >= _RATE_TOLERANCE
        return slow_enough or ceil(begin * self._rate) < ceil(end * self._rate)

    def _room(self) -> Uint8:
        width, height = self._size_px
        return np.empty((self._batch, height, width, 3), dtype=np.uint8)
