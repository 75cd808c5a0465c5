"""Changes of pictures keep boxes on what they mark."""

from pathlib import Path

import numpy as np
import pytest

from ops.interactions.qpic.augment import augmented, cut_out, mirrored, resized
from schemas.labelled_pictures import LabelledPair, LabelledPicture
from schemas.values import Uint8


@pytest.fixture
def marked() -> tuple[Uint8, LabelledPicture]:
    """A dark picture with a bright red subject and a bright green object."""
    picture = np.full((120, 160, 3), 20, np.uint8)
    boxes = np.array([[20.0, 30, 50, 90], [60, 40, 120, 100]])
    picture[30:90, 20:50] = (0, 0, 250)
    picture[40:100, 60:120] = (0, 250, 0)
    pairs = (LabelledPair(0, 1, 2), LabelledPair(0, None, 1))
    return picture, LabelledPicture(Path("a.png"), boxes, np.array([0, 5]), pairs)


def colour_in(picture: Uint8, box: np.ndarray, channel: int) -> float:
    """Share of a box, without its edge, where a channel is the brightest."""
    x1, y1, x2, y2 = np.round(box).astype(int) + np.array([2, 2, -2, -2])
    return float((picture[y1:y2, x1:x2].argmax(axis=2) == channel).mean())


def test_mirrored(marked) -> None:
    picture, labels = mirrored(*marked)
    assert labels.boxes.tolist() == [[110, 30, 140, 90], [40, 40, 100, 100]]
    assert colour_in(picture, labels.boxes[0], 2) == 1


def test_a_cut_loses_boxes_outside_with_their_pairs(marked) -> None:
    picture, labels = cut_out(*marked, corner=(55, 50), size=(90, 60))
    assert picture.shape == (60, 90, 3)
    assert labels.boxes.tolist() == [[5, 0, 65, 50]]
    assert (labels.labels.tolist(), labels.pairs) == ([5], ())
    _, labels = cut_out(*marked, corner=(10, 20), size=(45, 90))
    assert (labels.labels.tolist(), labels.pairs) == ([0], (LabelledPair(0, None, 1),)), "the object is cut off"


def test_resized(marked) -> None:
    picture, labels = resized(*marked, short_px=240, long_px=1000)
    assert picture.shape == (240, 320, 3)
    assert np.array_equal(labels.boxes, marked[1].boxes * 2)


def test_whatever_chance_does_boxes_stay_on_what_they_mark(marked) -> None:
    sizes, kept = set(), 0
    for seed in range(40):
        picture, labels = augmented(*marked, 100, 400, np.random.default_rng(seed))
        sizes.add(picture.shape)
        height, width = picture.shape[:2]
        assert (labels.boxes >= 0).all() and (labels.boxes <= [width + 1e-6, height + 1e-6] * 2).all()
        for box, label in zip(labels.boxes, labels.labels, strict=True):
            if np.all(box[2:] - box[:2] > 8):
                kept += 1
                assert colour_in(picture, box, 2 if label == 0 else 1) > 0.95
    assert len(sizes) > 10 and kept > 40


def test_the_same_chance_gives_the_same_picture_and_leaves_the_source_alone(marked) -> None:
    before = marked[0].copy()
    first, second = (augmented(*marked, 100, 400, np.random.default_rng(7)) for _ in range(2))
    assert np.array_equal(first[0], second[0]) and np.array_equal(first[1].boxes, second[1].boxes)
    assert np.array_equal(marked[0], before)
