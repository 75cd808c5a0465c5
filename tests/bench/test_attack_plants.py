"""People are pasted into backgrounds, and published frames that show them count as such."""

import cv2
import numpy as np
import pyarrow as pa
import pytest

from bench.attack_footage import Footage
from bench.attack_plants import paste_people, shown_plants, with_people_in_background
from bench.real_clips import steady_times, write_frames
from schemas.frame_boxes import FrameBoxes

EMPTY = np.full((80, 160, 3), 170, np.uint8)
PLACES = [[10.0, 10.0, 30.0, 70.0], [100.0, 10.0, 120.0, 70.0]]


@pytest.fixture
def footage(tmp_path):
    """Two frames with one dark person each, in different places."""
    frames = []
    for x1, y1, x2, y2 in np.array(PLACES, int).tolist():
        frame = EMPTY.copy()
        frame[y1:y2, x1:x2] = 30
        frames.append(frame)
    clip = write_frames(tmp_path / "two.mp4", frames, steady_times(2, 5))
    return Footage(clip, FrameBoxes.of(np.array([1, 2]), np.array([0, 1]), np.array(PLACES)), EMPTY)


def table(picture):
    png = cv2.imencode(".png", picture)[1].tobytes()
    return pa.table({"camera": ["a"], "png": pa.array([png], pa.binary()), "samples": [12]})


def test_people_from_all_frames_are_pasted(footage):
    planted = paste_people(footage, EMPTY, 10)
    assert sorted(planted.boxes.tolist()) == PLACES
    for x1, y1, x2, y2 in np.array(PLACES, int).tolist():
        assert planted.picture[y1 + 2 : y2 - 2, x1 + 2 : x2 - 2].mean() < 60
    assert planted.picture[:, 50:80].min() == 170


def test_of_people_who_overlap_only_one_is_pasted(footage):
    near = FrameBoxes.of(np.array([1, 1]), np.array([0, 1]), np.array([PLACES[0], [15.0, 10.0, 35.0, 70.0]]))
    assert len(paste_people(Footage(footage.path, near, EMPTY), EMPTY, 10).boxes) == 1


def test_a_background_changes_only_where_people_are_pasted(footage):
    planted = paste_people(footage, EMPTY, 10)
    given = EMPTY.copy()
    given[:, 60:70] = 99
    changed = with_people_in_background({"backgrounds": table(given), "other": pa.table({"a": [1]})}, planted)
    assert changed["backgrounds"].column_names == ["camera", "png", "samples"] and "other" in changed
    picture = cv2.imdecode(np.frombuffer(changed["backgrounds"]["png"][0].as_py(), np.uint8), cv2.IMREAD_COLOR)
    assert picture[30:50, 15:25].mean() < 60 and np.unique(picture[:, 60:70]).tolist() == [99]


def test_a_frame_shows_a_pasted_person_if_it_has_that_persons_pixels(footage):
    planted = paste_people(footage, EMPTY, 10)
    half = planted.picture.copy()
    half[:, :60] = EMPTY[:, :60]
    assert shown_plants(planted.picture, planted, EMPTY).tolist() == [True, True]
    assert shown_plants(EMPTY, planted, EMPTY).tolist() == [False, False]
    assert shown_plants(half, planted, EMPTY).tolist() == (planted.boxes[:, 0] > 60).tolist()
