"""The times of a file's frames, from its packets alone: in order, without those that no clock can mean."""

from bisect import bisect_right
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import cast

import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.video.stream import VideoStream

from schemas.clock import LEAST_FRAMES, MAX_PAUSE_S
from schemas.errors import CorruptFootage
from schemas.values import Int64
from storage.video.pictures import PictureFinder, Shown
from storage.video.source import VideoPacket, packet_pts, require_readable

JUMP_S = 86_400.0
"""Longest step from frame to frame that may be a pause; a longer one is a jump of the clock."""

_GUESSED_DURATION = {"nut", "dhav"}  # formats without durations: FFmpeg gives that of the codec's rate, or one tick
_GUESSED_LENGTH = {"mpegts", "mpeg"}  # formats without a length: FFmpeg takes the last timestamp that it finds


@dataclass(frozen=True)
class Presentation:
    """The frames of a file in order of time.

    Attributes:
        pts: ``(N,)`` PTS of the frames, strictly rising.
        keyframe_pts: PTS of the frames at which decoding can begin.
        first_pts: PTS of the first frame, decodable or not.
        repeat_pts: PTS of packets that show the picture before them again.
        dropped: number of frames left out: they go back in time, or stray from all others.
    """

    pts: Int64
    keyframe_pts: list[int]
    first_pts: int
    repeat_pts: Int64
    dropped: int


class Timeline:
    """Times of the packets in file order.

    The packets are split into epochs, in which decode times rise; a new one begins where the recorder's clock jumped
    back. PTS alone do not show that: around B-frames they go back and forth in every file.
    """

    def __init__(self, stream: VideoStream) -> None:
        self.stream = stream
        self._epochs: list[list[int]] = [[]]
        self._keyframes: list[set[int]] = [set()]
        self._last_dts: int | None = None
        self._last_frame: tuple[int, int] = (0, 0)  # PTS and duration
        self._begin_pts: int | None = None
        self._early: list[int] = []
        self._repeats: list[int] = []
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
                if packet.stream_index == self.stream.index:
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
            self._repeats.append(pts)
            return
        self._epochs[-1].append(pts)
        self._last_frame = max(self._last_frame, (pts, packet.duration or 0))
        if shown is Shown.KEYFRAME:
            self._keyframes[-1].add(pts)

    def _delay_first(self, pts: int) -> None:
        if len(self._epochs) == 1 and len(self._epochs[0]) == 1:
            self._begin_pts = pts
            self._epochs, self._keyframes = [[pts]], [{pts}]

    def presentation(self) -> "Presentation":
        """Returns the frames in order of time, without those whose time no clock can mean."""
        kept: list[list[int]] = []
        for number, epoch in enumerate(self._epochs):
            # Frames shown before the file's first keyframe refer to frames that are not in the file.
            earliest = self._begin_pts or 0
            pts = sorted({pts for pts in epoch if number > 0 or pts >= earliest})
            if pts:
                _drop_strayed(kept, pts)
                last = kept[-1][-1] if kept else None
                forward = pts if last is None else pts[bisect_right(pts, last) :]
                kept += self._split(forward, MAX_PAUSE_S)
        timeline = [pts for stretch in self._without_strays(kept) for pts in stretch]
        keyframes = sorted(set().union(*self._keyframes) & set(timeline))
        if timeline and timeline[0] not in keyframes[:1]:
            keyframes.insert(0, timeline[0])  # an edit list hides the first keyframe; the decoder still gets it
        first_pts = min((pts for pts in self._early + self._epochs[0][:100] if self._is_near(pts, timeline)), default=0)
        found = sum(len(set(epoch)) for epoch in self._epochs)
        early = sum(pts < (self._begin_pts or 0) for pts in set(self._epochs[0]))
        return Presentation(
            pts=np.array(timeline, dtype=np.int64),
            keyframe_pts=keyframes,
            first_pts=min([first_pts, *timeline[:1]]) if timeline else first_pts,
            repeat_pts=np.array(sorted(self._repeats), dtype=np.int64),
            dropped=found - early - len(timeline),
        )

    def _ticks(self, seconds: float) -> float:
        return seconds / float(time_base_of(self.stream))

    def _split(self, pts: list[int], gap_s: float) -> list[list[int]]:
        """Splits times at steps longer than ``gap_s``."""
        if not pts:
            return []
        after = np.flatnonzero(np.diff(pts) > self._ticks(gap_s)) + 1
        return [part.tolist() for part in np.split(np.array(pts, dtype=np.int64), after)]

    def _without_strays(self, kept: list[list[int]]) -> list[list[int]]:
        """Leaves out single frames that are more than a day away from all others."""
        every = [pts for stretch in kept for pts in stretch]
        parts = self._split(every, JUMP_S)
        return [part for part in parts if len(part) > LEAST_FRAMES or len(part) == max(map(len, parts))]

    def _is_near(self, pts: int, timeline: list[int]) -> bool:
        return bool(timeline) and abs(pts - timeline[0]) <= self._ticks(JUMP_S)

    @property
    def coinciding(self) -> int:
        """Number of frames that have the time of another one, and so are never shown."""
        return sum(len(epoch) - len(set(epoch)) for epoch in self._epochs)

    def frame_step(self, pts: Int64) -> int:
        """Returns the usual distance of two frames, in ticks, at least 1: the median, not the declared frame rate."""
        if len(pts) > 1:
            return max(1, int(np.median(np.diff(pts))))
        rate = self.stream.average_rate or Fraction(25)
        return max(1, self._last_frame[1] or round(1 / (rate * time_base_of(self.stream))))

    def missing_s(self, container: InputContainer, found_s: Fraction, step_s: Fraction) -> Fraction:
        """Returns how much shorter the file is than its container claims; 0 if it claims no length."""
        if container.format.name == "avi":  # FFmpeg shortens an AVI's duration to what fits the file
            return self.stream.frames * step_s - found_s
        if container.format.name in _GUESSED_LENGTH:
            return Fraction(0)
        if self.stream.duration is not None:
            return self.stream.duration * time_base_of(self.stream) - found_s
        if container.duration is None:
            return Fraction(0)
        begin = container.start_time or 0  # this length is of all streams: audio may outlast video
        return Fraction(container.duration + begin, 1_000_000) - self._all_streams_end_s

    def end_pts(self, pts: Int64) -> int:
        """Returns the end of the last frame."""
        is_known = self._last_frame[0] == pts[-1] and self.stream.container.format.name not in _GUESSED_DURATION
        duration = self._last_frame[1] if is_known else 0
        end = int(pts[-1]) + (duration or self.frame_step(pts))
        return end if self._stays_until is None else max(end, self._stays_until)


def _drop_strayed(kept: list[list[int]], pts: list[int]) -> None:
    """Removes the stretches of a clock that strayed, now that it returned to ``pts``.

    Stretches that begin after its return go if they have fewer frames; never the file's first stretch, whose time the
    file's name gives, unless it is a few stray frames.
    """
    strayed: list[list[int]] = []
    while kept and kept[-1][0] > pts[0]:
        strayed.append(kept.pop())
    frames = sum(map(len, strayed))
    if frames >= len(pts) or not (kept or frames <= LEAST_FRAMES):
        kept += reversed(strayed)


def time_base_of(stream: VideoStream) -> Fraction:
    """Returns the unit of PTS, in seconds.

    Raises:
        CorruptFootage: the stream has none.
    """
    if not stream.time_base:
        raise CorruptFootage("no_frames", "the video stream has no time base")
    return stream.time_base
