"""A view's motion is found whatever moves in it, and no motion is found between two views."""

import cv2
import numpy as np
import pytest

from ops.view_shift import STILL, View, ViewShift
from schemas.values import Uint8
from tests.ops.moving_views import noisy, wide_view, window

WIDE = wide_view((464, 344))
SIZE_PX = (384, 264)
MIDDLE = (SIZE_PX[0] / 2, SIZE_PX[1] / 2)


def found(frame: Uint8, start: ViewShift = STILL) -> ViewShift | None:
    """The motion of a frame against the window in place."""
    return View(window(WIDE)).find(View(noisy(frame, 1)), start)


def shift_of(frame: Uint8) -> tuple[float, float]:
    motion = found(frame)
    assert motion is not None
    return motion.shift_at(*MIDDLE)


@pytest.mark.parametrize("shift", [(0, 0), (0.4, -0.3), (3, -2), (-7.5, 5.25), (25, -18), (-38, 30)])
def test_a_shift_is_found_to_a_fraction_of_a_pixel(shift: tuple[float, float]) -> None:
    motion = found(window(WIDE, *shift))
    assert motion is not None
    assert motion.shift_at(*MIDDLE) == pytest.approx(shift, abs=0.15)
    assert motion.turn == 1, "a pure shift has no turn"


@pytest.mark.parametrize(("zoom", "turn_deg"), [(1.05, 0), (0.96, 0), (1, 2), (1.03, -1.5)])
def test_zoom_and_turn_are_found(zoom: float, turn_deg: float) -> None:
    motion = found(window(WIDE, 2, 1, zoom, turn_deg))
    assert motion is not None
    assert motion.scale == pytest.approx(zoom, abs=0.003)
    assert motion.rotation_deg == pytest.approx(turn_deg, abs=0.15)
    assert motion.shift_at(*MIDDLE) == pytest.approx((2, 1), abs=0.3)


@pytest.mark.parametrize("gain", [0.55, 1.3])
def test_light_is_no_motion(gain: float) -> None:
    lit = np.clip(window(WIDE, 4, -3) * gain + 10, 0, 255).astype(np.uint8)
    assert shift_of(lit) == pytest.approx((4, -3), abs=0.2)


def with_bus(frame: Uint8, left: int) -> Uint8:
    """A bus with texture of its own through half of the picture."""
    bus = cv2.resize(wide_view((200, 264), seed=11), (200, 264))
    frame = frame.copy()
    frame[:, left : left + 200] = bus[:, : max(frame.shape[1] - left, 0)][:, :200]
    return frame


def test_a_bus_through_half_of_the_picture_is_no_pan() -> None:
    here, there = with_bus(window(WIDE), 60), with_bus(window(WIDE), 72)
    motion = View(here).find(View(noisy(there, 2)))
    assert motion is not None
    assert motion.shift_at(*MIDDLE) == pytest.approx((0, 0), abs=0.2)


def test_a_view_that_drifts_behind_a_bus_is_found() -> None:
    motion = View(with_bus(window(WIDE), 60)).find(View(noisy(with_bus(window(WIDE, 1.2, 0), 75), 2)))
    assert motion is not None
    assert motion.shift_at(*MIDDLE) == pytest.approx((1.2, 0), abs=0.2)


def test_a_burnt_in_clock_does_not_hold_a_view_that_pans() -> None:
    def clocked(frame: Uint8) -> Uint8:
        frame = frame.copy()
        frame[:24, :200] = 0
        cv2.putText(frame, "2026-03-02 22:00:00", (4, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1)
        return frame

    motion = View(clocked(window(WIDE))).find(View(noisy(clocked(window(WIDE, 20, 6)), 3)))
    assert motion is not None
    assert motion.shift_at(*MIDDLE) == pytest.approx((20, 6), abs=0.3)


def test_another_view_has_no_motion() -> None:
    for seed in range(20, 30):
        assert found(window(wide_view((464, 344), seed=seed))) is None


def test_without_texture_nothing_is_judged() -> None:
    for shade in (8, 160):  # at night, in fog
        flat = np.full((264, 384, 3), shade, np.uint8)
        first, second = View(noisy(flat, 4)), View(noisy(flat, 5))
        assert found(noisy(flat, 4)) is None
        assert first.find(View(window(WIDE))) is None
        assert first.find(second) is None, "noise is not followed"


def test_a_view_in_another_light_is_alike_and_another_view_is_not() -> None:
    view = View(window(WIDE))
    assert view.is_like(View(noisy(255 - window(WIDE), 6)))
    assert not view.is_like(View(noisy(window(WIDE, 20, -12), 6)))
    assert not any(view.is_like(View(window(wide_view((464, 344), seed=seed)))) for seed in range(20, 40))


def test_motions_are_chained_and_scaled() -> None:
    first, second = ViewShift(1.02, 3 + 1j), ViewShift(1j, -2j)
    points = np.array([[3.0, 4.0], [100.0, 50.0]])
    assert second.after(first).at(points) == pytest.approx(second.at(first.at(points)))
    assert second.after(first).since(first).at(points) == pytest.approx(second.at(points))
    assert first.scaled(2.0).at(2 * points) == pytest.approx(2 * first.at(points))
    assert ViewShift(offset=3 + 4j).most_px(SIZE_PX) == pytest.approx(5)
    assert ViewShift(1j).rotation_deg == pytest.approx(90)
    assert ViewShift(1.5j).scale == pytest.approx(1.5)


@pytest.mark.parametrize("size", [(1, 1), (127, 63), (2, 90)])
def test_pictures_may_be_of_any_size(size: tuple[int, int]) -> None:
    picture = np.random.default_rng(1).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    motion = View(picture).find(View(picture))
    assert motion is None or motion.most_px(size) < 0.1
