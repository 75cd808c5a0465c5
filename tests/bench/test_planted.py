"""Leaks are planted at visible heads, dropped from the mask, and count as caught only when covered again."""

import numpy as np

from bench.planted import MaskDropper, caught_plants, choose_plants
from schemas.frame_boxes import FrameBoxes

ALONE, NEAR, FAR = [20.0, 20.0, 40.0, 80.0], [30.0, 10.0, 50.0, 70.0], [120.0, 20.0, 140.0, 80.0]


def people(*boxes, frames=1):
    count = len(boxes)
    return FrameBoxes.of(
        np.repeat(np.arange(1, frames + 1), count),
        np.tile(np.arange(count), frames),
        np.tile(np.array(boxes), (frames, 1)),
    )


def test_only_heads_that_no_cover_hides_and_one_per_frame():
    plants = choose_plants(people(ALONE, NEAR, FAR, frames=5), last=4, count=10)
    assert plants.frame.tolist() == [1, 2, 3, 4] and set(plants.identity.tolist()) == {2}


def test_the_choice_is_the_same_each_time_and_no_larger_than_asked():
    truth = people(ALONE, FAR, frames=30)
    first, again = choose_plants(truth, 30, 12), choose_plants(truth, 30, 12)
    assert len(first) == 12 and first.frame.tolist() == again.frame.tolist()
    assert set(first.identity.tolist()) == {0, 1}


def test_only_plants_lose_their_mask():
    dropper = MaskDropper(people(ALONE), {500: 1}.get)
    mask = np.full((100, 200), 255, np.uint8)
    changed = dropper(mask, np.array([ALONE]), 500)
    assert changed[2:98, 14:46].max() == 0 and np.count_nonzero(changed == 0) == 32 * 96
    assert mask.min() == 255 and dropper.dropped == {0}
    assert dropper(mask, np.array([ALONE]), 600).min() == 255


def test_people_not_covered_before_are_no_plants():
    dropper = MaskDropper(people(ALONE), {500: 1}.get)
    dropper(np.zeros((100, 200), np.uint8), np.array([ALONE]), 500)
    assert dropper.dropped == set()


def test_plants_are_caught_when_covered_or_not_published():
    open_, closed = np.zeros((100, 200), bool), np.ones((100, 200), bool)
    plants = people(ALONE, frames=3)
    assert caught_plants(plants, {1: open_, 2: closed}.get).tolist() == [1, 2]
