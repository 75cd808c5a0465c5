"""The background residual finds people before the background who are not covered, and little else."""

import cv2
import numpy as np
import pytest

from ops.anonymize.verify.residual import BackgroundResidual
from schemas.values import Float64, Uint8

WIDTH, HEIGHT = 480, 360
PERSON = (200, 120, 226, 190)
NOWHERE = np.zeros((HEIGHT, WIDTH), np.uint8)


@pytest.fixture(scope="module")
def background() -> Uint8:
    """A yard with a wall, a path and some texture."""
    rng = np.random.default_rng(3)
    picture = np.full((HEIGHT, WIDTH, 3), (70, 110, 90), np.uint8)
    picture[:100] = (90, 100, 140)
    picture[200:260] = (150, 150, 150)
    for _ in range(60):
        x, y, side = *rng.integers(0, (WIDTH, HEIGHT)), rng.integers(4, 24)
        cv2.rectangle(picture, (int(x), int(y)), (int(x + side), int(y + side)), rng.integers(60, 200, 3).tolist(), -1)
    return np.asarray(cv2.GaussianBlur(picture, (3, 3), 0), np.uint8)


def noisy(picture: Uint8, seed: int = 0) -> Uint8:
    return np.clip(picture + np.random.default_rng(seed).normal(0, 3, picture.shape), 0, 255).astype(np.uint8)


