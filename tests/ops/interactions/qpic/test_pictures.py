"""Pictures are scaled and normed as DETR and QPIC do it."""

import numpy as np
import pytest

from ops.interactions.qpic.pictures import normed, scaled, scaled_size


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((768, 576), (1066, 800)),  # int(800 * 768 / 576): rounded down
        ((640, 480), (1066, 800)),
        ((480, 640), (800, 1066)),
        ((1920, 1080), (1333, 750)),  # the longer side is the limit
        ((800, 800), (800, 800)),
        ((2000, 100), (1340, 67)),  # as the original: rounding the shorter side moves the longer one past its limit
    ],
)
def test_sizes_are_those_of_the_original(size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert scaled_size(size, 800, 1333) == expected


def test_colours_are_rgb_and_normed() -> None:
    picture = np.zeros((2, 3, 3), np.uint8)
    picture[:, :] = (0, 128, 255)  # BGR
    values = normed(picture)
    assert values.shape == (3, 2, 3) and values.dtype == np.float32 and values.flags["C_CONTIGUOUS"]
    expected = [(1 - 0.485) / 0.229, (128 / 255 - 0.456) / 0.224, (0 - 0.406) / 0.225]
    assert np.allclose(values[:, 0, 0], expected, atol=1e-6)


def test_a_picture_of_the_right_size_stays_as_it_is() -> None:
    picture = np.random.default_rng(0).integers(0, 255, (20, 30, 3), dtype=np.uint8)
    assert scaled(picture, (30, 20)) is picture
    assert scaled(picture, (15, 10)).shape == (10, 15, 3)
