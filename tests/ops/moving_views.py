"""Windows that move over a larger picture, as the view of a camera that drifts, shakes, zooms or turns."""

from collections.abc import Sequence
from functools import cache
from itertools import islice
from pathlib import Path

import av
import cv2
import numpy as np

from schemas.values import Float32, Float64, Uint8

MARGIN_PX = 40


def wide_view(size_px: tuple[int, int] = (640, 400), seed: int = 3) -> Uint8:
    """Draws a street of blocks with grain, ``(H, W, 3)`` BGR."""
    rng = np.random.default_rng(seed)
    width, height = size_px
    view = np.full((height, width, 3), 120, np.uint8)
    for _ in range(220):
        x, y = rng.integers(0, width), rng.integers(0, height)
        colour = rng.integers(60, 200, 3).tolist()
        cv2.rectangle(view, (x, y), (x + int(rng.integers(8, 60)), y + int(rng.integers(8, 60))), colour, -1)
    grain = rng.normal(0, 6, view.shape[:2])[..., None]
    return cv2.GaussianBlur(np.clip(view + grain, 0, 255).astype(np.uint8), (0, 0), 0.8)


def window(picture: Uint8, right: float = 0.0, down: float = 0.0, zoom: float = 1.0, turn_deg: float = 0.0) -> Uint8:
    """Returns what a camera sees of a picture, less ``MARGIN_PX`` on each side, if all is shown so much further.

    Args:
        right, down: pixels by which everything is shifted.
        zoom, turn_deg: about the window's middle; turns are clockwise.
    """
    height, width = picture.shape[0] - 2 * MARGIN_PX, picture.shape[1] - 2 * MARGIN_PX
    motion = cv2.getRotationMatrix2D((picture.shape[1] / 2, picture.shape[0] / 2), -turn_deg, zoom)
    motion[:, 2] += (right - MARGIN_PX, down - MARGIN_PX)
    return np.asarray(cv2.warpAffine(picture, motion, (width, height), flags=cv2.INTER_CUBIC), np.uint8)


def noisy(frame: Uint8, seed: int) -> Uint8:
    """Adds a sensor's noise, another one for each seed."""
    grains = _grains(frame.shape)
    # Drawing all noise anew would be half of the time of a test.
    grain = np.roll(grains[seed % len(grains)], 7 * (seed // len(grains)), axis=1)
    return np.clip(frame + grain, 0, 255).astype(np.uint8)


@cache
def _grains(shape: tuple[int, ...]) -> Float32:
    """Noise of some frames, ``(12, *shape)``."""
    return np.random.default_rng(0).standard_normal((12, *shape), dtype=np.float32) * np.float32(2.5)


@cache
def pets_pictures(assets: Path, every: int = 10) -> list[Uint8]:
    """Reads pictures of a street that a fixed camera filmed, ``(576, 768, 3)`` BGR each."""
    files = sorted((assets / "video" / "PETS09-S2L1" / "img1").glob("*.jpg"))[::every]
    return [np.asarray(cv2.imread(str(file)), np.uint8) for file in files]


def clip_frames(path: Path, fps: float = 2.0, least: int = 20, most_s: float = 40.0) -> list[Uint8]:
    """Decodes a few frames a second of a clip, ``(H, W, 3)`` BGR each.

    Args:
        least: number of frames that are given at least, if the clip has as many.
        most_s: seconds after which the rest of the clip is left out.
    """
    with av.open(str(path)) as container:
        rate = float(container.streams.video[0].average_rate or 25)
        every = list(islice(container.decode(video=0), round(rate * most_s)))
    step = max(1, min(round(rate / fps), len(every) // least))
    return [np.asarray(frame.to_ndarray(format="bgr24"), np.uint8) for frame in every[::step]]


def drift(count: int, total_px: float) -> list[tuple[float, float]]:
    """Returns shifts of a camera that sinks slowly."""
    return [(total_px * number / (count - 1), 0.0) for number in range(count)]


def shake(count: int, amplitude_px: float, seed: int = 5) -> list[tuple[float, float]]:
    """Returns shifts of a camera on a mast in the wind; the first is none."""
    rng = np.random.default_rng(seed)
    shifts: Float64 = np.concatenate([np.zeros((1, 2)), rng.uniform(-amplitude_px, amplitude_px, (count - 1, 2))])
    return [(right, down) for right, down in shifts.tolist()]


def moved(pictures: Sequence[Uint8], shifts: Sequence[tuple[float, float]]) -> list[Uint8]:
    """Returns windows over pictures, each shifted."""
    return [window(picture, *shift) for picture, shift in zip(pictures, shifts, strict=True)]
