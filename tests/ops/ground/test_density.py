"""Pixels per metre are those of the lens, and bands begin at their thresholds."""

import numpy as np
import pytest

from ops.ground.density import band_of, pixels_per_metre
from ops.ground.homography import ground_plane
from tests.ops.ground_scene import FOCAL_PX, ORIGIN_M, SIZE_PX, boxes_at, depth_m, make_view

PLACES_M = np.array([(0.0, 5.0), (-3.0, 8.0), (4.0, 12.0), (0.5, 20.0)]) + ORIGIN_M


def test_pixels_per_metre_are_those_of_the_lens() -> None:
    plane = ground_plane(make_view())
    assert plane is not None
    found = pixels_per_metre(plane, boxes_at(PLACES_M), SIZE_PX)
    # Beside the axis the line of sight is slanted, which is at most 1 / cos of the angle.
    assert found == pytest.approx(FOCAL_PX / depth_m(PLACES_M), rel=0.06)
    assert found[0] == pytest.approx(FOCAL_PX / depth_m(PLACES_M)[0], rel=1e-6)


def test_frames_of_half_the_size_have_half_the_pixels() -> None:
    plane = ground_plane(make_view())
    assert plane is not None
    boxes = boxes_at(PLACES_M)
    half = pixels_per_metre(plane, boxes / 2, (SIZE_PX[0] // 2, SIZE_PX[1] // 2))
    assert half == pytest.approx(pixels_per_metre(plane, boxes, SIZE_PX) / 2)


def test_above_the_horizon_there_is_no_ground() -> None:
    plane = ground_plane(make_view())
    assert plane is not None
    assert np.isnan(pixels_per_metre(plane, np.array([[300.0, -400, 340, -300]]), SIZE_PX)).all()


@pytest.mark.parametrize(
    ("density", "band"),
    [
        (12, "below overview"),
        (20, "overview"),
        (39.9, "overview"),
        (40, "outline"),
        (80, "discern"),
        (124.9, "discern"),
        (125, "perceive"),
        (250, "characterise"),
        (900, "characterise"),
    ],
)
def test_bands_begin_at_their_thresholds(density: float, band: str) -> None:
    assert band_of(density) == band
