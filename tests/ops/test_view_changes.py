"""Another light, another view and a covered lens are distinguished from motion."""

import cv2
import numpy as np
import pytest

from schemas.values import Uint8
from tests.ops.motion_rows import kinds, rows_of, tiles
from tests.ops.moving_views import noisy, wide_view, window
from tests.ops.walkabout import film

pytestmark = pytest.mark.slow

WIDE = wide_view()


def test_a_lamp_that_is_switched_is_a_light() -> None:
    light = np.where(np.arange(120) < 60, 1.0, 0.6)
    rows = rows_of(film(120, [], light))
    assert kinds(rows) == {30: "light"}
    assert tiles(rows)[0] == {(x, y) for x in range(24) for y in range(16)}


def test_a_camera_that_adapts_for_a_second_is_a_light() -> None:
    light = np.interp(np.arange(120), [60, 62], [1.0, 1.6])
    found = kinds(rows_of(film(120, [], light)))
    assert set(found) <= {30, 31} and "light" in found.values()


def test_infra_red_in_which_dark_things_are_bright_is_not_motion() -> None:
    view = window(WIDE)
    frames = [noisy(view if number < 60 else 255 - view, number) for number in range(120)]
    assert set(kinds(rows_of(frames))) == {30}
    assert kinds(rows_of(frames))[30] in ("light", "view")


@pytest.mark.parametrize("shift_px", [8, 25])
def test_a_camera_that_is_knocked_is_a_view(shift_px: int) -> None:
    frames = [noisy(window(WIDE, shift_px if number >= 60 else 0), number) for number in range(120)]
    assert kinds(rows_of(frames)) == {30: "view"}


def test_a_cut_to_another_scene_is_a_view() -> None:
    other = wide_view(seed=9)
    frames = [noisy(window(other if number >= 60 else WIDE), number) for number in range(120)]
    assert kinds(rows_of(frames)) == {30: "view"}


def test_something_close_that_hides_the_view_for_a_moment_is_motion() -> None:
    near = window(wide_view(seed=9))
    frames = [noisy(near if 60 <= number < 66 else window(WIDE), number) for number in range(120)]
    assert kinds(rows_of(frames)) == {30: "motion", 33: "motion"}


@pytest.mark.parametrize("shade", [0, 6, 120])
def test_a_covered_lens_is_covered_for_as_long_as_it_is(shade: int) -> None:
    cover = np.full((320, 560, 3), shade, np.uint8)
    frames = [noisy(cover if 60 <= number < 100 else window(WIDE), number) for number in range(140)]
    assert kinds(rows_of(frames)) == dict.fromkeys(range(30, 50), "covered")


def test_a_black_picture_with_a_caption_is_covered() -> None:
    def shown(number: int) -> Uint8:
        picture = window(WIDE).copy() if not 60 <= number < 100 else np.full((320, 560, 3), 4, np.uint8)
        cv2.putText(picture, "CAM 1 2026-03-02", (10, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1)
        return noisy(picture, number)

    assert kinds(rows_of([shown(number) for number in range(140)])) == dict.fromkeys(range(30, 50), "covered")


def test_an_all_black_night_is_covered_and_not_unseen() -> None:
    frames = [noisy(np.full((240, 320, 3), 3, np.uint8), number) for number in range(40)]
    assert kinds(rows_of(frames)) == dict.fromkeys(range(20), "covered")


def test_a_flickering_lamp_is_no_motion() -> None:
    light = np.where(np.random.default_rng(2).random(120) < 0.5, 1.0, 0.7)
    assert "motion" not in kinds(rows_of(film(120, [], light))).values()
