"""The bound of a rare failure's rate holds at least as much as the exact one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta

from ops.rate_bound import CLOPPER_PEARSON, RULE_OF_THREE, clustered_bound, upper_bound


def test_without_checks_nothing_is_bounded() -> None:
    assert upper_bound(0, 0) is None


@pytest.mark.parametrize(("checks", "bound"), [(1, 1.0), (3, 1.0), (300, 0.01), (30_000, 0.0001)])
def test_without_failures_it_is_three_over_n(checks: int, bound: float) -> None:
    assert upper_bound(0, checks) == (pytest.approx(bound), RULE_OF_THREE)


@given(checks=st.integers(1, 5000), share=st.floats(0, 1))
def test_the_bound_holds_at_least_as_much_as_the_exact_one(checks: int, share: float) -> None:
    failures = round(share * checks)
    found = upper_bound(failures, checks)
    assert found is not None
    exact = 1.0 if failures == checks else float(beta.ppf(0.95, failures + 1, checks - failures))
    assert failures / checks <= found[0] <= 1
    if failures:
        assert found == (pytest.approx(exact), CLOPPER_PEARSON)
    else:
        assert found[0] >= exact - 1e-12


@pytest.mark.parametrize(("failures", "checks"), [(2, 1), (-1, 3)])
def test_impossible_counts_are_refused(failures: int, checks: int) -> None:
    with pytest.raises(ValueError, match="failures"):
        upper_bound(failures, checks)


def test_clusters_count_as_much_as_they_are_alike() -> None:
    assert clustered_bound([], 0) is clustered_bound([0, 0], 0) is None
    assert clustered_bound([1] * 300, 0) == pytest.approx(0.01)
    assert clustered_bound([5] * 300, 0) == pytest.approx(0.01), "five people of one frame may be missed together"
    assert clustered_bound([5] * 300, 1) == clustered_bound([1] * 300, 1), "rounded up"
    assert clustered_bound([100, 1, 1], 0) == 1.0, "one frame has nearly all of them"
    assert clustered_bound([2, 2], 4) == 1.0


@pytest.mark.parametrize("missed_share", [0.002, 0.02, 0.2])
@pytest.mark.parametrize("together", [False, True], ids=["apart", "together"])
def test_the_bound_holds_for_frames_drawn_from_a_night(missed_share: float, together: bool) -> None:
    random = np.random.default_rng(8)
    people = random.poisson(np.repeat(random.gamma(0.5, 4, 400), 50))  # frames of one scene are alike
    if together:
        missed = np.where(random.random(len(people)) < missed_share, people, 0)
    else:
        missed = random.binomial(people, missed_share)
    truth, held = missed.sum() / people.sum(), 0
    for _ in range(200):
        drawn = random.random(len(people)) < 0.02
        bound = clustered_bound(people[drawn].tolist(), int(missed[drawn].sum()))
        held += bound is not None and bound >= truth
    assert held >= 190
