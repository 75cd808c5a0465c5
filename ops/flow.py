"""Optical flow from frame to frame, checked in both directions, and chained back to a keyframe.

The flow is DIS (Kroeger et al., arXiv 1603.03590); where it holds follows Sundaram et al., ECCV 2010: there and back
must end near the start. Displacements are chained, not pictures: a depth map is sampled once, however many frames it is
carried, so that its edges stay sharp.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from schemas.values import Bools, Float32, Uint8

Indices = npt.NDArray[np.intp]

LEAST_SIDE_PX = 16
"""Shorter side from which DIS finds flow; its patches are 8 pixels wide."""

_SHARE, _REST = 0.01, 0.5
"""Sundaram's tolerance: share of the squared lengths of both flows, and a rest in squared pixels."""


@dataclass(frozen=True)
class Chain:
    """Where each pixel of a frame was in the keyframe.

    Attributes:
        back_px: ``(H, W, 2)`` displacement (x, y) to the keyframe.
        valid: ``(H, W)``, where every step so far held.
    """

    back_px: Float32
    valid: Bools

    @classmethod
    def at_keyframe(cls, shape: tuple[int, int]) -> "Chain":
        """Returns the chain of the keyframe itself."""
        return cls(np.zeros((*shape, 2), np.float32), np.ones(shape, np.bool_))

    def extended(self, step_px: Float32, held: Bools) -> "Chain":
        """Returns the chain of the next frame.

        Args:
            step_px: ``(H, W, 2)`` flow from that frame to this one.
            held: ``(H, W)``, where it passed the check.
        """
        rows, columns, inside = _places(step_px)
        back_px = step_px + self.back_px[rows, columns]
        return Chain(back_px, held & inside & self.valid[rows, columns])

    def sources(self) -> tuple[Indices, Indices, Bools]:
        """Returns row and column ``(H, W)`` in the keyframe of each pixel, and whether they are within it and valid."""
        rows, columns, inside = _places(self.back_px)
        return rows, columns, inside & self.valid


class Flow:
    """Dense flow between frames of one size."""

    def __init__(self) -> None:
        self._dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)

    def back(self, grey: Uint8, before: Uint8) -> tuple[Float32, Bools]:
        """Returns the flow ``(H, W, 2)`` from a frame to the one before, and where there and back ends near the start.

        Args:
            grey, before: ``(H, W)``, each side at least ``LEAST_SIDE_PX``.
        """
        there, back = self._between(grey, before), self._between(before, grey)
        rows, columns, inside = _places(there)
        returned = back[rows, columns]
        off = ((there + returned) ** 2).sum(axis=2)
        lengths = (there**2).sum(axis=2) + (returned**2).sum(axis=2)
        return there, inside & (off <= _SHARE * lengths + _REST)

    def _between(self, one: Uint8, other: Uint8) -> Float32:
        start = np.zeros((*one.shape, 2), np.float32)
        return np.asarray(self._dis.calc(one, other, start), np.float32)


def _places(displacement_px: Float32) -> tuple[Indices, Indices, Bools]:
    """Returns the nearest row and column that each pixel is moved to, kept within the frame, and whether it was."""
    height, width = displacement_px.shape[:2]
    x = np.rint(displacement_px[:, :, 0] + np.arange(width, dtype=np.float32))
    y = np.rint(displacement_px[:, :, 1] + np.arange(height, dtype=np.float32)[:, None])
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    columns = np.clip(x, 0, width - 1).astype(np.intp)
    rows = np.clip(y, 0, height - 1).astype(np.intp)
    return rows, columns, inside
