"""Examines a video file by demuxing it: its streams, its frames' times, and its damage.

Only one frame is decoded, for size and rotation; damage within frames shows when the segment is read.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from schemas.clock import find_fast_stretch, find_pauses
from schemas.errors import CLOCK_JUMP, CorruptFootage
from schemas.values import LARGEST_FRAME_PX, Int64
from storage.video.source import Decoder, open_video, quarter_turns, require_readable, weight_px
from storage.video.timeline import JUMP_S, Presentation, Timeline, time_base_of

_KEYFRAMES_TRIED = 20
_MAX_TAIL_S = 1.0  # containers round their length, so a shorter difference is no damage
_DAY_S = 86_400  # a longer difference is a placeholder length, left by a recorder that lost power
_MAX_COINCIDING = 0.1  # share of frames; single ones are what damaged and joined files have
_OLDEST = datetime(2000, 1, 1, tzinfo=UTC)  # excludes the zero dates of QuickTime (1904) and Unix (1970)


@dataclass(frozen=True)
class Probe:
    """Facts of a video file.

    Attributes:
        codec: FFmpeg's name of the codec.
        width, height: size of the stored frame in pixels, before rotation.
        rotation_deg: rotation that the container asks players for, clockwise: 0, 90, 180 or 270.
        pixel_aspect: width of a pixel of the stored frame by its height; 1 where the file does not say.
        time_base: unit of PTS, in seconds.
        first_pts: PTS of the first frame, even if it cannot be decoded.
        end_pts: end of the last frame, exclusive.
        pts: ``(N,)`` PTS of all frames from the first keyframe on, strictly rising.
        keyframe_pts: PTS of the frames at which decoding can begin.
        fps: average over the file.
        variable_fps: whether frame intervals differ by more than half a frame.
        has_audio: whether there is an audio stream.
        container_start: the container's creation time, if it is plausible.
        damage: ``truncated`` or ``decode_error`` if a part is lost and the rest can be used, ``clock_jump`` or
            ``wrong_clock`` if its times jump or are impossible; else None.
        damage_detail: what is damaged, as text.
        lost_s: estimated length of the lost part.
        repeat_pts: PTS of packets that show the picture before them again.
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
    pixel_aspect: Fraction = Fraction(1)
    repeat_pts: Int64 = field(default_factory=lambda: np.zeros(0, dtype=np.int64), repr=False, compare=False)

    @property
    def frames(self) -> int:
        """Number of frames that decoding should give."""
        return len(self.pts)

    @property
    def duration_s(self) -> float:
        """Seconds from the first frame to the end of the last."""
        return float((self.end_pts - self.first_pts) * self.time_base)

    @property
    def pauses(self) -> Int64:
        """``(M,)``: indices of the frames before which the camera did not record."""
        shown = np.union1d(self.pts, self.repeat_pts[self.repeat_pts > self.pts[0]])
        resumed = shown[1:][find_pauses(_times_us(shown, self.time_base))]
        return np.unique(np.searchsorted(self.pts[:-1], resumed) if len(resumed) else resumed)


def probe(path: Path, max_pixels: int = LARGEST_FRAME_PX) -> Probe:
    """Demuxes all of a file's packets and decodes its first frame.

    Args:
        max_pixels: limit of a frame's ``weight_px``; a file of heavier ones is not decoded.

    Raises:
        CorruptFootage: no part of the file can be used.
        OSError: the disk or network fails.
    """
    with open_video(path) as (container, stream):
        width, height = stream.codec_context.width, stream.codec_context.height
        weight = weight_px(width, height, stream.codec_context.pix_fmt)
        if weight > max_pixels:
            raise CorruptFootage("too_large", f"{path.name}: {too_large(width, height, max_pixels, weight)}")
        timeline = Timeline(stream)
        timeline.read(path, container)
        shown = timeline.presentation()
        if not timeline.packets:
            raise CorruptFootage("no_frames", f"{path.name} has a video stream without frames")
        if not shown.keyframe_pts:
            raise CorruptFootage("decode_error", f"{path.name} has no keyframe at which decoding could begin")
        codec, time_base = stream.codec_context.name, time_base_of(stream)
        pts, first = shown.pts, shown.first_pts
        end, step = timeline.end_pts(pts), timeline.frame_step(pts)
        damage, detail, lost_s = _damage(container, timeline, shown, (end - first) * time_base, step * time_base)
        times_us = _times_us(pts, time_base)
        if clock := _wrong_clock(times_us, timeline.coinciding, timeline.packets):
            damage, detail = "wrong_clock", f"{clock}; {detail}" if detail else clock
        has_audio = bool(container.streams.audio)
        # The container's word counts before the codec's, as in players.
        pixel_aspect = stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio or Fraction(1)
        container_start = _container_start(container, stream)
    frame = _first_frame(path, max_pixels)
    steps = np.diff(pts)[~find_pauses(times_us)]  # the rate while the camera records
    return Probe(
        codec=codec,
        width=frame.width,
        height=frame.height,
        rotation_deg=-90 * quarter_turns(frame) % 360,
        time_base=time_base,
        first_pts=first,
        end_pts=end,
        pts=pts,
        keyframe_pts=tuple(shown.keyframe_pts),
        fps=Fraction(len(steps)) / (int(steps.sum()) * time_base) if len(steps) else 1 / (step * time_base),
        variable_fps=bool(len(steps) and np.abs(steps - step).max() > step / 2),
        has_audio=has_audio,
        container_start=container_start,
        damage=damage,
        damage_detail=detail,
        lost_s=lost_s,
        pixel_aspect=pixel_aspect,
        repeat_pts=shown.repeat_pts,
    )


