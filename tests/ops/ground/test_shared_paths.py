"""Evidence that tracks of two cameras are of one person."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from ops.ground.shared_paths import (
    MOST_GAP_S,
    STEP_S,
    WRONG_SHARE,
    SamePlaceParams,
    compare_paths,
    density,
    sample_paths,
)
from tests.ops.ground.paths import Seen, paths_of

PARAMS = SamePlaceParams()


def odds(*tracks: Seen) -> dict[tuple[int, int], float]:
    found = compare_paths(paths_of(tracks), PARAMS)
    return {(a, b): value for (a, b), value in zip(found.pair.tolist(), found.log_odds.tolist(), strict=True)}


def test_tracks_are_sampled_at_common_moments_and_not_over_long_gaps():
    times_s = np.array([0.2, 0.7, 1.4, 1.4 + MOST_GAP_S + 0.5, 4.2])
    places = np.column_stack([times_s * 2, -times_s])
    spread = np.tile(np.eye(2), (5, 1, 1)) * times_s[:, None, None]
    owner = np.zeros(5, np.int64)
    track, step, place, covariance = sample_paths(owner, (times_s * 1e6).astype(np.int64), places, spread)
    assert step.tolist() == [1, 2, 8], "half seconds within the track, but for the gap"
    assert track.tolist() == [0, 0, 0]
    assert place == pytest.approx(np.column_stack([step * STEP_S * 2, -step * STEP_S]))
    assert covariance[:, 0, 0] == pytest.approx(step * STEP_S)


def test_no_tracks_give_no_samples_and_no_pairs():
    assert len(compare_paths(paths_of([]), PARAMS).pair) == 0
    assert len(compare_paths(paths_of([Seen(0, 0, 0.05, (0, 0))]), PARAMS).pair) == 0


def test_the_density_is_that_of_a_normal_distribution():
    spread = np.array([[[0.3, 0.1], [0.1, 0.2]], [[2.0, -0.5], [-0.5, 1.0]]])
    apart = np.array([[0.4, -0.2], [3.0, 1.0]])
    expected = [multivariate_normal(cov=each).pdf(place) for each, place in zip(spread, apart, strict=True)]
    assert density(apart, spread) == pytest.approx(expected)


def test_the_nearer_two_tracks_stay_the_more_speaks_for_one_person():
    apart_m = (0.0, 0.5, 1.0, 2.0, 4.0)
    values = [odds(Seen(0, 0, 9, (0, 0)), Seen(1, 0, 9, (0, 0), shift_m=(0, each)))[0, 1] for each in apart_m]
    assert values == sorted(values, reverse=True)
    assert values[0] > 5 and values[1] > 5 and values[-1] < -5
    short = odds(Seen(0, 0, 2, (0, 0)), Seen(1, 0, 2, (0, 0)))[0, 1]
    assert 0 < short < values[0], "a longer time says more"


def test_a_wrong_stretch_does_not_outweigh_a_long_agreement():
    """The feet of one track are hidden for two of its ten seconds."""
    paths = paths_of([Seen(0, 0, 10, (0, 0)), Seen(1, 0, 10, (0, 0))])
    wrong = (paths.track == 1) & (paths.step * STEP_S > 4) & (paths.step * STEP_S <= 6)
    paths.place_m[wrong, 1] += 8.0
    found = compare_paths(paths, PARAMS)
    assert found.log_odds[0] > 3 and found.shared_s[0] == 10.5
    assert found.apart_m[0] == pytest.approx(0)


def test_what_never_comes_near_is_no_pair_and_kinds_and_cameras_are_kept_apart():
    assert odds(Seen(0, 0, 9, (0, 0)), Seen(1, 0, 9, (0, 7))) == {}
    assert odds(Seen(0, 0, 9, (0, 0)), Seen(0, 0, 9, (0, 0))) == {}
    assert odds(Seen(0, 0, 9, (0, 0)), Seen(1, 0, 9, (0, 0), kind=1)) == {}
    assert odds(Seen(0, 0, 9, (0, 0)), Seen(1, 30, 39, (0, 0), speed_m_s=(0, 0))) == {}


def test_nearness_says_less_in_a_crowd():
    alone = odds(Seen(0, 0, 9, (0, 0)), Seen(1, 0, 9, (0, 0)))[0, 1]
    crowd = [Seen(1, 0, 9, (0.0, 0.4 * row)) for row in range(-8, 9)]
    assert odds(Seen(0, 0, 9, (0, 0)), *crowd)[0, 9] < alone - 5


def test_a_clock_that_is_late_moves_who_walks_and_not_who_stands():
    late = odds(Seen(0, 0, 9, (0, 0)), Seen(1, 0, 9, (0, 0), late_s=0.5))[0, 1]
    assert 5 < late < odds(Seen(0, 0, 9, (0, 0)), Seen(1, 0, 9, (0, 0)))[0, 1]
    still = [Seen(camera, 0, 9, (0, 0), (0, 0), late_s=late_s) for camera, late_s in ((0, 0), (1, 0.5))]
    assert odds(*still)[0, 1] > late


def test_no_moment_says_more_against_than_the_share_of_wrong_ones_allows():
    found = compare_paths(paths_of([Seen(0, 0, 60, (0, 0)), Seen(1, 0, 60, (0, 4.9))]), PARAMS)
    looks = 5.0
    assert found.log_odds[0] == pytest.approx(looks * np.log(WRONG_SHARE), rel=1e-3)
