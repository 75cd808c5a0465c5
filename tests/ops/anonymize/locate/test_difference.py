"""A frame of a fixed camera is compared with its background in its own light and place, or not at all."""

from collections.abc import Iterator

import cv2
import numpy as np
import pytest

from ops.anonymize.locate.difference import BackgroundDifference, FrameComparison
from ops.anonymize.params import AnonymizeParams
from schemas.values import Float64, Uint8

SIZE = (400, 300)
BODY = (180, 90, 216, 200)
BOX = np.array([[170.0, 80.0, 226.0, 210.0]])
NONE = np.empty((0, 4))
STEP_US = 40_000
PARAMS = AnonymizeParams(grow_share=0.0)
MARGIN = 60


def wide_view(seed: int = 3) -> Uint8:
    """A street of blocks and texture, larger than the picture, so that the camera can move."""
    rng = np.random.default_rng(seed)
    width, height = SIZE[0] + 2 * MARGIN, SIZE[1] + 2 * MARGIN
    view = np.full((height, width, 3), 120, np.uint8)
    for _ in range(160):
        x, y = rng.integers(0, width), rng.integers(0, height)
        colour = rng.integers(60, 200, 3).tolist()
        cv2.rectangle(view, (x, y), (x + int(rng.integers(8, 60)), y + int(rng.integers(8, 60))), colour, -1)
    grain = rng.normal(0, 6, view.shape[:2])[..., None]
    return cv2.GaussianBlur(np.clip(view + grain, 0, 255).astype(np.uint8), (0, 0), 0.8)


VIEW = wide_view()


def seen(right: float = 0.0, down: float = 0.0) -> Uint8:
    """The picture when everything is shown so many pixels further (right, down)."""
    motion = np.array([[1, 0, right - MARGIN], [0, 1, down - MARGIN]], np.float64)
    return np.asarray(cv2.warpAffine(VIEW, motion, SIZE, flags=cv2.INTER_CUBIC), np.uint8)


BACKGROUND = seen()


def noisy(frame: Uint8, seed: int) -> Uint8:
    grain = np.random.default_rng(seed).normal(0, 2.5, frame.shape)
    return np.clip(frame + grain, 0, 255).astype(np.uint8)


def with_body(frame: Uint8) -> Uint8:
    """A person in dark trousers and a bright jacket."""
    x1, y1, x2, y2 = BODY
    frame = frame.copy()
    frame[y1 : y1 + 50, x1:x2] = (240, 235, 245)
    frame[y1 + 50 : y2, x1:x2] = (15, 12, 20)
    return frame


def lit(frame: Uint8, gain: float | tuple[float, float, float]) -> Uint8:
    return np.clip(frame * np.array(gain), 0, 255).astype(np.uint8)


def difference_to(unknown: Uint8 | None = None) -> BackgroundDifference:
    return BackgroundDifference(BACKGROUND, np.zeros(SIZE[::-1], np.uint8) if unknown is None else unknown, PARAMS)


def compared(
    frames: list[Uint8], boxes: Float64, given: BackgroundDifference | None = None
) -> Iterator[tuple[FrameComparison, Uint8]]:
    """What is made of frames, one after the other."""
    difference = given or difference_to()
    for number, frame in enumerate(frames):
        found = difference.compare(frame, number * STEP_US)
        yield found, difference.people_mask(found, boxes)


def body_of(mask: Uint8) -> Uint8:
    x1, y1, x2, y2 = BODY
    return mask[y1:y2, x1:x2]


def test_frames_like_the_background_are_comparable_and_nothing_is_covered() -> None:
    for found, mask in compared([BACKGROUND] * 3, BOX):
        assert found.comparable
        assert found.shift_px == (0.0, 0.0)
        assert found.fit.gains == pytest.approx([1, 1, 1])
        assert found.fit.differing == 0
        assert not mask.any()


def test_a_gain_ramp_is_light_and_the_body_stays_covered() -> None:
    gains = [*np.linspace(0.7, 1.2, 11)]
    frames = [noisy(lit(BACKGROUND, gain), number) for number, gain in enumerate(gains)]
    bodies = [with_body(frame) for frame in frames]
    for (found, mask), gain in zip(compared(bodies, BOX), gains, strict=True):
        assert found.comparable
        assert found.fit.gains == pytest.approx([gain] * 3, abs=0.04)
        assert body_of(mask).all()
    for found, mask in compared(frames, BOX):
        assert found.comparable
        assert (mask > 0).mean() < 0.01


def test_a_colour_cast_is_light() -> None:
    ((found, mask),) = compared([lit(BACKGROUND, (1.2, 1.0, 0.8))], BOX)
    assert found.fit.gains == pytest.approx([1.2, 1.0, 0.8], abs=0.03)
    assert (mask > 0).mean() < 0.02


SHAKES = [(0, 0), (2, 0), (-2, 1), (1.5, -2), (0, 2), (-1, -1), (2, 2), (0, 0)]


def test_a_shake_is_found_and_compensated() -> None:
    frames = [noisy(seen(*shake), number) for number, shake in enumerate(SHAKES)]
    for (found, mask), shake in zip(compared(frames, BOX), SHAKES, strict=True):
        assert found.comparable
        assert found.shift_px == pytest.approx(shake, abs=0.2)
        assert (mask > 0).mean() < 0.01


def test_the_body_stays_covered_while_the_camera_shakes() -> None:
    frames = [with_body(noisy(seen(*shake), number)) for number, shake in enumerate(SHAKES)]
    for boxes in (BOX, NONE):  # found by the detector, or missed
        for found, mask in compared(frames, boxes):
            assert found.comparable
            assert body_of(mask).all()


