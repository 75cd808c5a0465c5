"""Overlaps of cuboids, computed by hand."""

import numpy as np
import pytest

from ops.boxes3d.overlap import footprints, overlaps
from schemas.values import Float64

Boxes = tuple[Float64, Float64, Float64]
ROOT = np.sqrt(2)


def cuboid(
    x: float, z: float, length: float = 4, width: float = 2, turn: float = 0, y: float = 0, height: float = 2
) -> Boxes:
    return np.array([[x, y, z]], float), np.array([[height, width, length]], float), np.array([turn], float)


@pytest.mark.parametrize(
    ("one", "other", "from_above", "volume"),
    [
        (cuboid(0, 0), cuboid(0, 0), 1, 1),
        (cuboid(0, 0), cuboid(0, 0, turn=np.pi), 1, 1),
        (cuboid(0, 0), cuboid(2, 0), 1 / 3, 1 / 3),  # half of each: 4 / (8 + 8 - 4)
        (cuboid(0, 0), cuboid(0, 0, turn=np.pi / 2), 4 / 12, 4 / 12),  # a cross: 2 x 2 in common
        (cuboid(0, 0, 2, 2), cuboid(0, 0, 2, 2, turn=np.pi / 4), 1 / ROOT, 1 / ROOT),  # an octagon of 8 (sqrt 2 - 1)
        (cuboid(0, 0), cuboid(0, 0, y=-1), 1, 8 / 24),  # one metre above: 8 m3 of 16 and 16
        (cuboid(0, 0), cuboid(0, 0, height=1), 1, 0.5),  # of half the height on the same ground
        (cuboid(0, 0), cuboid(0, 0, y=-3), 1, 0),
        (cuboid(0, 0), cuboid(9, 0), 0, 0),
        (cuboid(0, 0), cuboid(0, 2), 0, 0),  # they touch
    ],
)
def test_overlaps_by_hand(one: Boxes, other: Boxes, from_above: float, volume: float) -> None:
    for pair in ((one, other), (other, one)):
        bev, whole = overlaps(*pair)
        assert bev.shape == whole.shape == (1, 1)
        assert bev[0, 0] == pytest.approx(from_above) and whole[0, 0] == pytest.approx(volume)


def test_a_rotation_of_0_lies_along_x_and_a_quarter_turns_towards_the_camera() -> None:
    level, turned = footprints(np.zeros((2, 3)), np.array([[1.0, 2, 4]] * 2), np.array([0, np.pi / 2]))
    assert np.ptp(level, axis=0) == pytest.approx([4, 2])
    assert np.ptp(turned, axis=0) == pytest.approx([2, 4])
    front = turned[:2].mean(axis=0)
    assert front == pytest.approx([0, -2], abs=1e-9), "forwards is towards the camera: z falls"


def test_nothing_overlaps_nothing() -> None:
    empty = np.zeros((0, 3)), np.zeros((0, 3)), np.zeros(0)
    for one, other, shape in ((empty, cuboid(0, 0), (0, 1)), (cuboid(0, 0), empty, (1, 0)), (empty, empty, (0, 0))):
        assert [each.shape for each in overlaps(one, other)] == [shape, shape]
