"""Bins of time: what was observed in each, and who was there."""

from datetime import timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ops.bins import Bins, Stays, Stretches, occupancy
from tests.support.fakes import START, make_segment


def test_overlapping_files_are_observed_once():
    one, two = (make_segment(0, 30, start=START + timedelta(seconds=shift)) for shift in (0, 20))
    assert Bins.of(Stretches.of([two, one]), 60).observed_us.tolist() == [50_000_000]


spans = st.tuples(st.integers(0, 400), st.integers(1, 200), st.integers(0, 1), st.integers(0, 3))


@given(st.lists(spans, max_size=12))
def test_occupancy_is_what_counting_every_microsecond_gives(drawn):
    drawn = sorted({(track, group): (begin, end, group, track) for begin, end, group, track in drawn}.values())
    width_us, groups = 100, 2
    bins = Bins(width_us, np.arange(7), np.full(7, width_us))
    begin, length, group, track = (
        np.array(c, dtype=np.int64) for c in (zip(*drawn, strict=True) if drawn else [[]] * 4)
    )
    found = occupancy(
        Stays(np.arange(len(drawn)), np.arange(len(drawn)), begin, begin + length), group, track, groups, bins
    )
    there = np.zeros((groups, len(drawn) + 1, 7 * width_us), dtype=bool)
    for number, (b, n, g, _) in enumerate(drawn):
        there[g, number, b : b + n] = True
    cells = there.reshape(groups, -1, 7, width_us)
    assert (found.dwell_us == cells.sum(axis=(1, 3))).all()
    assert (found.most == cells.sum(axis=1).max(axis=2)).all()
    for g in range(groups):
        for n in range(7):
            assert found.distinct[g, n] == len({t for i, (_, _, _, t) in enumerate(drawn) if cells[g, i, n].any()})
