"""Tiles are packed as the documentation says, and come back."""

import numpy as np
import pytest

from schemas.tables.motion import TILE_GRID, pack_tiles, unpack_tiles


def test_tiles_come_back() -> None:
    tiles = np.random.default_rng(1).random(TILE_GRID[::-1]) < 0.3
    assert len(pack_tiles(tiles)) == 48
    assert np.array_equal(unpack_tiles(pack_tiles(tiles)), tiles)


@pytest.mark.parametrize(
    ("column", "row", "byte", "bit"), [(0, 0, 0, 128), (23, 0, 2, 1), (0, 1, 3, 128), (23, 15, 47, 1)]
)
def test_bits_go_row_by_row_from_the_top_left(column: int, row: int, byte: int, bit: int) -> None:
    tiles = np.zeros(TILE_GRID[::-1], np.bool_)
    tiles[row, column] = True
    packed = pack_tiles(tiles)
    assert packed[byte] == bit and sum(packed) == bit
