"""Writes video as Dahua recorders do (DHAV, ``.dav``), which FFmpeg reads and cannot write.

The layout follows FFmpeg's demuxer (libavformat/dhav.c): each frame has a header with a date to the second and a clock
of milliseconds, optional extensions, the picture with start codes, and a trailer with the frame's length.
"""

import struct
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import av

_KEYFRAME, _PICTURE = 0xFD, 0xFC
_CODECS = {"h264": 0x4, "hevc": 0xC}
_HEADER_BYTES, _TRAILER_BYTES = 24, 8


def write_dav(path: Path, video: Path, start: datetime, fps: int, left_out: Sequence[int] = ()) -> int:
    """Writes the pictures of a file with start codes in the order in which they are stored.

    Args:
        path: the file to write.
        video: a raw stream of H.264 or H.265 without B-pictures.
        start: time of the first picture.
        fps: frame rate of the recorder's clock.
        left_out: numbers of pictures that the recorder lost.

    Returns:
        The number of pictures written.
    """
    with av.open(str(video)) as container:
        stream = container.streams.video[0]
        codec, width, height = stream.codec_context.name, stream.width, stream.height
        packets = [(bytes(packet), packet.is_keyframe) for packet in container.demux(stream) if packet.size]
    written = [
        _frame(picture, is_key, number, start.timestamp() + number / fps, (codec, width, height, fps))
        for number, (picture, is_key) in enumerate(packets)
        if number not in left_out
    ]
    path.write_bytes(b"".join(written))
    return len(written)


def _frame(picture: bytes, is_key: bool, number: int, time_s: float, kind: tuple[str, int, int, int]) -> bytes:
    codec, width, height, fps = kind
    extensions = struct.pack("<BBBB", 0x81, 0, _CODECS[codec], fps)
    extensions += struct.pack("<BBHHH", 0x82, 0, 0, width, height)
    length = _HEADER_BYTES + len(extensions) + len(picture) + _TRAILER_BYTES
    moment = datetime.fromtimestamp(int(time_s))
    date = (
        moment.second | moment.minute << 6 | moment.hour << 12 | moment.day << 17 | moment.month << 22
        | (moment.year - 2000) << 26
    )  # fmt: skip
    header = struct.pack(
        "<4sBBBBIIIHBB", b"DHAV", _KEYFRAME if is_key else _PICTURE, 0, 0, 0, number, length, date,
        round(time_s * 1000) & 0xFFFF, len(extensions), 0,
    )  # fmt: skip
    checksum = sum(header[:23]) & 0xFF
    return header[:23] + bytes([checksum]) + extensions + picture + struct.pack("<4sI", b"dhav", length)
