"""Frames are vouched for in seconds and in frames, and only on a possible clock."""

from dataclasses import replace

import numpy as np
import pytest

from ops.anonymize.params import AnonymizeParams
from ops.anonymize.vouching import (
    Vouching,
    require_observed_in_frames,
    require_observed_in_time,
    require_plausible_clock,
)
from schemas.errors import CoverageError
from schemas.values import Int64
from tests.ops.people import SEGMENT

START_US = round(SEGMENT.start.timestamp() * 1e6)


def at(fps: float, frames: int) -> Int64:
    return START_US + np.round(np.arange(frames) * 1e6 / fps).astype(np.int64)


def test_a_clock_that_can_be_passes() -> None:
    require_plausible_clock(at(120, 500), SEGMENT)
    require_plausible_clock(at(900, 5), SEGMENT)


def test_a_clock_that_cannot_be_is_refused_with_its_rate() -> None:
    with pytest.raises(CoverageError, match=r"101 frames within 0\.11 s \(909 frames a second\)"):
        require_plausible_clock(at(909, 200), SEGMENT)


def test_near_in_time_but_not_in_frames() -> None:
    times = at(909, 200)
    require_observed_in_time(times, times[::40], 2.0, SEGMENT)
    with pytest.raises(CoverageError, match=r"\d s after its start.*within 12 frames"):
        require_observed_in_frames(times, times[::40], 12, SEGMENT)


def test_near_in_frames_but_not_in_time() -> None:
    times = at(0.5, 20)
    require_observed_in_frames(times, times[::4], 12, SEGMENT)
    with pytest.raises(CoverageError, match=r"38\.00 s after its start.*within 2 s"):
        require_observed_in_time(times, times[::4], 2.0, SEGMENT)


@pytest.mark.parametrize(("observed", "far"), [((0, 24), None), ((0, 25), None), ((0, 26), 13), ((12, 37), None)])
def test_the_distance_is_counted_to_the_nearer_observed_frame(observed: tuple[int, ...], far: int | None) -> None:
    times = at(25, max(observed) + 13)
    if far is None:
        require_observed_in_frames(times, times[list(observed)], 12, SEGMENT)
        return
    with pytest.raises(CoverageError, match=rf"{far / 25:.2f} s after its start"):
        require_observed_in_frames(times, times[list(observed)], 12, SEGMENT)


@pytest.mark.parametrize("observed", [(), (13,), (0, 1, 2), (6, 26)])
def test_both_ends_count(observed: tuple[int, ...]) -> None:
    times = at(25, 40)
    with pytest.raises(CoverageError):
        require_observed_in_frames(times, times[list(observed)], 12, SEGMENT)


def test_a_segment_without_frames_needs_no_vouching() -> None:
    nothing = np.empty(0, np.int64)
    require_observed_in_time(nothing, nothing, 2.0, SEGMENT)
    require_observed_in_frames(nothing, nothing, 12, SEGMENT)
    Vouching(AnonymizeParams(), SEGMENT, nothing).finish()


@pytest.mark.parametrize("batch", [1, 8, 500])
def test_a_session_is_refused_as_soon_as_its_clock_is_surely_wrong(batch: int) -> None:
    times = np.concatenate([at(25, 300), at(25, 301)[-1] + np.arange(300) * 1000])
    vouching = Vouching(AnonymizeParams(), SEGMENT, times)
    taken = 0
    with pytest.raises(CoverageError, match="its clock is wrong"):
        for first in range(0, len(times), batch):
            vouching.add(times[first : first + batch])
            taken += batch
    assert taken <= 400


def test_a_short_segment_is_judged_at_its_end() -> None:
    segment = replace(SEGMENT, frames=50)
    vouching = Vouching(AnonymizeParams(), segment, at(909, 50))
    vouching.add(at(909, 50))
    with pytest.raises(CoverageError, match="its clock is wrong"):
        vouching.finish()
