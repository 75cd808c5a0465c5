"""How sure it is that a link of two tracklets is right, calibrated on ground truth.

A logistic curve (Platt, "Probabilistic Outputs for Support Vector Machines", 1999) over what the matching decided by.
It was fitted to 1,488 joins on PETS09-S2L1 and TUD-Campus whose people are known, at three and four rates, with two
detectors and with true boxes, with and without colours, and with people hidden at random for up to 3.5 s.
docs/benchmarks.md has the reliability table.
"""

import numpy as np

from schemas.values import Float64

JOIN_BIAS, JOIN_SLOPE = 1.25, 1.25
"""Of the curve over how much cheaper a join is than what competes for the same ends."""

OVERLAP_BIAS, OVERLAP_SLOPE = 0.0, 4.0
"""The same over what two tracklets have in common in the overlap of their segments."""


def join_probability(cost: Float64, rival: Float64) -> Float64:
    """Returns the probability ``(P,)`` that each join is right, 0..1.

    Args:
        cost: ``(P,)`` of ``JoinPairs``, below 0.
        rival: ``(P,)`` the cost of the cheapest other join of either of the two ends; 0 without one.
    """
    return np.asarray(1 / (1 + np.exp(-(JOIN_BIAS + JOIN_SLOPE * (rival - cost)))))


def overlap_probability(score: float) -> float:
    """Returns the probability that a link of neighbouring segments is right, 0..1.

    Args:
        score: share of detections in common, or mean overlap of boxes, 0..1.
    """
    return float(1 / (1 + np.exp(-(OVERLAP_BIAS + OVERLAP_SLOPE * score))))
