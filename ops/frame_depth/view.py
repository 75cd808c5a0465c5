"""The empty view of a fixed camera: its picture, its depth, and which pixels of a frame differ from it."""

from dataclasses import dataclass

import cv2
import numpy as np

from ops.pictures import largest_channel
from schemas.values import Bools, Float32, Uint8

_LEAST_CONTRAST = 14.0
_NOISES = 5.0
"""A pixel differs by more than this many grey levels, and this many times the background's noise."""

_GROWN_PX = 2
_SPECK_PX = 3
MOST_DIFFERENT = 0.6
"""Share of the frame above which the light or the view has changed, and the background tells nothing."""


@dataclass(frozen=True)
class Background:
    """The picture of a fixed camera without people, of the size of the frames.

    Attributes:
        picture: ``(H, W, 3)`` BGR.
        unknown: ``(H, W)``, where it shows nothing sure.
        noise: grey levels.
    """

    picture: Uint8
    unknown: Bools
    noise: float


@dataclass(frozen=True)
class EmptyView:
    """A background and its depth: ``values`` ``(H, W)`` as the network gives it."""

    background: Background
    values: Float32

    def foreground(self, frame: Uint8) -> Bools | None:
        """Returns the pixels ``(H, W)`` of a frame that differ from the background; None if most of them do.

        Slow light is taken out first: the median change of each channel.
        """
        change = frame.astype(np.int16) - self.background.picture.astype(np.int16)
        change -= np.median(change[::4, ::4], axis=(0, 1)).astype(np.int16)
        off = largest_channel(np.minimum(np.abs(change), 255).astype(np.uint8))
        soft = cv2.GaussianBlur(off, (0, 0), 1.0)
        different = (np.asarray(soft) > max(_LEAST_CONTRAST, _NOISES * self.background.noise)).astype(np.uint8)
        cleaned = cv2.morphologyEx(different, cv2.MORPH_OPEN, np.ones((_SPECK_PX, _SPECK_PX), np.uint8))
        grown = cv2.dilate(cleaned, np.ones((2 * _GROWN_PX + 1, 2 * _GROWN_PX + 1), np.uint8)) > 0
        found = np.asarray(grown, np.bool_)
        return None if found.mean() > MOST_DIFFERENT else found | self.background.unknown
