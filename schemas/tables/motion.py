"""The table of changes in a view, and how it holds the tiles in which something changed."""

import numpy as np
import pyarrow as pa

from schemas.tables.columns import CAMERA, SEGMENT, column, float32, string, timestamp
from schemas.tables.spec import Privacy, TableSpec
from schemas.values import Bools, Uint8

TILE_GRID = (24, 16)
"""Columns and rows of the tiles of a view, whatever its size."""


def pack_tiles(tiles: Bools) -> bytes:
    """Returns tiles ``(rows, columns)`` as 48 bytes: a bit each, row by row, the highest bit of a byte first."""
    return np.packbits(tiles).tobytes()


def unpack_tiles(packed: bytes) -> Bools:
    """Returns the tiles ``(rows, columns)`` that ``pack_tiles`` packed."""
    bits: Uint8 = np.unpackbits(np.frombuffer(packed, np.uint8))
    return np.asarray(bits.reshape(TILE_GRID[::-1]), np.bool_)


MOTION_TABLES = (
    TableSpec(
        "motion",
        "One row per second of a segment in which something in the view changed. A second without a row, of a segment "
        "that has a receipt of the op `motion`, was looked at, and nothing changed.",
        (
            CAMERA,
            SEGMENT,
            timestamp("time", "start of the second, by the clock"),
            string(
                "kind",
                "'motion'; 'light': it was switched, or the camera adapted; 'view': the camera moved, or shows another "
                "scene; 'covered': the picture is black, or shows nothing. The last of these that a second has counts",
            ),
            column(
                "tiles",
                pa.binary(),
                f"where: a bit for each of {TILE_GRID[0]} x {TILE_GRID[1]} tiles of the view, row by row from the top "
                "left; see the macros `in_tiles` and `tiles_of`",
            ),
            float32("share", "largest share of the frame that differed from the background at one time", "0..1"),
        ),
        ("camera", "segment_id", "time"),
        ("time",),
        Privacy.PSEUDONYMOUS,
    ),
)
