"""What counts as covered is read off the frame, and only where it was to be covered."""

import cv2
import numpy as np
import pytest

from ops.anonymize.verify.coverage import NEAR_COLOUR, confirmed_cover
from schemas.values import Uint8

GREY = np.array([[139, 116, 100]], np.uint8)
SIZE = (40, 60)


def scene(seed: int = 0) -> Uint8:
    """A frame in which nothing has the covering colour."""
    return np.random.default_rng(seed).integers(180, 256, (*SIZE, 3), dtype=np.uint8)


def block(top: int, bottom: int, left: int, right: int) -> Uint8:
    mask = np.zeros(SIZE, np.uint8)
    mask[top:bottom, left:right] = 255
    return mask


def test_what_was_painted_counts_also_when_the_encoder_was_at_it() -> None:
    frame, mask = scene(), block(10, 30, 10, 40)
    most = np.array(NEAR_COLOUR, np.int64) - 2  # rounding, there and back
    coded = cv2.cvtColor(GREY[None], cv2.COLOR_BGR2YCrCb)[0, 0]
    noisy = coded + np.random.default_rng(1).integers(-most, most + 1, frame.shape)
    frame[mask > 0] = cv2.cvtColor(noisy.astype(np.uint8), cv2.COLOR_YCrCb2BGR)[mask > 0]
    assert (confirmed_cover(frame, mask, GREY) == mask).all()


def test_what_was_to_be_covered_and_is_not_does_not_count() -> None:
    frame, mask = scene(), block(10, 30, 10, 40)
    frame[10:30, 10:25] = GREY
    assert (confirmed_cover(frame, mask, GREY) == block(10, 30, 10, 25)).all()


def test_what_only_looks_covered_does_not_count() -> None:
    frame, mask = scene(), block(10, 30, 10, 25)
    frame[10:30, 10:40] = GREY
    assert (confirmed_cover(frame, mask, GREY) == mask).all()


def test_single_pixels_of_the_colour_do_not_count() -> None:
    frame = scene()
    frame[::4, ::4] = GREY
    assert not confirmed_cover(frame, np.full(SIZE, 255, np.uint8), GREY).any()


def test_each_of_several_colours_counts() -> None:
    frame, mask = scene(), block(10, 30, 10, 40)
    frame[10:30, 10:25], frame[10:30, 25:40] = GREY, (20, 30, 90)
    colours = np.array([*GREY, (20, 30, 90)], np.uint8)
    assert (confirmed_cover(frame, mask, colours) == mask).all()


@pytest.mark.parametrize("painted_too", [True, False])
def test_a_picture_counts_where_it_is_seen(painted_too: bool) -> None:
    frame, mask = scene(), block(10, 30, 10, 40)
    picture = frame.copy()
    picture[mask > 0] = 60
    picture[20:30, 10:40] = 110
    if painted_too:
        frame = np.clip(picture.astype(int) + np.random.default_rng(2).integers(-12, 13, frame.shape), 0, 255)
    covered = confirmed_cover(frame.astype(np.uint8), mask, picture)
    assert (covered == (mask if painted_too else 0)).all()


def test_an_empty_mask_covers_nothing() -> None:
    assert not confirmed_cover(scene(), np.zeros(SIZE, np.uint8), GREY).any()
