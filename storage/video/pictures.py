"""Reads from a packet's bytes whether the packet gives a picture: in MPEG-4 and VP8, some packets give none.

MPEG-4 (XviD, DivX) in AVI may be *packed*: one packet holds a reference picture and the B-picture that is shown before
it, and a later packet holds a *stub* in place of that B-picture: a picture marked "not coded". A stub without a packed
picture repeats the picture before it. A file may begin with *fillers*, packets without a picture, while its encoder
waits for more frames. Times belong to packets, so the reader must know which packets give a picture. Bit layouts follow
ISO/IEC 14496-2, clauses 6.2.3 (video object layer) and 6.2.5 (video object plane). VP8 has pictures that are never
shown (RFC 6386, 9.1).
"""

import re
from enum import Enum

from av.packet import Packet
from av.video.stream import VideoStream

_LAYER = re.compile(b"\0\0\1[\x20-\x2f]")
_PLANE = b"\0\0\1\xb6"
_LAYER_BYTES = 24  # more than the fields of a layer that are read here take
_HEADERS_BYTES = 4096  # headers are in the first bytes of a packet
_MAX_STUB_BYTES = 19  # FFmpeg's limit, too: longer packets that look like stubs are damaged pictures
_MAX_FILLER_BYTES = 4  # too short for a picture; XviD writes one byte, 0x7f
_EXTENDED_ASPECT, _SHAPE_RECTANGULAR = 15, 0


class Shown(Enum):
    """What a player shows of a packet."""

    KEYFRAME = "a picture at which decoding can begin"
    PICTURE = "a picture"
    PACKED = "the picture that was packed into an earlier packet"
    NOTHING = "nothing: the picture before it stays"
    DELAY = "nothing yet: the file's first picture is shown at this packet's time"


class PictureFinder:
    """Follows the packets of one stream in file order, from any keyframe on.

    Args:
        codec: FFmpeg's name of the codec.
        extradata: the stream's headers, as the container holds them.
        from_start: whether the first packet is the file's first keyframe; fillers delay a picture only there.
    """

    def __init__(self, codec: str, extradata: bytes | None, from_start: bool) -> None:
        self._codec = codec
        self._time_bits = _time_bits(extradata or b"")
        self._is_packed = False
        self._from_start = from_start
        self._waits = False

    def shown(self, packet: "Packet[VideoStream]") -> Shown:
        """Returns what the next packet gives."""
        usual = Shown.KEYFRAME if packet.is_keyframe else Shown.PICTURE
        if self._codec not in {"mpeg4", "vp8"}:
            return usual
        content = bytes(packet)
        if self._codec == "vp8":
            return Shown.NOTHING if _is_hidden_vp8(content[:3]) else usual
        self._time_bits = _time_bits(content[:_HEADERS_BYTES]) or self._time_bits
        is_filler, planes = len(content) <= _MAX_FILLER_BYTES, content.count(_PLANE)
        if is_filler:
            return Shown.DELAY if self._waits else Shown.NOTHING
        self._waits = self._from_start and packet.is_keyframe
        self._from_start = False
        if planes == 1 and self._is_stub(content):
            was_packed, self._is_packed = self._is_packed, False
            return Shown.PACKED if was_packed else Shown.NOTHING
        if planes > 1:
            self._is_packed = True
            return Shown.PICTURE  # a B-picture packed with a keyframe is shown before it, and needs what came before
        if packet.is_keyframe:
            self._is_packed = False  # decoders drop what is left of the group before
        return usual

    def _is_stub(self, content: bytes) -> bool:
        """Returns whether a packet's only picture is marked "not coded"."""
        if self._time_bits is None or len(content) > _MAX_STUB_BYTES:
            return False
        bits = _Bits(content[content.find(_PLANE) + len(_PLANE) :])
        bits.skip(2)  # vop_coding_type
        while bits.read(1):  # modulo_time_base
            pass
        first_marker = bits.read(1)
        bits.skip(self._time_bits)
        second_marker, is_coded = bits.read(1), bits.read(1)
        return bool(first_marker and second_marker and not is_coded) and not bits.ended


def _is_hidden_vp8(frame_tag: bytes) -> bool:
    """Returns whether a picture is not to be shown; zeros are damage, as the tag holds a length."""
    return any(frame_tag) and not frame_tag[0] >> 4 & 1


class _Bits:
    """Reads bits from the most significant on; zeros after the end."""

    def __init__(self, content: bytes) -> None:
        self._value = int.from_bytes(content)
        self._left = 8 * len(content)

    @property
    def ended(self) -> bool:
        return self._left < 0

    def read(self, count: int) -> int:
        self._left -= count
        return self._value >> self._left & (1 << count) - 1 if self._left >= 0 else 0

    def skip(self, count: int) -> None:
        self._left -= count


def _time_bits(headers: bytes) -> int | None:
    """Returns the bits of ``vop_time_increment``, from the first video object layer in ``headers``, or None."""
    found = _LAYER.search(headers)
    if found is None:
        return None
    bits = _Bits(headers[found.end() : found.end() + _LAYER_BYTES])
    bits.skip(1 + 8)  # random_accessible_vol, video_object_type_indication
    if bits.read(1):  # is_object_layer_identifier
        bits.skip(4 + 3)
    if bits.read(4) == _EXTENDED_ASPECT:
        bits.skip(8 + 8)
    if bits.read(1):  # vol_control_parameters
        bits.skip(2 + 1)
        if bits.read(1):  # vbv_parameters
            bits.skip(15 + 1 + 15 + 1 + 15 + 1 + 3 + 11 + 1 + 15 + 1)
    if bits.read(2) != _SHAPE_RECTANGULAR or not bits.read(1):
        return None
    resolution = bits.read(16)
    return max(1, (resolution - 1).bit_length()) if resolution else None