def too_large(width: int, height: int, max_pixels: int, weight: int | None = None) -> str:
    """Says that frames are larger than the limit of the site, or, by ``weight``, take more memory."""
    pixels = width * height
    as_many = f", whose format takes the memory of {weight / 1e6:.1f} million" if weight and weight > pixels else ""
    return (
        f"its frames have {width} x {height} pixels, {pixels / 1e6:.1f} million{as_many}; site.toml allows "
        f"max_megapixels = {max_pixels / 1e6:g}"
    )


def _damage(
    container: InputContainer, timeline: Timeline, shown: Presentation, found_s: Fraction, step_s: Fraction
) -> tuple[str | None, str | None, float]:
    """Returns the reason of ``DAMAGE_REASONS``, a description, and the seconds lost."""
    missing_s = timeline.missing_s(container, found_s, step_s)
    if missing_s > _MAX_TAIL_S and 2 * step_s < missing_s < _DAY_S:
        return "truncated", f"ends {float(missing_s):.1f} s before its declared length", float(missing_s)
    if timeline.read_error:
        return "truncated", f"reading stopped: {timeline.read_error}", 0.0
    lost_s = float((timeline.corrupt + shown.dropped) * step_s)
    if jumps := _clock_jumps(shown, time_base_of(timeline.stream)):
        return CLOCK_JUMP, jumps, lost_s
    if timeline.corrupt or shown.dropped:
        detail = f"{timeline.corrupt} packets are damaged, {shown.dropped} frames go back in time or stray"
        return "decode_error", detail, lost_s
    return None, None, 0.0


def _clock_jumps(shown: Presentation, time_base: Fraction) -> str | None:
    """Returns where the clock jumps by more than a pause can take; None if it does not."""
    steps_s = np.diff(shown.pts) * float(time_base)
    jumps = np.flatnonzero(steps_s > JUMP_S)
    if not len(jumps):
        return None
    first = int(jumps[0])
    at_s = float(int(shown.pts[first]) - shown.first_pts) * float(time_base)
    left_out = f", {shown.dropped} frames without a possible time are left out" if shown.dropped else ""
    return (
        f"its clock jumps by more than a day, first by {steps_s[first] / _DAY_S:.1f} days after {at_s:.2f} s "
        f"({len(jumps)} in all){left_out}; each stretch keeps the times that it has: correct the recorder's clock"
    )


def _times_us(pts: Int64, time_base: Fraction) -> Int64:
    return np.round((pts - pts[:1]) * float(time_base * 1_000_000)).astype(np.int64)


def _wrong_clock(times_us: Int64, coinciding: int, packets: int) -> str | None:
    """Returns what is wrong with a file's clock if its times are impossible (docs/decisions/0018-clocks.md)."""
    found = []
    if coinciding > _MAX_COINCIDING * packets:
        found.append(f"{coinciding} of {packets} frames have the time of another one")
    if fast := find_fast_stretch(times_us):
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


def _first_frame(path: Path, max_pixels: int) -> VideoFrame:
    """Returns the first frame that can be decoded, trying the first keyframes only."""
    keyframes = 0
    with open_video(path) as (container, stream):
        decoder = Decoder(container, stream, max_pixels=max_pixels)
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
