"""Foreground by depth: what is nearer than the background, or than a threshold given by hand or found by Otsu's method.

Otsu (IEEE Trans. SMC 1979) takes the threshold that separates two classes best, and finds one in anything, noise
included. So a split counts only if it explains most of the variance.
"""

from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np

from ops.boxes import pad, whole_boxes
from ops.depth_models.kinds import Depth, RelativeDepth
from ops.foreground.contours import BESIDE, people_contours
from schemas.values import Bools, Float32, Float64, Uint8

SEPARATED = 0.7
"""Least share of the variance, 0..1, that two classes must explain: noise of a normal distribution gives .64."""

LEAST_PIXELS = 64
"""Least number of known pixels that are split."""

_BINS = 256
_FAR_OUT = 0.5  # percent of the values on either side that no bin is spent on
_ROUNDS, _OUTLYING = 5, 2.5


class Split(NamedTuple):
    """Otsu's split of values: the threshold, and the share of their variance that the two classes explain, 0..1."""

    threshold: float
    separation: float


def nearness(depth: Depth) -> Float32:
    """Returns values ``(H, W)`` that rise towards the lens, in the kind's own units; NaN where the depth is unknown."""
    sign = np.float32(1 if isinstance(depth, RelativeDepth) else -1)
    return np.where(depth.known, sign * depth.values, np.float32(np.nan)).astype(np.float32)


def nearer_than(depth: Depth, background: Depth) -> Float32:
    """Returns how much nearer each pixel ``(H, W)`` is than the background; NaN where either is unknown.

    In metres if both are metric. Scale and offset of the other kinds differ from frame to frame, so these are aligned
    to the background by most of the picture (least squares without outliers), and the unit is the background's.

    Raises:
        ValueError: the two are of different kinds or sizes.
    """
    if type(depth) is not type(background) or depth.values.shape != background.values.shape:
        raise ValueError(
            f"depth of one kind and size is compared, got {depth.kind} {depth.values.shape} "
            f"and {background.kind} {background.values.shape}"
        )
    here, there = nearness(depth), nearness(background)
    if depth.kind != "metric":
        here = _aligned(here, there)
    return np.asarray(here - there, np.float32)


def otsu(values: Float32) -> Split | None:
    """Returns the split of values of any shape, NaN left out; None if there are too few, or they are all the same."""
    known = values[np.isfinite(values)]
    if known.size < LEAST_PIXELS:
        return None
    low, high = np.percentile(known, [_FAR_OUT, 100 - _FAR_OUT])
    if high <= low:
        return None
    levels = np.clip((known - low) / (high - low) * (_BINS - 1), 0, _BINS - 1).astype(np.uint8)
    level, _ = cv2.threshold(levels.reshape(-1, 1), 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    near, total = levels > level, float(levels.var())
    if not near.any() or total == 0:
        return None
    share = float(near.mean())
    apart = float(levels[near].mean()) - float(levels[~near].mean())
    return Split(float(low + (level + 0.5) * (high - low) / (_BINS - 1)), share * (1 - share) * apart**2 / total)


def foreground_by_depth(depth: Depth, background: Depth | None = None, threshold: float | None = None) -> Bools:
    """Returns the foreground ``(H, W)``; pixels of unknown depth are none of it.

    Args:
        depth: of the frame.
        background: of the empty scene; None: near and far parts of the frame itself are split.
        threshold: by hand: least nearness, or difference to the background, in the unit of ``nearer_than``; None:
            Otsu's, and nothing is foreground where that does not separate. Small people do not separate in a whole
            frame: ``people_by_depth`` finds them.
    """
    return _nearer(_values(depth, background), threshold, background is not None)


def people_by_depth(
    depth: Depth, boxes: Float64, background: Depth | None = None, threshold: float | None = None
) -> Uint8:
    """Returns people's contours ``(H, W)``, 255, each told from what is around it in and beside their box.

    Args:
        boxes: ``(N, 4)`` x1, y1, x2, y2 of people, pixels of the depth map.
        depth, background, threshold: see ``foreground_by_depth``.
    """
    values = _values(depth, background)
    height, width = values.shape
    people: Uint8 = np.zeros((height, width), np.uint8)
    around = whole_boxes(pad(boxes, BESIDE, 0.0), (width, height))
    for (x1, y1, x2, y2), box in zip(around.tolist(), boxes, strict=True):
        found = np.zeros_like(people)
        part = values[y1:y2, x1:x2]
        found[y1:y2, x1:x2] = _nearer(part, threshold, background is not None) * np.uint8(255)
        people |= people_contours(found, box[None])
    return people


def _values(depth: Depth, background: Depth | None) -> Float32:
    return nearness(depth) if background is None else nearer_than(depth, background)


def _nearer(values: Float32, threshold: float | None, differences: bool) -> Bools:
    """Returns which values are above a threshold, or above Otsu's; of differences none that are not above 0."""
    if threshold is None:
        split = otsu(values)
        if split is None or split.separation < SEPARATED:
            return np.zeros(values.shape, bool)
        threshold = max(split.threshold, 0.0) if differences else split.threshold
    return np.asarray(values > threshold)


class ForegroundByDepth:
    """A ``ForegroundFinder`` by a network that gives depth.

    Args:
        depth_of: gives the depth of a frame ``(H, W, 3)`` BGR, at any size.
        background: of the empty scene, at that size; ``threshold``: see ``foreground_by_depth``.
    """

    def __init__(
        self, depth_of: Callable[[Uint8], Depth], background: Depth | None = None, threshold: float | None = None
    ) -> None:
        self._depth_of = depth_of
        self._background = background
        self._threshold = threshold

    def find(self, frame: Uint8) -> Float32:
        """Returns the foreground of a frame, 0 or 1, see ``ForegroundFinder``."""
        found = foreground_by_depth(self._depth_of(frame), self._background, self._threshold).astype(np.uint8)
        size = (frame.shape[1], frame.shape[0])
        return cv2.resize(found, size, interpolation=cv2.INTER_NEAREST).astype(np.float32)


def _aligned(here: Float32, there: Float32) -> Float32:
    """Returns values in the scale and offset of others, by the pixels that agree best."""
    both = np.isfinite(here) & np.isfinite(there)
    if both.sum() < LEAST_PIXELS:
        return here
    x, y = here[both].astype(np.float64), there[both].astype(np.float64)
    kept = np.ones(len(x), bool)
    scale, offset = 1.0, 0.0
    # People are the outliers: each round fits the scene better and leaves out more of them.
    for _ in range(_ROUNDS):
        if np.ptp(x[kept]) <= 0:
            return np.asarray(here + np.float32(np.median(y - x)), np.float32)
        scale, offset = np.polyfit(x[kept], y[kept], 1).tolist()
        off = np.abs(scale * x + offset - y)
        kept = off <= max(_OUTLYING * float(np.median(off)), 1e-9)
    return np.asarray(here * np.float32(scale) + np.float32(offset), np.float32)
