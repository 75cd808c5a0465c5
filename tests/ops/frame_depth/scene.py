"""A made-up scene with true depth: a textured wall and floor, and an upright figure that walks across."""

from collections.abc import Callable

import cv2
import numpy as np

from ops.depth_models.kinds import AffineDepth, Depth, MetricDepth, RelativeDepth
from ops.frame_depth.view import Background
from schemas.values import Float32, Uint8

SIZE_PX = (160, 120)
FRAMES = 30
FRAME_US = 200_000
FIGURE_PX = (20, 60)
_ROOM_PX = 120


class Scene:
    """Frames and their depth.

    Args:
        person: whether somebody walks there.
        pan_px: pixels by which the camera turns from frame to frame.
        gain: largest error of the scale of single metric maps, as a share.

    Attributes:
        looks: pictures that the network has seen.
    """

    def __init__(self, person: bool = True, pan_px: int = 0, gain: float = 0.0) -> None:
        random = np.random.default_rng(5)
        width, height = SIZE_PX
        noise = random.integers(60, 220, (height, width + _ROOM_PX, 3), dtype=np.uint8)
        self._wide = np.asarray(cv2.GaussianBlur(noise, (0, 0), 2), np.uint8)
        rows = np.maximum(np.arange(height) - 40, 0)[:, None]
        self._wide_m = np.broadcast_to(12.0 / (1 + rows / 20), self._wide.shape[:2]).astype(np.float32)
        clothes = random.integers(0, 90, (FIGURE_PX[1], FIGURE_PX[0], 3), dtype=np.uint8)
        self._figure = np.asarray(cv2.GaussianBlur(clothes, (0, 0), 1), np.uint8)
        self._person, self._pan_px, self._gain = person, pan_px, gain
        self._random = random
        self._now = -1
        self.looks = 0
        self.background = Background(self._part(self._wide, 0).copy(), np.zeros((height, width), np.bool_), 1.0)

    def frame(self, number: int) -> Uint8:
        """A frame, BGR; the network then sees its depth."""
        self._now = number
        picture = self._part(self._wide, number).copy()
        if self._person:
            picture[self._place(number)] = self._figure
        return picture

    def depth_m(self, number: int) -> Float32:
        """The true depth of a frame."""
        depth_m = self._part(self._wide_m, number).copy()
        if self._person:
            rows, columns = self._place(number)
            depth_m[rows, columns] = depth_m[rows.stop - 1, columns]
        return depth_m

    def network(self, kind: str) -> Callable[[Uint8], Depth]:
        """A network that gives the true depth, as metres or with a scale and a shift that differ in every picture."""

        def estimate(picture: Uint8) -> Depth:
            self.looks += 1
            empty = np.array_equal(picture[:, :, ::-1], self.background.picture)
            depth_m = self._part(self._wide_m, 0) if empty else self.depth_m(self._now)
            s, t = float(self._random.uniform(0.5, 2)), float(self._random.uniform(-0.05, 0.05))
            if kind == "metric":
                return MetricDepth(depth_m * np.float32(1 + self._random.uniform(-self._gain, self._gain)))
            if kind == "affine":
                return AffineDepth(((depth_m - t) / s).astype(np.float32))
            return RelativeDepth(((1 / depth_m - t) / s).astype(np.float32))

        return estimate

    def _part(self, wide: np.ndarray, number: int) -> np.ndarray:
        left = self._pan_px * number
        return wide[:, left : left + SIZE_PX[0]]

    @staticmethod
    def _place(number: int) -> tuple[slice, slice]:
        left, foot = 10 + 4 * number, 90 + number // 2
        return slice(foot - FIGURE_PX[1], foot), slice(left, left + FIGURE_PX[0])
