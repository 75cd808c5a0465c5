"""Fits frames into a network's input, aspect kept, and maps boxes back to the source."""

from dataclasses import dataclass

import cv2
import numpy as np

from ops.pictures import downscale
from schemas.values import Float32, Uint8

PAD_GREY = 114  # what both Ultralytics and YOLOX were trained with


@dataclass(frozen=True)
class Fit:
    """Place of a frame within a network's input.

    Attributes:
        width, height: of the fitted frame, px of the input.
        left, top: its corner in the input, px.
    """

    width: int
    height: int
    left: int
    top: int


def fit_into(frame_px: tuple[int, int], input_px: tuple[int, int], centred: bool) -> Fit:
    """Returns how a frame fits into an input; small frames are enlarged.

    Args:
        frame_px, input_px: (width, height).
        centred: padded on all sides as Ultralytics does; else at the bottom and right only, as YOLOX does.
    """
    scale = min(input_px[0] / frame_px[0], input_px[1] / frame_px[1])
    width, height = (max(1, round(side * scale)) for side in frame_px)
    if not centred:
        return Fit(width, height, 0, 0)
    # The 0.1 puts the larger half of an odd border at the right and bottom, as Ultralytics does.
    left, top = (round((outer - inner) / 2 - 0.1) for outer, inner in zip(input_px, (width, height), strict=True))
    return Fit(width, height, left, top)


def letterbox(frame: Uint8, fit: Fit, canvas: Uint8) -> None:
    """Draws a frame into a network's input.

    Args:
        frame: ``(H, W, 3)``.
        fit: from ``fit_into``.
        canvas: ``(input height, input width, 3)``, written to.
    """
    bottom, right = fit.top + fit.height, fit.left + fit.width
    inside = canvas[fit.top : bottom, fit.left : right]
    if frame.shape == inside.shape:
        inside[:] = frame
    elif frame.shape[0] >= 2 * fit.height:
        inside[:] = downscale(frame, (fit.width, fit.height))  # linear interpolation alone would skip pixels
    else:
        inside[:] = cv2.resize(frame, (fit.width, fit.height), interpolation=cv2.INTER_LINEAR)
    canvas[: fit.top] = PAD_GREY
    canvas[bottom:] = PAD_GREY
    canvas[fit.top : bottom, : fit.left] = PAD_GREY
    canvas[fit.top : bottom, right:] = PAD_GREY


def to_source(boxes: Float32, fit: Fit, source_px: tuple[int, int]) -> Float32:
    """Maps boxes ``(N, 4)`` from the input's pixels to the source's, clipped to ``0..W`` and ``0..H``."""
    scale = np.array([source_px[0] / fit.width, source_px[1] / fit.height] * 2)
    moved = (boxes - np.array([fit.left, fit.top] * 2)) * scale
    return np.asarray(np.clip(moved, 0, np.array(source_px * 2)), np.float32)
