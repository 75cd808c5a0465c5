"""Pairs that are near at the same time; a crowd does not have all of them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ops.ground.near_pairs import near_pairs


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9), st.integers(0, 9)), max_size=25))
def test_with_enough_neighbours_all_near_pairs_of_a_moment_are_found(rows: list[tuple[int, int, int]]) -> None:
    made = np.array(sorted(rows), np.int64).reshape(-1, 3)
    place = made[:, 1:].astype(np.float64)
    one, other = near_pairs(made[:, 0], place, 3.0, 100)
    expected = {
        (i, j)
        for i in range(len(made))
        for j in range(i + 1, len(made))
        if made[i, 0] == made[j, 0] and np.hypot(*(place[i] - place[j])) <= 3.0
    }
    assert set(zip(one.tolist(), other.tolist(), strict=True)) == expected
    assert len(one) == len(expected)


def test_a_crowd_has_the_pairs_of_the_nearest_only() -> None:
    place = np.random.default_rng(2).uniform(0, 3, (60, 2))
    one, other = near_pairs(np.zeros(60, np.int64), place, 5.0, 4)
    assert 60 * 4 / 2 <= len(one) <= 60 * 4
    apart = np.hypot(*(place[:, None] - place[None]).transpose(2, 0, 1))
    np.fill_diagonal(apart, np.inf)
    nearest = apart.argmin(axis=1)
    pairs = set(zip(one.tolist(), other.tolist(), strict=True))
    assert all((min(i, j), max(i, j)) in pairs for i, j in enumerate(nearest.tolist()))


def test_nobody_and_one_alone_have_no_pairs() -> None:
    for count in (0, 1):
        one, other = near_pairs(np.zeros(count, np.int64), np.zeros((count, 2)), 5.0, 4)
        assert len(one) == len(other) == 0
