"""Drift, shake, pan and zoom of a view are measured; what moves in a view is not."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from ops.view_motion import ViewMotion
from ops.view_shift import View
from schemas.values import CameraView, FrameBatch, Uint8
from tests.ops.moving_views import clip_frames, drift, moved, noisy, pets_pictures, shake, wide_view, window
from tests.ops.walkabout import film, walker
from tests.support.fakes import FakeServices, make_batch, make_segment, make_unit

FPS = 2.0
WIDE = wide_view()


def reduced(frame: Uint8, width_px: int | None) -> Uint8:
    if width_px is None or frame.shape[1] <= width_px:
        return frame
    size = (width_px, round(frame.shape[0] * width_px / frame.shape[1]))
    return np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), np.uint8)


def measured(frames: Sequence[Uint8], batch: int = 100, fixed: bool = True) -> dict[str, Any]:
    """The row of a segment with these frames, two a second."""
    size_px = (frames[0].shape[1], frames[0].shape[0])
    segment = make_segment(0, len(frames) / FPS, FPS, size_px)
    unit = make_unit([segment], CameraView("cam1", "Camera 1", "Europe/Amsterdam", fixed=fixed))
    op = ViewMotion()
    need = op.frame_need(unit)
    assert need is not None and need.fps is not None and need.fps >= FPS
    session = op.start(unit, {}, FakeServices())
    small = np.stack([reduced(frame, need.width_px) for frame in frames])
    whole = make_batch(small, segment, 0, FPS)
    for first in range(0, len(small), batch):
        part = slice(first, first + batch)
        session.feed(FrameBatch(whole.frames[part], whole.pts[part], whole.times_us[part]))
    (row,) = session.finish({})["view_motion"].to_pylist()
    return row


def test_a_still_view_with_people_does_not_move() -> None:
    row = measured(list(film(20, [walker((40, 200), 6), walker((200, 120), -5)])))
    assert row["samples"] == 20
    assert row["judged"] == 1
    assert row["views"] == 1
    assert row["most_shift_px"] < 0.5
    assert row["moves"] is False


@pytest.mark.parametrize("fixed", [True, False])
def test_a_pan_is_measured_beyond_the_width_of_the_first_picture(fixed: bool) -> None:
    wide = wide_view((1600, 320))
    frames = [noisy(wide[:, 24 * number : 24 * number + 560], number) for number in range(40)]
    row = measured(frames, fixed=fixed)
    assert row["judged"] == 1
    assert row["most_shift_px"] == pytest.approx(24 * 39, abs=10)
    assert row["moves"] is True


def test_a_zoom_moves_the_view_though_its_middle_stays() -> None:
    row = measured([noisy(window(WIDE, zoom=1 + 0.05 * number / 19), number) for number in range(20)])
    assert row["scale"] == pytest.approx(1.05, abs=0.005)
    assert row["drift_px"] < 1
    assert row["most_shift_px"] == pytest.approx(0.05 * np.hypot(560, 320) / 2, abs=1.5)
    assert row["moves"] is True


def test_a_turn_is_measured() -> None:
    row = measured([noisy(window(WIDE, turn_deg=2.0 * (number > 10)), number) for number in range(20)])
    assert row["rotation_deg"] == pytest.approx(2, abs=0.2)
    assert row["moves"] is True


def test_a_camera_that_turns_to_presets_has_several_views() -> None:
    views = [wide_view(seed=seed) for seed in (3, 4)]
    shown = [0] * 15 + [1] * 15 + [0] * 15
    row = measured([noisy(window(views[number]), order) for order, number in enumerate(shown)])
    assert row["views"] == 2
    assert row["moves"] is True
    assert row["most_shift_px"] < 1, "in the first view"
    assert row["judged"] == pytest.approx(30 / 45)


def test_another_light_is_not_another_view() -> None:
    """At dusk a camera switches to infrared, in which what was dark may be bright."""
    view = window(WIDE)
    row = measured([noisy(view if number < 12 else 255 - view, number) for number in range(40)])
    assert row["views"] == 1
    assert row["moves"] is False
    assert row["most_shift_px"] < 0.7
    assert row["judged"] >= 0.7


def test_a_view_that_appears_at_dawn_is_the_first() -> None:
    dark = np.full((320, 560, 3), 6, np.uint8)
    row = measured([noisy(dark if number < 10 else window(WIDE), number) for number in range(40)])
    assert (row["views"], row["moves"]) == (1, False)
    assert row["judged"] == pytest.approx(0.75)


def test_something_close_that_hides_the_view_for_a_moment_is_not_another_view() -> None:
    near = window(wide_view(seed=9))
    frames = [noisy(near if 8 <= number < 14 else window(WIDE), number) for number in range(40)]
    row = measured(frames)
    assert row["views"] == 1
    assert row["moves"] is False
    assert row["judged"] == pytest.approx(34 / 40)


@pytest.mark.parametrize("shade", [6, 150])
def test_without_texture_nothing_is_known(shade: int) -> None:
    row = measured([noisy(np.full((240, 320, 3), shade, np.uint8), number) for number in range(10)])
    assert (row["judged"], row["views"], row["moves"], row["most_shift_px"], row["shake_px"]) == (
        0,
        0,
        None,
        None,
        None,
    )


def test_a_night_that_is_mostly_dark_is_unknown_unless_the_view_moves() -> None:
    dark = np.full((320, 560, 3), 6, np.uint8)
    still = measured([noisy(window(WIDE) if number < 8 else dark, number) for number in range(30)])
    assert still["moves"] is None
    assert still["most_shift_px"] < 0.5
    drifting = measured([noisy(window(WIDE, number) if number < 15 else dark, number) for number in range(40)])
    assert drifting["moves"] is True


def test_a_picture_in_which_nothing_changed_is_not_measured_again(monkeypatch: pytest.MonkeyPatch) -> None:
    measured_pictures: list[Uint8] = []

    class Counted(View):
        def __init__(self, picture: Uint8) -> None:
            measured_pictures.append(picture)
            super().__init__(picture)

    monkeypatch.setattr("ops.view_motion.View", Counted)
    frames = [window(WIDE)] * 30 + [window(WIDE, right=2.0)] * 30
    row = measured([noisy(frame, number) for number, frame in enumerate(frames)])
    assert (row["samples"], row["judged"]) == (60, 1)
    assert row["most_shift_px"] == pytest.approx(2.0, abs=0.4)
    assert len(measured_pictures) <= 6


def test_batches_change_nothing() -> None:
    frames = [noisy(window(WIDE, number), number) for number in range(12)]
    assert measured(frames, 1) == measured(frames, 5) == measured(frames)


def test_pictures_of_a_fixed_camera_do_not_move(assets: Path) -> None:
    row = measured(pets_pictures(assets))
    assert row["most_shift_px"] < 0.5
    assert row["moves"] is False


@pytest.mark.parametrize("planted", [14.0, 5.0, -30.0])
def test_a_drift_planted_in_real_pictures_is_recovered(assets: Path, planted: float) -> None:
    pictures = pets_pictures(assets)
    row = measured(moved(pictures, drift(len(pictures), planted)))
    assert row["most_shift_px"] == pytest.approx(abs(planted), abs=0.7)
    assert row["drift_px"] == pytest.approx(abs(planted) * (1 - 4 / (len(pictures) - 1)), abs=0.7)
    assert row["moves"] is (abs(planted) > 0.01 * 688)


def test_a_shake_planted_in_real_pictures_is_recovered(assets: Path) -> None:
    pictures = pets_pictures(assets)
    shifts = shake(len(pictures), 3)
    row = measured(moved(pictures, shifts))
    assert row["most_shift_px"] == pytest.approx(np.hypot(*np.array(shifts).T).max(), abs=0.5)
    assert row["shake_px"] == pytest.approx(np.hypot(*np.diff(shifts, axis=0).std(axis=0)), rel=0.1)


CLIPS = {
    "aboda_video4.avi": (0.0, 1.5),
    "pets09_s2l1_480x360.mp4": (0.0, 0.5),
    "one-by-one-person-detection.mp4": (0.0, 0.5),
    "TUD-Campus.mp4": (0.0, 0.5),
    "more/road.mp4": (0.0, 0.7),
    "more/highway.avi": (0.0, 0.5),
    "more/avenue.avi": (0.0, 0.7),
    "car-detection.mp4": (12.0, 17.0),
    "more/walkway.mp4": (22.0, 36.0),
}
"""Least and largest displacement, pixels; car-detection drifts, walkway is held in a hand. Looked at."""


@pytest.mark.slow
@pytest.mark.parametrize("clip", CLIPS)
def test_real_clips_are_still_or_move(assets: Path, clip: str) -> None:
    row = measured(clip_frames(assets / "video" / clip))
    least, most = CLIPS[clip]
    assert least <= row["most_shift_px"] <= most
    assert row["moves"] is (least > 0)
    assert row["views"] == 1
    assert row["judged"] > 0.9
