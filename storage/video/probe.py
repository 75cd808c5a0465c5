"""Examines a video file by demuxing it: its streams, its frames' times, and its damage.

Only one frame is decoded, for size and rotation; damage within frames shows when the segment is read.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import cast

import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from schemas.clock import find_fast_stretch
from schemas.errors import CorruptFootage
from schemas.values import Float64, Int64
from storage.video.pictures import PictureFinder, Shown
from storage.video.source import Decoder, VideoPacket, open_video, packet_pts, quarter_turns, require_readable

_KEYFRAMES_TRIED = 20
_MAX_TAIL_S = 1.0  # containers round their length, so a shorter difference is no damage
_DAY_S = 86_400  # a longer difference is a placeholder length, left by a recorder that lost power
_MAX_COINCIDING = 0.1  # share of frames; single ones are what damaged and joined files have
_GUESSED_LENGTH = {"mpegts", "mpeg"}  # formats without a length: FFmpeg takes the last timestamp that it finds
_OLDEST = datetime(2000, 1, 1, tzinfo=UTC)  # excludes the zero dates of QuickTime (1904) and Unix (1970)


@dataclass(frozen=True)
class Probe:
    """Facts of a video file.

    Attributes:
        codec: FFmpeg's name of the codec.
        width, height: size of the stored frame in pixels, before rotation.
        rotation_deg: rotation that the container asks players for, clockwise: 0, 90, 180 or 270.
        time_base: unit of PTS, in seconds.
        first_pts: PTS of the first frame, even if it cannot be decoded.
        end_pts: end of the last frame, exclusive.
        pts: ``(N,)`` PTS of all frames from the first keyframe on, strictly rising.
        keyframe_pts: PTS of the frames at which decoding can begin.
        fps: average over the file.
        variable_fps: whether frame intervals differ by more than half a frame.
        has_audio: whether there is an audio stream.
        container_start: the container's creation time, if it is plausible.
        damage: ``truncated`` or ``decode_error`` if a part is lost and the rest can be used, ``wrong_clock`` if the
            times are impossible; else None.
        damage_detail: what is damaged, as text.
        lost_s: estimated length of the lost part.
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
        """Number of frames that decoding should give."""
        return len(self.pts)

    @property
    def duration_s(self) -> float:
        """Seconds from the first frame to the end of the last."""
        return float((self.end_pts - self.first_pts) * self.time_base)


def probe(path: Path) -> Probe:
    """Demuxes all of a file's packets and decodes its first frame.

    Raises:
        CorruptFootage: no part of the file can be used.
        OSError: the disk or network fails.
    """
    with open_video(path) as (container, stream):
        timeline = _Timeline(stream)
        timeline.read(path, container)
        pts, keyframes, dropped = timeline.presentation()
        if not timeline.packets:
            raise CorruptFootage("no_frames", f"{path.name} has a video stream without frames")
        if not keyframes:
            raise CorruptFootage("decode_error", f"{path.name} has no keyframe at which decoding could begin")
        codec, time_base = stream.codec_context.name, _time_base(stream)
        first, end, step = timeline.first_pts, timeline.end_pts(pts), timeline.frame_step(pts)
        damage, detail, lost_s = _damage(container, timeline, (end - first) * time_base, step * time_base, dropped)
        times_us = np.asarray((pts - first) * float(time_base * 1_000_000), np.float64)
        if clock := _wrong_clock(times_us, timeline.coinciding, timeline.packets):
            damage, detail = "wrong_clock", f"{clock}; {detail}" if detail else clock
        has_audio = bool(container.streams.audio)
        container_start = _container_start(container, stream)
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
        container_start=container_start,
        damage=damage,
        damage_detail=detail,
        lost_s=lost_s,
    )


