"""Writes one MP4 from packets, with exact times, no tags and a single video stream."""

from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
from av.container import OutputContainer
from av.error import FFmpegError
from av.video.stream import VideoStream

from schemas.errors import CoverageError
from storage.video.source import VideoPacket


class Muxer:
    """Writes packets in order; the last one is held back until its duration is known.

    Args:
        path: the file.
        template: a stream with the encoding of the packets to come.
        index_first: moves the index to the file's start on ``close``, so that players can start before all is loaded.
    """

    def __init__(self, path: Path, template: VideoStream, index_first: bool) -> None:
        if template.time_base is None:
            raise CoverageError("a part has no time base")
        self._container = _open_mp4(path, template.time_base, {"movflags": "faststart"} if index_first else {})
        self._stream = self._container.add_stream_from_template(template)
        self._stream.time_base = template.time_base
        self._time_base = template.time_base
        self._held: VideoPacket | None = None

    @property
    def extradata(self) -> bytes:
        """The stream's parameter sets."""
        return self._stream.codec_context.extradata or b""

    def check_fits(self, stream: VideoStream, part: Path) -> None:
        """Raises ``CoverageError`` unless a part was encoded as the first one was."""
        if stream.codec_context.extradata != self.extradata or stream.time_base != self._time_base:
            raise CoverageError(f"{part.name} was not encoded like the part before it")

    def add(self, packet: VideoPacket) -> None:
        """Adds the next packet; its times are in the stream's time base."""
        self._write_held()
        self._held = packet

    def close(self, end_ticks: int | None) -> None:
        """Writes the index; the last frame lasts until ``end_ticks``, or as long as its packet says."""
        if self._held is not None and self._held.pts is not None and end_ticks is not None:
            self._held.duration = end_ticks - self._held.pts
        self._write_held()
        self._container.close()

    def abandon(self) -> None:
        """Closes the file after a failure; its content is void."""
        self._held = None
        with suppress(OSError, FFmpegError):
            self._container.close()

    def _write_held(self) -> None:
        if self._held is not None:
            self._held.stream = self._stream
            self._container.mux_one(self._held)
            self._held = None


def _open_mp4(path: Path, tick: Fraction, options: dict[str, str]) -> OutputContainer:
    # An edit list puts the first frame at its time, counted in the movie's timescale: the default of 1/1000 s would
    # round it.
    scale = str(tick.denominator)
    exact = {"fflags": "+bitexact", "video_track_timescale": scale, "movie_timescale": scale}
    return av.open(f"file:{path}", "w", format="mp4", options={**exact, **options})
