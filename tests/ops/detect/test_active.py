"""In which tiles people are whom no coarser look finds reliably."""

from dataclasses import replace

import numpy as np

from ops.detect.active import active_tiles
from ops.detect.decode import Boxes
from ops.detect.settings import LookSettings
from ops.detect.tiles import pyramid

TILES = LookSettings(least_person_px=20, probe_s=1.0, probe_frames=10, people=frozenset({0}))
LOOKS = pyramid((960, 720), (320, 320), 20)


def found_in(look: int, box: tuple[int, int, int, int], confidence: float = 0.9) -> dict[int, Boxes]:
    """What a probe finds: one box in one look."""
    nothing = Boxes(np.empty((0, 4), np.float32), np.empty(0, np.float32), np.empty(0, np.int64))
    one = Boxes(np.array([box], np.float32), np.array([confidence], np.float32), np.zeros(1, np.int64))
    return {number: one if number == look else nothing for number in range(len(LOOKS))}


def test_only_somebody_whom_no_coarser_look_finds_reliably_makes_tiles_active() -> None:
    fine = next(number for number, look in enumerate(LOOKS) if look.level == 2 and look.x1 <= 100 and look.x2 >= 140)
    alone = found_in(fine, (110, 10, 120, 40))
    assert fine in active_tiles(LOOKS, alone, TILES)
    assert all(LOOKS[number].level == 2 for number in active_tiles(LOOKS, alone, TILES))
    assert not active_tiles(LOOKS, alone, replace(TILES, people=frozenset({1}))), "not a person"
    assert not active_tiles(LOOKS, found_in(fine, (110, 10, 120, 40), 0.1), TILES), "not sure enough"
    assert not active_tiles(LOOKS, found_in(fine, (110, 10, 120, 29)), TILES), "too small"
    whole = found_in(0, (110, 10, 140, 100))
    assert not active_tiles(LOOKS, whole | {fine: whole[0]}, TILES), "the whole look finds it, at 30 px of its input"
    low = found_in(0, (110, 10, 120, 40))
    assert fine in active_tiles(LOOKS, low | {fine: low[0]}, TILES), "the whole look finds it, but at 10 px"