def with_person(picture: Uint8, box: tuple[int, int, int, int] = PERSON) -> Uint8:
    """A person in a dark coat, with a head."""
    frame = picture.copy()
    x1, y1, x2, y2 = box
    head = y1 + (y2 - y1) // 6
    cv2.rectangle(frame, (x1, head), (x2 - 1, y2 - 1), (50, 35, 30), -1)
    cv2.circle(frame, ((x1 + x2) // 2, (y1 + head) // 2), (head - y1) // 2 + 2, (120, 150, 200), -1)
    return frame


def known(background: Uint8) -> BackgroundResidual:
    return BackgroundResidual(background, NOWHERE)


def touches(boxes: Float64, box: tuple[int, int, int, int]) -> bool:
    x1, y1, x2, y2 = boxes.T
    return bool(((x1 < box[2]) & (x2 > box[0]) & (y1 < box[3]) & (y2 > box[1])).any())


def moved(picture: Uint8, right: float, down: float) -> Uint8:
    motion = np.array([[1, 0, right], [0, 1, down]], np.float64)
    size = (picture.shape[1], picture.shape[0])
    return np.asarray(cv2.warpAffine(picture, motion, size, borderMode=cv2.BORDER_REFLECT), np.uint8)


def test_the_background_itself_has_no_residual(background: Uint8) -> None:
    assert known(background).find(noisy(background), NOWHERE).shape == (0, 4)


def test_a_person_is_residual_with_head_and_feet(background: Uint8) -> None:
    boxes = known(background).find(noisy(with_person(background)), NOWHERE)
    assert len(boxes) == 1
    assert boxes[0] == pytest.approx(PERSON, abs=8)


@pytest.mark.parametrize("light", [0.75, 0.9, 1.15])
@pytest.mark.parametrize("shift", [(0.0, 0.0), (1.5, -1.0), (-2.5, 2.0)])
def test_another_light_and_a_shaken_camera_are_no_residual_but_a_person_is(
    background: Uint8, light: float, shift: tuple[float, float]
) -> None:
    residual = known(background)
    for picture, found in ((background, False), (with_person(background), True)):
        frame = noisy(np.clip(moved(picture, *shift) * light, 0, 255).astype(np.uint8))
        assert touches(residual.find(frame, NOWHERE), PERSON) == found
        assert len(residual.find(frame, NOWHERE)) == found


def test_what_is_covered_is_no_residual_and_leaves_none_at_its_edge(background: Uint8) -> None:
    frame, covered = noisy(with_person(background)), NOWHERE.copy()
    covered[PERSON[1] - 6 : PERSON[3] + 6, PERSON[0] - 6 : PERSON[2] + 6] = 255
    frame[covered > 0] = (139, 116, 100)
    frame = np.asarray(cv2.GaussianBlur(frame, (3, 3), 0), np.uint8)  # as an encoder would blur the edge
    assert not len(known(background).find(frame, covered))


def test_a_head_outside_of_what_is_covered_is_residual(background: Uint8) -> None:
    frame, covered = noisy(with_person(background)), NOWHERE.copy()
    covered[PERSON[1] + 16 : PERSON[3], PERSON[0] : PERSON[2]] = 255
    frame[covered > 0] = (139, 116, 100)
    head = (PERSON[0], PERSON[1], PERSON[2], PERSON[1] + 14)
    assert touches(known(background).find(frame, covered), head)


def test_a_wide_soft_and_weak_shadow_is_no_residual(background: Uint8) -> None:
    shade = np.ones((HEIGHT, WIDTH, 1), np.float32)
    shade[80:330, 120:420] = 0.85
    shade[:, :, 0] = cv2.GaussianBlur(shade, (0, 0), 30)
    assert not len(known(background).find(noisy((background * shade).astype(np.uint8)), NOWHERE))


def test_less_than_a_head_is_no_residual(background: Uint8) -> None:
    frame = noisy(background)
    frame[150:154, 300:303] = 255
    assert not len(known(background).find(frame, NOWHERE))


def test_what_the_background_does_not_know_is_residual_unless_covered(background: Uint8) -> None:
    unknown = NOWHERE.copy()
    unknown[100:160, 300:330] = 255
    residual = BackgroundResidual(background, unknown)
    (box,) = residual.find(noisy(background), NOWHERE)
    assert box == pytest.approx((300, 100, 330, 160), abs=8)
    assert not len(residual.find(noisy(background), unknown))


def test_a_frame_that_is_covered_whole_has_no_residual(background: Uint8) -> None:
    frame = np.full_like(background, 100)
    assert not len(known(background).find(frame, np.full((HEIGHT, WIDTH), 255, np.uint8)))


@pytest.mark.parametrize("size_px", [(1, 1), (9, 7), (127, 63), (1920, 1080)])
def test_any_size_will_do(size_px: tuple[int, int]) -> None:
    picture = np.full((size_px[1], size_px[0], 3), 90, np.uint8)
    nothing = np.zeros(picture.shape[:2], np.uint8)
    assert not len(BackgroundResidual(picture, nothing).find(picture, nothing))


def test_the_same_frame_gives_the_same_whatever_came_before(background: Uint8) -> None:
    one, other = known(background), known(background)
    other.find(noisy(np.asarray(background * 0.8, np.uint8), 5), NOWHERE)
    frame = noisy(with_person(background))
    assert (one.find(frame, NOWHERE) == other.find(frame, NOWHERE)).all()


@pytest.mark.parametrize("shift", [(0.0, 0.0), (6.0, -4.0)])
def test_people_small_for_the_picture_are_residual_if_people_are_known_to_be_small(
    background: Uint8, shift: tuple[float, float]
) -> None:
    size_px = (4 * WIDTH, 4 * HEIGHT)
    wide = np.asarray(cv2.resize(background, size_px, interpolation=cv2.INTER_CUBIC), np.uint8)
    small, nowhere = (900, 500, 910, 528), np.zeros(size_px[::-1], np.uint8)
    empty, frame = (noisy(moved(picture, *shift)) for picture in (wide, with_person(wide, small)))
    assert not len(BackgroundResidual(wide, nowhere).find(frame, nowhere)), "it is seven pixels high when reduced"
    fine = BackgroundResidual(wide, nowhere, least_person_px=28)
    assert touches(fine.find(frame, nowhere), small) and len(fine.find(frame, nowhere)) == 1
    assert not len(fine.find(empty, nowhere))
