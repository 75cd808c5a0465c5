"""People by depth: what is nearer than the scene beside it, by a threshold given by hand or found by Otsu's method.

What is left and right of a person shows how far the scene is in each row of the picture: the floor in front of a wall,
for a lens that looks down as for a level one. A person is what is nearer than that. How much nearer grows with the
height above the feet, since the floor behind them is farther the higher it is in the picture. So one threshold for all
of a person loses the legs, and Otsu's is found band by band.

Otsu (IEEE Trans. SMC 1979) takes the threshold that separates two classes best, and finds one in anything, noise
included. So a split counts only if it explains most of the variance.
"""

from typing import NamedTuple

import cv2
import numpy as np

from ops.depth_models.kinds import Depth, RelativeDepth
from ops.depth_models.network import DepthNetwork
from ops.foreground.looks import SIDE, Seen, Square
from schemas.values import Bools, Float32, Uint8

SEPARATED = 0.7
"""Least share of the variance, 0..1, that two classes must explain: noise of a normal distribution gives .64."""

LEAST_PIXELS = 64
"""Least number of known pixels that are split."""

BAND = 16
"""Height of a band, pixels of a look: 8 % of a person's height."""

BESIDE = 25
"""Width of what is beside a person, on either side, pixels of a look: boxes end there (``OutlineCover``)."""

COVERED_FROM = 0.3
"""Share of the threshold, 0..1, from which a pixel may be a person's, who may be behind something that is nearer."""

NOISE_FACTOR = 3.0
"""Multiple of the standard deviation of the scene's depth from which on a pixel may be a person's."""

FEET = 32
"""Height, pixels of a look, over which a person is continued downward: the floor is as near as the feet on it."""

MIDDLE = slice(SIDE // 3, SIDE - SIDE // 3)
"""Columns of a look that show the one whom it is about, and hardly anybody else."""

LEGS = 48
"""Height, pixels of a look, of what shows how wide somebody stands."""

_MAYBE = -0.4
"""Logit of a pixel that may be a person's: outlines cover it, but it does not speak for an outline."""

_COVERED = float(np.log(0.3 / 0.7))  # outlines cover pixels from a probability of .3
_STEEPEST = 0.05  # least distance of the two levels, as a share of the threshold
_SURE_BOUND = 8.0
_TO_SIGMA = 1.4826  # a normal distribution's standard deviation, by its median deviation
_BINS = 256
_FAR_OUT = 0.5  # percent of the values on either side that no bin is spent on
_RANGE = (2.0, 98.0)  # percentiles


class Split(NamedTuple):
    """Otsu's split of values: the threshold, and the share of their variance that the two classes explain, 0..1."""

    threshold: float
    separation: float


def nearness(depth: Depth) -> Float32:
    """Returns values ``(H, W)`` that rise towards the lens, in the kind's own units; NaN where the depth is unknown."""
    sign = np.float32(1 if isinstance(depth, RelativeDepth) else -1)
    return np.where(depth.known, sign * depth.values, np.float32(np.nan)).astype(np.float32)


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
    nearer, farther = float(levels[near].mean()), float(levels[~near].mean())
    # The best threshold is midway between the classes; where nothing is between them, OpenCV gives the lowest of many.
    threshold = low + (nearer + farther) / 2 * (high - low) / (_BINS - 1)
    return Split(float(threshold), share * (1 - share) * (nearer - farther) ** 2 / total)


class DepthMasks:
    """A ``MaskFinder`` by a network that gives depth; it looks at whole frames, once at each.

    Depth in metres is right for whole frames only: a network that sees a part of one takes it for a longer lens.

    Args:
        network: gives the depth of a picture.
        threshold: by hand: how much nearer than the scene beside them people are, in metres if the depth is metric,
            else as a share, 0..1, of the frame's depth range (its 2nd to 98th percentile); 0: Otsu's.
    """

    def __init__(self, network: DepthNetwork, threshold: float = 0.0) -> None:
        self._network = network
        self._threshold = threshold
        self._frame: Uint8 | None = None
        self._near: Float32 = np.empty((0, 0), np.float32)
        self._by_hand = 0.0

    def look(self, frame: Uint8, square: Square) -> Seen:
        """Looks at a square of a frame, see ``MaskFinder``; somebody is present in as many rows as anything is near.

        Raises:
            ModelError: the network cannot take the frame, or gives no map with a finite number.
        """
        if frame is not self._frame:
            self._see(frame)
        return people_in(square.cut_values(self._near), self._by_hand)

    def _see(self, frame: Uint8) -> None:
        depth = self._network(np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), np.uint8)).depth
        self._frame, self._near = frame, nearness(depth)
        unit = 1.0 if depth.kind == "metric" else float(np.ptp(np.nanpercentile(self._near, _RANGE)))
        self._by_hand = self._threshold * unit


