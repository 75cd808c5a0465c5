"""Masks are carried along with people who move, and a network looks again where the flow is lost."""

import cv2
import numpy as np

from ops.anonymize.cover.outlines import OutlineCover
from ops.foreground.carried import CarriedForeground, CarriedMasks
from schemas.values import Float32, Uint8
from tests.ops.mask_networks import BODY_BGR, SeesDark

SIZE = (240, 200)
TEXTURE = cv2.GaussianBlur(
    np.random.default_rng(3).integers(120, 256, (SIZE[1], SIZE[0], 3), dtype=np.uint8), (0, 0), 2
)
SHIRT = np.random.default_rng(4).integers(-8, 9, (100, 40, 3))


def walked(step: int) -> Uint8:
    """A person who walks two pixels a frame."""
    frame = TEXTURE.copy()
    x = 60 + 2 * step
    frame[50:150, x : x + 40] = np.array(BODY_BGR) + SHIRT
    return frame


def box(step: int) -> np.ndarray:
    return np.array([[58.0 + 2 * step, 48.0, 102.0 + 2 * step, 152.0]])


def is_person(frame: Uint8) -> np.ndarray:
    return (np.abs(frame.astype(int) - BODY_BGR) <= 8).all(axis=2)


COAT = np.random.default_rng(5).integers(0, 120, (100, 40, 3), dtype=np.uint8)


def walked_in_a_coat(step: int) -> Uint8:
    frame = TEXTURE.copy()
    frame[50:150, 60 + 2 * step : 100 + 2 * step] = cv2.GaussianBlur(COAT, (0, 0), 1)
    return frame


class SeesPerson:
    """A ``ForegroundFinder`` that knows the scene."""

    def __init__(self) -> None:
        self.frames = 0

    def find(self, frame: Uint8) -> Float32:
        self.frames += 1
        scene = TEXTURE[: frame.shape[0]]
        return (frame != scene).any(axis=2).astype(np.float32)


def covered(finder: object, steps: int) -> list[Uint8]:
    cover = OutlineCover(finder)  # type: ignore[arg-type]
    masks = []
    for step in range(steps):
        mask = np.zeros(SIZE[::-1], np.uint8)
        assert cover.add(mask, walked(step), box(step), 1, step * 100_000).tolist() == [True]
        masks.append(mask)
    return masks


def test_a_network_looks_at_keyframes_and_people_stay_covered_between_them() -> None:
    finder = SeesDark()
    carried = CarriedMasks(finder, every=5)
    masks = covered(carried, 10)
    assert (carried.looks, carried.carried, len(finder.squares)) == (2, 8, 2)
    for step, (mask, looked) in enumerate(zip(masks, covered(SeesDark(), 10), strict=True)):
        assert mask[is_person(walked(step))].mean() > 0.99 * 255
        assert (mask > 0).sum() < 1.25 * (looked > 0).sum()


def test_every_frame_is_looked_at_unless_asked_otherwise() -> None:
    finder = SeesDark()
    masks = covered(CarriedMasks(finder, every=1), 4)
    assert len(finder.squares) == 4
    assert all((one == other).all() for one, other in zip(masks, covered(SeesDark(), 4), strict=True))


def test_a_cut_to_another_picture_makes_the_network_look_again() -> None:
    carried = CarriedMasks(SeesDark(), every=100)
    covered(carried, 3)
    cover = OutlineCover(carried)
    other = np.random.default_rng(9).integers(0, 256, (SIZE[1], SIZE[0], 3), dtype=np.uint8)
    before = carried.looks
    assert cover.add(np.zeros(SIZE[::-1], np.uint8), other, box(3), 1, 300_000).tolist() == [False]
    assert carried.looks == before + 1


def test_somebody_elsewhere_is_looked_at_and_not_carried() -> None:
    carried = CarriedMasks(SeesDark(), every=100)
    covered(carried, 2)
    cover = OutlineCover(carried)
    assert carried.looks == 1
    cover.add(np.zeros(SIZE[::-1], np.uint8), walked(2), np.array([[180.0, 20.0, 230.0, 120.0]]), 1, 200_000)
    assert carried.looks == 2


def test_whole_frames_are_carried_too() -> None:
    finder = SeesPerson()
    carried = CarriedForeground(finder, every=5)
    for step in range(10):
        frame = walked_in_a_coat(step)
        found = carried.find(frame) >= 0.5
        truth = (frame != TEXTURE).any(axis=2)
        assert (found & truth).sum() / (found | truth).sum() > 0.8
    assert (carried.looks, carried.carried, finder.frames) == (2, 8, 2)
    smaller = np.ascontiguousarray(walked_in_a_coat(10)[:150])
    assert carried.find(smaller).shape == (150, 240) and carried.looks == 3
