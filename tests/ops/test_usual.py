import pytest

from ops.usual import LEAST_HISTORY, usual_range


def test_too_little_history_says_nothing() -> None:
    assert usual_range([5.0] * (LEAST_HISTORY - 1)) is None


def test_one_odd_day_moves_nothing() -> None:
    assert usual_range([20, 22, 18, 21, 400]) == usual_range([20, 22, 18, 21, 500])


@pytest.mark.parametrize(
    ("past", "least", "most"),
    [
        ([100] * 8, 70, 130),  # three times the square root of 100, though all are equal
        ([0] * 8, 0, 3),  # one or two people at night are nothing odd
        ([100, 140, 60, 120, 80, 100], 0, 100 + 3 * 1.4826 * 20 * 1.5),
    ],
)
def test_the_range_is_as_wide_as_counts_scatter(past: list[float], least: float, most: float) -> None:
    found = usual_range(past)
    assert found is not None
    assert found.least >= least
    assert found.most <= most
    assert found.least <= found.median <= found.most
