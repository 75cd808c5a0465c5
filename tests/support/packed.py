"""Writes MPEG-4 as XviD and DivX pack it into AVI: stubs, B-pictures in the packet of another, and fillers."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av

from tests.support import clips

_PLANE = b"\0\0\1\xb6"
_DIVX_PACKED = b"\0\0\1\xb2DivX503b1393p"  # tells decoders that B-pictures may be packed
_TIME_BITS = 5  # for 25 ticks a second

BASE = Fraction(1, 25)
FILLER = b"\x7f"


@dataclass(frozen=True)
class Piece:
    """A packet to write."""

    content: bytes
    is_keyframe: bool = False


def mpeg4_pieces(folder: Path, frames: int, b_frames: int, closed: bool) -> list[Piece]:
    """Encodes numbered frames, with a keyframe each 20 or so; returns their packets in decode order, marked as DivX's.

    Args:
        folder: for the encoder's file, ``plain.avi``.
        closed: no B-picture is shown right before a keyframe, as XviD does by default.
    """
    options = {"flags": "+cgop", "sc_threshold": "1000000000"} if closed else {}
    path = clips.write_clip(
        folder / "plain.avi", range(frames), time_base=BASE, codec="mpeg4", b_frames=b_frames, encoder=options
    )
    with av.open(str(path)) as container:
        packets = [Piece(bytes(packet), packet.is_keyframe) for packet in container.demux(video=0) if packet.size]
    return [
        Piece(piece.content.replace(_PLANE, _DIVX_PACKED + _PLANE, 1), True) if piece.is_keyframe else piece
        for piece in packets
    ]


def packed(pieces: Sequence[Piece]) -> Iterator[Piece]:
    """Packs each reference picture with the first B-picture after it; a stub ends such a group."""
    at = 0
    while at < len(pieces):
        reference, end = pieces[at], at + 1
        while end < len(pieces) and is_b(pieces[end].content):
            end += 1
        if end - at > 1:
            yield Piece(reference.content + pieces[at + 1].content, reference.is_keyframe)
            yield from pieces[at + 2 : end]
            yield Piece(stub(reference.content))
        else:
            yield reference
        at = end


def is_b(content: bytes) -> bool:
    """Whether a packet's first picture is a B-picture."""
    return content[content.index(_PLANE) + 4] >> 6 == 2


def stub(content: bytes) -> bytes:
    """Returns the header of a packet's first picture, marked as not coded."""
    at = content.index(_PLANE) + len(_PLANE)
    header = f"{int.from_bytes(content[at : at + 8]):064b}"
    end = header.index("0", 2) + 1 + 1 + _TIME_BITS + 1  # type, seconds, marker, time, marker
    text = header[:end] + "0" + "0"  # not coded; stuffing begins
    text += "1" * (-len(text) % 8)
    return _PLANE + int(text, 2).to_bytes(len(text) // 8)


def write_pieces(path: Path, pieces: Iterable[Piece], like: Path) -> Path:
    """Writes packets one after the other, each at the time after the one before."""
    with av.open(str(like)) as source, av.open(str(path), "w") as container:
        stream = container.add_stream_from_template(source.streams.video[0])
        for number, piece in enumerate(pieces):
            packet = av.Packet(piece.content)
            packet.stream, packet.time_base = stream, BASE
            packet.pts = packet.dts = number
            packet.is_keyframe = piece.is_keyframe
            container.mux(packet)
    return path
