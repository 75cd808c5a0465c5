"""Chunks of encoded video that can be decoded and verified, as players will show them, before they enter a file.

Why: docs/decisions/0014-published-video-is-verified.md.
"""

from collections.abc import Iterator
from typing import cast

import numpy as np
from av.bitstream import BitStreamFilterContext
from av.codec.context import CodecContext
from av.error import FFmpegError
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.plane import VideoPlane
from av.video.reformatter import VideoReformatter

from schemas.errors import CoverageError
from schemas.values import FrameBatch, Uint8
from storage.video.gathering import gathered, most_gathered
from storage.video.h264 import renumber_idr
from storage.video.repeats import Repeats
from storage.video.source import VideoPacket, bgr_view
from storage.video.x264 import Encoding

_BATCH_FRAMES = 64
"""Frames of a batch, of small ones."""


class EncodedChunk:
    """A ``VideoChunk``: a closed group of pictures with its own encoder. It holds packets, not frames.

    Args:
        encoding: encoding of the file that the chunk is for.
        name: name of that file, for messages.
        reencode: the frames are another chunk's, decoded.

    Attributes:
        packets: the encoded packets, in order, without SEI; complete after ``end``.
        extradata: the parameter sets that a decoder needs.
        coded_size_px: (width, height) as encoded: even, since 4:2:0 has no odd sizes; (0, 0) before the first frame.
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
        # x264 writes its version and settings into the first packet's SEI (NAL unit type 6): metadata, not wanted.
        self._filter = BitStreamFilterContext("filter_units=remove_types=6", "h264")
        self._size_px = (0, 0)
        self._repeats: set[int] = set()
        self._pts: list[int] = []
        self._times_us: list[int] = []
        self._ended = False

    def write(self, batch: FrameBatch) -> None:
        """Encodes frames; an odd width or height is padded by one pixel, which ``decode`` cuts off again.

        Raises:
            ValueError: PTS do not rise, frames differ in size, or the chunk was decoded or kept already.
        """
        if self._ended:
            raise ValueError(f"a chunk of {self._name} was decoded or kept already: write to a new one")
        for image, pts, time_us in zip(batch.frames, batch.pts.tolist(), batch.times_us.tolist(), strict=True):
            self._encode(image, pts)
            self._times_us.append(time_us)

    def repeat(self, pts: int, time_us: int) -> None:
        """Adds a frame that shows what the frame before it shows; nothing is encoded.

        Raises:
            ValueError: there is no frame before it, the PTS does not rise, or the chunk was decoded or kept already.
        """
        if self._ended or not self.ticks:
            raise ValueError(f"a chunk of {self._name} was decoded or kept already, or has no frame to repeat")
        self._repeats.add(self._begin(pts))
        self._times_us.append(time_us)

    def end(self) -> None:
        """Ends the encoding: completes the packets and frees the encoder."""
        if self._encoder is not None:
            self._collect(self._encoder, None)
            self._encoder = None
            if self._repeats:
                self.packets = self._with_repeats()
        self._ended = True

    def decode(self) -> Iterator[FrameBatch]:
        """Ends the encoding and returns the frames as players show them, BGR, with the written size and times.

        Batches are read-only, and have about 32 MB at most. It may be called again, also after the chunk was kept.

        Raises:
            CoverageError: the encoded frames cannot be decoded, or not all of them.
        """
        self.end()
        return self._batches()

    def renumber(self, number: int) -> None:
        """Gives the first picture another ``idr_pic_id``; ``storage.video.h264`` says why."""
        self.packets[0] = _replaced(self.packets[0], renumber_idr(bytes(self.packets[0]), self.extradata, number))

    def _begin(self, pts: int) -> int:
        """Returns the time of a new frame in the file."""
        ticks = self._encoding.ticks(pts)
        if self.ticks and ticks <= self.ticks[-1]:
            raise ValueError(f"PTS must rise: {pts} comes after {self.ticks[-1]} ticks in {self._name}")
        self._pts.append(pts)
        self.ticks.append(ticks)
        return ticks

    def _with_repeats(self) -> list[VideoPacket]:
        """Returns the encoder's packets with those of repeated frames between them, numbered in one row."""
        repeats = Repeats.of(self.extradata)
        encoded, packets, number = iter(self.packets), list[VideoPacket](), 0
        for ticks in self.ticks:
            if ticks in self._repeats:
                packet = _packet(repeats.picture(number))
                packet.pts = packet.dts = ticks
                packet.time_base = self._encoding.tick
            else:
                packet = next(encoded)
                number = 0 if packet.is_keyframe else number
                if number:
                    packet = _replaced(packet, repeats.renumbered(bytes(packet), number))
            packets.append(packet)
            number += 1
        return packets

    def _encode(self, image: Uint8, pts: int) -> None:
        height, width = image.shape[:2]
        if self._encoder is None:
            self._size_px = width, height
            self.coded_size_px = width + width % 2, height + height % 2
            self._encoder = self._encoding.encoder(*self.coded_size_px, self._reencode)
            self.extradata = self._encoder.extradata or b""
        elif self._size_px != (width, height):
            raise ValueError(f"frames of a chunk must have one size: {width}x{height} comes after {self._size_px}")
        frame = VideoFrame.from_ndarray(_pad_to_even(image), format="bgr24")
        frame.pts = self._begin(pts)
        frame.time_base = self._encoding.tick
        self._collect(self._encoder, frame)

    def _collect(self, encoder: VideoCodecContext, frame: VideoFrame | None) -> None:
        for packet in encoder.encode(frame):
            self.packets += self._filter.filter(packet)

    def _batches(self) -> Iterator[FrameBatch]:
        width, height = self._size_px
        batch_frames = most_gathered(self._size_px, _BATCH_FRAMES)
        decoded = self._decoded()
        for first in range(0, len(self._pts), batch_frames):
            batch = slice(first, first + batch_frames)
            pts, times_us = (np.array(values[batch], dtype=np.int64) for values in (self._pts, self._times_us))
            frames: list[Uint8] = []
            for ticks in self.ticks[batch]:
                found, image = next(decoded, (None, None))
                if image is None or found != ticks:
                    raise CoverageError(f"frame {ticks} of {self._name} was encoded, but decodes as frame {found}")
                frames.append(image[:height, :width])
            yield FrameBatch(gathered(frames), pts, times_us)
        if next(decoded, None) is not None:
            raise CoverageError(f"{self._name} has frames that were not written")

    def _decoded(self) -> Iterator[tuple[int | None, Uint8]]:
        """Yields ticks and coded frames ``(H, W, 3)`` BGR, decoded from packets and parameter sets alone."""
        if not self.packets:
            return
        decoder = CodecContext.create("h264", "r")
        decoder.extradata = self.extradata
        decoder.thread_count = 1
        converter = VideoReformatter()
        last: VideoFrame | None = None
        image = np.empty((0, 0, 3), np.uint8)
        try:
            for packet in [*self.packets, None]:
                for frame in decoder.decode(packet):
                    if frame.is_corrupt:
                        raise CoverageError(f"frame {frame.pts} of {self._name} was encoded, but decodes damaged")
                    # Most frames of a still view are repeats, and a picture has to be converted once only.
                    if frame.pts not in self._repeats or last is None or not _same_planes(frame, last):
                        image = bgr_view(converter.reformat(frame, format="bgr24", threads=1))
                    last = frame
                    yield frame.pts, image
        except FFmpegError as error:
            raise CoverageError(f"the encoded frames of {self._name} cannot be decoded: {error.strerror}") from error


def _packet(content: bytes) -> VideoPacket:
    packet = cast(VideoPacket, Packet(len(content)))  # FFmpeg pads it: decoders read a little beyond the end
    packet.update(content)
    return packet


def _replaced(packet: VideoPacket, content: bytes) -> VideoPacket:
    """Returns a packet with another content."""
    changed = _packet(content)
    changed.pts, changed.dts, changed.duration = packet.pts, packet.dts, packet.duration
    changed.time_base = packet.time_base
    changed.is_keyframe = packet.is_keyframe
    return changed


def _same_planes(frame: VideoFrame, last: VideoFrame) -> bool:
    """Returns whether two decoded frames of one stream show the same."""
    pairs = zip(frame.planes, last.planes, strict=True)
    return all(np.array_equal(_plane_bytes(plane), _plane_bytes(before)) for plane, before in pairs)


def _plane_bytes(plane: VideoPlane) -> Uint8:
    return np.frombuffer(memoryview(plane), np.uint8)


def _pad_to_even(image: Uint8) -> Uint8:
    height, width = image.shape[:2]
    if height % 2 == 0 and width % 2 == 0:
        return image
    return np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
