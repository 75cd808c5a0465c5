"""Where people are known to be is masked, with a margin in place and time."""

import numpy as np

from ops.foreground_mask import foreground_mask
from tests.ops.people import TimedBox, late_tables
from tests.ops.walkabout import SIZE_PX
from tests.support.fakes import make_segment


def test_covers_are_padded_and_reach_a_little_in_time() -> None:
    segment = make_segment()
    tables = late_tables(segment, [TimedBox(5.0, (100, 100, 120, 150))], looked_s=[4.9, 5.0, 5.1])
    cover = foreground_mask(tables["detections"], tables["observed_frames"], None, 0.5)
    start_us = round(segment.start.timestamp() * 1e6)
    mask = cover.mask_at(start_us + 5_200_000, SIZE_PX, SIZE_PX)
    y, x = np.nonzero(mask)
    assert (x.min(), y.min(), x.max() + 1, y.max() + 1) == (94, 94, 126, 156)
    assert not cover.mask_at(start_us + 5_400_000, SIZE_PX, SIZE_PX).any()
    assert cover.known_at(start_us + 5_550_000)
    assert not cover.known_at(start_us + 5_700_000)
    small = cover.mask_at(start_us + 5_000_000, (160, 120), SIZE_PX)
    assert (small.sum(axis=0) > 0).sum() == 16
