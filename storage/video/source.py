"""Opens video files in one safe way, so that probe and reader see the same stream, and decodes them strictly.

Archives hold truncated, damaged and unfinished files; what is damaged is left out, never guessed.
"""

import heapq
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Disposition
from av.video.format import VideoFormat
from av.video.frame import PictureType, VideoFrame
from av.video.stream import VideoStream

from schemas.errors import CorruptFootage
from schemas.values import LARGEST_FRAME_PX, Uint8
from storage.video.pictures import PictureFinder, Shown
from storage.video.pts import OrderedPts

if TYPE_CHECKING:  # PyAV's packets are generic in its stubs only
    VideoPacket = Packet[VideoStream]
else:
    VideoPacket = Packet

# Playlists and similar formats can name other files and addresses, so only video containers are ever opened.
FORMATS = (
    *("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "avi", "mpegts", "mpeg", "flv", "asf", "ogg", "mxf", "gxf"),
    *("ivf", "nut", "wtv", "dhav", "gif", "apng"),
)
_OPTIONS = {"format_whitelist": ",".join(FORMATS), "protocol_whitelist": "file"}
_MP4_FIRST_BOXES = {"ftyp", "styp", "moov", "mdat", "free", "skip", "wide", "pnot"}
_DECODE_ORDER_ONLY = {"h264", "hevc"}
_DECODE_TIMES_ONLY = {"avi", "nut"}  # NUT: of remuxed raw streams (storage/video/raw.py)
_READ_BYTES = 8_000_000
_EDGE_PX = 128

_USUAL_BITS = 12  # of a pixel in 8 bits and 4:2:0, as nearly all cameras record

DECODING_VERSION = 2
"""Raised whenever the same file would give other frames, or the same frames at other times."""


@contextmanager
def open_video(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Opens a file and picks its video stream: the one with most pixels, never a cover picture.

    Raises:
        CorruptFootage: ``unreadable``, ``empty_file``, ``not_a_video``, ``no_index`` or ``no_video_stream``.
        OSError: the disk or network fails.
    """
    with open_container(path) as container:
        streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
        if not streams:
            raise CorruptFootage("no_video_stream", f"{path.name} has no video stream")
        yield container, max(streams, key=lambda s: (s.codec_context.width * s.codec_context.height, -s.index))


def open_container(path: Path) -> InputContainer:
    """Opens a container.

    Raises:
        CorruptFootage: as ``open_video`` does.
        OSError: the disk or network fails.
    """
    try:
        if not path.is_file():
            raise CorruptFootage("unreadable", f"{path.name} is not a file, or a dangling link")
        if path.stat().st_size == 0:
            raise CorruptFootage("empty_file", f"{path.name} has no bytes")
        return av.open(f"file:{path}", options=_OPTIONS)
    except OSError as error:
        if not isinstance(error, FileNotFoundError | PermissionError):
            require_readable(path, error)
        raise CorruptFootage("unreadable", f"{path.name} cannot be read: {error.strerror or error}") from error
    except FFmpegError as error:
        if _lacks_index(path):
            raise CorruptFootage(
                "no_index", f"{path.name} is an MP4 whose index (moov) is missing or cut off: it was never finished"
            ) from error
        raise CorruptFootage("not_a_video", f"{path.name} is not in a video container that Nightshift reads") from error


def require_readable(path: Path, error: Exception) -> None:
    """Makes sure that an error of FFmpeg is the file's damage, and not a disk or network that fails.

    FFmpeg calls both input/output errors: to many demuxers a file that is cut off is one. So the bytes are read again.

    Raises:
        OSError: they cannot be read.
    """
    if isinstance(error, OSError):
        with path.open("rb") as file:
            while file.read(_READ_BYTES):
                pass


def _lacks_index(path: Path) -> bool:
    boxes = mp4_boxes(path)
    return bool(boxes) and boxes[0][0] in _MP4_FIRST_BOXES and not any(b == "moov" and whole for b, whole in boxes)


def mp4_boxes(path: Path) -> list[tuple[str, bool]]:
    """Returns the top-level boxes of an MP4 or MOV file (ISO/IEC 14496-12): type, and whether the box is complete."""
    boxes: list[tuple[str, bool]] = []
    file_size = path.stat().st_size
    with path.open("rb") as file:
        at = 0
        while at + 8 <= file_size and len(boxes) < 100_000:
            file.seek(at)
            head = file.read(16)
            size, kind = int.from_bytes(head[:4]), head[4:8]
            if size == 1:  # a 64-bit size follows the type
                size = int.from_bytes(head[8:16])
            if size == 0:  # the box extends to the end of the file
                size = file_size - at
            if size < 8 or not kind.isalnum():
                break
            boxes.append((kind.decode("ascii"), at + size <= file_size))
            at += size
    return boxes


def pts_to_us(ticks: int, time_base: Fraction) -> int:
    """Converts a length in PTS ticks to microseconds, rounded to the nearest."""
    dividend, divisor = ticks * time_base.numerator * 1_000_000, time_base.denominator
    return (2 * dividend + divisor) // (2 * divisor)


def packet_pts(packet: VideoPacket) -> int | None:
    """Returns a packet's presentation time, its decode time if the container has no other, None for an empty packet."""
    if packet.size == 0:
        return None
    return packet.dts if packet.pts is None else packet.pts


def quarter_turns(frame: VideoFrame) -> int:
    """Returns the quarter turns counter-clockwise that the container asks players for, 0 to 3."""
    return round(frame.rotation / 90) % 4


def bgr_view(frame: VideoFrame) -> Uint8:
    """Returns ``(H, W, 3)`` BGR, a view of a frame in the format bgr24; it keeps the frame's memory alive."""
    plane = frame.planes[0]
    rows = np.frombuffer(memoryview(plane), dtype=np.uint8).reshape(-1, plane.line_size)[: frame.height]
    return rows[:, : 3 * frame.width].reshape(frame.height, frame.width, 3)


@lru_cache(maxsize=64)
def weight_px(width: int, height: int, pixel_format: str | None) -> int:
    """Returns how many pixels of the usual format (8 bits, 4:2:0) take as much memory as a frame.

    Decoders hold up to about twenty frames, and a hostile file makes them do so: a limit of pixels alone would leave
    the memory open, since pixels of 16 bits in 4:4:4 take four times as much as usual ones.
    """
    bits = VideoFormat(pixel_format).padded_bits_per_pixel if pixel_format else _USUAL_BITS
    return width * height * max(bits, _USUAL_BITS) // _USUAL_BITS


class Decoder:
    """Decodes packets strictly: damage is left out up to the next keyframe, never concealed.

    Concealment fills damaged areas with older content, which a detector and an anonymizer would take for real.

    AVI has no presentation times, and for H.264 and H.265 FFmpeg then reports decode times, which are out of order
    around B-frames; for packed MPEG-4 it reports times of other packets. There, frames get the times of the packets
    that hold a picture, in the order in which they leave the decoder. So they do where a container gives decode times
    for presentation times: B-frames come out, though the packets' times have only risen.

    A stream may change the size and the format of its frames: those that weigh more than the limit are lost.

    Args:
        container: opened for this decoder alone.
        stream: the container's video stream.
        threads: FFmpeg's threads; with more than one, a few more frames before a damaged one may be lost.
        from_start: whether the first packet will be the file's first keyframe.
        max_pixels: limit of a frame's ``weight_px``.

    Attributes:
        frames_decoded: number of frames that FFmpeg returned, including damaged ones.
        picture_pts: times of the packets that give a picture, decodable or not.
        lost_pts: those whose frames are lost unless they are returned. A packet enters the decoder before any later
            frame leaves it, so a picture without a frame is lost. A packed picture is only if decoding failed: decoders
            leave out copies, which recorders pack to fill a file.
    """

    def __init__(
        self,
        container: InputContainer,
        stream: VideoStream,
        threads: int = 1,
        from_start: bool = False,
        max_pixels: int = LARGEST_FRAME_PX,
    ) -> None:
        self._context = stream.codec_context
        self._context.thread_count = threads
        self._max_pixels = max_pixels
        # Codecs count whole blocks and edges (MPEG-4: 128 x 40 pixels), and a frame that fits exactly must fit.
        edges_px = _EDGE_PX * (_EDGE_PX + self._context.width + self._context.height)
        largest_px = max(max_pixels, min(max_pixels, self._context.width * self._context.height) + edges_px)
        self._context.options = {"max_pixels": str(largest_px)}  # a frame of more is an error, and takes no memory
        self._context.thread_type = "AUTO"
        codec = self._context.name
        decode_order_only = container.format.name in _DECODE_TIMES_ONLY and codec in _DECODE_ORDER_ONLY
        self._timed_by_order = codec == "mpeg4" or decode_order_only
        self._pictures = PictureFinder(codec, self._context.extradata, from_start)
        self._waiting_pts: list[int] = []
        self._last_pts: int | None = None
        self._only_rises = True
        self._needs_keyframe = True
        self._begun_at_pts: int | None = None
        self.frames_decoded = 0
        self.picture_pts: set[int] = set()
        self.lost_pts = OrderedPts()

    def feed(self, packet: VideoPacket) -> list[VideoFrame]:
        """Decodes the next packet of the stream; returns the intact frames that are ready, in display order."""
        pts = packet_pts(packet)
        shown = self._pictures.shown(packet)
        if shown is Shown.DELAY:
            self._delay_first(pts)
        if shown in {Shown.DELAY, Shown.NOTHING} or packet.is_discard:
            pts = None
        if pts is not None:
            self._only_rises = self._only_rises and (self._last_pts is None or self._last_pts < pts)
            self._last_pts = pts
            self.picture_pts.add(pts)
            if shown is not Shown.PACKED:
                self.lost_pts.add(pts)
        if self._needs_keyframe:
            if shown is not Shown.KEYFRAME:
                return self._give_up(pts)
            self._needs_keyframe = False
            self._begun_at_pts = pts
        elif shown is Shown.KEYFRAME and self._begun_at_pts is not None:
            self._begun_at_pts = pts  # the first keyframe's clock may have strayed
        elif self._is_leading(pts):
            return self._give_up(pts)
        if packet.is_corrupt:
            self._give_up(pts)
            return self._drain_and_restart()
        if pts is not None:
            heapq.heappush(self._waiting_pts, pts)
        try:
            return self._intact(self._context.decode(packet))
        except FFmpegError:
            return self._drain_and_restart()

    def _weighs_too_much(self) -> bool:
        """Returns whether frames of the format that the last packet set are too heavy."""
        # FFmpeg's limit is of pixels, whatever their format.
        context = self._context
        return weight_px(context.width, context.height, context.pix_fmt) > self._max_pixels

    def _delay_first(self, pts: int | None) -> None:
        if pts is not None and self._waiting_pts:
            known: set[int] | OrderedPts
            for known in (self.picture_pts, self.lost_pts):
                known.discard(self._waiting_pts[0])
                known.add(pts)
            heapq.heapreplace(self._waiting_pts, pts)

    def _give_up(self, pts: int | None) -> list[VideoFrame]:
        if pts is not None:
            self.lost_pts.add(pts)
        return []

    def _is_leading(self, pts: int | None) -> bool:
        """Returns whether a packet right after the first keyframe is shown before it.

        Such a leading picture refers to frames before the keyframe, which were not decoded.
        """
        if pts is None:
            return False
        if self._begun_at_pts is not None and pts < self._begun_at_pts:
            return True
        self._begun_at_pts = None
        return False

    def drain(self) -> list[VideoFrame]:
        """Returns the frames that are left in the decoder after the last packet."""
        try:
            return self._intact(self._context.decode(None))
        except FFmpegError:
            self.lost_pts.update(self._waiting_pts)
            return []

    def _drain_and_restart(self) -> list[VideoFrame]:
        frames = self.drain()
        self._restart()
        return frames

    def _restart(self) -> None:
        self._context.flush_buffers()
        self.lost_pts.update(self._waiting_pts)
        self._waiting_pts.clear()
        self._needs_keyframe = True

    def _intact(self, frames: Sequence[VideoFrame]) -> list[VideoFrame]:
        intact: list[VideoFrame] = []
        self.frames_decoded += len(frames)
        if self._weighs_too_much():
            self._restart()  # which frees what the decoder holds
            return intact
        for frame in frames:
            if frame.is_corrupt:
                self._restart()
                break
            self._time(frame)
            if frame.pts is not None:
                intact.append(frame)
        return intact

    def _time(self, frame: VideoFrame) -> None:
        if self._only_rises and self._context.has_b_frames and frame.pict_type == PictureType.B:
            self._timed_by_order = True
        if self._timed_by_order:
            frame.pts = self._next_pts(frame)
            return
        if frame.pts is None:
            frame.pts = frame.dts
        while frame.pts is not None and self._waiting_pts and self._waiting_pts[0] <= frame.pts:
            heapq.heappop(self._waiting_pts)

    def _next_pts(self, frame: VideoFrame) -> int | None:
        # A keyframe is shown at its own decode time, so each one ends any shift that a dropped frame caused.
        while frame.key_frame and frame.pts is not None and self._waiting_pts and self._waiting_pts[0] < frame.pts:
            heapq.heappop(self._waiting_pts)
        return heapq.heappop(self._waiting_pts) if self._waiting_pts else None
