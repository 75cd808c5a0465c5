"""Writes covered frames as H.264 in MP4, each at its own time, and merges such parts without re-encoding.

A file gets its name when it is complete, so readers never see half of one. Times in it are relative to the footage's
first frame, in the source's time base. Why PyAV: docs/decisions/0004-video-is-encoded-by-pyav.md.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath
from weakref import WeakSet

import av
from av.error import FFmpegError

from schemas.errors import CLOCK_JUMP, CorruptFootage, CoverageError, StoreFull
from schemas.op import VideoChunk
from schemas.values import FrameBatch, Segment, VideoFile
from storage.blobs import Blobs
from storage.files import DISK_FULL, sha256_file
from storage.video.chunks import EncodedChunk
from storage.video.h264 import MAX_NUMBER, MIN_NUMBER
from storage.video.muxer import Muxer
from storage.video.x264 import Encoding

_MOST_TICKS = 2**31 - 1
"""Longest step between two frames that FFmpeg writes into an MP4."""


CHUNK_FRAMES = 250
"""Batches of frames that ``write_frames`` encodes together: the same frames in other chunks give other bytes."""


class PartWriter:
    """A ``VideoSink`` of one segment: H.264, yuv420p, no audio, no metadata.

    The same frames, in the same chunks, give the same bytes.

    Args:
        blobs: where the file is written.
        name: the file's name; it does not exist before ``close``.
        segment: gives the time base and the end of the last frame.
        crf: x264's quality, 0 (lossless) to 51.
        threads: x264's threads; another number gives other bytes.
        index_first: whether players can start before the file is loaded whole.
    """

    def __init__(
        self, blobs: Blobs, name: str, segment: Segment, crf: int = 23, threads: int = 1, index_first: bool = False
    ) -> None:
        self._blobs = blobs
        self._index_first = index_first
        self._name = name
        self._segment = segment
        self._encoding = Encoding(segment.footage_start_pts, segment.time_base, crf, threads, segment.pixel_aspect)
        self._open_chunks: WeakSet[EncodedChunk] = WeakSet()
        self._file = ExitStack()
        self._path: Path | None = None
        self._muxer: Muxer | None = None
        self._ticks: list[int] = []
        self._lone_frames = 0

    def new_chunk(self, reencode: bool = False) -> EncodedChunk:
        """Returns an empty chunk; its frames enter the file only if it is kept.

        Args:
            reencode: the frames are another chunk's, decoded; they are encoded at a higher quality.
        """
        chunk = EncodedChunk(self._encoding, self._name, reencode)
        self._open_chunks.add(chunk)
        return chunk

    def keep(self, chunk: VideoChunk) -> None:
        """Appends a chunk's packets to the file, without re-encoding; a chunk without frames adds nothing.

        Raises:
            ValueError: it is not a chunk of this file or was kept already, PTS do not rise, or its frames differ in
                size from those kept before.
            StoreFull: no space is left.
        """
        if not isinstance(chunk, EncodedChunk) or chunk not in self._open_chunks:
            raise ValueError(f"not a chunk of {self._name}, or it was kept already, or the file is closed")
        chunk.end()
        if chunk.ticks:
            self._check_follows(chunk)
            with _full_disk_reported(self._name):
                self._add(chunk)
        self._open_chunks.discard(chunk)

    def close(self) -> VideoFile:
        """Completes the file and gives it its name.

        Raises:
            CoverageError: no frame was kept, or not all of them can be read back.
            StoreFull: no space is left.
        """
        if self._muxer is None or self._path is None:
            raise CoverageError(f"no frame was written to {self._name}")
        with _full_disk_reported(self._name):
            self._muxer.close(self._encoding.ticks(self._segment.end_pts))
            written = _verify(self._path, self._name, self._ticks)
            self._file.close()
        self._muxer = None
        self._open_chunks.clear()
        return written

    def abort(self) -> None:
        """Removes the unfinished file."""
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
        # One MP4 stream has one parameter set; another frame size would need another.
        if self._muxer is not None and chunk.extradata != self._muxer.extradata:
            raise ValueError(f"a chunk of {chunk.coded_size_px} px does not fit those kept before in {self._name}")

    def _add(self, chunk: EncodedChunk) -> None:
        if self._muxer is None:
            self._path = self._file.enter_context(self._blobs.create(self._name))
            with self._encoding.stream(*chunk.coded_size_px) as template:
                self._muxer = Muxer(self._path, template, self._index_first)
        if len(chunk.packets) == 1:
            chunk.renumber(self._next_number())
        for packet in chunk.packets:
            self._muxer.add(packet)
        self._ticks += chunk.ticks

    def _next_number(self) -> int:
        """Returns an ``idr_pic_id`` for a chunk of one frame that differs from those of its neighbours.

        Longer chunks begin with number 0 and have too few keyframes to reach these numbers. Adjacent chunks of one
        frame differ in the last bit; those of the adjacent segments, with which this part is merged, in the others.
        """
        self._lone_frames += 1
        choice = 2 * self._segment.index + self._lone_frames % 2
        return MIN_NUMBER + choice % (MAX_NUMBER - MIN_NUMBER + 1)


def write_frames(sink: PartWriter, frames: Iterable[FrameBatch]) -> VideoFile:
    """Writes all frames of a file, and closes it; nothing remains of it if they end with an error.

    Raises:
        CoverageError: there is no frame.
        StoreFull: no space is left.
    """
    try:
        chunk = sink.new_chunk()
        for done, frame in enumerate(frames, 1):
            chunk.write(frame)
            if done % CHUNK_FRAMES == 0:
                sink.keep(chunk)
                chunk = sink.new_chunk()
        sink.keep(chunk)
        return sink.close()
    except BaseException:
        sink.abort()
        raise


def merge_parts(blobs: Blobs, parts: Sequence[str], name: str) -> VideoFile:
    """Merges parts of one footage, in order, into one MP4 that players can start before it is loaded whole.

    Every frame keeps its exact time relative to the footage's first frame; where first frames are lost, the file
    begins with an empty edit.

    Args:
        blobs: where the parts are, and where the file is written.
        parts: names of the parts.
        name: name of the merged file.

    Raises:
        CoverageError: parts are missing or do not fit together, or the result lacks frames of theirs.
        CorruptFootage: there is more time between two parts than a file can hold.
        StoreFull: no space is left.
    """
    with ExitStack() as local_files:
        files, missing = [], []
        for part in parts:
            try:
                files.append(local_files.enter_context(blobs.local(part)))
            except FileNotFoundError:
                missing.append(PurePosixPath(part).name)
        if missing or not files:
            raise CoverageError(f"{name} has no parts, or these are missing: {', '.join(missing)}; anonymize it again")
        with _full_disk_reported(name), blobs.create(name) as path:
            return _verify(path, name, _remux(files, path))


def _remux(parts: Sequence[Path], target: Path) -> list[int]:
    """Copies the packets of all parts; returns the ticks that the result must have.

    Raises:
        CoverageError: the parts do not follow each other.
        CorruptFootage: there is more time between two of them than a file can hold.
    """
    with av.open(f"file:{parts[0]}") as first:
        muxer = Muxer(target, first.streams.video[0], index_first=True)
    ticks: list[int] = []
    try:
        for part in parts:
            with av.open(f"file:{part}") as source:
                stream = source.streams.video[0]
                muxer.check_fits(stream, part)
                for packet in source.demux(stream):
                    if packet.pts is None:
                        continue  # the empty packet that ends a stream
                    if ticks and packet.pts <= ticks[-1]:
                        raise CoverageError(f"{part.name} overlaps the part before it, or is out of order")
                    if ticks and packet.pts - ticks[-1] > _MOST_TICKS:
                        step_h = float((packet.pts - ticks[-1]) * packet.time_base) / 3600
                        raise CorruptFootage(
                            CLOCK_JUMP,
                            f"two frames are {step_h:.1f} h apart, more than an MP4 can hold: split the file there, or "
                            "correct the recorder's clock",
                        )
                    ticks.append(packet.pts)
                    muxer.add(packet)
    except BaseException:
        muxer.abandon()
        raise
    muxer.close(None)
    return ticks


@contextmanager
def _full_disk_reported(name: str) -> Iterator[None]:
    try:
        yield
    except (OSError, FFmpegError) as error:
        if error.errno in DISK_FULL:
            raise StoreFull(f"no space left to write {name}: free some space and run again") from error
        raise


def _verify(path: Path, name: str, ticks: Sequence[int]) -> VideoFile:
    """Returns facts of a new file, after checking that it has every frame, at its time."""
    with av.open(f"file:{path}") as container:
        found = [packet.pts for packet in container.demux(video=0) if packet.pts is not None]
    if found != list(ticks):
        raise CoverageError(f"{name} has {len(found)} frames, {len(ticks)} were written, or their times differ")
    return VideoFile(name, len(found), path.stat().st_size, sha256_file(path))