def people_in(near: Float32, by_hand: float = 0.0) -> Seen:
    """Returns who is nearer than the scene in a look.

    Pixels of unknown depth, and bands in the middle of somebody that Otsu's method does not split, may be a person's.

    Args:
        near: ``(SIDE, SIDE)``, rising towards the lens; NaN where it is unknown.
        by_hand: threshold in its unit; 0: Otsu's.
    """
    scene, noise = _scene(near)
    ahead = near - scene[:, None]
    thresholds = np.full(SIDE, by_hand) if by_hand > 0 else _otsu_by_band(ahead)
    parted = np.isfinite(thresholds) & (thresholds > 0)
    if not parted.any():
        return Seen(0.0, np.full((SIDE, SIDE), -_SURE_BOUND, np.float32))
    levels = np.where(parted, thresholds, 1.0)
    covered = np.clip(NOISE_FACTOR * np.nan_to_num(noise), COVERED_FROM * levels, (1 - _STEEPEST) * levels)
    logits = (levels[:, None] - ahead) * (_COVERED / (levels - covered))[:, None]
    logits = np.where(parted[:, None], np.clip(logits, -_SURE_BOUND, _SURE_BOUND), -_SURE_BOUND)
    sure = logits >= 0  # false where unknown
    rows = np.flatnonzero(sure[:, MIDDLE].any(axis=1))
    maybe = np.isnan(ahead)
    if len(rows):
        maybe |= _between(parted, rows)[:, None]
        feet = _feet(sure, int(rows[-1]))
        logits[feet], sure = _SURE_BOUND, sure | feet
    logits = np.where(maybe, np.fmax(logits, _MAYBE), logits)
    return Seen(float(sure[BESIDE:-BESIDE].any(axis=1).mean()), logits.astype(np.float32))


def _scene(near: Float32) -> tuple[Float32, Float32]:
    """Returns how near the scene is in each row ``(SIDE,)``, and its standard deviation there; NaN if unknown.

    As what is farther, of both sides, and the smaller deviation: beside a person another one may stand.
    """
    rows = np.full((2, SIDE), np.nan, np.float32)
    noises = rows.copy()
    for number, side in enumerate((near[:, :BESIDE], near[:, -BESIDE:])):
        known = np.isfinite(side).any(axis=1)
        rows[number, known] = np.nanmedian(side[known], axis=1)
        away = np.abs(side[known] - rows[number, known, None])
        noises[number, known] = _TO_SIGMA * np.nanmedian(away, axis=1)
    return np.asarray(np.fmin(*rows), np.float32), np.asarray(np.fmin(*noises), np.float32)


def _otsu_by_band(ahead: Float32) -> Float32:
    """Returns Otsu's threshold in each row ``(SIDE,)``; NaN where it does not separate."""
    thresholds = np.full(SIDE, np.nan, np.float32)
    for top in range(0, SIDE, BAND):
        split = otsu(ahead[top : top + BAND])
        if split is not None and split.separation >= SEPARATED:
            thresholds[top : top + BAND] = split.threshold
    return thresholds


def _between(parted: Bools, rows: np.ndarray) -> Bools:
    """Returns the rows ``(SIDE,)`` without a threshold between the first and the last one in which somebody is."""
    numbers = np.arange(SIDE)
    return np.asarray(~parted & (numbers > rows[0]) & (numbers < rows[-1]))


def _feet(sure: Bools, last: int) -> Bools:
    """Returns ``(SIDE, SIDE)``, where the feet are of somebody whose lowest row is ``last``: below, between legs."""
    columns = np.flatnonzero(sure[max(last + 1 - LEGS, 0) : last + 1].any(axis=0))
    feet = np.zeros((SIDE, SIDE), bool)
    feet[last + 1 : last + 1 + FEET, columns[0] : columns[-1] + 1] = True
    return feet
