"""Opens footage at the keyframe with which a segment's decoding begins, and gives the segment's packets."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from av.container import InputContainer
from av.error import FFmpegError
from av.video.stream import VideoStream

from schemas.clock import LEAST_FRAMES
from schemas.errors import CorruptFootage
from schemas.values import Segment
from storage.video.source import VideoPacket, open_video, packet_pts, require_readable

_MOST_LATE_S = 10
"""Seconds in which footage without a keyframe begins: longer ones are rare, and are only read from the start."""


class SegmentPackets:
    """The packets of a segment.

    Attributes:
        ended: whether the file ends with the segment; known once all packets were read.
    """

    def __init__(self, container: InputContainer, stream: VideoStream, first: VideoPacket, end_pts: int) -> None:
        self._packets = container.demux(stream)
        self._first = first
        self._end_pts = end_pts
        self.ended = True

    def __iter__(self) -> Iterator[VideoPacket]:
        yield self._first
        after_end: list[VideoPacket] = []
        for packet in self._packets:
            # Packets come in decode order, in which PTS jump back and forth around B-frames. DTS only rise and never
            # exceed the PTS, so no packet after this one is shown before ``end_pts``. Only a clock that strays for
            # some packets returns.
            if packet.dts is not None and packet.dts >= self._end_pts:
                self.ended = False
                after_end.append(packet)
                if len(after_end) > LEAST_FRAMES:
                    return
            elif packet.size:
                yield from after_end
                after_end.clear()
                self.ended = True
                yield packet


@contextmanager
def open_at_segment(path: Path, segment: Segment) -> Iterator[tuple[InputContainer, VideoStream, SegmentPackets]]:
    """Opens a file at the segment's first frame or the last keyframe before it, up to the segment's last packet.

    Never seeks by frame number: containers know times only, and frame counts derived from a declared rate drift where
    the rate varies or frames are missing. Where the file's index misleads, packets are read from the file's start.

    Raises:
        CorruptFootage: the file can no longer be opened, or the keyframe is not in it.
        OSError: the disk or network fails.
    """
    with open_video(path) as (container, stream):
        first = _seek(path, container, stream, segment)
        if first is not None:
            yield container, stream, SegmentPackets(container, stream, first, segment.end_pts)
            return
    begin_pts = _last_keyframe(path, segment.start_pts)
    with open_video(path) as (container, stream):
        for first in _keyframes(path, container, stream):
            if packet_pts(first) == begin_pts:
                yield container, stream, SegmentPackets(container, stream, first, segment.end_pts)
                return
    raise CorruptFootage(
        "decode_error", f"{path.name} has no keyframe up to PTS {segment.start_pts} any more: scan the archive again"
    )


def begins_file(segment: Segment) -> bool:
    """Returns whether decoding of a segment begins with the file; a first segment may begin after what others show."""
    begins_after = (segment.start_pts - segment.footage_start_pts) * segment.time_base
    return segment.index == 0 and begins_after < _MOST_LATE_S


def _seek(path: Path, container: InputContainer, stream: VideoStream, segment: Segment) -> VideoPacket | None:
    if begins_file(segment):  # an edit list may hide the first keyframe, so its PTS need not be the segment's
        return next(_keyframes(path, container, stream), None)
    try:
        container.seek(segment.start_pts, stream=stream, backward=True)
    except FFmpegError:
        return None  # then the file is read from its start
    first = next(_keyframes(path, container, stream), None)
    at = None if first is None else packet_pts(first)
    return first if at is not None and at <= segment.start_pts else None


def _keyframes(path: Path, container: InputContainer, stream: VideoStream) -> Iterator[VideoPacket]:
    """Yields the keyframes from here on, up to damage that ends the file."""
    try:
        yield from (packet for packet in container.demux(stream) if packet.is_keyframe)
    except FFmpegError as error:
        require_readable(path, error)


def _last_keyframe(path: Path, pts: int) -> int | None:
    """Returns the PTS of the last keyframe that is not shown after ``pts``."""
    with open_video(path) as (container, stream):
        found = [packet_pts(packet) for packet in _keyframes(path, container, stream)]
    return max((at for at in found if at is not None and at <= pts), default=None)
