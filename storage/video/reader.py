"""Reads one segment of footage: one decode, from which every frame need gets its frames with their exact times."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from time import perf_counter

import numpy as np
from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter

from schemas.errors import CorruptFootage
from schemas.op import FrameNeed
from schemas.values import LARGEST_FRAME_PX, FrameBatch, Segment, Uint8
from storage.video.gathering import gathered, most_gathered
from storage.video.segment_packets import begins_file, open_at_segment
from storage.video.source import (
    Decoder,
    VideoPacket,
    bgr_view,
    pts_to_us,
    quarter_turns,
    require_readable,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RATE_TOLERANCE = Fraction(95, 100)

LostSpan = tuple[int, int, str]
"""A stretch without frames: start and end in microseconds since 1970 UTC, and the reason."""


class SegmentReader:
    """Iterates over ``(need_index, FrameBatch)``; the frames of each need come in order of time.

    A need of F frames per second gets the frame that is on screen at each multiple of 1/F s after the footage's first
    frame, and any frame that stays on screen for nearly 1/F s or longer. So the choice depends neither on where
    segments are cut nor on the declared frame rate, and slow footage gives every frame, the file's last included. Where
    the need has ``most_gap_frames``, each segment also gives the last frame that this gap allows, counted from its own
    start.

    Args:
        path: the video file.
        segment: the slice of it to read.
        needs: which frames each consumer wants.
        threads: number of decoder threads.
        batch: most frames in a batch; of large frames each comes alone.
        max_pixels: limit of a frame's ``weight_px``; heavier ones are lost.

    Attributes:
        frames_decoded: frames that FFmpeg decoded, including a few beyond the segment's end.
        decode_s: seconds spent reading, decoding and converting, without the time of the batches' consumers.
        lost: stretches that gave no frames; complete after the iteration.

    Raises:
        CorruptFootage: the file can no longer be opened, or the whole segment gives no frame.
        OSError: the disk or network fails.
    """

    def __init__(
        self,
        path: Path,
        segment: Segment,
        needs: Sequence[FrameNeed],
        threads: int = 1,
        batch: int = 8,
        max_pixels: int = LARGEST_FRAME_PX,
    ) -> None:
        self._path = path
        self._segment = segment
        self._needs = tuple(needs)
        self._threads = threads
        self._batch = batch
        self._max_pixels = max_pixels
        self._end_pts = segment.end_pts
        self.frames_decoded = 0
        self.decode_s = 0.0
        self.lost: tuple[LostSpan, ...] = ()

    def __iter__(self) -> Iterator[tuple[int, FrameBatch]]:
        began = perf_counter()
        for item in self._batches():
            self.decode_s += perf_counter() - began
            yield item
            began = perf_counter()
        self.decode_s += perf_counter() - began

    def _batches(self) -> Iterator[tuple[int, FrameBatch]]:
        converter = _FrameConverter(self._segment)
        collectors = [_BatchCollector(need, self._segment, self._batch, converter) for need in self._needs]
        for frame, next_pts in _with_next_pts(self._frames(), lambda: self._end_pts):
            for index, collector in enumerate(collectors):
                full = collector.add_lost(next_pts) if frame is None else collector.add(frame, next_pts)
                if full:
                    yield index, collector.pop_batch()
            converter.next_frame()
        for index, collector in enumerate(collectors):
            if len(collector):
                yield index, collector.pop_batch()

    def _frames(self) -> Iterator[VideoFrame | int]:
        """Yields the segment's intact frames, and the PTS of lost ones, strictly rising; then sets ``lost``."""
        segment = self._segment
        decoded: list[int] = []
        with open_at_segment(self._path, segment) as (container, stream, packets):
            decoder = Decoder(container, stream, self._threads, begins_file(segment), self._max_pixels)
            for frame in self._decode(decoder, packets):
                pts = frame.pts
                if pts is None or not segment.start_pts <= pts < segment.end_pts or (decoded and pts <= decoded[-1]):
                    continue
                yield from self._lost_between(decoder, decoded, pts)
                decoded.append(pts)
                yield frame
            if decoded:
                yield from self._lost_between(decoder, decoded, segment.end_pts)
        if packets.ended and len(decoded) > 1:
            # The last frame's own time is often cut short in the file: it is as long as the one before it.
            self._end_pts = max(segment.end_pts, 2 * decoded[-1] - decoded[-2])
        self.frames_decoded += decoder.frames_decoded
        self.lost = self._lost_spans(decoder, set(decoded))
        if not decoded:
            raise CorruptFootage(
                "decode_error",
                f"{self._path.name}: no frame can be decoded from {segment.start.isoformat()} "
                f"to {segment.end.isoformat()}",
            )

    def _decode(self, decoder: Decoder, packets: Iterable[VideoPacket]) -> Iterator[VideoFrame]:
        try:
            for packet in packets:
                yield from decoder.feed(packet)
        except FFmpegError as error:
            require_readable(self._path, error)  # the file ends early: ``lost`` reports what is missing
        yield from decoder.drain()

    def _lost_between(self, decoder: Decoder, decoded: list[int], end_pts: int) -> list[int]:
        """Returns the PTS of lost frames after the last decoded one and before ``end_pts``."""
        begin_pts = decoded[-1] + 1 if decoded else self._segment.start_pts
        return decoder.lost_pts.between(begin_pts, end_pts)

    def _lost_spans(self, decoder: Decoder, decoded: set[int]) -> tuple[LostSpan, ...]:
        """Returns runs of frames that were not decoded, and a tail that is no longer in the file."""
        segment = self._segment
        found = {pts for pts in decoder.picture_pts if segment.start_pts <= pts < segment.end_pts}
        lost: list[LostSpan] = []
        every = sorted(found.intersection(decoder.lost_pts) | decoded)
        for pts, next_pts in zip(every, [*every[1:], segment.end_pts][: len(every)], strict=True):
            if pts in decoded:
                continue
            begin = _time_us(segment, pts)
            if lost and lost[-1][1] == begin:
                begin = lost.pop()[0]
            lost.append((begin, _time_us(segment, next_pts), "decode_error"))
        if every and len(found | decoded) < segment.frames:
            lost.append((_time_us(segment, every[-1]), _time_us(segment, segment.end_pts), "truncated"))
        return tuple(lost)


