"""Configures x264 so that the same frames give the same bytes, and so that encoded parts can be merged.

See docs/decisions/0006-reproducible-bytes.md.
"""

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
"""CRF reduction for frames that were encoded before, to limit generation loss."""

PRESET, TUNING = "ultrafast", "deblock=1,0,0:mbtree=1:rc-lookahead=5:aq-mode=1:subme=1"
"""x264's preset, and what is added to it. On footage of a fixed camera the macroblock tree saves space; motion search,
arithmetic coding and the choice of partitions hardly do.

Measured-real, covered PETS at 768x576, one core, at crf 23: 2.8 ms a frame and 0.8 to decode it again, 11.2 kB, PSNR
35.9, SSIM .955; the preset veryfast takes 5.6 and 1.7 ms for 11.5 kB, 36.2 and .958.
"""

_RATE = Fraction(24)  # x264 needs a frame rate to choose a level; every frame has its own time all the same


def deterministic_options() -> dict[str, str]:
    """Returns the ``libx264`` options that make its output deterministic: ``x264-params``, or none.

    With AVX-512, x264's macroblock tree reads uninitialized memory at most frame widths, and now and then gives other
    bytes. Its AVX2 code, which every CPU with AVX-512 can run, does not. ``mbtree=0`` would be as safe, but footage of
    a fixed camera takes a quarter more space then, at the same quality.
    """
    return {"x264-params": "asm=avx2"} if pa.runtime_info().detected_simd_level == "avx512" else {}


@dataclass(frozen=True)
class Encoding:
    """The encoding of a part: H.264, yuv420p, no B-frames; times count from the footage's first frame.

    All encoders of one encoding and frame size have the same parameter sets, so that their packets fit into one file.

    Attributes:
        first_pts: PTS of the footage's first frame.
        time_base: unit of PTS, in seconds.
        crf: x264's quality, 0 (lossless) to 51.
        threads: x264's threads; another number gives other bytes.
        pixel_aspect: width of a pixel by its height, which players show.
    """

    first_pts: int
    time_base: Fraction
    crf: int
    threads: int
    pixel_aspect: Fraction = Fraction(1)

    @property
    def tick(self) -> Fraction:
        """The file's time unit in seconds. MP4 counts in 1/timescale s: 100/2997 s becomes 1/2997 s."""
        return Fraction(1, self.time_base.denominator)

    def ticks(self, pts: int) -> int:
        """Converts a PTS of the footage to the file's time."""
        return (pts - self.first_pts) * self.time_base.numerator

    def encoder(self, width: int, height: int, reencode: bool = False) -> VideoCodecContext:
        """Returns an open encoder for frames of an even width and height in pixels.

        Args:
            width: frame width.
            height: frame height.
            reencode: whether the frames were encoded before.
        """
        context = CodecContext.create("libx264", "w")
        self._set_up(context, width, height, self.crf - REENCODE_CRF_REDUCTION if reencode else self.crf)
        context.open()
        return context

    @contextmanager
    def stream(self, width: int, height: int) -> Iterator[VideoStream]:
        """Yields an empty stream as a template for files: parameter sets, size, colours."""
        with av.open("nowhere", "w", format="null") as container:
            stream = container.add_stream("libx264")
            self._set_up(stream.codec_context, width, height, self.crf)
            container.start_encoding()
            yield stream

    def _set_up(self, context: VideoCodecContext, width: int, height: int, crf: int) -> None:
        # Without ``stitchable`` each CRF gets its own parameter sets, and packets of two do not fit into one file.
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
        if self.pixel_aspect != 1:  # without it, players take pixels for square
            context.sample_aspect_ratio = self.pixel_aspect
        context.flags |= Flags.bitexact | Flags.global_header
        # swscale converts BGR to BT.601; untagged, players would take large frames for BT.709.
        context.colorspace = Colorspace.SMPTE170M
        context.color_range = ColorRange.MPEG
