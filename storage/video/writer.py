"""Writes covered frames as H.264 in MP4, each at its own time, and joins such parts without encoding again.

A file gets its name when it is complete, so what can be seen is whole. Times in it are relative to the footage's first
frame, in the source's time base.
"""

import errno
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath
from weakref import WeakSet

import av
from av.error import FFmpegError

from schemas.errors import CoverageError, StoreFull
from schemas.op import VideoChunk
from schemas.values import Segment, VideoFile
from storage.blobs import Blobs
from storage.files import sha256_file
from storage.video.chunks import EncodedChunk
from storage.video.h264 import LEAST_NUMBER, MOST_NUMBER
from storage.video.muxer import Muxer
from storage.video.x264 import Encoding

_NO_SPACE = {errno.ENOSPC, errno.EDQUOT}


class PartWriter:
    """A ``VideoSink`` of one segment: H.264, yuv420p, no sound, no metadata.

    The same frames, cut into the same chunks, give the same bytes.

    Args:
        blobs: where it is written.
        name: of the file to be; it does not exist before ``close``.
        segment: gives the time base and the end of the last frame.
        crf: quality of x264, 0 (lossless) to 51.
        threads: of x264; other numbers give other bytes.
    """

    def __init__(
        self,
        blobs: Blobs,
        name: str,
        segment: Segment,
        crf: int = 23,
        threads: int = 1,
    ) -> None:
        self._blobs = blobs
        self._name = name
        self._segment = segment
        self._encoding = Encoding(segment.footage_start_pts, segment.time_base, crf, threads)
        self._open_chunks: WeakSet[EncodedChunk] = WeakSet()
        self._file = ExitStack()
        self._path: Path | None = None
        self._muxer: Muxer | None = None
        self._ticks: list[int] = []
        self._lone_frames = 0

    def new_chunk(self, reencode: bool = False) -> EncodedChunk:
        """Frames to be encoded; nothing of them is in the file unless the chunk is kept.

        Args:
            reencode: they are another chunk's as played: encoded finer.
        """
        chunk = EncodedChunk(self._encoding, self._name, reencode)
        self._open_chunks.add(chunk)
        return chunk

    def keep(self, chunk: VideoChunk) -> None:
        """Puts a chunk's packets into the file, after those kept before; a chunk of no frames adds nothing.

        Raises:
            ValueError: it is not a chunk of this file or was kept already, PTS do not rise, or its frames are of
                another size than those kept before.
            StoreFull: no space is left.
        """
        if not isinstance(chunk, EncodedChunk) or chunk not in self._open_chunks:
            raise ValueError(f"this is not a chunk of {self._name}, or it was kept already, or the file is closed")
        chunk.end()
        if chunk.ticks:
            self._check_follows(chunk)
            with _space_checked(self._name):
                self._add(chunk)
        self._open_chunks.discard(chunk)

    def close(self) -> VideoFile:
        """Finishes the file and makes it visible.

        Raises:
            CoverageError: no frame was kept, or not all of them can be read back.
            StoreFull: no space is left.
        """
        if self._muxer is None or self._path is None:
            raise CoverageError(f"no frame was written to {self._name}")
        with _space_checked(self._name):
            self._muxer.close(self._encoding.ticks(self._segment.end_pts))
            written = _checked(self._path, self._name, self._ticks)
            self._file.close()
        self._muxer = None
        self._open_chunks.clear()
        return written

    def abort(self) -> None:
        """Removes what was written."""
        self._open_chunks.clear()
        if self._muxer is not None:
            self._muxer.abandon()
            self._muxer = None
        if self._path is not None:
            self._path.unlink(missing_ok=True)
        self._file.close()

    def _check_follows(self, chunk: EncodedChunk) -> None:
        if self._ticks and chunk.ticks[0] <= self._ticks[-1]:
            raise ValueError(
                f"PTS must rise: a chunk from {chunk.ticks[0]} ticks on comes after {self._ticks[-1]} in {self._name}"
            )
        if self._muxer is not None and chunk.extradata != self._muxer.extradata:
            raise ValueError(f"a chunk of {chunk.coded_size_px} px does not fit those kept before in {self._name}")

    def _add(self, chunk: EncodedChunk) -> None:
        if self._muxer is None:
            self._path = self._file.enter_context(self._blobs.create(self._name))
            with self._encoding.stream(*chunk.coded_size_px) as template:
                self._muxer = Muxer(self._path, template, index_first=False)
        if len(chunk.packets) == 1:
            chunk.renumber(self._next_number())
        for packet in chunk.packets:
            self._muxer.add(packet)
        self._ticks += chunk.ticks

    def _next_number(self) -> int:
        """A number for the key frame of a chunk of one frame, unlike those of its neighbours.

        Other chunks begin with number 0 and have too few key frames to reach these. Neighbouring chunks differ by the
        last bit, also if others stand in between that were not kept; those of the segments around this one, to which
        it will be joined, by the others.
        """
        self._lone_frames += 1
        choice = 2 * self._segment.index + self._lone_frames % 2
        return LEAST_NUMBER + choice % (MOST_NUMBER - LEAST_NUMBER + 1)


def merge_parts(blobs: Blobs, parts: Sequence[str], name: str) -> VideoFile:
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
        muxer = Muxer(hidden, first.streams.video[0], index_first=True)
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
                    muxer.add(packet)
    except BaseException:
        muxer.abandon()
        raise
    muxer.close(None)
    return ticks


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
