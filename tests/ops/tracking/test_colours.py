"""Colours of clothes tell people apart, wherever they are in the picture and however large."""

import cv2
import numpy as np
import pytest

from ops.tracking.colours import SIZE, body_colours, colour_distances, mean_colours
from schemas.values import Float64, Uint8

RED, BLUE, GREEN = (40, 40, 200), (200, 60, 40), (60, 180, 60)


def street(*people: tuple[tuple[float, float, float, float], tuple[int, int, int], tuple[int, int, int]]) -> Uint8:
    """A grey picture in L*a*b* with people: box, and BGR of the upper and lower body."""
    frame = np.full((240, 320, 3), 120, np.uint8)
    for (x1, y1, x2, y2), upper, lower in people:
        middle = int((y1 + y2) / 2)
        frame[int(y1) : middle, int(x1) : int(x2)] = upper
        frame[middle : int(y2), int(x1) : int(x2)] = lower
    noisy = np.clip(frame + np.random.default_rng(3).normal(0, 4, frame.shape), 0, 255)
    return np.asarray(cv2.cvtColor(noisy.astype(np.uint8), cv2.COLOR_BGR2LAB), np.uint8)


def apart(lab: Uint8, *boxes: tuple[float, float, float, float]) -> Float64:
    means = np.stack([mean_colours(each[None]) for each in body_colours(lab, np.array(boxes))])
    pairs = colour_distances(np.repeat(means, len(means), axis=0), np.tile(means, (len(means), 1)))
    return pairs.reshape(len(means), len(means))


def test_the_same_clothes_are_alike_at_any_size_and_others_are_not() -> None:
    near, far, other = (10.0, 20.0, 70.0, 200.0), (120.0, 60.0, 134.0, 102.0), (200.0, 40.0, 240.0, 160.0)
    lab = street((near, RED, BLUE), (far, RED, BLUE), (other, GREEN, BLUE))
    distances = apart(lab, near, far, other)
    assert distances[0, 1] < 0.05
    assert distances[0, 2] > 0.1 and distances[1, 2] > 0.1
    assert np.diag(distances) == pytest.approx(0, abs=1e-6)


def test_the_upper_and_the_lower_body_are_told_apart() -> None:
    one, other = (10.0, 20.0, 70.0, 200.0), (120.0, 20.0, 180.0, 200.0)
    assert apart(street((one, RED, BLUE), (other, BLUE, RED)), one, other)[0, 1] > 0.2


def test_each_part_of_a_body_weighs_the_same() -> None:
    box = (10.0, 20.0, 70.0, 200.0)
    (colours,) = body_colours(street((box, RED, BLUE)), np.array([box]))
    shares = (colours.astype(np.float64) / 255) ** 2
    assert len(colours) == SIZE == 72
    assert [shares[:16].sum(), shares[16:26].sum(), shares[36:52].sum()] == pytest.approx([1, 1, 1], abs=0.05)


def test_people_at_the_edge_count_as_far_as_they_are_seen_and_nobody_is_outside() -> None:
    lab = street()
    at_edge, outside, thin = (-30.0, -20.0, 20.0, 90.0), (400.0, 20.0, 440.0, 100.0), (50.0, 50.0, 50.4, 50.3)
    assert body_colours(lab, np.array([at_edge, outside, thin])).any(axis=1).tolist() == [True, False, True]
    assert body_colours(lab, np.empty((0, 4))).shape == (0, SIZE)


def test_what_is_unknown_is_not_compared() -> None:
    known, nothing = np.full((1, SIZE), 30, np.uint8), np.zeros((2, SIZE), np.uint8)
    assert not mean_colours(nothing).any() and not mean_colours(nothing[:0]).any()
    assert mean_colours(np.concatenate([known, nothing])) == pytest.approx(mean_colours(known))
    means = np.stack([mean_colours(known), mean_colours(nothing)])
    assert np.isnan(colour_distances(means[[0, 0, 1, 1]], means[[0, 1, 0, 1]])).tolist() == [False, True, True, True]
