"""Raw streams of H.264 and H.265 (``.264``, ``.h265``): pictures one after the other, without times or an index.

They are remuxed to a file with both, in a private folder of this machine: the pictures stay as they are, and get times
of an even rate. That is the stream's own (timing information of its parameter sets) or one that the site gives; where
neither is known, no time can be told, and the stream is refused. The file's name, hash and place in the archive stay
those of the stream.

A raw stream tells the order in which pictures are stored, and the copy has one time for each in that order; the
decoder then says in which order they are shown (``source.Decoder``). So decoding can begin only where both orders begin
anew, at an IDR picture: what is stored after another keyframe may be shown before it, and the copy does not mark those.
The container is NUT, which takes both codecs and any time base.
"""

import errno
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Literal

import av
from av.codec.context import CodecContext
from av.error import ArgumentError, FFmpegError, InvalidDataError

from schemas.errors import CorruptFootage
from storage.files import PRIVATE_FILE, PRIVATE_FOLDER, make_folder, private_scratch, temporary_path, writer_is_gone
from storage.video.source import VideoPacket

RawCodec = Literal["h264", "hevc"]

_HEAD_BYTES = 4_000_000  # a stream that was cut begins before its first keyframe, with which parameter sets come
_UNIT = re.compile(b"\0\0\1(.)(.)", re.DOTALL)
_FIRST_UNIT = re.compile(b"\0{2,3}\1")
_NUT_MORE = 1.01  # headers and index of NUT
_FOLDER = "remuxed"

_IDR: dict[RawCodec, set[int]] = {"h264": {5}, "hevc": {19, 20}}
_SKIPPED = {8, 9}  # RASL, of H.265: random access skipped leading pictures
"""Types of the units of such pictures (ITU-T H.264 Table 7-1, H.265 Table 7-1)."""

_H264_SETS, _HEVC_SETS = {7, 8}, {32, 33, 34}
"""Types of the units with parameter sets."""


def raw_codec(path: Path) -> RawCodec | None:
    """Returns the codec of a raw stream; None for any other file."""
    with path.open("rb") as file:
        if not _FIRST_UNIT.match(file.read(4)):
            return None
        file.seek(0)
        head = file.read(_HEAD_BYTES)
    return _codec_of(head)


def _codec_of(head: bytes) -> RawCodec | None:
    h264: set[int] = set()
    hevc: set[int] = set()
    for found in _UNIT.finditer(head):
        first, second = found[1][0], found[2][0]
        if first & 0x80:
            return None  # no unit of either: a pack of MPEG-2, say
        h264.add(first & 31)
        if second == 1:  # layer 0, first temporal sublayer
            hevc.add(first >> 1)
        if h264 >= _H264_SETS:  # their first bytes are odd, and those of H.265's layer 0 are even
            return "h264"
        if hevc >= _HEVC_SETS:
            return "hevc"
    return None


def own_fps(path: Path, codec: RawCodec) -> Fraction | None:
    """Returns the frame rate that a stream's parameter sets give; None if they give none that a camera may have."""
    context = CodecContext.create(codec, "r")
    with path.open("rb") as file:
        try:
            context.parse(file.read(_HEAD_BYTES))
        except FFmpegError:
            return None
    fps = context.framerate
    return fps if fps and 0 < fps <= 1000 else None


@contextmanager
def readable(path: Path, fps: Fraction | None) -> Iterator[Path]:
    """Yields a file with times and an index: the file itself, or a remuxed copy of a raw stream.

    Args:
        path: any file.
        fps: frame rate of a raw stream, as ``own_fps`` or the site gives it.

    Raises:
        CorruptFootage: a raw stream has no pictures.
        OSError: the disk or network fails, or has too little space for the copy.
    """
    codec = raw_codec(path) if path.is_file() else None
    if codec is None or not fps:
        yield path
        return
    remove_abandoned()
    folder = temporary_path(private_scratch() / _FOLDER / "stream")  # a name that says who writes it
    make_folder(folder.parent, private=True)
    folder.mkdir(PRIVATE_FOLDER)
    try:
        needed, free = path.stat().st_size * _NUT_MORE, shutil.disk_usage(folder).free
        if needed > free:
            raise OSError(errno.ENOSPC, f"{needed / 1e9:.1f} GB are needed in {folder.parent} to remux {path.name}")
        target = folder / f"{path.name[-100:]}.nut"
        target.touch(PRIVATE_FILE)  # FFmpeg gives new files the umask's permissions, and keeps those of others
        _remux(path, target, codec, fps)
        yield target
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _remux(source: Path, target: Path, codec: RawCodec, fps: Fraction) -> None:
    """Copies the pictures of a raw stream into a NUT file.

    Raises:
        CorruptFootage: there is none.
        OSError: the disk is full, or fails.
    """
    try:
        with (
            av.open(f"file:{source}", format=codec, options={"protocol_whitelist": "file"}) as container,
            av.open(f"file:{target}", "w", format="nut", options={"fflags": "+bitexact"}) as copy,
        ):
            video = container.streams.video[0]
            stream = copy.add_stream_from_template(video)
            stream.time_base = 1 / fps
            for number, packet in enumerate(_pictures(container.demux(video), codec)):
                packet.stream = stream
                packet.time_base = 1 / fps
                packet.pts = packet.dts = number
                packet.duration = 1
                copy.mux(packet)
    except (InvalidDataError, ArgumentError) as error:
        raise CorruptFootage("decode_error", f"{source.name}: no picture of this raw stream can be read") from error


def _pictures(packets: Iterable[VideoPacket], codec: RawCodec) -> Iterator[VideoPacket]:
    """Yields the packets of pictures; only IDR pictures stay keyframes, and the first keyframe."""
    has_begun, is_leading = False, False
    for packet in packets:
        if not packet.size:
            continue
        kinds = {_kind(found[1][0], codec) for found in _UNIT.finditer(bytes(packet))}
        is_idr = not kinds.isdisjoint(_IDR[codec])
        if is_leading and codec == "hevc" and kinds & _SKIPPED:
            continue  # it needs pictures before the stream's beginning: a decoder would leave it out
        is_leading = packet.is_keyframe and not is_idr and not has_begun
        packet.is_keyframe = is_idr or is_leading
        has_begun = has_begun or packet.is_keyframe
        yield packet


def _kind(first_byte: int, codec: RawCodec) -> int:
    return first_byte & 31 if codec == "h264" else first_byte >> 1


def remove_abandoned() -> int:
    """Removes the copies of processes of this machine that no longer exist, and returns their number."""
    folder = private_scratch() / _FOLDER
    gone = [each for each in folder.glob("*") if writer_is_gone(each.name)] if folder.is_dir() else []
    for each in gone:
        shutil.rmtree(each, ignore_errors=True)
    return len(gone)
