"""The attacker who measures links people by what differs between them, and by chance where nothing does."""

import numpy as np
import pytest

from bench.real_clips import steady_times, write_frames
from bench.reid_attacker import (
    GROUPS,
    STRETCH_FRAMES,
    attack_video,
    cut_stretches,
    describe,
    link,
    median_frame,
)
from schemas.frame_boxes import FrameBoxes

SIZE, LAST = (240, 120), 160
GROUND = np.random.default_rng(2).integers(90, 120, (120, 240, 3)).astype(np.uint8)


def walk(widths, heights, colours):
    """Frames and true boxes of people who walk to the right, each in their own row, then back."""
    frames, rows = [], []
    for number in range(1, LAST + 1):
        frame, along = GROUND.copy(), (number - 1) % 80
        for who, (width, height, colour) in enumerate(zip(widths, heights, colours, strict=True)):
            x, y = 20 + 2 * (along if number <= 80 else 79 - along), 6 + 38 * who
            if colour is not None:
                frame[y : y + height, x : x + width] = colour
            rows.append((number, who + 1, x, y, x + width, y + height))
        frames.append(frame)
    table = np.array(rows, float)
    return frames, FrameBoxes.of(table[:, 0].astype(int), table[:, 1].astype(int), table[:, 2:])


def attacked(tmp_path, *walkers):
    frames, truth = walk(*walkers)
    return attack_video(write_frames(tmp_path / "walk.mp4", frames, steady_times(LAST, 10)), truth, LAST)


def test_people_of_another_build_are_told_apart_by_shape(tmp_path):
    found = attacked(tmp_path, (8, 14, 20), (34, 30, 26), [(20, 20, 20)] * 3)
    assert found["chance"] == pytest.approx(1 / 3, abs=0.02)
    assert found["shape"] == 1.0 and found["seen"] == 1.0


def test_people_in_other_colours_are_told_apart_by_colour_and_alike_ones_are_not(tmp_path):
    found = attacked(tmp_path, [12] * 3, [30] * 3, [(20, 20, 200), (20, 200, 20), (200, 20, 20)])
    assert found["colour"] == 1.0
    alike = attacked(tmp_path, [12] * 3, [30] * 3, [(20, 20, 20)] * 3)
    assert alike["colour"] < 0.7


def test_who_is_not_seen_is_guessed(tmp_path):
    found = attacked(tmp_path, [12] * 3, [30] * 3, [None] * 3)
    assert found["seen"] == 0.0
    assert found["all"] == found["shape"] == pytest.approx(found["chance"])


def test_stretches_are_of_one_half_and_of_people_who_are_there_nearly_all_the_time():
    _, truth = walk([10] * 2, [30] * 2, [(0, 0, 0)] * 2)
    gone = ~((truth.identity == 2) & (truth.frame % 2 == 0))
    stretches = cut_stretches(truth.take(gone), SIZE, 81, LAST)
    assert {each.identity for each in stretches} == {1}
    assert all(each.frames.min() >= 81 and np.ptp(each.frames) < STRETCH_FRAMES for each in stretches)


def test_a_swinging_width_has_its_period():
    frames, boxes = {}, []
    for number in range(1, 21):
        frame, width = GROUND.copy(), round(16 + 8 * np.sin(2 * np.pi * number / 5))
        frame[20:60, 60 : 60 + width] = 10
        frames[number] = frame
        boxes.append((number, 1, 60, 20, 84, 60))
    table = np.array(boxes, float)
    rows = FrameBoxes.of(table[:, 0].astype(int), table[:, 1].astype(int), table[:, 2:])
    (stretch,) = cut_stretches(rows, SIZE, 1, 20)
    gait = describe(stretch, frames, GROUND)[slice(*GROUPS["gait"])]
    assert gait[0] in (5, 10) and gait[1] > 0.3


def test_missing_features_say_nothing_and_ties_are_shared():
    gallery = np.array([[0.0, 1.0], [1.0, np.nan], [4.0, 5.0]])
    who = np.array([1, 2, 3])
    assert link(np.array([[3.9, np.nan]]), gallery, np.array([3]), who) == 1.0
    nothing = np.full((3, 2), np.nan)
    assert link(np.full((1, 2), np.nan), nothing, np.array([2]), who) == pytest.approx(1 / 3)


def test_the_median_is_the_scene_without_those_who_walk():
    frames, _ = walk([12], [30], [(0, 0, 0)])
    assert (median_frame(frames) == GROUND).mean() > 0.99
