"""A street drawn frame by frame: a fixed view with noise, light that drifts, and people who walk as grey figures."""

from collections.abc import Callable, Sequence
from functools import cache

import cv2
import numpy as np

from schemas.values import Float32, Float64, Uint8

SIZE_PX = (320, 240)
FPS = 10.0

Box = tuple[int, int, int, int]
Draw = Callable[[Uint8, int], None]


def street(seed: int = 0) -> Uint8:
    """A background with texture and edges, ``(240, 320, 3)`` BGR."""
    rng = np.random.default_rng(seed)
    rough = rng.integers(90, 170, (15, 20, 3), dtype=np.uint8)
    picture = np.asarray(cv2.resize(rough, SIZE_PX, interpolation=cv2.INTER_CUBIC))
    for x in range(20, 320, 60):
        cv2.line(picture, (x, 0), (x - 15, 239), (70, 75, 80), 2)
    return picture


def film(frames: int, draw: Sequence[Draw], light: Float64 | None = None, seed: int = 1) -> Uint8:
    """``(N, H, W, 3)``: the street, what each of ``draw`` paints on it, times the light, plus noise."""
    plain, grains = street(), _grains(seed)
    out = np.empty((frames, *plain.shape), np.uint8)
    for number in range(frames):
        picture = plain.copy()
        for paint in draw:
            paint(picture, number)
        # Drawing all noise anew would be half of the time of a test.
        grain = np.roll(grains[number % len(grains)], 7 * (number // len(grains)), axis=1)
        lit = picture * np.float32(1.0 if light is None else light[number]) + grain
        out[number] = np.clip(lit, 0, 255)
    return out


@cache
def _grains(seed: int) -> Float32:
    """Noise of some frames, ``(12, H, W, 3)``."""
    noise = np.random.default_rng(seed).standard_normal((12, SIZE_PX[1], SIZE_PX[0], 3), dtype=np.float32)
    return noise * np.float32(3)


def walker(
    start: tuple[int, int], step_px: float, height: int = 60, colour: tuple[int, int, int] = (40, 30, 60)
) -> Draw:
    """Somebody who walks to the right from the foot point ``start``; stands if ``step_px`` is 0."""

    def paint(picture: Uint8, number: int) -> None:
        x1, y1, x2, y2 = box_at(start, step_px, number, height)
        middle, head = (x1 + x2) // 2, height // 8
        cv2.circle(picture, (middle, y1 + head), head, (60, 70, 110), -1)
        cv2.rectangle(picture, (x1, y1 + 2 * head), (x2 - 1, y1 + height * 5 // 8), colour, -1)
        stride = (x2 - x1) // 2 - 3
        for side in (-1, 1):
            foot = middle + side * (stride if number % 4 < 2 or not step_px else stride // 2)
            cv2.line(picture, (middle, y1 + height * 5 // 8), (foot, y2 - 3), (30, 30, 30), 5)

    return paint


def box_at(start: tuple[int, int], step_px: float, number: int, height: int = 60) -> Box:
    """Where the walker is, right and bottom exclusive."""
    width = height * 2 // 5
    left = round(start[0] + step_px * number) - width // 2
    return left, start[1] - height, left + width, start[1]


def thing(box: Box, colour: tuple[int, int, int], first: int = 0, last: int = 1 << 30) -> Draw:
    """A rectangle that is there from frame ``first`` to ``last``, exclusive."""

    def paint(picture: Uint8, number: int) -> None:
        if first <= number < last:
            cv2.rectangle(picture, box[:2], (box[2] - 1, box[3] - 1), colour, -1)

    return paint