def test_a_camera_that_moved_cannot_be_compared_and_boxes_are_covered_whole() -> None:
    still = [noisy(with_body(BACKGROUND), number) for number in range(3)]
    moved = [noisy(with_body(seen(35, -20)), number) for number in range(3, 8)]
    results = list(compared([*still, *moved], BOX))
    assert [found.comparable for found, _ in results] == [True] * 3 + [False] * 5
    x1, y1, x2, y2 = BOX[0].astype(int)
    for _, mask in results[3:]:
        assert mask[y1:y2, x1:x2].all()
    assert all(body_of(mask).all() for _, mask in results)


def test_a_little_move_is_noticed_where_most_of_the_picture_is_smooth() -> None:
    background = np.full((SIZE[1], SIZE[0], 3), 120, np.uint8)
    background[200:] = cv2.resize(BACKGROUND, (SIZE[0], 100))
    moved = np.roll(background, 14, axis=1)
    difference = BackgroundDifference(background, np.zeros(SIZE[::-1], np.uint8), PARAMS)
    assert difference.compare(background, 0).comparable
    found = difference.compare(noisy(moved, 1), STEP_US)
    assert found.fit.differing < 0.35
    assert not found.comparable


def test_a_camera_that_comes_back_is_compared_again() -> None:
    frames = [BACKGROUND, seen(35, -20), seen(35, -20), BACKGROUND]
    assert [found.comparable for found, _ in compared(frames, BOX)] == [True, False, False, True]


def test_lights_off_and_on_cover_boxes_whole_in_between() -> None:
    frames = [noisy(lit(with_body(BACKGROUND), 0.15 if 3 <= number < 6 else 1.0), number) for number in range(9)]
    results = list(compared(frames, BOX))
    assert [found.comparable for found, _ in results] == [True] * 3 + [False] * 3 + [True] * 3
    assert all(body_of(mask).all() for _, mask in results)
    x1, y1, x2, y2 = BOX[0].astype(int)
    assert all(mask[y1:y2, x1:x2].all() for _, mask in results[3:6])
    assert results[-1][0].fit.gains == pytest.approx([1, 1, 1], abs=0.04)


def test_what_was_covered_as_missed_stays_for_a_while_when_the_light_goes() -> None:
    frames = [with_body(BACKGROUND), *[lit(with_body(BACKGROUND), 0.1)] * 15]
    covered = [bool(body_of(mask).all()) for _, mask in compared(frames, NONE)]
    assert covered == [True] * 11 + [False] * 5


@pytest.mark.parametrize("shade", [15, 250])
def test_a_person_near_who_is_most_of_the_picture_is_covered_though_nobody_found_them(shade: int) -> None:
    near = BACKGROUND.copy()
    near[60:, 60:340] = shade
    assert (near[60:, 60:340].size / near.size) > 0.5
    results = list(compared([BACKGROUND, near, near], NONE))
    for found, mask in results[1:]:
        assert found.comparable
        assert mask[60:, 60:340].all()
        assert not mask[:40].any()


def test_the_background_is_given_in_the_frames_light_and_place() -> None:
    difference = difference_to()
    frame = lit(seen(2, -1), (0.9, 0.8, 1.1))
    background = difference.background_for(difference.compare(frame, 0))
    assert background is not None
    inner = (slice(8, -8), slice(8, -8))
    off = np.abs(background[inner].astype(int) - frame[inner])
    assert np.median(off) <= 4
    assert np.percentile(off, 95) <= 16


def test_there_is_no_background_for_a_frame_that_cannot_be_compared() -> None:
    difference = difference_to()
    assert difference.background_for(difference.compare(seen(40, 25), 0)) is None


def test_a_background_without_texture_or_of_night_is_compared_all_the_same() -> None:
    for shade in (5, 128):
        flat = np.full((SIZE[1], SIZE[0], 3), shade, np.uint8)
        difference = BackgroundDifference(flat, np.zeros(SIZE[::-1], np.uint8), PARAMS)
        found = difference.compare(with_body(flat), 0)
        assert found.comparable
        assert body_of(difference.people_mask(found, BOX))[:50].all()
        assert not difference.people_mask(difference.compare(flat, 10**9), BOX).any()


@pytest.mark.parametrize("size", [(1, 1), (127, 63), (2, 90)])
def test_pictures_may_be_of_any_size(size: tuple[int, int]) -> None:
    picture = np.random.default_rng(1).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    difference = BackgroundDifference(picture, np.zeros(size[::-1], np.uint8), PARAMS)
    assert not difference.people_mask(difference.compare(picture, 0), NONE).any()
    other = difference.compare(255 - picture, 1)
    assert difference.people_mask(other, np.array([[0, 0, size[0], size[1]]], np.float64)).all() or other.comparable


def test_shifts_are_found_as_well_after_many_frames() -> None:
    frames = [seen(2, 0), BACKGROUND] * 12
    shifts = [found.shift_px for found, _ in compared(frames, NONE)]
    assert set(shifts) == {shifts[0], (0.0, 0.0)}
    assert shifts[0] == pytest.approx((2, 0), abs=0.2)


def test_the_same_frames_give_the_same_masks() -> None:
    frames = [with_body(noisy(seen(*shake), number)) for number, shake in enumerate(SHAKES)]
    one, other = (list(compared(frames, BOX)) for _ in range(2))
    for (first, mask), (second, again) in zip(one, other, strict=True):
        assert first.shift_px == second.shift_px
        assert (mask == again).all()
