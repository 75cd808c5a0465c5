"""Keeps the frames of a segment, compressed, so that its background is known before its first frame is judged."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

from ops.masked_median import masked_median
from ops.pictures import largest_channel
from schemas.values import Float32, Uint8

Int16 = npt.NDArray[np.int16]

MAX_FRAMES = 3000
JPEG_QUALITY = 92
THUMB_PX = (48, 27)
BACKGROUND_SAMPLES = 41
SUDDEN_GREY, SUDDEN_SHARE = 10, 0.5
"""A scene is cut where more than this share of a thumbnail's cells changes by more than these grey levels."""

SHORTEST_SCENE = 20
"""Frames; in fewer, the median may show a person instead of the background."""


@dataclass(frozen=True)
class Scene:
    """A stretch of frames under steady light, and its background.

    Attributes:
        first, last: frame numbers, ``last`` exclusive.
        background: ``(H, W, 3)`` median of the frames, BGR.
        noise: ``(H, W)`` standard deviation of a grey level, estimated from the median absolute deviation.
        gains: ``(last - first,)`` factor that brings a frame to the background's brightness.
    """

    first: int
    last: int
    background: Uint8
    noise: Float32
    gains: Float32


class MotionBuffer:
    """Frames as JPEG: five minutes at 10 fps take some 60 MB where raw pixels would take 1.2 GB."""

    def __init__(self) -> None:
        self._coded: list[Uint8] = []
        self._thumbs: list[Uint8] = []

    def __len__(self) -> int:
        return len(self._coded)

    @property
    def full(self) -> bool:
        """Whether it must be emptied before more is added: this bounds memory in long segments."""
        return len(self) >= MAX_FRAMES

    def add(self, frame: Uint8) -> None:
        """Adds a frame ``(H, W, 3)`` BGR."""
        _, coded = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        self._coded.append(np.asarray(coded))
        small = cv2.resize(frame, THUMB_PX, interpolation=cv2.INTER_AREA)
        self._thumbs.append(np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)))

    def frame(self, number: int) -> Uint8:
        """Returns a frame ``(H, W, 3)`` BGR."""
        return np.asarray(cv2.imdecode(self._coded[number], cv2.IMREAD_COLOR))

    def scenes(self) -> Iterator[Scene]:
        """Yields stretches of steady light, cut where most of the picture changes at once; short ones are left out."""
        if not self._coded:
            return
        thumbs = np.stack(self._thumbs).reshape(len(self), -1).astype(np.int16)
        jumps = (np.abs(np.diff(thumbs, axis=0)) > SUDDEN_GREY).mean(axis=1) > SUDDEN_SHARE
        borders = [0, *(np.nonzero(jumps)[0] + 1).tolist(), len(self)]
        for first, last in pairwise(borders):
            if last - first >= SHORTEST_SCENE:
                yield self._scene(first, last, thumbs[first:last])

    def _scene(self, first: int, last: int, thumbs: Int16) -> Scene:
        usual = np.median(thumbs, axis=0)
        # The median ratio of all cells: people cover few of them, a change of light covers most.
        gains = np.median((usual + 1) / (thumbs + 1), axis=1).astype(np.float32)
        chosen = np.unique(np.linspace(0, last - first - 1, BACKGROUND_SAMPLES).round().astype(int))
        samples = np.stack([brightened(self.frame(first + i), float(gains[i])) for i in chosen])
        background = median(samples)
        apart = np.stack([largest_channel(cv2.absdiff(sample, background)) for sample in samples])
        noise = cv2.blur(median(apart[..., None])[..., 0].astype(np.float32) * 1.4826, (5, 5))
        return Scene(first, last, background, np.asarray(noise, np.float32), gains)


def median(samples: Uint8) -> Uint8:
    """Returns the median of pictures ``(S, H, W, C)``."""
    return masked_median(samples, np.ones(samples.shape[:3], bool))[0]


def brightened(frame: Uint8, gain: float) -> Uint8:
    """Multiplies a frame by a factor."""
    return np.asarray(cv2.convertScaleAbs(frame, alpha=gain))
