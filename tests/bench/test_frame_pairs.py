"""Frames of an anonymized video are paired with their originals only."""

from fractions import Fraction

import numpy as np
import pytest

from bench.frame_pairs import CoverColour, fit_to_shape, judge_frames, pair_frames, read_frames
from bench.real_clips import first_frames, steady_times, write_frames
from ops.leaks import leak_scores
from schemas.frame_boxes import FrameBoxes
from tests.support.clips import frame_number, numbered_frame

TIMES = steady_times(12, 10)


def film(path, numbers=range(12), times=TIMES, **encoding):
    return write_frames(path, [numbered_frame(number) for number in numbers], times, **encoding)


def test_frames_are_read_with_their_times(tmp_path):
    frames = list(read_frames(film(tmp_path / "a.mp4")))
    assert [frame.time_s for frame in frames] == TIMES
    assert [frame_number(frame.image) for frame in frames] == list(range(12))


def test_pairs_by_time(tmp_path):
    late = [time_s + 2 for time_s in TIMES]
    pairs = list(pair_frames(film(tmp_path / "a.mkv", times=late), film(tmp_path / "b.mp4")))
    assert [pair.number for pair in pairs] == list(range(1, 13))
    assert all(frame_number(pair.original) == frame_number(pair.anonymized) for pair in pairs)


@pytest.mark.parametrize("numbers", [range(11), [*range(12), 12]], ids=["too few", "too many"])
def test_frames_without_partner_are_refused(tmp_path, numbers):
    numbers = list(numbers)
    other = film(tmp_path / "b.mp4", numbers, steady_times(len(numbers), 10))
    with pytest.raises(ValueError, match=r"b\.mp4 has"):
        list(pair_frames(film(tmp_path / "a.mp4"), other))


def test_other_times_are_refused_unless_paired_by_order(tmp_path):
    original = film(tmp_path / "a.mp4")
    other = film(tmp_path / "b.mp4", times=steady_times(12, 12))
    with pytest.raises(ValueError, match="frame 2"):
        list(pair_frames(original, other))
    assert len(list(pair_frames(original, other, "order"))) == 12


def test_sizes_fit():
    image = np.arange(6 * 8 * 3, dtype=np.uint8).reshape(6, 8, 3)
    assert fit_to_shape(image, (5, 7, 3)).tolist() == image[:5, :7].tolist()
    assert fit_to_shape(image, (12, 16, 3)).shape == (12, 16, 3)


def test_leaks_of_a_video_as_shown(tmp_path):
    """One of two people is covered, until the fifth frame."""
    box = np.array([[20.0, 40.0, 60.0, 110.0], [120.0, 40.0, 160.0, 110.0]])
    people = FrameBoxes.of(np.repeat(np.arange(1, 13), 2), np.tile([1, 2], 12), np.tile(box, (12, 1)))
    covered = []
    for number in range(12):
        frame = numbered_frame(number)
        frame[36:114, 16:64] = (139, 116, 100)
        if number >= 4:
            frame[36:114, 116:164] = (139, 116, 100)
        covered.append(frame)
    anonymized = write_frames(tmp_path / "b.mp4", covered, TIMES)
    pairs = pair_frames(film(tmp_path / "a.mp4"), anonymized)
    scores = leak_scores(judge_frames(pairs, people, CoverColour((139, 116, 100)), last=10))
    assert (scores.heads, scores.head_leak, scores.track_leaks) == (20, pytest.approx(4 / 20), 1)
    assert scores.over_area < 0.01


def test_first_frames_are_copied(tmp_path):
    cut = first_frames(film(tmp_path / "a.mp4"), tmp_path / "b.mp4", 5)
    assert [frame_number(frame.image) for frame in read_frames(cut)] == list(range(5))


def test_times_are_kept_to_the_tick(tmp_path):
    times = [Fraction(0), Fraction(1, 3), Fraction(7, 9)]
    assert [frame.time_s for frame in read_frames(film(tmp_path / "a.mp4", range(3), times))] == times
