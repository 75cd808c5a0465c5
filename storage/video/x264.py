"""How x264 must be told to give the same bytes for the same frames."""

import pyarrow as pa


def repeatable() -> dict[str, str]:
    """Options of the encoder ``libx264`` beside one's own; ``x264-params`` is not free for others then.

    With AVX-512, x264's macroblock tree reads memory that nobody has written, at most frame widths, and now and then
    other bytes come out. Its AVX2 code, which every CPU with AVX-512 can run, does not. To do without the tree
    (``mbtree=0``) would be as safe, but a fixed camera's footage takes a quarter more space at the same quality.
    """
    return {"x264-params": "asm=avx2"} if pa.runtime_info().detected_simd_level == "avx512" else {}
