"""The auditor decodes its network's output, looks everywhere, and counts each person once."""

import numpy as np
import pytest

from bench.auditor import (
    BIKE,
    PERSON,
    Auditor,
    Found,
    accuracy,
    decode_ssd,
    merge,
    tiles_of,
    without_cut,
)
from schemas.frame_boxes import FrameBoxes
from storage.box_files.mot import read_mot


def found(*boxes, scores=None, labels=None):
    return Found(
        np.array(boxes, np.float64).reshape(-1, 4),
        np.array(scores or [0.9] * len(boxes), np.float64),
        np.array(labels or [PERSON] * len(boxes), np.int64),
    )


def people(*boxes):
    return FrameBoxes.of(
        np.ones(len(boxes), np.int64), np.arange(len(boxes)), np.array(boxes, np.float64).reshape(-1, 4)
    )


def test_rows_above_the_confidence_become_boxes_in_pixels_surest_first():
    output = np.zeros((1, 1, 5, 7), np.float32)
    output[0, 0, 0] = [0, PERSON, 0.5, 0.1, 0.2, 0.3, 0.6]
    output[0, 0, 1] = [0, BIKE, 0.9, 0.0, 0.0, 0.5, 0.5]
    output[0, 0, 2] = [0, PERSON, 0.2, 0.1, 0.2, 0.3, 0.6]
    output[0, 0, 3] = [-1, 0, 0, 0, 0, 0, 0]
    output[0, 0, 4] = [0, PERSON, 0.99, 0.1, 0.2, 0.3, 0.6]  # left over from an earlier picture
    result = decode_ssd(output, (200, 100), 0.4)
    assert result.label.tolist() == [BIKE, PERSON]
    assert result.of(PERSON)[0] == pytest.approx([20, 20, 60, 60], abs=1e-4)
    assert len(result.of(PERSON, least_score=0.6)) == 0


@pytest.mark.parametrize("size_px", [(1920, 1080), (768, 576), (321, 320), (100, 80)])
def test_tiles_cover_every_pixel_and_end_with_the_whole_picture(size_px):
    width, height = size_px
    tiles = list(tiles_of(size_px))
    assert tiles[-1] == (0, 0, width, height)
    assert all(0 <= x1 < x2 <= width and 0 <= y1 < y2 <= height for x1, y1, x2, y2 in tiles)
    small = [tile for tile in tiles if tile[2] - tile[0] <= 320 and tile[3] - tile[1] <= 320]
    seen = np.zeros((height, width), bool)
    for x1, y1, x2, y2 in small:
        seen[y1:y2, x1:x2] = True
    assert seen.all()


def test_boxes_that_a_tile_cuts_are_dropped_but_not_those_at_the_edge_of_the_picture():
    cut = found([101, 50, 120, 90], [300, 50, 319, 90], [150, 300, 170, 319])
    assert len(without_cut(cut, (100, 0, 320, 320), (720, 1280))) == 0
    assert without_cut(found([0, 0, 20, 30]), (0, 0, 320, 320), (720, 1280)).box.tolist() == [[0, 0, 20, 30]]
    assert len(without_cut(found([150, 0, 170, 30]), (100, 0, 320, 320), (720, 1280))) == 1


def test_a_person_seen_by_two_tiles_counts_once():
    whole, again, part = found([10, 10, 30, 70]), found([11, 10, 31, 71], scores=[0.8]), found([12, 10, 29, 40])
    part = Found(part.box, np.array([0.5]), part.label)
    assert merge([whole, again, part]).box.tolist() == [[10, 10, 30, 70]]
    bike = found([12, 10, 29, 40], labels=[BIKE], scores=[0.5])
    assert sorted(merge([whole, bike]).label.tolist()) == [PERSON, BIKE]
    assert len(merge([whole, found([200, 10, 220, 70])])) == 2


def test_accuracy_counts_people_found_and_boxes_that_are_nobody():
    ignored = people([0, 0, 10, 20])
    ignored.counts[:] = False
    result = accuracy(
        [np.array([[0.0, 0, 10, 20], [100, 0, 110, 20]]), np.array([[0.0, 0, 10, 20]])],
        [people([0, 0, 10, 20], [50, 0, 60, 20]), ignored],
    )
    assert (result.people, result.found, result.right) == (2, 2, 1)
    assert (result.recall, result.precision) == (0.5, 0.5)


@pytest.mark.assets
@pytest.mark.slow
def test_it_knows_the_people_of_a_picture(assets):
    import cv2

    image = cv2.imread(str(assets / "video" / "PETS09-S2L1" / "img1" / "000001.jpg"))
    truth = read_mot(assets / "gt" / "PETS09-S2L1" / "gt.txt")
    result = accuracy([Auditor(assets).people(image)], [truth.take(truth.frame == 1)])
    assert result.recall >= 0.6 and result.precision >= 0.6
