"""Noise, rain, shake and slow light change nothing; who comes does, until the background settles."""

import cv2
import numpy as np
import pytest

from schemas.values import Uint8
from tests.ops.motion_rows import rows_of, seconds, tile_box
from tests.ops.moving_views import moved, shake, wide_view
from tests.ops.walkabout import film, thing, walker

WIDE = wide_view()


def test_noise_alone_gives_no_rows() -> None:
    assert rows_of(film(120, [])) == []


def test_who_crosses_the_view_at_the_start_is_found_and_leaves_no_ghost() -> None:
    assert max(seconds(rows_of(film(60, [walker((40, 200), 40)])))) < 4


@pytest.mark.slow
def test_who_stands_still_is_motion_until_the_background_settles() -> None:
    """From when on: 10 s after the last step, and again only when that person leaves; the street behind is known."""

    def paint(picture: Uint8, number: int) -> None:
        if 40 <= number < 120:
            walker((20, 200), 20)(picture, min(number - 40, 8) + 8 * (number % 2 if number < 48 else 0))

    rows = rows_of(film(160, [paint]))
    assert seconds(rows) == [*range(20, 35), 60]
    assert {row["kind"] for row in rows} == {"motion"}
    assert seconds(rows_of(film(160, [paint]), settle_s=20.0)) == [*range(20, 45), 60]


def test_a_person_asleep_from_the_first_frame_to_the_last_is_no_change() -> None:
    assert rows_of(film(120, [walker((160, 200), 0)])) == []


def test_light_that_drifts_is_no_change() -> None:
    assert rows_of(film(160, [], np.linspace(1.0, 0.6, 160))) == []


def test_who_walks_in_drifting_light_is_found() -> None:
    film_ = film(120, [thing(tile_box((6, 4), (8, 7)), (20, 20, 20), 80, 84)], np.linspace(1.0, 0.7, 120))
    assert seconds(rows_of(film_)) == [40, 41]


@pytest.mark.slow
def test_a_camera_that_shakes_all_day_is_no_motion() -> None:
    assert rows_of(moved([WIDE] * 240, shake(240, 2.0))) == []


@pytest.mark.slow
def test_who_walks_before_a_camera_that_shakes_is_found() -> None:
    def shown(number: int) -> Uint8:
        picture = WIDE.copy()
        if 200 <= number < 204:
            cv2.rectangle(picture, (300, 150), (340, 250), (0, 0, 0), -1)
        return picture

    frames = moved([shown(number) for number in range(240)], shake(240, 2.0))
    assert {100, 101} <= set(seconds(rows_of(frames)))


def test_rain_is_hardly_any_motion() -> None:
    rng = np.random.default_rng(4)

    def rain(picture: Uint8, number: int) -> None:
        for x, y in zip(rng.integers(0, 320, 60), rng.integers(0, 220, 60), strict=True):
            cv2.line(picture, (int(x), int(y)), (int(x) + 1, int(y) + 9), (200, 200, 200), 1)

    assert len(rows_of(film(120, [rain]))) <= 3


@pytest.mark.parametrize("size_px", [(16, 16), (30, 200), (1000, 40)])
def test_frames_of_any_shape_are_compared(size_px: tuple[int, int]) -> None:
    rng = np.random.default_rng(1)
    wall = rng.integers(60, 200, (size_px[1], size_px[0], 3), dtype=np.uint8)
    other = wall.copy()
    other[: size_px[1] // 2, : size_px[0] // 4] = 0
    frames = [other if 40 <= number < 44 else wall for number in range(60)]
    assert seconds(rows_of(frames)) == [20, 21]
