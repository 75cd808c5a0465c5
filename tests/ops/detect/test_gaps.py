"""Frames between looks are settled, with few looks, and as a look at each of them would."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from ops.detect import waiting
from ops.detect.decode import Boxes
from ops.detect.gaps import _keep
from ops.detect.settings import LookSettings
from ops.detect.windows import LookWindow
from schemas.values import Uint8
from tests.ops.networks import BrightSpots, spots_decoder, spotted

FRAME_PX = (960, 720)
EVERY = LookSettings(20, 4.0, 40, frozenset({0}), holds=True, stale_s=4.0, stale_frames=40)
SELDOM = replace(EVERY, gap_s=1.6, gap_frames=16)
LARGE = (500, 200, 620, 600)


def looked_at(frames: list[Uint8], settings: LookSettings = SELDOM) -> tuple[LookWindow, list[Boxes], Counter[str]]:
    network, counts = BrightSpots(), Counter[str]()
    window = LookWindow(network, spots_decoder(network), FRAME_PX, settings, lambda name, by: counts.update({name: by}))
    for number, frame in enumerate(frames):
        window.add(frame, number * 100_000)
    found = window.finish()
    assert network.calls == counts["detector_calls"]
    return window, found, counts


def assert_found(found: list[Boxes], expected: list[list[tuple[int, int, int, int]]], within_px: float) -> None:
    for number, (boxes, true) in enumerate(zip(found, expected, strict=True)):
        assert len(boxes) == len(true), number
        rows = np.array(sorted(boxes.xyxy.tolist())).reshape(-1, 4)
        assert np.abs(rows - np.array(sorted(true)).reshape(-1, 4)).max(initial=0) <= within_px, number


@pytest.mark.parametrize("tiles", [True, False])
def test_somebody_who_walks_alone_is_looked_at_every_fourth_frame_and_found_in_all(tiles: bool) -> None:
    boxes = [[LARGE, (20 + 8 * number, 300, 60 + 8 * number, 440)] for number in range(41)]
    frames = [spotted(each, FRAME_PX) for each in boxes]
    settings = SELDOM if tiles else replace(SELDOM, least_person_px=np.inf)
    window, found, _ = looked_at(frames, settings)
    assert_found(found, boxes, 4)
    at = [number for number, looks in enumerate(window.looks_at) if looks]
    assert len(at) <= 13 and max(np.diff(at)) <= 5


def test_a_turn_within_a_step_is_off_by_less_than_a_tenth_of_the_height() -> None:
    xs = [20 + 8 * min(number, 44 - number) for number in range(41)]
    boxes = [[(x, 300, x + 40, 440)] for x in xs]
    _, found, _ = looked_at([spotted(each, FRAME_PX) for each in boxes])
    assert_found(found, boxes, 14)


def test_somebody_who_shows_for_less_than_a_gap_is_found() -> None:
    boxes = [[LARGE, (40, 300, 80, 440)] if 19 <= number < 25 else [LARGE] for number in range(41)]
    _, found, counts = looked_at([spotted(each, FRAME_PX) for each in boxes])
    assert_found(found, boxes, 4)
    assert counts["between_calls"] <= 6


def test_two_who_meet_are_found_in_each_frame() -> None:
    boxes = [[(200 + 8 * n, 300, 240 + 8 * n, 440), (560 - 8 * n, 300, 600 - 8 * n, 440)] for n in range(20)]
    _, found, counts = looked_at([spotted(each, FRAME_PX) for each in boxes])
    assert_found(found, boxes, 4)
    _, _, every = looked_at([spotted(each, FRAME_PX) for each in boxes], EVERY)
    assert counts["detector_calls"] < every["detector_calls"]


def test_small_people_are_found_enlarged() -> None:
    boxes = [[(100 + 3 * number, 100, 110 + 3 * number, 125)] for number in range(41)]
    _, found, counts = looked_at([spotted(each, FRAME_PX) for each in boxes])
    assert_found(found, boxes, 3)
    _, _, every = looked_at([spotted(each, FRAME_PX) for each in boxes], EVERY)
    assert counts["detector_calls"] < 0.7 * every["detector_calls"]


def test_the_last_frame_is_looked_at_and_few_that_wait_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    boxes = [[(20 + 8 * number, 300, 60 + 8 * number, 440)] for number in range(30)]
    frames = [spotted(each, FRAME_PX) for each in boxes]
    window, found, _ = looked_at(frames)
    assert window.looks_at[-1]
    assert_found(found, boxes, 4)
    monkeypatch.setattr(waiting, "RAW_BYTES", frames[0].nbytes)
    monkeypatch.setattr(waiting, "PACKED_BYTES", 1)
    assert_found(looked_at(frames)[1], boxes, 4)


def test_the_same_frames_give_the_same() -> None:
    frames = [spotted([LARGE, (20 + 5 * n, 300, 60 + 5 * n, 440)], FRAME_PX) for n in range(30)]
    first, second = looked_at(frames), looked_at(frames)
    assert first[0].looks_at == second[0].looks_at
    assert all(np.array_equal(one.xyxy, other.xyxy) for one, other in zip(first[1], second[1], strict=True))


def test_somebody_whom_the_border_of_a_part_cuts_stays_whole():
    known = Boxes(np.array([[100, 100, 140, 200]], np.float32), np.array([0.7], np.float32), np.zeros(1, np.int64))
    seen = Boxes(
        np.array([[101, 101, 139, 180], [20, 100, 60, 170]], np.float32),
        np.array([0.8, 0.6], np.float32),
        np.zeros(2, np.int64),
    )
    found: dict[int, Boxes] = {}
    border = np.array([np.nan, 90.0, 150.0, 180.0])
    _keep(found, 0, np.ones(4), border, known, seen)
    assert found[0].xyxy.tolist() == [[20, 100, 60, 170], [100, 100, 140, 200]]
    _keep(found, 0, np.ones(4), np.array([np.nan, 90.0, 150.0, 210.0]), known, seen)
    assert found[0].xyxy.tolist() == seen.xyxy.tolist()
