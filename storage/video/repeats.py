"""Makes H.264 pictures that repeat the one before, so that frames in which nothing changed are not encoded at all.

A picture all of whose macroblocks are skipped shows what the one before it shows. It takes some ten bytes, and hardly
any time to write or to decode. Decoders count pictures (``frame_num``), so those that follow get another number.
Bit layouts follow ITU-T H.264 clauses 7.3.2.2 (picture parameter set), 7.3.3 (slice header) and 7.3.4 (slice data).
"""

from dataclasses import dataclass

from storage.video.h264 import (
    HEADER_BYTES,
    SPS,
    BitReader,
    escape,
    exp_golomb,
    nal_units,
    parameter_set,
    read_to_frame_num,
    unescape,
)

_SLICE, _PPS = 1, 8  # NAL unit types, Table 7-1
_REFERENCE_SLICE = 2 << 5 | _SLICE  # the first byte of a slice that later pictures refer to, as x264 writes it
_P_ONLY = 5  # slice_type: all slices of the picture are P slices, Table 7-6
_START = b"\0\0\0\1"


@dataclass(frozen=True)
class Repeats:
    """What repeating pictures of one stream need to know of its parameter sets.

    Attributes:
        frame_num_bits: length of ``frame_num``.
        macroblocks: number of them in a picture.
        picture_set: id of the picture parameter set.
        has_deblocking: whether slice headers control the deblocking filter.
    """

    frame_num_bits: int
    macroblocks: int
    picture_set: int
    has_deblocking: bool

    @classmethod
    def of(cls, extradata: bytes) -> "Repeats":
        """Reads the parameter sets of an encoder.

        Raises:
            ValueError: the stream is coded in a way in which pictures cannot be repeated: not one that
                ``storage.video.x264`` sets up.
        """
        bits = parameter_set(extradata, SPS, "sequence")
        frame_num_bits = read_to_frame_num(bits)
        if bits.exp_golomb() != 2:  # pic_order_cnt_type
            raise ValueError("pictures can be repeated only where they are shown in the order in which they are coded")
        bits.exp_golomb()  # max_num_ref_frames
        bits.skip(1)  # gaps_in_frame_num_value_allowed_flag
        macroblocks = (bits.exp_golomb() + 1) * (bits.exp_golomb() + 1)  # across and down
        if not bits.read(1):  # frame_mbs_only_flag
            raise ValueError("pictures can be repeated only where none is interlaced")
        bits = parameter_set(extradata, _PPS, "picture")
        picture_set = bits.exp_golomb()
        bits.exp_golomb()  # seq_parameter_set_id
        if bits.read(1):  # entropy_coding_mode_flag
            raise ValueError("pictures can be repeated only where they are coded without arithmetic coding")
        bits.skip(1)  # bottom_field_pic_order_in_frame_present_flag
        if bits.exp_golomb():  # num_slice_groups_minus1
            raise ValueError("pictures can be repeated only where slices are not grouped")
        bits.exp_golomb()  # num_ref_idx_l0_default_active_minus1
        bits.exp_golomb()  # num_ref_idx_l1_default_active_minus1
        if bits.read(3):  # weighted_pred_flag, weighted_bipred_idc
            raise ValueError("pictures can be repeated only where they are coded without weights")
        for _ in ("pic_init_qp_minus26", "pic_init_qs_minus26", "chroma_qp_index_offset"):
            bits.exp_golomb()
        return cls(frame_num_bits, macroblocks, picture_set, bool(bits.read(1)))

    def picture(self, number: int) -> bytes:
        """Returns a picture, with start code, that shows what the one before it shows.

        Args:
            number: pictures since the last IDR picture.
        """
        bits = [
            exp_golomb(0),  # first_mb_in_slice
            exp_golomb(_P_ONLY),
            exp_golomb(self.picture_set),
            self._frame_num(number),
            "000",  # no other references, their order and marking as usual
            exp_golomb(0),  # slice_qp_delta
            exp_golomb(1) if self.has_deblocking else "",  # disable_deblocking_filter_idc
            exp_golomb(self.macroblocks),  # mb_skip_run
            "1",  # rbsp_stop_one_bit
        ]
        text = "".join(bits)
        text += "0" * (-len(text) % 8)
        content = bytes([_REFERENCE_SLICE]) + int(text, 2).to_bytes(len(text) // 8)
        return _START + escape(content)

    def renumbered(self, packet: bytes, number: int) -> bytes:
        """Returns a picture that is no IDR picture with another number; it decodes to the same frame."""
        units = [self._renumbered(unit, number) if unit[0] & 31 == _SLICE else unit for unit in nal_units(packet)]
        return b"".join(_START + unit for unit in units)

    def _renumbered(self, unit: bytes, number: int) -> bytes:
        content = unescape(unit)
        header = BitReader(content[1:HEADER_BYTES])
        for _ in ("first_mb_in_slice", "slice_type", "pic_parameter_set_id"):
            header.exp_golomb()
        text = header.text[: header.at] + self._frame_num(number) + header.text[header.at + self.frame_num_bits :]
        return escape(content[:1] + int(text, 2).to_bytes(len(text) // 8) + content[HEADER_BYTES:])

    def _frame_num(self, number: int) -> str:
        return f"{number % (1 << self.frame_num_bits):0{self.frame_num_bits}b}"
