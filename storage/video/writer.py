"""Writes covered frames as H.264 in MP4, each at its own time, and joins such parts without encoding again.

A file gets its name when it is complete, so what can be seen is whole. Times in it are relative to the footage's first
frame, in the source's time base.
"""

import errno
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from fractions import Fraction
from pathlib import Path, PurePosixPath

import av
import numpy as np
from av.bitstream import BitStreamFilterContext
from av.codec.context import Flags
from av.container import OutputContainer
from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream

from schemas.errors import CoverageError, StoreFull
from schemas.values import FrameBatch, Segment, Uint8, VideoFile
from storage.blobs import Blobs
from storage.files import sha256_file
from storage.video.source import VideoPacket
from storage.video.x264 import repeatable

_NO_SPACE = {errno.ENOSPC, errno.EDQUOT}


class PartWriter:
    """A ``VideoSink`` of one segment: H.264, yuv420p, no sound, no metadata; the same frames give the same bytes.

    Args:
        blobs: where it is written.
        name: of the file to be; it does not exist before ``close``.
        segment: gives the time base and the end of the last frame.
        crf: quality of x264, 0 (lossless) to 51.
        preset: of x264, how much time it may take.
        threads: of x264; other numbers give other bytes.
    """

    def __init__(
        self,
        blobs: Blobs,
        name: str,
        segment: Segment,
        crf: int = 23,
        preset: str = "veryfast",
        threads: int = 1,
    ) -> None:
        self._blobs = blobs
        self._name = name
        self._segment = segment
        self._options = {"crf": str(crf), "preset": preset, "threads": str(threads), "bf": "0", **repeatable()}
        self._file = ExitStack()
        self._path: Path | None = None
        self._muxer: _Muxer | None = None
        self._pts: list[int] = []

    def write(self, batch: FrameBatch) -> None:
        """Encodes frames, each at its own PTS; an odd width or height grows by one pixel, for 4:2:0 has none.

        Raises:
            ValueError: PTS do not rise.
            StoreFull: no space is left.
        """
        with _space_checked(self._name):
            for image, pts in zip(batch.frames, batch.pts.tolist(), strict=True):
                self._encode(_even(image), pts)

    def close(self) -> VideoFile:
        """Finishes the file and makes it visible.

        Raises:
            CoverageError: no frame was written, or not all of them can be read back.
            StoreFull: no space is left.
        """
        if self._muxer is None or self._path is None:
            raise CoverageError(f"no frame was written to {self._name}")
        end_ticks = self._ticks(self._segment.end_pts)
        with _space_checked(self._name):
            self._muxer.encode(None)
            self._muxer.close(end_ticks)
            written = _checked(self._path, self._name, self._pts)
            self._file.close()
        self._muxer = None
        return written

    def abort(self) -> None:
        """Removes what was written."""
        if self._muxer is not None:
            self._muxer.abandon()
            self._muxer = None
        if self._path is not None:
            self._path.unlink(missing_ok=True)
        self._file.close()

    def _encode(self, image: Uint8, pts: int) -> None:
        ticks = self._ticks(pts)
        if self._pts and ticks <= self._pts[-1]:
            raise ValueError(f"PTS must rise: {pts} comes after {self._pts[-1]} ticks in {self._name}")
        if self._muxer is None:
            self._path = self._file.enter_context(self._blobs.create(self._name))
            height, width = image.shape[:2]
            self._muxer = _Muxer.encoding(self._path, self._segment.time_base, width, height, self._options)
        frame = VideoFrame.from_ndarray(image, format="bgr24")
        frame.pts = ticks
        frame.time_base = self._muxer.time_base
        self._muxer.encode(frame)
        self._pts.append(ticks)

    def _ticks(self, pts: int) -> int:
        # MP4 counts in 1/timescale s: a time base of 100/2997 s becomes 100 ticks of 1/2997 s.
        return (pts - self._segment.footage_start_pts) * self._segment.time_base.numerator


def join_parts(blobs: Blobs, parts: Sequence[str], name: str) -> VideoFile:
    """Joins parts of one footage, in order, into one MP4 that starts to play before it is loaded whole.

    Every frame keeps its time relative to the footage's first frame, exactly; where first frames are lost, the file
    begins with an empty edit.

    Args:
        blobs: where the parts are, and where the file is written.
        parts: names of the parts.
        name: of the file to be.

    Raises:
        CoverageError: parts do not fit together, or the result has not all of their frames.
        StoreFull: no space is left.
    """
    with ExitStack() as at_hand:
        files, gone = [], []
        for part in parts:
            try:
                files.append(at_hand.enter_context(blobs.local(part)))
            except FileNotFoundError:
                gone.append(PurePosixPath(part).name)
        if gone or not files:
            raise CoverageError(f"{name} has no parts, or these are gone: {', '.join(gone)}; anonymize it again")
        with _space_checked(name), blobs.create(name) as path:
            return _checked(path, name, _remux(files, path))


