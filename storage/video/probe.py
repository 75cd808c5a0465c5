"""Looks a video file over without decoding it: what is in it, when its frames are shown, and what is damaged."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import cast

import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from schemas.errors import CorruptFootage
from schemas.values import Int64
from storage.video.source import Decoder, VideoPacket, open_video, packet_pts, quarter_turns

_KEYFRAMES_TRIED = 20
_LONGEST_TAIL_S = 1.0  # containers round their length
_DAY_S = 86_400  # recorders that lost power leave placeholders for a length
_LENGTH_IS_A_GUESS = {"mpegts", "mpeg"}  # from the last timestamp found
_OLDEST = datetime(2000, 1, 1, tzinfo=UTC)  # before it stand the zero dates of QuickTime (1904) and Unix (1970)


@dataclass(frozen=True)
class Probe:
    """What is known of a video file.

    Attributes:
        width, height: of the stored frame, before rotation.
        rotation_deg: clockwise, that the container asks players for: 0, 90, 180 or 270.
        first_pts: of the first frame, even if it cannot be decoded.
        end_pts: at which the last frame ends, exclusive.
        pts: ``(N,)`` of all frames from the first keyframe on, strictly rising.
        keyframe_pts: of the frames at which decoding can begin.
        fps: average over the file.
        variable_fps: frame distances differ by more than half a frame.
        container_start: when the container says that it was made, if that can be true.
        damage: ``truncated`` or ``decode_error`` when a part is lost and the rest can be used; else None.
        lost_s: estimated length of what is lost.
    """

    codec: str
    width: int
    height: int
    rotation_deg: int
    time_base: Fraction
    first_pts: int
    end_pts: int
    pts: Int64 = field(repr=False, compare=False)
    keyframe_pts: tuple[int, ...] = field(repr=False)
    fps: Fraction
    variable_fps: bool
    has_audio: bool
    container_start: datetime | None
    damage: str | None
    damage_detail: str | None
    lost_s: float

    @property
    def frames(self) -> int:
        """Frames that can be expected of a decoder."""
        return len(self.pts)

    @property
    def duration_s(self) -> float:
        """From the first frame to the end of the last."""
        return float((self.end_pts - self.first_pts) * self.time_base)

    @property
    def upright_size_px(self) -> tuple[int, int]:
        """(width, height) with the rotation applied."""
        return (self.height, self.width) if self.rotation_deg in (90, 270) else (self.width, self.height)


def probe(path: Path) -> Probe:
    """Demuxes all of a file's packets and decodes its first frame.

    Raises:
        CorruptFootage: nothing of it can be used.
    """
    with open_video(path) as (container, stream):
        timeline = _Timeline(stream)
        timeline.read(container)
        pts, keyframes, dropped = timeline.presentation()
        if not timeline.packets:
            raise CorruptFootage("no_frames", f"{path.name} has a video stream of no frames")
        if not keyframes:
            raise CorruptFootage("decode_error", f"{path.name} has no keyframe at which decoding could begin")
        codec, time_base = stream.codec_context.name, _time_base(stream)
        first, end, step = timeline.first_pts, timeline.end_pts(pts), timeline.step(pts)
        damage, detail, lost_s = _damage(container, timeline, (end - first) * time_base, step * time_base, dropped)
        has_audio = bool(container.streams.audio)
        made = _container_start(container, stream)
    frame = _first_frame(path)
    steps = np.diff(pts)
    return Probe(
        codec=codec,
        width=frame.width,
        height=frame.height,
        rotation_deg=-90 * quarter_turns(frame) % 360,
        time_base=time_base,
        first_pts=first,
        end_pts=end,
        pts=pts,
        keyframe_pts=tuple(keyframes),
        fps=Fraction(len(steps)) / (int(pts[-1] - pts[0]) * time_base) if len(steps) else 1 / (step * time_base),
        variable_fps=bool(len(steps) and np.abs(steps - step).max() > step / 2),
        has_audio=has_audio,
        container_start=made,
        damage=damage,
        damage_detail=detail,
        lost_s=lost_s,
    )


class _Timeline:
    """The packets' times, as they come off the disk.

    An epoch is a stretch in which decode times rise; a new one begins where the recorder's clock jumped back.
    """

    def __init__(self, stream: VideoStream) -> None:
        self._stream = stream
        self._epochs: list[list[int]] = [[]]
        self._keyframes: list[set[int]] = [set()]
        self._last_dts: int | None = None
        self._last_shown: tuple[int, int] = (0, 0)
        self._begin_pts: int | None = None
        self._early: list[int] = []
        self.packets = 0
        self.corrupt = 0
        self.read_error: str | None = None
        self._all_streams_end_s = Fraction(0)

    def read(self, container: InputContainer) -> None:
        """Takes all packets, those of other streams for their end only."""
        try:
            for packet in container.demux():
                self._note_end(packet)
                if packet.stream_index == self._stream.index:
                    self._add(cast(VideoPacket, packet))
        except FFmpegError as error:
            self.read_error = str(error.strerror)

    def _note_end(self, packet: "Packet[Stream]") -> None:
        if packet.pts is not None and packet.time_base:
            end_s = (packet.pts + (packet.duration or 0)) * packet.time_base
            self._all_streams_end_s = max(self._all_streams_end_s, end_s)

    def _add(self, packet: VideoPacket) -> None:
        pts = packet_pts(packet)
        if pts is None:
            return
        self.packets += 1
        self.corrupt += packet.is_corrupt
        if packet.dts is not None:
            if self._last_dts is not None and packet.dts < self._last_dts:
                self._epochs.append([])
                self._keyframes.append(set())
            self._last_dts = packet.dts
        if self._begin_pts is None and packet.is_keyframe:
            self._begin_pts = pts
        if packet.is_discard:
            return
        if self._begin_pts is None:
            self._early.append(pts)
            return
        if packet.is_corrupt:
            return
        self._epochs[-1].append(pts)
        self._last_shown = max(self._last_shown, (pts, packet.duration or 0))
        if packet.is_keyframe:
            self._keyframes[-1].add(pts)

    @property
    def first_pts(self) -> int:
        """PTS of the first frame, decodable or not."""
        return min(self._early + self._epochs[0][:100])

    def presentation(self) -> tuple[Int64, list[int], int]:
        """PTS ``(N,)`` in order, those of keyframes, and how many frames are dropped for going back in time."""
        shown: list[int] = []
        keyframes: list[int] = []
        dropped = 0
        for epoch, keys in zip(self._epochs, self._keyframes, strict=True):
            # Frames shown before the first keyframe of all refer to frames that are not there.
            floor = shown[-1] + 1 if shown else self._begin_pts or 0
            fresh = sorted({pts for pts in epoch if pts >= floor})
            dropped += len(epoch) - len(fresh) if shown else 0
            shown += fresh
            keyframes += sorted(key for key in keys if key >= floor)
        if shown and shown[0] not in keyframes[:1]:
            keyframes.insert(0, shown[0])  # an edit list hides the first keyframe; the decoder still gets it
        return np.array(shown, dtype=np.int64), keyframes, dropped

    def step(self, pts: Int64) -> int:
        """The usual distance of two frames, in ticks, at least 1."""
        if len(pts) > 1:
            return max(1, int(np.median(np.diff(pts))))
        rate = self._stream.average_rate or Fraction(25)
        return max(1, self._last_shown[1] or round(1 / (rate * _time_base(self._stream))))

    def missing_s(self, container: InputContainer, found_s: Fraction, step_s: Fraction) -> Fraction:
        """By how much the file ends before the length that its container claims; 0 if it claims none."""
        if container.format.name == "avi":  # FFmpeg shortens an AVI's duration to what fits the file
            return self._stream.frames * step_s - found_s
        if container.format.name in _LENGTH_IS_A_GUESS:
            return Fraction(0)
        if self._stream.duration is not None:
            return self._stream.duration * _time_base(self._stream) - found_s
        if container.duration is None:
            return Fraction(0)
        begin = container.start_time or 0  # one length for all streams: sound may outlast the picture
        return Fraction(container.duration + begin, 1_000_000) - self._all_streams_end_s

    def end_pts(self, pts: Int64) -> int:
        """Where the last frame ends."""
        duration = self._last_shown[1] if self._last_shown[0] == pts[-1] else 0
        return int(pts[-1]) + (duration or self.step(pts))


def _time_base(stream: VideoStream) -> Fraction:
    if not stream.time_base:
        raise CorruptFootage("no_frames", "the video stream has no time base")
    return stream.time_base


def _damage(
    container: InputContainer, timeline: _Timeline, found_s: Fraction, step_s: Fraction, dropped: int
) -> tuple[str | None, str | None, float]:
    """Word of ``DAMAGE_REASONS``, what was seen, and seconds lost."""
    missing_s = timeline.missing_s(container, found_s, step_s)
    if missing_s > _LONGEST_TAIL_S and 2 * step_s < missing_s < _DAY_S:
        return "truncated", f"ends {float(missing_s):.1f} s before its declared length", float(missing_s)
    if timeline.read_error:
        return "truncated", f"reading stopped: {timeline.read_error}", 0.0
    if timeline.corrupt or dropped:
        detail = f"{timeline.corrupt} packets are damaged, {dropped} frames go back in time"
        return "decode_error", detail, float((timeline.corrupt + dropped) * step_s)
    return None, None, 0.0


def _container_start(container: InputContainer, stream: VideoStream) -> datetime | None:
    for tags in (container.metadata, stream.metadata):
        for tag in ("com.apple.quicktime.creationdate", "creation_time"):
            try:
                made = datetime.fromisoformat(tags.get(tag, ""))
            except ValueError:
                continue
            made = made if made.tzinfo else made.replace(tzinfo=UTC)
            if made >= _OLDEST:
                return made.astimezone(UTC)
    return None


def _first_frame(path: Path) -> VideoFrame:
    """The first frame that decodes, among those of the first keyframes."""
    keyframes = 0
    with open_video(path) as (container, stream):
        decoder = Decoder(container, stream)
        try:
            for packet in container.demux(stream):
                keyframes += packet.is_keyframe
                frames = decoder.feed(packet) if packet.size else decoder.drain()
                if frames:
                    return frames[0]
                if keyframes > _KEYFRAMES_TRIED:
                    break
        except FFmpegError:
            pass  # the file ends in damage; nothing came out before
    raise CorruptFootage("decode_error", f"{path.name}: no frame after its first keyframes can be decoded")
