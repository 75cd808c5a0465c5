"""The number of a key frame in its H.264 slice headers (ITU-T H.264, 7.3.3), changed without decoding.

Two IDR pictures that follow each other must have different numbers (``idr_pic_id``, 7.4.3), or a decoder may take them
for one. x264 counts from 0 in each chunk, so two chunks of one frame, side by side, would break that.
"""

import re

LEAST_NUMBER, MOST_NUMBER = 255, 510
"""Numbers whose code is longer than that of 0 by whole bytes: what follows in the slice keeps its alignment."""

_IDR, _PARAMETERS = 5, 7
_ADDED_BITS = 16
_LONG_PROFILES = {100, 110, 122, 244, 44, 83, 86, 118, 128}  # their parameter sets tell of chroma and bit depth


def renumbered(packet: bytes, extradata: bytes, number: int) -> bytes:
    """An IDR picture of x264's, number 0, as ``number``; it decodes to the same frame.

    Args:
        packet: the picture, with start codes.
        extradata: parameter sets, with start codes.
        number: ``LEAST_NUMBER`` to ``MOST_NUMBER``.

    Raises:
        ValueError: the packet holds no such picture, or ``number`` is out of range.
    """
    if not LEAST_NUMBER <= number <= MOST_NUMBER:
        raise ValueError(f"number must be {LEAST_NUMBER} to {MOST_NUMBER}, got {number}")
    frame_num_bits = _frame_num_bits(extradata)
    units = [
        _renumbered_slice(unit, frame_num_bits, number) if unit[0] & 31 == _IDR else unit for unit in nal_units(packet)
    ]
    if not any(unit[0] & 31 == _IDR for unit in units):
        raise ValueError("this packet holds no IDR picture")
    return b"".join(b"\0\0\0\1" + unit for unit in units)


def nal_units(stream: bytes) -> list[bytes]:
    """The units of a byte stream with start codes (Annex B), without these."""
    return [unit.rstrip(b"\0") for unit in stream.split(b"\0\0\1") if unit.strip(b"\0")]


def _renumbered_slice(unit: bytes, frame_num_bits: int, number: int) -> bytes:
    content = _unescaped(unit)
    header = _Bits(content[1:40])
    for _ in ("first_mb_in_slice", "slice_type", "pic_parameter_set_id"):
        header.number()
    header.skip(frame_num_bits)
    at = 8 + header.at
    if header.number() != 0:
        raise ValueError("this IDR picture has a number already")
    size = 8 * len(content)
    bits = int.from_bytes(content)
    before, after_bits = bits >> (size - at), size - at - 1
    code = number + 1  # in 17 bits: eight zeros, then nine bits
    changed = ((before << (1 + _ADDED_BITS) | code) << after_bits) | bits & ((1 << after_bits) - 1)
    return _escaped(changed.to_bytes((size + _ADDED_BITS) // 8))


def _frame_num_bits(extradata: bytes) -> int:
    """``log2_max_frame_num`` of the sequence parameter set (7.3.2.1.1)."""
    found = [unit for unit in nal_units(extradata) if unit[0] & 31 == _PARAMETERS]
    if not found:
        raise ValueError("the stream has no sequence parameter set")
    content = _unescaped(found[0])
    bits = _Bits(content[4:40])
    bits.number()  # seq_parameter_set_id
    if content[1] in _LONG_PROFILES:
        if bits.number() == 3:  # chroma_format_idc
            bits.skip(1)  # separate_colour_plane_flag
        bits.number()  # bit_depth_luma_minus8
        bits.number()  # bit_depth_chroma_minus8
        bits.skip(1)  # qpprime_y_zero_transform_bypass_flag
        if bits.take(1):
            raise ValueError("scaling matrices are not read")
    return bits.number() + 4


class _Bits:
    """Reads bits, the most significant first."""

    def __init__(self, content: bytes) -> None:
        self._bits = "".join(f"{byte:08b}" for byte in content)
        self.at = 0

    def skip(self, count: int) -> None:
        self.at += count

    def take(self, count: int) -> int:
        self.at += count
        return int(self._bits[self.at - count : self.at], 2)

    def number(self) -> int:
        """An unsigned Exp-Golomb code, ue(v)."""
        zeros = self._bits.index("1", self.at) - self.at
        self.at += zeros
        return self.take(zeros + 1) - 1


def _unescaped(unit: bytes) -> bytes:
    return unit.replace(b"\0\0\3", b"\0\0")


def _escaped(content: bytes) -> bytes:
    return re.sub(b"\0\0(?=[\0-\3])", b"\0\0\3", content)