def _remux(parts: Sequence[Path], hidden: Path) -> list[int]:
    """Copies packets; gives the PTS that the result must have."""
    with av.open(f"file:{parts[0]}") as first:
        muxer = _Muxer.copying(hidden, first.streams.video[0])
    ticks: list[int] = []
    try:
        for part in parts:
            with av.open(f"file:{part}") as source:
                stream = source.streams.video[0]
                muxer.check_fits(stream, part)
                for packet in source.demux(stream):
                    if packet.pts is None:
                        continue
                    if ticks and packet.pts <= ticks[-1]:
                        raise CoverageError(f"{part.name} overlaps the part before it, or is out of order")
                    ticks.append(packet.pts)
                    muxer.copy(packet)
    except BaseException:
        muxer.abandon()
        raise
    muxer.close(None)
    return ticks


class _Muxer:
    """One MP4 being written, its last packet held back until its length is known."""

    def __init__(self, container: OutputContainer, stream: VideoStream, time_base: Fraction) -> None:
        self._container = container
        self._stream = stream
        self._filter: BitStreamFilterContext | None = None
        self._held: VideoPacket | None = None
        self.time_base = time_base

    @classmethod
    def encoding(cls, path: Path, time_base: Fraction, width: int, height: int, options: dict[str, str]) -> "_Muxer":
        tick = Fraction(1, time_base.denominator)
        container = _open_mp4(path, tick, {})
        stream = container.add_stream("libx264", options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.time_base = tick
        stream.codec_context.time_base = tick
        stream.codec_context.flags |= Flags.bitexact
        # What swscale makes of BGR; untagged, players would take large frames for BT.709.
        stream.codec_context.colorspace = Colorspace.SMPTE170M
        stream.codec_context.color_range = ColorRange.MPEG
        return cls(container, stream, tick)

    @classmethod
    def copying(cls, path: Path, template: VideoStream) -> "_Muxer":
        if template.time_base is None:
            raise CoverageError("a part has no time base")
        container = _open_mp4(path, template.time_base, {"movflags": "faststart"})
        stream = container.add_stream_from_template(template)
        stream.time_base = template.time_base
        return cls(container, stream, template.time_base)

    def encode(self, frame: VideoFrame | None) -> None:
        """Encodes a frame, or what is left with None."""
        for packet in self._stream.encode(frame):
            # x264 leaves its version and settings in the first packet's SEI (NAL type 6): metadata, so it goes.
            if self._filter is None:
                self._filter = BitStreamFilterContext("filter_units=remove_types=6", self._stream)
            for clean in self._filter.filter(packet):
                self._mux_held()
                self._held = clean

    def copy(self, packet: VideoPacket) -> None:
        packet.stream = self._stream
        self._container.mux_one(packet)

    def check_fits(self, stream: VideoStream, part: Path) -> None:
        """A part must have been encoded like the first."""
        ours, theirs = self._stream.codec_context.extradata, stream.codec_context.extradata
        if ours != theirs or stream.time_base != self.time_base:
            raise CoverageError(f"{part.name} was not encoded like the part before it")

    def close(self, end_ticks: int | None) -> None:
        """Writes the index; the last encoded frame is shown until ``end_ticks``."""
        if self._held is not None and self._held.pts is not None and end_ticks is not None:
            self._held.duration = end_ticks - self._held.pts
        self._mux_held()
        self._container.close()

    def abandon(self) -> None:
        """Lets go of the file, whose content no longer matters."""
        self._held = None
        with suppress(OSError, FFmpegError):
            self._container.close()

    def _mux_held(self) -> None:
        if self._held is not None:
            self._held.stream = self._stream
            self._container.mux_one(self._held)
            self._held = None


def _open_mp4(path: Path, tick: Fraction, options: dict[str, str]) -> OutputContainer:
    # The empty edit that puts the first frame at its time is counted in the movie's timescale: the default, 1/1000 s,
    # would round it.
    scale = str(tick.denominator)
    exact = {"fflags": "+bitexact", "video_track_timescale": scale, "movie_timescale": scale}
    return av.open(f"file:{path}", "w", format="mp4", options={**exact, **options})


def _even(image: Uint8) -> Uint8:
    height, width = image.shape[:2]
    if height % 2 == 0 and width % 2 == 0:
        return image
    return np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")


@contextmanager
def _space_checked(name: str) -> Iterator[None]:
    try:
        yield
    except (OSError, FFmpegError) as error:
        if error.errno in _NO_SPACE:
            raise StoreFull(f"no space left to write {name}: free some space and run again") from error
        raise


def _checked(path: Path, name: str, ticks: Sequence[int]) -> VideoFile:
    """What a file is that has just been written; every frame must be there, at its time."""
    with av.open(f"file:{path}") as container:
        found = [packet.pts for packet in container.demux(video=0) if packet.pts is not None]
    if found != list(ticks):
        raise CoverageError(f"{name} has {len(found)} frames at their times where {len(ticks)} were written")
    return VideoFile(name, len(found), path.stat().st_size, sha256_file(path))
