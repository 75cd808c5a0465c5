"""Opens video files in one safe way, so that probe and reader see the same stream, and decodes them strictly."""

import heapq
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from schemas.errors import CorruptFootage

if TYPE_CHECKING:  # PyAV's packets are generic in its stubs only
    VideoPacket = Packet[VideoStream]
else:
    VideoPacket = Packet

# Playlists and the like can name other files and addresses, and pictures are no footage: neither is ever opened.
FORMATS = (
    *("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "avi", "mpegts", "mpeg", "flv", "asf", "ogg", "mxf", "gxf"),
    *("ivf", "nut", "wtv", "dhav", "gif", "apng"),
)
_OPTIONS = {"format_whitelist": ",".join(FORMATS), "protocol_whitelist": "file"}
_MP4_FIRST_BOXES = {"ftyp", "styp", "moov", "mdat", "free", "skip", "wide", "pnot"}
_DECODE_ORDER_ONLY = {"h264", "hevc"}


@contextmanager
def open_video(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Opens a file and picks its video stream: the one of most pixels, never a cover picture.

    Raises:
        CorruptFootage: ``unreadable``, ``empty_file``, ``not_a_video``, ``no_index`` or ``no_video_stream``.
    """
    with open_container(path) as container:
        streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
        if not streams:
            raise CorruptFootage("no_video_stream", f"{path.name} has no video stream")
        yield container, max(streams, key=lambda s: (s.codec_context.width * s.codec_context.height, -s.index))


def open_container(path: Path) -> InputContainer:
    """Opens a container; errors as ``open_video``."""
    try:
        if not path.is_file():
            raise CorruptFootage("unreadable", f"{path.name} is not a file, or leads nowhere")
        if path.stat().st_size == 0:
            raise CorruptFootage("empty_file", f"{path.name} has no bytes")
        return av.open(f"file:{path}", options=_OPTIONS)
    except OSError as error:
        raise CorruptFootage("unreadable", f"{path.name} cannot be read: {error.strerror or error}") from error
    except FFmpegError as error:
        if _lacks_index(path):
            raise CorruptFootage(
                "no_index", f"{path.name} is an MP4 whose index (moov) is missing or cut off: it was never finished"
            ) from error
        raise CorruptFootage("not_a_video", f"{path.name} is in no video container that Nightshift reads") from error


def _lacks_index(path: Path) -> bool:
    boxes = mp4_boxes(path)
    return bool(boxes) and boxes[0][0] in _MP4_FIRST_BOXES and not any(b == "moov" and whole for b, whole in boxes)


def mp4_boxes(path: Path) -> list[tuple[str, bool]]:
    """The boxes at the top of an MP4 or MOV file (ISO/IEC 14496-12): four letters, and whether all of it is there."""
    boxes: list[tuple[str, bool]] = []
    file_size = path.stat().st_size
    with path.open("rb") as file:
        at = 0
        while at + 8 <= file_size and len(boxes) < 100_000:
            file.seek(at)
            head = file.read(16)
            size, kind = int.from_bytes(head[:4]), head[4:8]
            if size == 1:
                size = int.from_bytes(head[8:16])
            if size == 0:
                size = file_size - at
            if size < 8 or not kind.isalnum():
                break
            boxes.append((kind.decode("ascii"), at + size <= file_size))
            at += size
    return boxes


def pts_to_us(ticks: int, time_base: Fraction) -> int:
    """A length in PTS ticks as microseconds, rounded to the nearest."""
    over, under = ticks * time_base.numerator * 1_000_000, time_base.denominator
    return (2 * over + under) // (2 * under)


def packet_pts(packet: VideoPacket) -> int | None:
    """When a packet is shown, or decoded if its container keeps nothing else; None for a packet without content."""
    if packet.size == 0:
        return None
    return packet.dts if packet.pts is None else packet.pts


def quarter_turns(frame: VideoFrame) -> int:
    """Quarter turns counter-clockwise that the container asks players for, 0 to 3."""
    return round(frame.rotation / 90) % 4


class Decoder:
    """Decodes packets strictly: what is damaged is left out up to the next keyframe, never concealed or guessed.

    Concealment paints damaged areas with what was there before; a detector and an anonymizer would take it for real.

    AVI keeps no presentation times, and for H.264 and H.265 FFmpeg then hands out decode times: there, frames take
    the times of their packets in the order in which they leave the decoder.

    Args:
        stream: of a container that was opened for this decoder alone.
        threads: of FFmpeg; with more than one, a few more frames before a damaged one may be lost.

    Attributes:
        frames_decoded: frames that came out of FFmpeg, the damaged ones included.
    """

    def __init__(self, container: InputContainer, stream: VideoStream, threads: int = 1) -> None:
        self._context = stream.codec_context
        self._context.thread_count = threads
        self._context.thread_type = "AUTO"
        self._timed_by_order = container.format.name == "avi" and self._context.name in _DECODE_ORDER_ONLY
        self._waiting_pts: list[int] = []
        self._needs_keyframe = True
        self._begun_at_pts: int | None = None
        self.frames_decoded = 0

    def feed(self, packet: VideoPacket) -> list[VideoFrame]:
        """Takes the next packet of the stream; gives the sound frames that are ready, in order of display."""
        pts = packet_pts(packet)
        if self._needs_keyframe:
            if not packet.is_keyframe:
                return []
            self._needs_keyframe = False
            self._begun_at_pts = pts
        elif self._leads(pts):
            return []
        if packet.is_corrupt:
            return self._break_off()
        if self._timed_by_order and pts is not None:
            heapq.heappush(self._waiting_pts, pts)
        try:
            return self._sound(self._context.decode(packet))
        except FFmpegError:
            return self._break_off()

    def _leads(self, pts: int | None) -> bool:
        """Whether a packet, right after the keyframe at which decoding began, refers to what stood before it."""
        if pts is not None and self._begun_at_pts is not None and pts < self._begun_at_pts:
            return True
        self._begun_at_pts = None
        return False

    def drain(self) -> list[VideoFrame]:
        """Gives the frames that are still inside, after the last packet."""
        try:
            return self._sound(self._context.decode(None))
        except FFmpegError:
            return []

    def _break_off(self) -> list[VideoFrame]:
        frames = self.drain()
        self._restart()
        return frames

    def _restart(self) -> None:
        self._context.flush_buffers()
        self._waiting_pts.clear()
        self._needs_keyframe = True

    def _sound(self, frames: Sequence[VideoFrame]) -> list[VideoFrame]:
        sound: list[VideoFrame] = []
        self.frames_decoded += len(frames)
        for frame in frames:
            if frame.is_corrupt:
                self._restart()
                break
            if self._timed_by_order:
                frame.pts = self._next_pts(frame)
            elif frame.pts is None:
                frame.pts = frame.dts
            if frame.pts is not None:
                sound.append(frame)
        return sound

    def _next_pts(self, frame: VideoFrame) -> int | None:
        # A keyframe is shown at its own decode time, so each one ends whatever shift a dropped frame caused.
        while frame.key_frame and frame.pts is not None and self._waiting_pts and self._waiting_pts[0] < frame.pts:
            heapq.heappop(self._waiting_pts)
        return heapq.heappop(self._waiting_pts) if self._waiting_pts else None
