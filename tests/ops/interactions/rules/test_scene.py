"""The scene is the same whatever the order of the rows that come in."""

import numpy as np

from tests.ops.interactions.rules.day import OWNER, abandoned


def test_the_order_of_the_rows_that_come_in_changes_nothing():
    shuffled = OWNER.take(np.random.default_rng(0).permutation(OWNER.num_rows))
    assert abandoned(shuffled) == abandoned()
