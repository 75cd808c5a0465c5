"""Footage for attacks shows what its truth says."""

import numpy as np
import pytest

from bench.attack_footage import (
    Cell,
    Night,
    Source,
    drift,
    mosaic,
    mosaic_truth,
    pan,
    shake,
    window_truth,
)
from bench.frame_pairs import read_frames
from schemas.frame_boxes import FrameBoxes

FRAMES = 6


def walker():
    """A white person of 8 x 20 px walks over a dark ground of 80 x 60 px, 10 px from frame to frame."""
    frames = []
    for number in range(FRAMES):
        frame = np.full((60, 80, 3), 40, np.uint8)
        frame[20:40, 10 * number : 10 * number + 8] = 230
        frames.append(frame)
    boxes = np.array([[10 * number, 20, 10 * number + 8, 40] for number in range(FRAMES)], np.float64)
    return Source(tuple(frames), FrameBoxes.of(np.arange(1, FRAMES + 1), np.zeros(FRAMES, np.int64), boxes), 10)


def test_a_source_runs_forwards_and_backwards():
    assert [walker().at(position) for position in range(12)] == [0, 1, 2, 3, 4, 5, 4, 3, 2, 1, 0, 1]


def test_the_empty_scene_has_nobody():
    assert np.unique(walker().empty).tolist() == [40]


def test_a_window_shows_parts_of_people_and_counts_only_those_it_mostly_shows():
    rows = FrameBoxes.of(
        np.ones(3, np.int64), np.arange(3), np.array([[10.0, 20, 30, 60], [70, 20, 90, 60], [0, 0, 5, 10]])
    )
    shown = window_truth(rows, 1.0, (10.0, 10.0), (80, 70), 7)
    assert shown.box.tolist() == [[0, 10, 20, 50], [60, 10, 70, 50]]
    assert shown.counts.tolist() == [True, False] and shown.frame.tolist() == [7, 7]


def test_a_mosaic_shows_people_where_its_truth_says(tmp_path):
    source = walker()
    cells = [
        Cell(source, 0, 0, 80, 60, 1.0, begin=0),
        Cell(source, 80, 0, 40, 30, 0.5, begin=3, far=True),
        Cell(source, 80, 30, 40, 30, 0.5, begin=2, still=True),
    ]
    footage = mosaic(tmp_path / "crowd.mp4", cells, frames=3, fps=10)
    frames = [frame.image for frame in read_frames(footage.path)]
    assert len(frames) == 3 and frames[0].shape == (60, 120, 3)
    for number, frame in enumerate(frames, 1):
        rows = footage.truth.take(footage.truth.frame == number)
        assert len(rows) == 3
        for x1, y1, x2, y2 in rows.box.round().astype(int).tolist():
            assert frame[y1 + 2 : y2 - 2, x1 + 1 : x2 - 1].mean() > 180
            assert footage.empty[y1:y2, x1:x2].mean() < 60
    still = footage.truth.box[footage.truth.identity == 2000]
    assert np.unique(still, axis=0).tolist() == [[90.0, 40.0, 94.0, 50.0]]
    assert footage.truth.identity[footage.far].tolist() == [1000] * 3


def test_a_mosaic_plays_its_sources_at_their_own_speed():
    rows, _ = mosaic_truth([Cell(walker(), 0, 0, 80, 60, 1.0, begin=0)], frames=3, fps=5)
    assert rows.box[:, 0].tolist() == [0, 20, 40]


def test_night_is_dark_and_its_noise_differs_from_frame_to_frame():
    day = np.full((40, 40, 3), 200, np.uint8)
    night = Night(light=0.3, noise=4.0)
    assert night(day, 1).mean() == pytest.approx(60, abs=1.5)
    assert (night(day, 1) != night(day, 2)).any() and (night(day, 1) == night(day, 1)).all()


@pytest.mark.parametrize(("path", "least", "most"), [(drift, 20, 30), (shake, 8, 10), (pan, 200, 300)])
def test_windows_move_as_far_as_their_name_says_and_stay_in_the_picture(path, least, most):
    corners = np.array([path(number) for number in range(150)])
    assert least <= np.ptp(corners[:, 0]) <= most
    assert corners.min() >= 0 and (corners.max(axis=0) <= [768 - 480, 576 - 360]).all()
