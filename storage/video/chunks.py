"""Chunks: frames that are encoded, and can be looked at as players will show them, before any of it is in a file."""

from collections.abc import Iterator
from typing import cast

import numpy as np
from av.bitstream import BitStreamFilterContext
from av.codec.context import CodecContext
from av.error import FFmpegError
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter

from schemas.errors import CoverageError
from schemas.values import FrameBatch, Uint8
from storage.video.h264 import renumbered
from storage.video.source import VideoPacket
from storage.video.x264 import Encoding

_BATCH_BYTES = 32_000_000


class EncodedChunk:
    """A ``VideoChunk``: a closed group of pictures with an encoder of its own. It holds packets, and no frames.

    Args:
        encoding: of the file that it is meant for.
        name: of that file, for messages.
        reencode: its frames are those of another chunk, encoded before.

    Attributes:
        packets: what was encoded, in order, without SEI; complete after ``end``.
        extradata: the parameter sets that a decoder needs.
        coded_size_px: (width, height) as encoded: even, for 4:2:0 has no odd size; (0, 0) before the first frame.
        ticks: times of the frames in the file.
    """

    def __init__(self, encoding: Encoding, name: str, reencode: bool = False) -> None:
        self._reencode = reencode
        self.packets: list[VideoPacket] = []
        self.extradata = b""
        self.coded_size_px = (0, 0)
        self.ticks: list[int] = []
        self._encoding = encoding
        self._name = name
        self._encoder: VideoCodecContext | None = None
        # x264 leaves its version and settings in the first packet's SEI (NAL type 6): metadata, so it goes.
        self._filter = BitStreamFilterContext("filter_units=remove_types=6", "h264")
        self._size_px = (0, 0)
        self._pts: list[int] = []
        self._times_us: list[int] = []
        self._ended = False

    def write(self, batch: FrameBatch) -> None:
        """Encodes frames; an odd width or height grows by one pixel, to be cut off again by ``decode``.

        Raises:
            ValueError: PTS do not rise, frames are not of one size, or the chunk was played or kept already.
        """
        if self._ended:
            raise ValueError(f"a chunk of {self._name} was played or kept already: frames go into another one")
        for image, pts, time_us in zip(batch.frames, batch.pts.tolist(), batch.times_us.tolist(), strict=True):
            self._encode(image, pts)
            self._pts.append(pts)
            self._times_us.append(time_us)

    def end(self) -> None:
        """Ends the encoding: all packets are there, and the encoder is gone."""
        if self._encoder is not None:
            self._collect(self._encoder, None)
            self._encoder = None
        self._ended = True

    def decode(self) -> Iterator[FrameBatch]:
        """Ends the encoding and gives the frames as a player shows them, at the size and times they were written with.

        Batches are of about 32 MB at most; the frames are BGR. It may be called again, also after the chunk was kept.

        Raises:
            CoverageError: what was encoded cannot be decoded again.
        """
        self.end()
        return self._batches()

    def renumber(self, number: int) -> None:
        """Gives the first picture another number, so that it may follow one of the same; see ``storage.video.h264``."""
        first = self.packets[0]
        content = renumbered(bytes(first), self.extradata, number)
        changed = cast(VideoPacket, Packet(len(content)))  # not of the bytes: decoders read a little beyond the end
        changed.update(content)
        changed.pts, changed.dts, changed.duration = first.pts, first.dts, first.duration
        changed.time_base = first.time_base
        changed.is_keyframe = first.is_keyframe
        self.packets[0] = changed

    def _encode(self, image: Uint8, pts: int) -> None:
        ticks = self._encoding.ticks(pts)
        if self.ticks and ticks <= self.ticks[-1]:
            raise ValueError(f"PTS must rise: {pts} comes after {self.ticks[-1]} ticks in {self._name}")
        height, width = image.shape[:2]
        if self._encoder is None:
            self._size_px = width, height
            self.coded_size_px = width + width % 2, height + height % 2
            self._encoder = self._encoding.encoder(*self.coded_size_px, self._reencode)
            self.extradata = self._encoder.extradata or b""
        elif self._size_px != (width, height):
            raise ValueError(f"frames of a chunk must be of one size: {width}x{height} comes after {self._size_px}")
        frame = VideoFrame.from_ndarray(_even(image), format="bgr24")
        frame.pts = ticks
        frame.time_base = self._encoding.tick
        self._collect(self._encoder, frame)
        self.ticks.append(ticks)

    def _collect(self, encoder: VideoCodecContext, frame: VideoFrame | None) -> None:
        for packet in encoder.encode(frame):
            self.packets += self._filter.filter(packet)

    def _batches(self) -> Iterator[FrameBatch]:
        width, height = self._size_px
        most = max(1, _BATCH_BYTES // max(1, 3 * width * height))
        shown = self._shown()
        for first in range(0, len(self._pts), most):
            batch = slice(first, first + most)
            pts, times_us = (np.array(values[batch], dtype=np.int64) for values in (self._pts, self._times_us))
            frames = np.empty((len(pts), height, width, 3), dtype=np.uint8)
            for room, ticks in zip(frames, self.ticks[batch], strict=True):
                found, image = next(shown, (None, None))
                if image is None or found != ticks:
                    raise CoverageError(f"frame {ticks} of {self._name} was encoded, but {found} is shown")
                room[:] = image[:height, :width]
            yield FrameBatch(frames, pts, times_us)
        if next(shown, None) is not None:
            raise CoverageError(f"{self._name} shows frames that were not written")

    def _shown(self) -> Iterator[tuple[int | None, Uint8]]:
        """Ticks and coded frames ``(H, W, 3)`` BGR, decoded from the packets and parameter sets alone."""
        if not self.packets:
            return
        decoder = CodecContext.create("h264", "r")
        decoder.extradata = self.extradata
        decoder.thread_count = 1
        converter = VideoReformatter()
        try:
            for packet in [*self.packets, None]:
                for frame in decoder.decode(packet):
                    if frame.is_corrupt:
                        raise CoverageError(f"frame {frame.pts} of {self._name} was encoded, but decodes damaged")
                    yield frame.pts, _bgr(converter.reformat(frame, format="bgr24", threads=1))
        except FFmpegError as error:
            raise CoverageError(f"what was encoded for {self._name} cannot be decoded: {error.strerror}") from error


def _even(image: Uint8) -> Uint8:
    height, width = image.shape[:2]
    if height % 2 == 0 and width % 2 == 0:
        return image
    return np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")


def _bgr(frame: VideoFrame) -> Uint8:
    """``(H, W, 3)``, a view of a frame that is BGR already."""
    plane = frame.planes[0]
    rows = np.frombuffer(memoryview(plane), dtype=np.uint8).reshape(-1, plane.line_size)[: frame.height]
    return rows[:, : 3 * frame.width].reshape(frame.height, frame.width, 3)