class _Timeline:
    """Times of the packets in file order.

    The packets are split into epochs, in which decode times rise; a new one begins where the recorder's clock jumped
    back. PTS alone do not show that: around B-frames they go back and forth in every file.
    """

    def __init__(self, stream: VideoStream) -> None:
        self._stream = stream
        self._epochs: list[list[int]] = [[]]
        self._keyframes: list[set[int]] = [set()]
        self._last_dts: int | None = None
        self._last_frame: tuple[int, int] = (0, 0)  # PTS and duration
        self._begin_pts: int | None = None
        self._early: list[int] = []
        self._pictures = PictureFinder(stream.codec_context.name, stream.codec_context.extradata, from_start=True)
        self._stays_until: int | None = None
        self.packets = 0
        self.corrupt = 0
        self.read_error: str | None = None
        self._all_streams_end_s = Fraction(0)

    def read(self, path: Path, container: InputContainer) -> None:
        """Reads all packets; of other streams only the end time is used.

        Raises:
            OSError: the disk or network fails.
        """
        try:
            for packet in container.demux():
                if packet.pts is not None and packet.time_base:
                    end_s = (packet.pts + (packet.duration or 0)) * packet.time_base
                    self._all_streams_end_s = max(self._all_streams_end_s, end_s)
                if packet.stream_index == self._stream.index:
                    self._add(cast(VideoPacket, packet))
        except FFmpegError as error:
            require_readable(path, error)
            self.read_error = str(error.strerror)

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
        shown = self._pictures.shown(packet)
        if self._begin_pts is None and shown is Shown.KEYFRAME:
            self._begin_pts = pts
        if packet.is_discard:
            return
        if self._begin_pts is None:
            self._early.append(pts)
            return
        if packet.is_corrupt:
            return
        if shown is Shown.DELAY:
            self._delay_first(pts)
        if shown in {Shown.DELAY, Shown.NOTHING}:
            self._stays_until = pts + (packet.duration or 0)
            return
        self._epochs[-1].append(pts)
        self._last_frame = max(self._last_frame, (pts, packet.duration or 0))
        if shown is Shown.KEYFRAME:
            self._keyframes[-1].add(pts)

    def _delay_first(self, pts: int) -> None:
        if len(self._epochs) == 1 and len(self._epochs[0]) == 1:
            self._begin_pts = pts
            self._epochs, self._keyframes = [[pts]], [{pts}]

    @property
    def first_pts(self) -> int:
        """PTS of the first frame, decodable or not."""
        return min(self._early + self._epochs[0][:100])

    def presentation(self) -> tuple[Int64, list[int], int]:
        """Returns all PTS ``(N,)`` in order, the keyframes' PTS, and the number of frames that go back in time."""
        timeline: list[int] = []
        keyframes: list[int] = []
        dropped = 0
        for epoch, keys in zip(self._epochs, self._keyframes, strict=True):
            # Frames shown before the file's first keyframe refer to frames that are not in the file; those of a later
            # epoch that lie before the end of the one before would make time run backwards.
            earliest = timeline[-1] + 1 if timeline else self._begin_pts or 0
            forward = sorted({pts for pts in epoch if pts >= earliest})
            dropped += len(epoch) - len(forward) if timeline else 0
            timeline += forward
            keyframes += sorted(key for key in keys if key >= earliest)
        if timeline and timeline[0] not in keyframes[:1]:
            keyframes.insert(0, timeline[0])  # an edit list hides the first keyframe; the decoder still gets it
        return np.array(timeline, dtype=np.int64), keyframes, dropped

    @property
    def coinciding(self) -> int:
        """Number of frames that have the time of another one, and so are never shown."""
        return sum(len(epoch) - len(set(epoch)) for epoch in self._epochs)

    def frame_step(self, pts: Int64) -> int:
        """Returns the usual distance of two frames, in ticks, at least 1: the median, not the declared frame rate."""
        if len(pts) > 1:
            return max(1, int(np.median(np.diff(pts))))
        rate = self._stream.average_rate or Fraction(25)
        return max(1, self._last_frame[1] or round(1 / (rate * _time_base(self._stream))))

    def missing_s(self, container: InputContainer, found_s: Fraction, step_s: Fraction) -> Fraction:
        """Returns how much shorter the file is than its container claims; 0 if it claims no length."""
        if container.format.name == "avi":  # FFmpeg shortens an AVI's duration to what fits the file
            return self._stream.frames * step_s - found_s
        if container.format.name in _GUESSED_LENGTH:
            return Fraction(0)
        if self._stream.duration is not None:
            return self._stream.duration * _time_base(self._stream) - found_s
        if container.duration is None:
            return Fraction(0)
        begin = container.start_time or 0  # this length is of all streams: audio may outlast video
        return Fraction(container.duration + begin, 1_000_000) - self._all_streams_end_s

    def end_pts(self, pts: Int64) -> int:
        """Returns the end of the last frame."""
        duration = self._last_frame[1] if self._last_frame[0] == pts[-1] else 0
        end = int(pts[-1]) + (duration or self.frame_step(pts))
        return end if self._stays_until is None else max(end, self._stays_until)


def _time_base(stream: VideoStream) -> Fraction:
    if not stream.time_base:
        raise CorruptFootage("no_frames", "the video stream has no time base")
    return stream.time_base


def _damage(
    container: InputContainer, timeline: _Timeline, found_s: Fraction, step_s: Fraction, dropped: int
) -> tuple[str | None, str | None, float]:
    """Returns the reason of ``DAMAGE_REASONS``, a description, and the seconds lost."""
    missing_s = timeline.missing_s(container, found_s, step_s)
    if missing_s > _MAX_TAIL_S and 2 * step_s < missing_s < _DAY_S:
        return "truncated", f"ends {float(missing_s):.1f} s before its declared length", float(missing_s)
    if timeline.read_error:
        return "truncated", f"reading stopped: {timeline.read_error}", 0.0
    if timeline.corrupt or dropped:
        detail = f"{timeline.corrupt} packets are damaged, {dropped} frames go back in time"
        return "decode_error", detail, float((timeline.corrupt + dropped) * step_s)
    return None, None, 0.0


def _wrong_clock(times_us: Float64, coinciding: int, packets: int) -> str | None:
    """Returns what is wrong with a file's clock if its times are impossible (docs/decisions/0018-clocks.md)."""
    found = []
    if coinciding > _MAX_COINCIDING * packets:
        found.append(f"{coinciding} of {packets} frames have the time of another one")
    if fast := find_fast_stretch(np.round(times_us).astype(np.int64)):
        found.append(str(fast))
    if not found:
        return None
    advice = "anonymize will refuse it until it is stamped again at its true frame rate"
    return f"its clock is wrong: {'; '.join(found)}; {advice}"


def _container_start(container: InputContainer, stream: VideoStream) -> datetime | None:
    for tags in (container.metadata, stream.metadata):
        for tag in ("com.apple.quicktime.creationdate", "creation_time"):
            try:
                created = datetime.fromisoformat(tags.get(tag, ""))
            except ValueError:
                continue
            created = created if created.tzinfo else created.replace(tzinfo=UTC)
            if created >= _OLDEST:
                return created.astimezone(UTC)
    return None


def _first_frame(path: Path) -> VideoFrame:
    """Returns the first frame that can be decoded, trying the first keyframes only."""
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
        except FFmpegError as error:
            require_readable(path, error)  # the file ends in damage, and no frame came out before
    raise CorruptFootage("decode_error", f"{path.name}: no frame after its first keyframes can be decoded")
