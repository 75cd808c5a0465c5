"""Calibrates the scores of interactions from people's answers: of rows with 0.8, eight in ten should be right.

Platt scaling, ``logit(p) = slope * logit(score) + intercept`` (Platt 1999), with a prior at the score itself: without
answers nothing changes, a few move it a little, and no least number of answers is needed.
"""

from dataclasses import dataclass

import numpy as np

from schemas.values import Bools, Float64

_SLOPE_SD, _INTERCEPT_SD = 0.5, 1.5
"""Standard deviations of the prior: slope 1, intercept 0. Scores of one rule lie close together, so that answers say
much of the intercept and little of the slope."""

LEAST, MOST = 0.01, 0.99
"""Range of scores, since 0 and 1 have no logit."""

_STEPS, _ENOUGH = 50, 1e-10


@dataclass(frozen=True)
class Calibration:
    """A line in logits; the identity by default."""

    slope: float = 1.0
    intercept: float = 0.0

    def __call__(self, score: Float64) -> Float64:
        """Returns calibrated scores, 0..1."""
        return _sigmoid(self.slope * _logit(score) + self.intercept)


def calibrate(score: Float64, right: Bools) -> Calibration:
    """Returns the most probable calibration.

    Args:
        score: ``(N,)`` of the rows that people answered, 0..1.
        right: ``(N,)`` their answers.
    """
    inputs = np.column_stack([_logit(score), np.ones(len(score))])
    mean, precision = np.array([1.0, 0.0]), np.array([_SLOPE_SD, _INTERCEPT_SD]) ** -2
    line = mean.copy()
    signs = np.where(right, 1.0, -1.0)

    def probability(line: Float64) -> float:
        """Returns the logarithm of the probability of a line, which is concave."""
        return float(-np.logaddexp(0, -signs * (inputs @ line)).sum() - 0.5 * (precision * (line - mean) ** 2).sum())

    for _ in range(_STEPS):  # Newton's method, with half of a step where a whole one goes too far
        p = _sigmoid(inputs @ line)
        gradient = inputs.T @ (right - p) - precision * (line - mean)
        curvature = (inputs.T * (p * (1 - p))) @ inputs + np.diag(precision)
        step = np.linalg.solve(curvature, gradient)
        while probability(line + step) < probability(line) and float(np.abs(step).max()) >= _ENOUGH:
            step = step / 2
        line = line + step
        if float(np.abs(step).max()) < _ENOUGH:
            break
    return Calibration(float(line[0]), float(line[1]))


def _sigmoid(logit: Float64) -> Float64:
    calibrated: Float64 = np.exp(-np.logaddexp(0, -logit))
    return calibrated


def _logit(score: Float64) -> Float64:
    within = np.clip(np.asarray(score, np.float64), LEAST, MOST)
    return np.log(within / (1 - within))
