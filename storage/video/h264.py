"""Changes the number of a keyframe in its H.264 slice headers, without decoding.

Two consecutive IDR pictures must have different numbers (``idr_pic_id``, ITU-T H.264 clause 7.4.3), or a decoder may
take them for one. x264 counts from 0 in each chunk, so two adjacent chunks of one frame each would break that.
Bit layouts follow clauses 7.3.2.1.1 (sequence parameter set) and 7.3.3 (slice header).
"""

import re

MIN_NUMBER, MAX_NUMBER = 255, 510
"""Numbers whose code is longer than that of 0 by whole bytes, so that the rest of the slice keeps its alignment."""

_IDR, SPS = 5, 7  # NAL unit types, Table 7-1
HEADER_BYTES = 40  # the start of a slice that holds all of its header that is read here
_ADDED_BITS = 16  # ue(v) codes 0 in 1 bit and these numbers in 17
_HIGH_PROFILES = {100, 110, 122, 244, 44, 83, 86, 118, 128}  # their parameter sets describe chroma and bit depth


class BitReader:
    """Reads bits, the most significant first."""

    def __init__(self, content: bytes) -> None:
        self.text = "".join(f"{byte:08b}" for byte in content)
        self.at = 0

    def skip(self, count: int) -> None:
        """Passes over some bits."""
        self.at += count

    def read(self, count: int) -> int:
        """Reads an unsigned number of so many bits."""
        self.at += count
        return int(self.text[self.at - count : self.at], 2)

    def exp_golomb(self) -> int:
        """Reads an unsigned Exp-Golomb code, ue(v), clause 9.1."""
        zeros = self.text.index("1", self.at) - self.at
        self.at += zeros
        return self.read(zeros + 1) - 1


def exp_golomb(value: int) -> str:
    """Returns the bits of an unsigned Exp-Golomb code, ue(v)."""
    code = f"{value + 1:b}"
    return "0" * (len(code) - 1) + code


def renumber_idr(packet: bytes, extradata: bytes, number: int) -> bytes:
    """Returns an IDR picture of x264, which has number 0, with another number; it decodes to the same frame.

    Args:
        packet: the picture, with start codes.
        extradata: parameter sets, with start codes.
        number: ``MIN_NUMBER`` to ``MAX_NUMBER``.

    Raises:
        ValueError: the packet holds no IDR picture of number 0, or ``number`` is out of range.
    """
    if not MIN_NUMBER <= number <= MAX_NUMBER:
        raise ValueError(f"number must be {MIN_NUMBER} to {MAX_NUMBER}, got {number}")
    frame_num_bits = _frame_num_bits(extradata)
    units = [
        _renumber_slice(unit, frame_num_bits, number) if unit[0] & 31 == _IDR else unit for unit in nal_units(packet)
    ]
    if not any(unit[0] & 31 == _IDR for unit in units):
        raise ValueError("this packet holds no IDR picture")
    return b"".join(b"\0\0\0\1" + unit for unit in units)


def nal_units(stream: bytes) -> list[bytes]:
    """Splits a byte stream with start codes (Annex B) into NAL units, without the start codes."""
    return [unit.rstrip(b"\0") for unit in stream.split(b"\0\0\1") if unit.strip(b"\0")]


def _renumber_slice(unit: bytes, frame_num_bits: int, number: int) -> bytes:
    content = unescape(unit)
    header = BitReader(content[1:HEADER_BYTES])
    for _ in ("first_mb_in_slice", "slice_type", "pic_parameter_set_id"):
        header.exp_golomb()
    header.skip(frame_num_bits)
    at = 8 + header.at
    if header.exp_golomb() != 0:
        raise ValueError("this IDR picture has a number already")
    size = 8 * len(content)
    bits = int.from_bytes(content)
    before, bits_after = bits >> (size - at), size - at - 1
    code = number + 1  # ue(v) of 255 to 510: eight zeros, then nine bits
    changed = ((before << (1 + _ADDED_BITS) | code) << bits_after) | bits & ((1 << bits_after) - 1)
    return escape(changed.to_bytes((size + _ADDED_BITS) // 8))


def _frame_num_bits(extradata: bytes) -> int:
    """Returns the length of ``frame_num`` in slice headers, from the sequence parameter set."""
    return read_to_frame_num(parameter_set(extradata, SPS, "sequence"))


def parameter_set(extradata: bytes, kind: int, name: str) -> BitReader:
    """Returns a parameter set's content after its first byte."""
    found = [unit for unit in nal_units(extradata) if unit[0] & 31 == kind]
    if not found:
        raise ValueError(f"the stream has no {name} parameter set")
    return BitReader(unescape(found[0])[1:])


def read_to_frame_num(bits: BitReader) -> int:
    """Reads a sequence parameter set up to the length of ``frame_num``, and returns that."""
    profile = bits.read(8)
    bits.skip(16)  # constraints and level
    bits.exp_golomb()  # seq_parameter_set_id
    if profile in _HIGH_PROFILES:
        if bits.exp_golomb() == 3:  # chroma_format_idc
            bits.skip(1)  # separate_colour_plane_flag
        bits.exp_golomb()  # bit_depth_luma_minus8
        bits.exp_golomb()  # bit_depth_chroma_minus8
        bits.skip(1)  # qpprime_y_zero_transform_bypass_flag
        if bits.read(1):
            raise ValueError("scaling matrices are not supported")
    return bits.exp_golomb() + 4  # log2_max_frame_num_minus4


def unescape(unit: bytes) -> bytes:
    """Returns the content of a NAL unit, without the bytes 3 that keep it from looking like a start code (7.4.1)."""
    return unit.replace(b"\0\0\3", b"\0\0")


def escape(content: bytes) -> bytes:
    """Returns a NAL unit with this content."""
    return re.sub(b"\0\0(?=[\0-\3])", b"\0\0\3", content)
