"""How x264 must be told to encode a part: the same bytes for the same frames, and streams that can be joined."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction

import av
import pyarrow as pa
from av.codec.context import CodecContext, Flags
from av.video.codeccontext import VideoCodecContext
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream

REENCODE_CRF_REDUCTION = 7
"""So much better, in x264's crf, a chunk is encoded whose frames were encoded before: little is lost a second time."""

PRESET, TUNING = "ultrafast", "deblock=1,0,0:mbtree=1:rc-lookahead=5:aq-mode=1:subme=1"
"""What x264 spends its time on. Of a fixed camera's footage, looking back through the macroblock tree saves space, and
searching for motion, arithmetic coding and choosing among partitions hardly do.

Measured-real, covered PETS at 768x576, one core, at crf 23: 2.8 ms a frame and 0.8 to decode it again, 11.2 kB, PSNR
35.9, SSIM .955; the preset veryfast takes 5.6 and 1.7 ms for 11.5 kB, 36.2 and .958.
"""

_RATE = Fraction(24)  # x264 asks for one to choose a level; every frame has a time of its own


def deterministic_options() -> dict[str, str]:
    """Options of the encoder ``libx264`` beside one's own: ``x264-params``, or none.

    With AVX-512, x264's macroblock tree reads memory that nobody has written, at most frame widths, and now and then
    other bytes come out. Its AVX2 code, which every CPU with AVX-512 can run, does not. To do without the tree
    (``mbtree=0``) would be as safe, but a fixed camera's footage takes a quarter more space at the same quality.
    """
    return {"x264-params": "asm=avx2"} if pa.runtime_info().detected_simd_level == "avx512" else {}


@dataclass(frozen=True)
class Encoding:
    """How the frames of a part are encoded: H.264, yuv420p, no B-frames; times count from the footage's first frame.

    Encoders of one encoding and one size have the same parameter sets, so that what they make can stand in one file.

    Attributes:
        first_pts: of the footage's first frame.
        time_base: of PTS, seconds.
        crf: quality of x264, 0 (lossless) to 51.
        threads: of x264; other numbers give other bytes.
    """

    first_pts: int
    time_base: Fraction
    crf: int
    threads: int

    @property
    def tick(self) -> Fraction:
        """Seconds in which the file counts: MP4 knows 1/timescale s only, so a time base of 100/2997 s is cut up."""
        return Fraction(1, self.time_base.denominator)

    def ticks(self, pts: int) -> int:
        """The time of a frame in the file."""
        return (pts - self.first_pts) * self.time_base.numerator

    def encoder(self, width: int, height: int, reencode: bool = False) -> VideoCodecContext:
        """An open encoder for frames of an even size, pixels.

        Args:
            reencode: the frames were encoded before.
        """
        context = CodecContext.create("libx264", "w")
        self._set_up(context, width, height, self.crf - REENCODE_CRF_REDUCTION if reencode else self.crf)
        context.open()
        return context

    @contextmanager
    def stream(self, width: int, height: int) -> Iterator[VideoStream]:
        """A stream of nothing that files can take as the template of theirs: parameter sets, size, colours."""
        with av.open("nowhere", "w", format="null") as container:
            stream = container.add_stream("libx264")
            self._set_up(stream.codec_context, width, height, self.crf)
            container.start_encoding()
            yield stream

    def _set_up(self, context: VideoCodecContext, width: int, height: int, crf: int) -> None:
        # Not stitchable, each quality would have parameter sets of its own.
        params = ":".join(["stitchable=1", TUNING, *deterministic_options().values()])
        context.options = {
            "preset": PRESET,
            "crf": str(max(crf, 0)),
            "threads": str(self.threads),
            "bf": "0",
            "x264-params": params,
        }
        context.width, context.height, context.pix_fmt = width, height, "yuv420p"
        context.time_base = self.tick
        context.framerate = _RATE
        context.flags |= Flags.bitexact | Flags.global_header
        # What swscale makes of BGR; untagged, players would take large frames for BT.709.
        context.colorspace = Colorspace.SMPTE170M
        context.color_range = ColorRange.MPEG
