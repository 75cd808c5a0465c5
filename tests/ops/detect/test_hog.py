"""HOG in the place of a network: boxes of people in the frame's pixels, whatever its size."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from ops.detect.decode import Decoder
from ops.detect.hog import HogNetwork, HogPeople, confidence_of
from ops.detect.tiles import find_in_looks, network_pyramid
from schemas.values import Uint8


def test_nobody_is_found_in_pictures_of_nothing_or_smaller_than_the_window() -> None:
    assert len(HogPeople().find(np.full((360, 480), 120, np.uint8))) == 0
    assert len(HogPeople().find(np.full((100, 480), 120, np.uint8))) == 0


def test_confidence_rises_with_the_distance_and_stays_below_one() -> None:
    confidence = confidence_of(np.array([1.2, 2, 5, 50], np.float32))
    assert (np.diff(confidence) > 0).all()
    assert confidence[0] > 0.2
    assert confidence[-1] <= 1


@pytest.mark.assets
def test_a_frame_and_the_same_frame_enlarged_give_the_same_people(assets: Path) -> None:
    path = next((assets / "video" / "PETS09-S2L1" / "img1").glob("*000100.jpg"))
    frame: Uint8 = np.asarray(cv2.imread(str(path)), np.uint8)
    network = HogNetwork()
    decoder = Decoder("yolo", network.input_px, (0,), 0.2, 0.5)
    looks = network_pyramid(network, (frame.shape[1], frame.shape[0]), 48)
    found = find_in_looks(network, decoder, frame, looks)
    assert len(found) >= 3
    assert np.array_equal(found.xyxy, find_in_looks(network, decoder, frame, looks).xyxy)
    heights = found.xyxy[:, 3] - found.xyxy[:, 1]
    assert 40 < np.median(heights) < 110