def _with_next_pts(
    frames: Iterator[VideoFrame | int], end_pts: Callable[[], int]
) -> Iterator[tuple[VideoFrame | None, int]]:
    """Yields each frame with the PTS at which the next intact one replaces it; None with the PTS of a lost one.

    Args:
        end_pts: called after the last frame.
    """
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
        yield held, end_pts()
    yield from ((None, pts) for pts in lost)


def _time_us(segment: Segment, pts: int) -> int:
    start_us = (segment.footage_start - _EPOCH) // timedelta(microseconds=1)
    return start_us + pts_to_us(pts - segment.footage_start_pts, segment.time_base)


class _FrameConverter:
    """Converts frames to upright BGR arrays, once for all needs of the same width."""

    def __init__(self, segment: Segment) -> None:
        self._size_px = (segment.width, segment.height)
        self._reformatters: dict[tuple[int, int], tuple[VideoReformatter, VideoReformatter]] = {}
        self._converted: dict[tuple[int, int], Uint8] = {}

    def size_px(self, width_px: int | None) -> tuple[int, int]:
        """Returns (width, height) for a need; frames are never enlarged."""
        width, height = self._size_px
        if width_px is None or width_px >= width:
            return width, height
        return width_px, max(1, round(height * width_px / width))

    def next_frame(self) -> None:
        """Drops the conversions of the current frame; call it before the next one."""
        self._converted.clear()

    def bgr(self, frame: VideoFrame, size_px: tuple[int, int]) -> Uint8:
        """Returns ``(H, W, 3)`` BGR, rotated as the container asks; read-only, since all needs of the size share it."""
        if size_px not in self._converted:
            self._converted[size_px] = self._convert(frame, size_px)
        return self._converted[size_px]

    def _convert(self, frame: VideoFrame, size_px: tuple[int, int]) -> Uint8:
        turns = quarter_turns(frame)
        width, height = size_px if turns % 2 == 0 else size_px[::-1]
        scale, convert = self._reformatters.setdefault(size_px, (VideoReformatter(), VideoReformatter()))
        # Scaling before the colour conversion takes half the time of both in one call. AREA averages all source pixels
        # of a target pixel, so that small people keep their contrast.
        scaled = scale.reformat(frame, width, height, interpolation=Interpolation.AREA, threads=1)
        bgr = bgr_view(convert.reformat(scaled, width, height, "bgr24", threads=1))
        upright = np.ascontiguousarray(np.rot90(bgr, turns)) if turns else bgr
        upright.flags.writeable = False
        return upright


class _BatchCollector:
    """Gathers the frames of one need into batches."""

    def __init__(self, need: FrameNeed, segment: Segment, batch: int, converter: _FrameConverter) -> None:
        self._segment = segment
        self._converter = converter
        self._size_px = converter.size_px(need.width_px)
        self._most = most_gathered(self._size_px, batch)
        self._rate = None if need.fps is None else Fraction(need.fps).limit_denominator(10_000) * segment.time_base
        self._wants_lost = need.lost
        self._most_gap = need.most_gap_frames
        self._skipped = 0
        self._pts: list[int] = []
        self._lost: list[bool] = []
        self._frames: list[Uint8] = []

    def __len__(self) -> int:
        return len(self._pts)

    def add(self, frame: VideoFrame, next_pts: int) -> bool:
        """Adds a frame if the need samples it; returns whether the batch is full."""
        if frame.pts is None:
            return False
        if self._most_gap != self._skipped + 1 and not self._is_sampled(frame.pts, next_pts):
            self._skipped += 1
        else:
            self._skipped = 0
            self._frames.append(self._converter.bgr(frame, self._size_px))
            self._pts.append(frame.pts)
            self._lost.append(False)
        return len(self._pts) == self._most

    def add_lost(self, pts: int) -> bool:
        """Adds a black frame for one that cannot be decoded, if the need wants those; returns whether it is full."""
        if self._wants_lost:
            width, height = self._size_px
            self._frames.append(np.zeros((height, width, 3), np.uint8))
            self._pts.append(pts)
            self._lost.append(True)
        return len(self._pts) == self._most

    def pop_batch(self) -> FrameBatch:
        """Returns the frames gathered so far."""
        frames, pts, lost = gathered(self._frames), self._pts, self._lost
        self._frames, self._pts, self._lost = [], [], []
        times_us = [_time_us(self._segment, value) for value in pts]
        lost_flags = np.array(lost) if any(lost) else None
        return FrameBatch(frames, np.array(pts, dtype=np.int64), np.array(times_us, dtype=np.int64), lost_flags)

    def _is_sampled(self, pts: int, next_pts: int) -> bool:
        if self._rate is None:
            return True
        # Times are counted from the footage's first frame, not the segment's, so that cuts do not shift the samples.
        begin, end = (value - self._segment.footage_start_pts for value in (pts, next_pts))
        # In whole numbers: it is asked for each frame and need, and fractions take ten times as long.
        dividend, divisor = self._rate.numerator, self._rate.denominator
        slow_enough = (end - begin) * dividend * _RATE_TOLERANCE.denominator >= _RATE_TOLERANCE.numerator * divisor
        return slow_enough or -(-begin * dividend // divisor) < -(-end * dividend // divisor)
