"""The probability that somebody is in front."""

import math

import numpy as np
import pytest

from ops.ground.occlusion import front_probability, hidden_shares, lens_distance, normal_share


def test_the_normal_distribution_is_exact_to_a_ten_millionth() -> None:
    sigmas = np.linspace(-7, 7, 301)
    exact = [0.5 * (1 + math.erf(each / math.sqrt(2))) for each in sigmas]
    np.testing.assert_allclose(normal_share(sigmas), exact, atol=1e-7)


def test_the_nearer_one_is_in_front_as_surely_as_the_sigmas_say() -> None:
    at = np.array([5.0, 6.0, 5.0, 5.0, 5.0])
    other = np.array([6.0, 5.0, 5.0, 6.0, 5.0])
    sigma = np.array([3.0, 3.0, 3.0, 0.0, 0.0]) / 5
    other_sigma = np.array([4.0, 4.0, 4.0, 0.0, 0.0]) / 5
    found = front_probability(at, sigma, other, other_sigma)
    assert found == pytest.approx([0.841345, 0.158655, 0.5, 1.0, 0.5], abs=1e-6)
    assert front_probability(other, other_sigma, at, sigma) == pytest.approx(1 - found, abs=1e-6)


def test_distance_and_sigma_are_along_the_line_of_sight() -> None:
    distance, sigma = lens_distance(
        np.array([0.0, 0.0, 3.0]), np.array([[0.0, 4.0]]), np.array([[[9.0, 0.0], [0.0, 0.25]]])
    )
    assert distance[0] == pytest.approx(5)
    assert sigma[0] == pytest.approx(0.5 * 4 / 5), "a change northwards of 1 m is one of 0.8 m along the line of sight"


def test_nearer_boxes_of_the_same_moment_hide_and_others_do_not() -> None:
    box = np.array([[0.0, 0, 10, 10], [5, 0, 15, 10], [0, 5, 10, 15], [0, 0, 10, 10]])
    hidden = hidden_shares(np.array([0, 0, 0, 1]), box, np.array([3.0, 2.0, 1.0, 9.0]))
    # The first: half by the second, half by the third; the second by a quarter of it, which the third shares.
    assert hidden == pytest.approx([1.0, 0.25, 0.0, 0.0])
