"""The median of those samples of each pixel that may be used."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ops.masked_median import UNSEEN, masked_median


@settings(deadline=None)
@given(st.integers(1, 9), st.integers(0, 1000))
def test_the_median_is_the_lower_median_of_what_may_be_used(samples: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 256, (samples, 5, 4, 3), dtype=np.uint8)
    usable = rng.random((samples, 5, 4)) < 0.6
    median, seen = masked_median(values, usable)
    for row, column in np.ndindex(5, 4):
        kept = np.sort(values[usable[:, row, column], row, column], axis=0)
        expected = kept[(len(kept) - 1) // 2] if len(kept) else np.full(3, UNSEEN)
        assert median[row, column].tolist() == expected.tolist()
        assert seen[row, column] == bool(len(kept))
