"""Spoilt footage differs where it should, and people who are missed are counted."""

import numpy as np
import pytest

from bench.spoilt_footage import (
    FLICKER_GREY,
    LAMP_FRAMES,
    LAMP_PX,
    SHAKE_PX,
    STREAKS,
    blinking,
    each,
    flickering,
    infra_red,
    missed_people,
    rainy,
    shaken,
)

FRAME = np.random.default_rng(0).integers(0, 200, (120, 160, 3), dtype=np.uint8)


def test_every_frame_is_changed_by_its_number():
    assert [int(frame[0, 0, 0]) for frame in each(lambda frame, number: frame + number)([FRAME * 0] * 3)] == [0, 1, 2]


def test_a_shaking_view_moves_by_a_few_pixels_and_differently_each_time():
    moves = set()
    for number in range(20):
        seen = shaken(FRAME, number)
        (move,) = [
            (down, across)
            for down in range(-SHAKE_PX, SHAKE_PX + 1)
            for across in range(-SHAKE_PX, SHAKE_PX + 1)
            if np.array_equal(np.roll(FRAME, (down, across), (0, 1)), seen)
        ]
        moves.add(move)
    assert len(moves) > 10


def test_rain_changes_few_pixels_and_others_in_the_next_frame():
    wet = [(rainy(FRAME, number) != FRAME).any(axis=-1) for number in range(2)]
    assert all(STREAKS < mask.sum() < mask.size / 2 for mask in wet) and (wet[0] != wet[1]).any()


def test_light_flickers_frame_by_frame():
    assert [int((flickering(FRAME, number).astype(int) - FRAME).max()) for number in range(4)] == [0, FLICKER_GREY] * 2


def test_a_screen_blinks_and_nothing_else_changes():
    for number in range(4 * LAMP_FRAMES):
        seen = blinking(FRAME, number)
        assert bool((seen[LAMP_PX, LAMP_PX] == 255).all()) is (number // LAMP_FRAMES % 2 == 1)
        seen[LAMP_PX, LAMP_PX] = FRAME[LAMP_PX, LAMP_PX]
        assert np.array_equal(seen, FRAME)


def test_the_colour_goes_in_the_middle():
    assert np.array_equal(infra_red(FRAME, 10), FRAME)
    assert np.ptp(infra_red(FRAME, 300), axis=-1).max() == 0


@pytest.mark.parametrize(
    ("found", "missed"),
    [
        ([[0.3, 0, 0, 10, 20]], 0),
        ([[0.9, 2, 0, 12, 20]], 0),
        ([[0.9, 6, 0, 16, 20]], 1),
        (None, 1),
    ],
)
def test_people_without_a_box_are_missed_however_sure_it_is(found, missed):
    sure = np.array([[0.8, 0, 0, 10, 20], [0.4, 50, 0, 60, 20]], np.float32)
    fast = {} if found is None else {7: np.array(found, np.float32)}
    assert missed_people({7: sure}, fast) == (1, missed)
