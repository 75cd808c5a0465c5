"""Stretches of time with hysteresis."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.interactions.rules.spans import Held, find_spans


def held(times_s, begins=None, subject=0):
    count = len(times_s)
    return Held(
        np.full(count, subject),
        np.zeros(count, np.int64),
        np.array([round(time * 1e6) for time in times_s], np.int64),
        np.ones(count, np.bool_) if begins is None else np.array(begins),
        np.ones(count),
        np.zeros(count),
    )


def spans(moments, for_s=1.0, break_s=1.0):
    return [tuple(end / 1e6 for end in span.ends_us(moments)) for span in find_spans(moments, for_s, break_s)]


def test_a_stretch_begins_where_the_stricter_condition_holds_and_ends_with_the_looser_one():
    assert spans(held([0, 1, 2, 3, 4], [False, True, False, False, False])) == [(1, 4)]
    assert spans(held([0, 1, 2, 3], [False] * 4)) == []


@pytest.mark.parametrize(("gap_s", "found"), [(0.9, [0, 2.9]), (1.5, [0, 1, 2.5, 3.5])])
def test_a_short_break_does_not_end_it(gap_s, found):
    assert [end for span in spans(held([0, 1, 1 + gap_s, 2 + gap_s])) for end in span] == pytest.approx(found)


def test_what_is_too_short_is_none():
    assert spans(held([0, 0.5])) == []
    assert spans(held([])) == []


@given(st.lists(st.integers(0, 200), unique=True), st.floats(0.1, 3), st.floats(0.1, 3))
def test_stretches_do_not_overlap_and_are_long_enough(ticks, for_s, break_s):
    found = spans(held(sorted(tick / 4 for tick in ticks)), for_s, break_s)
    assert all(end - start >= for_s - 1e-6 for start, end in found)
    assert all(after[0] - before[1] > break_s for before, after in itertools.pairwise(found))


def test_an_object_is_of_the_nearest_subject():
    both = Held(
        *(np.concatenate([getattr(held([0, 1], subject=s), n) for s in (0, 1)]) for n in Held.__dataclass_fields__)
    )
    apart = Held(*(*(getattr(both, n) for n in list(Held.__dataclass_fields__)[:-1]), np.array([0.5, 0.1, 0.2, 0.3])))
    assert both.subject[apart.nearest()].tolist() == [0, 1]
