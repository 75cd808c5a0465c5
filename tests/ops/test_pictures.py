"""Pictures made smaller are what INTER_AREA makes of them, nearly, at every ratio."""

import cv2
import numpy as np
import pytest

from ops.pictures import downscale
from schemas.values import Uint8


def smooth(width: int, height: int) -> Uint8:
    """A picture without detail finer than what is lost."""
    noise = np.random.default_rng(3).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


SIZES = [(384, 288), (480, 360), (720, 480), (768, 576), (1280, 720), (1920, 1080), (1921, 1081), (4000, 3001)]


@pytest.mark.parametrize("size", SIZES)
def test_it_is_what_the_slow_way_gives(size: tuple[int, int]) -> None:
    picture = smooth(*size)
    wanted = (384, max(round(size[1] * 384 / size[0]), 1))
    slow = cv2.resize(picture, wanted, interpolation=cv2.INTER_AREA)
    quick = downscale(picture, wanted)
    assert quick.shape == slow.shape
    assert np.abs(quick.astype(int) - slow).mean() < 1.0
    assert downscale(picture[:, :, 0], wanted).shape == slow.shape[:2]


def test_noise_is_averaged_away_where_much_is_lost() -> None:
    noise = np.random.default_rng(4).integers(0, 256, (1080, 1920), dtype=np.uint8)
    slow = cv2.resize(noise, (384, 216), interpolation=cv2.INTER_AREA)
    assert downscale(noise, (384, 216)).std() < 1.6 * slow.std()


def test_a_picture_of_that_size_is_given_back() -> None:
    picture = smooth(127, 63)
    assert downscale(picture, (127, 63)) is picture
