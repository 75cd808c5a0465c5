"""An impossible clock is found; fast cameras and bursts are possible."""

import numpy as np
import pytest

from schemas.clock import MOST_FPS, STRETCH_FRAMES, find_fast_stretch, find_pauses
from schemas.values import Int64


def steady(fps: float, frames: int) -> Int64:
    return np.round(np.arange(frames) * 1e6 / fps).astype(np.int64)


@pytest.mark.parametrize("fps", [0.1, 7, 25, 59.94, 120, 129.9])
@pytest.mark.parametrize("frames", [1, 2, 12, 100, 101, 1000])
def test_clocks_of_cameras_are_right(fps: float, frames: int) -> None:
    assert find_fast_stretch(steady(fps, frames)) is None


@pytest.mark.parametrize("fps", [131, 240, 909, 1e6])
@pytest.mark.parametrize("frames", [12, 100, 101, 1000])
def test_clocks_that_no_recorder_can_mean(fps: float, frames: int) -> None:
    found = find_fast_stretch(steady(fps, frames))
    assert found is not None
    assert found.steps == min(frames - 1, STRETCH_FRAMES)
    assert found.steps / found.length_s == pytest.approx(fps, rel=0.05)


def test_times_that_all_coincide() -> None:
    found = find_fast_stretch(np.full(30, 5, np.int64))
    assert found is not None and found.length_s == 0
    assert "30 frames within 0.00 s (all at one time)" in str(found)


def test_a_fast_stretch_among_right_times_is_found_where_it_is() -> None:
    right, fast = steady(25, 500), steady(909, 200)
    times = np.concatenate([right, right[-1] + 40_000 + fast, right[-1] + 300_000 + right])
    found = find_fast_stretch(times)
    assert found is not None
    assert found.offset_s == pytest.approx(20.0, abs=0.3)
    assert f"more than {MOST_FPS:g} a second" in str(found)


def test_a_burst_after_a_pause_of_the_network_is_no_wrong_clock() -> None:
    steps = np.full(500, 40_000)
    steps[200], steps[201:251] = 2_000_000, 1_000  # two seconds' frames arrive at once
    assert find_fast_stretch(np.cumsum(steps)) is None


@pytest.mark.parametrize("frames", [0, 1, 11])
def test_few_frames_prove_nothing(frames: int) -> None:
    assert find_fast_stretch(np.zeros(frames, np.int64)) is None


def _at(*seconds: float) -> np.ndarray:
    return np.round(np.array(seconds) * 1e6).astype(np.int64)


@pytest.mark.parametrize(
    ("times", "pauses"),
    [
        (_at(), []),
        (_at(0), []),
        (_at(0, 600), [True]),
        (_at(0, 0.04, 2.04, 2.08), [False, False, False]),
        (_at(0, 0.04, 2.05, 2.09), [False, True, False]),
        (_at(0, 0.04, 600, 1200, 1200.04), [False, True, True, False]),
        (_at(0, 5, 10, 15, 20), [False] * 4),
        (_at(0, 5, 10, 30, 35), [False, False, True, False]),
        (_at(0, 61, 122, 183), [True, True, True]),
        (_at(0, 0.04, 4.04, 8.04, 12.04, 12.08), [False, True, False, True, False]),
    ],
)
def test_a_long_step_is_a_pause_unless_those_around_it_are_long(times: np.ndarray, pauses: list[bool]) -> None:
    assert find_pauses(times).tolist() == pauses
