"""Footage is cut into segments at keyframes."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from storage.video.cutting import cut
from storage.video.probe import Probe


def made_up(seconds: float, gop_s: float = 2.0, fps: int = 10, gaps: dict[int, float] | None = None) -> Probe:
    """A probe of steady footage, with pauses after some frame numbers."""
    base = Fraction(1, 1000)
    pts, at = [], 500
    for number in range(round(seconds * fps)):
        pts.append(at)
        at += round(1000 / fps + 1000 * (gaps or {}).get(number, 0))
    keys = tuple(pts[:: round(gop_s * fps)])
    end = pts[-1] + round(1000 / fps)
    array = np.array(pts, dtype=np.int64)
    average = Fraction(len(pts) - 1) / ((pts[-1] - pts[0]) * base)
    return Probe("h264", 64, 48, 0, base, 500, end, array, keys, average, False, False, None, None, None, 0.0)


@pytest.mark.parametrize(
    ("seconds", "lengths"),
    [(4, [4]), (10, [10]), (14, [14]), (20, [10, 10]), (24, [10, 14]), (26, [10, 10, 6]), (3600, [10] * 360)],
)
def test_segments_are_cut_at_keyframes_without_a_tiny_tail(seconds: float, lengths: list[int]) -> None:
    cuts = cut(made_up(seconds), 10)
    assert [(part.end_pts - part.start_pts) / 1000 for part in cuts] == lengths
    assert [part.frames for part in cuts] == [length * 10 for length in lengths]
    assert [part.start_pts for part in cuts[1:]] == [part.end_pts for part in cuts[:-1]]


def test_segments_stay_on_the_grid_when_keyframes_are_rare() -> None:
    cuts = cut(made_up(200, gop_s=7), 10)
    starts_s = [(part.start_pts - 500) / 1000 for part in cuts]
    assert starts_s[:5] == [0, 14, 21, 35, 42]
    assert all(part.end_pts - part.start_pts >= 5000 for part in cuts)


def test_a_segment_ends_where_the_camera_pauses() -> None:
    cuts = cut(made_up(20, gaps={99: 3600.0}), 10)
    assert [part.frames for part in cuts] == [100, 100]
    assert cuts[0].end_pts == 500 + 10_000
    assert cuts[1].start_pts == 500 + 3_610_000


def test_a_pause_is_in_no_segment_wherever_keyframes_are() -> None:
    cuts = cut(made_up(7, gop_s=100, gaps={39: 600.0}), 300)
    assert [(part.start_pts, part.end_pts, part.frames) for part in cuts] == [(500, 4500, 40), (604_500, 607_500, 30)]


@pytest.mark.parametrize(("pause_s", "segments"), [(1.9, 1), (1.91, 2)])
def test_a_step_of_two_seconds_is_no_pause(pause_s: float, segments: int) -> None:
    cuts = cut(made_up(8, gaps={39: pause_s}), 300)
    assert len(cuts) == segments
    assert sum(part.frames for part in cuts) == 80
    observed_ms = sum(part.end_pts - part.start_pts for part in cuts)
    assert observed_ms == (8000 if segments == 2 else 8000 + round(pause_s * 1000))


def test_many_pauses_cut_as_often() -> None:
    cuts = cut(made_up(100, gaps=dict.fromkeys(range(9, 1000, 10), 30.0)), 300)
    assert [part.frames for part in cuts] == [10] * 100
    assert sum(part.end_pts - part.start_pts for part in cuts) == 100_000


def test_a_pause_before_the_last_frame_and_after_the_first() -> None:
    cuts = cut(made_up(10, gaps={0: 3600.0, 98: 3600.0}), 300)
    assert [part.frames for part in cuts] == [1, 98, 1]
    assert [part.end_pts - part.start_pts for part in cuts] == [100, 9800, 100]


def test_slow_footage_has_no_pauses() -> None:
    cuts = cut(made_up(1000, fps=1, gop_s=10, gaps=dict.fromkeys(range(1000), 4.0)), 300)
    assert sum(part.end_pts - part.start_pts for part in cuts) == 5_000_000 - 4000
    assert [part.end_pts for part in cuts[:-1]] == [part.start_pts for part in cuts[1:]]


def test_a_picture_that_is_shown_again_and_again_is_no_pause() -> None:
    found = made_up(20, gaps={99: 10.0})
    still = replace(found, repeat_pts=np.arange(500 + 10_000, 500 + 20_000, 1000))
    assert len(cut(found, 300)) == 2
    assert [(part.end_pts - part.start_pts, part.frames) for part in cut(still, 300)] == [(30_000, 200)]
