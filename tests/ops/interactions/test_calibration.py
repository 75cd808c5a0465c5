import numpy as np
import pytest

from ops.interactions.calibration import Calibration, calibrate

SCORES = np.array([0.0, 0.2, 0.5, 0.9, 1.0])


def test_without_answers_scores_stay() -> None:
    found = calibrate(np.empty(0), np.empty(0, np.bool_))

    assert found == Calibration()
    assert found(SCORES) == pytest.approx([0.01, 0.2, 0.5, 0.9, 0.99])


def test_many_answers_tell_the_share_that_is_right() -> None:
    score = np.full(400, 0.9)
    right = np.arange(400) % 10 < 3

    assert calibrate(score, right)(score)[0] == pytest.approx(0.3, abs=0.02)


def test_one_answer_moves_a_score_a_little_and_to_its_side() -> None:
    score = np.array([0.7])
    right, wrong = calibrate(score, np.array([True])), calibrate(score, np.array([False]))

    assert 0.2 < wrong(score)[0] < 0.7 < right(score)[0] < 0.9


def test_a_score_that_says_too_much_is_flattened() -> None:
    rng = np.random.default_rng(5)
    truth = rng.uniform(0.05, 0.95, 3000)
    logit = np.log(truth / (1 - truth))
    score = 1 / (1 + np.exp(-2 * logit - 0.5))

    found = calibrate(score, rng.random(3000) < truth)

    assert found.slope == pytest.approx(0.5, abs=0.06)
    assert np.abs(found(score) - truth).max() < 0.08


def test_order_stays_where_surer_rows_are_not_more_often_wrong() -> None:
    found = calibrate(np.array([0.6, 0.6, 0.9, 0.9]), np.array([False, True, True, True]))

    assert (np.diff(found(SCORES)) > 0).all()
