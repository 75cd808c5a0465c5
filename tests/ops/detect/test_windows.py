"""Which tiles are looked at: all in probes, those with small people in the frames around them."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from ops.detect import waiting
from ops.detect.decode import Boxes
from ops.detect.settings import LookSettings
from ops.detect.tiles import pyramid
from ops.detect.windows import LookWindow
from schemas.values import Uint8
from tests.ops.networks import BrightSpots, spots_decoder, spotted

FRAME_PX = (960, 720)
TILES = LookSettings(least_person_px=20, probe_s=1.0, probe_frames=10, people=frozenset({0}))
WHOLE = replace(TILES, least_person_px=np.inf)
STILL = replace(TILES, holds=True, stale_s=1.0, stale_frames=10)
LOOKS = pyramid(FRAME_PX, (320, 320), 20)
SMALL = (100, 100, 110, 125)
LARGE = (500, 200, 620, 600)


def looked_at(
    frames: list[Uint8], settings: LookSettings = TILES, fps: float = 10
) -> tuple[LookWindow, list[Boxes], Counter[str]]:
    """The window after all frames, what it found, and its counts."""
    network, counts = BrightSpots(), Counter[str]()
    window = LookWindow(network, spots_decoder(network), FRAME_PX, settings, lambda name, by: counts.update({name: by}))
    for number, frame in enumerate(frames):
        window.add(frame, round(number * 1e6 / fps))
    found = window.finish()
    assert network.calls == counts["detector_calls"]
    if not settings.holds:
        assert counts["detector_calls"] == len(frames) + counts["tile_calls"]
    return window, found, counts


def scenes(*parts: tuple[int, list[tuple[int, int, int, int]]]) -> list[Uint8]:
    return [spotted(boxes, FRAME_PX) for count, boxes in parts for _ in range(count)]


def test_a_view_without_small_people_costs_the_probes_only() -> None:
    window, found, counts = looked_at(scenes((25, [LARGE])))
    assert window.probes == 4, "at 0, 1 and 2 s, and the last frame"
    assert counts["tile_calls"] == 4 * (len(LOOKS) - 1)
    assert not any(window.looked)
    assert [len(boxes) for boxes in found] == [1] * 25


def test_without_tiles_each_frame_is_looked_at_once() -> None:
    window, _, counts = looked_at(scenes((5, [SMALL])), WHOLE)
    assert counts == {"detector_calls": 5}
    assert window.probes == 0


def test_somebody_small_is_found_in_every_frame_around_a_probe_that_finds_them() -> None:
    # Seen by the probes at 1 and 2 s, hence looked for from 0 to 3 s.
    window, found, counts = looked_at(scenes((8, []), (16, [SMALL]), (20, [])))
    assert [len(boxes) for boxes in found] == [0] * 8 + [1] * 16 + [0] * 20
    tiles = window.looked[10]
    assert 0 < len(tiles) < len(LOOKS) - 1
    assert all(window.looked[number] == tiles for number in range(1, 30))
    assert not any(window.looked[number] for number in (0, *range(31, 44)))
    assert counts["tile_calls"] == window.probes * (len(LOOKS) - 1) + sum(
        len(looked) for number, looked in enumerate(window.looked) if number not in (0, 10, 20, 30, 40, 43)
    )


def test_somebody_who_walks_stays_within_the_tiles_that_are_looked_at() -> None:
    frames = [spotted([(20 + 3 * number, 300, 30 + 3 * number, 328)], FRAME_PX) for number in range(60)]
    _, found, _ = looked_at(frames)
    assert [len(boxes) for boxes in found] == [1] * 60


def test_a_clock_that_stands_still_does_not_end_the_probes() -> None:
    window, _, _ = looked_at(scenes((25, [])), fps=1e9)
    assert window.probes == 4


def test_frames_that_wait_compressed_are_looked_at_too(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = scenes((5, []), (20, [SMALL]))
    plain, expected, _ = looked_at(frames)
    monkeypatch.setattr(waiting, "RAW_BYTES", 4 * frames[0].nbytes)
    window, found, _ = looked_at(frames)
    assert window.looked == plain.looked
    assert [len(boxes) for boxes in found] == [len(boxes) for boxes in expected] == [0] * 5 + [1] * 20


def test_a_probe_comes_early_where_no_more_frames_can_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = scenes((40, [SMALL]))
    monkeypatch.setattr(waiting, "RAW_BYTES", frames[0].nbytes)
    monkeypatch.setattr(waiting, "PACKED_BYTES", 1)
    window, found, _ = looked_at(frames)
    assert window.probes == 21, "the first frame, and every second one"
    assert [len(boxes) for boxes in found] == [1] * 40


def test_the_same_frames_give_the_same() -> None:
    frames = scenes((7, [LARGE]), (12, [SMALL, LARGE]))
    first, second = looked_at(frames), looked_at(frames)
    assert first[0].looked == second[0].looked
    assert all(np.array_equal(one.xyxy, other.xyxy) for one, other in zip(first[1], second[1], strict=True))


def test_a_view_in_which_nothing_changes_costs_the_probes_only_and_these_come_seldom() -> None:
    window, found, counts = looked_at(scenes((160, [LARGE])), STILL)
    assert window.probes == 3, "at 0, 1 and 9 s"
    assert counts == {"detector_calls": 3 * len(LOOKS), "tile_calls": 3 * (len(LOOKS) - 1)}
    assert [len(boxes) for boxes in found] == [1] * 160
    assert [looks > 0 for looks in window.looks_at] == [number in (0, 10, 90) for number in range(160)]


def test_a_look_holds_for_a_limited_time_on_a_clock_that_stands_still() -> None:
    window, _, _ = looked_at(scenes((160, [LARGE])), STILL, fps=1e9)
    assert window.probes == 3


def test_what_changed_is_looked_at_and_the_rest_holds() -> None:
    walker = [(20 + 8 * number, 300, 60 + 8 * number, 440) for number in range(10)]
    frames = [spotted([LARGE, box], FRAME_PX) for box in walker]
    window, found, counts = looked_at(frames, replace(STILL, least_person_px=np.inf))
    assert counts["part_calls"] < 9, "parts of several frames share a look"
    assert counts["detector_calls"] == 1 + counts["part_calls"]
    for boxes, box in zip(found, walker, strict=True):
        expected = np.array(sorted([box, LARGE]))
        assert np.abs(np.array(sorted(boxes.xyxy.tolist())) - expected).max() <= 3, "a pixel of the input"
    assert window.looks_at == [1] * 10


def test_somebody_who_left_is_gone_and_somebody_who_came_is_there() -> None:
    _, found, _ = looked_at(scenes((3, [LARGE]), (3, []), (3, [(40, 40, 120, 200)])), STILL)
    assert [len(boxes) for boxes in found] == [1] * 3 + [0] * 3 + [1] * 3


def test_a_view_that_changes_in_most_places_is_looked_at_as_a_whole() -> None:
    frames = [np.full((720, 960, 3), 20 * number, np.uint8) for number in range(6)]
    _, _, counts = looked_at(frames, replace(STILL, least_person_px=np.inf))
    assert counts == {"detector_calls": 6}


def test_small_people_who_move_are_found_in_tiles_and_those_who_stand_hold() -> None:
    stands = (800, 600, 810, 625)
    frames = [spotted([stands, (100 + 2 * number, 100, 110 + 2 * number, 125)], FRAME_PX) for number in range(10)]
    window, found, counts = looked_at(frames + frames[-1:] * 10, STILL)
    assert [len(boxes) for boxes in found] == [2] * 20
    _, everything, plain = looked_at(frames + frames[-1:] * 10)
    assert counts["tile_calls"] < plain["tile_calls"]
    for boxes, expected in zip(found, everything, strict=True):
        assert np.array_equal(boxes.xyxy, expected.xyxy)
    assert all(window.looked)


def test_where_every_look_is_a_probe_only_tiles_that_changed_are_looked_at() -> None:
    often = replace(STILL, probe_s=0.0, probe_frames=1, stale_s=4.0, stale_frames=40)
    frames = [spotted([SMALL, (700 + 4 * number, 600, 710 + 4 * number, 625)], FRAME_PX) for number in range(30)]
    _, found, counts = looked_at(frames, often)
    assert [len(boxes) for boxes in found] == [2] * 30
    _, expected, plain = looked_at(frames, replace(often, holds=False))
    assert counts["tile_calls"] < 0.3 * plain["tile_calls"]
    for boxes, other in zip(found, expected, strict=True):
        assert np.array_equal(boxes.xyxy, other.xyxy)


def test_frames_that_hold_are_given_the_same_however_many_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = scenes((7, [SMALL]), (8, [SMALL, LARGE]), (20, [LARGE]))
    _, expected, _ = looked_at(frames, STILL)
    monkeypatch.setattr(waiting, "RAW_BYTES", frames[0].nbytes)
    monkeypatch.setattr(waiting, "PACKED_BYTES", 1)
    _, found, _ = looked_at(frames, STILL)
    assert [len(boxes) for boxes in found] == [len(boxes) for boxes in expected]
