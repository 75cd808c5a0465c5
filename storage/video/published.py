"""Reads frames of published video by their times, as players show them."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter

from schemas.errors import CorruptFootage
from schemas.values import Segment, Uint8
from storage.video.source import bgr_view, open_video


def pts_to_ticks(pts: int, segment: Segment) -> int:
    """Converts a frame's PTS in its footage to its time in a published file; see ``storage.video.writer``."""
    return (pts - segment.footage_start_pts) * segment.time_base.numerator


def read_ticks(path: Path) -> list[int]:
    """Returns the ticks of all frames, in order, without decoding."""
    with open_video(path) as (container, stream):
        return [packet.pts for packet in container.demux(stream) if packet.pts is not None]


def read_frames(
    path: Path, size_px: tuple[int, int], since: int = 0, until: int | None = None
) -> Iterator[tuple[int, Uint8]]:
    """Yields ticks and image ``(H, W, 3)`` BGR of every frame, in order.

    Args:
        path: the published file.
        size_px: (width, height) of the footage; rows and columns that the encoder added are cut off.
        since: ticks; earlier frames are left out.
        until: ticks; later frames are left out. None for all.

    Raises:
        CorruptFootage: the file cannot be read to its end.
    """
    with open_video(path) as (container, stream):
        try:
            if since:
                container.seek(since, stream=stream, backward=True)
            convert = _Converter(size_px)
            for frame in container.decode(stream):
                if frame.pts is None or frame.pts < since:
                    continue
                if until is not None and frame.pts > until:
                    return
                yield frame.pts, convert.bgr(frame)
        except FFmpegError as error:
            raise CorruptFootage("decode_error", f"{path.name} cannot be decoded: {error.strerror}") from error


def read_frames_at(path: Path, ticks: Sequence[int], size_px: tuple[int, int]) -> Iterator[tuple[int, Uint8]]:
    """Yields the frames at ``ticks`` (rising) that exist; arguments and errors as for ``read_frames``."""
    with open_video(path) as (container, stream):
        try:
            convert = _Converter(size_px)
            for wanted in ticks:
                container.seek(wanted, stream=stream, backward=True)
                frame = _find(container.decode(stream), wanted)
                if frame is not None:
                    yield wanted, convert.bgr(frame)
        except FFmpegError as error:
            raise CorruptFootage("decode_error", f"{path.name} cannot be decoded: {error.strerror}") from error


def _find(frames: Iterator[VideoFrame], ticks: int) -> VideoFrame | None:
    for frame in frames:
        if frame.pts is not None and frame.pts >= ticks:
            return frame if frame.pts == ticks else None
    return None


class _Converter:
    def __init__(self, size_px: tuple[int, int]) -> None:
        self._size_px = size_px
        self._reformatter = VideoReformatter()

    def bgr(self, frame: VideoFrame) -> Uint8:
        width, height = self._size_px
        image = bgr_view(self._reformatter.reformat(frame, format="bgr24", threads=1))
        return np.ascontiguousarray(image[:height, :width])
