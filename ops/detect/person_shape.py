"""Recognises people among moving regions: upright, solid, and as tall as people are at that place in the picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from schemas.values import Bools

SLENDEREST, STOUTEST = 5.0, 1.35  # height over width of one person, upright
LEAST_FILL = 0.35
USUAL_ASPECT = 2.6
SQUATTEST_GROUP = 0.4  # least height over width of people side by side
LEAST_DIP = 0.05  # between two heads, as a share of the height
QUANTILE = 0.65
FEW_SINGLES = 40  # single people needed to learn how tall people are here


@dataclass(frozen=True, eq=False)
class Blob:
    """A moving region.

    Attributes:
        x, y: its corner in the frame, px.
        mask: ``(H, W)`` its pixels.
        contrast: mean difference to the background, a grey level.
    """

    x: int
    y: int
    mask: Bools
    contrast: float

    @property
    def width(self) -> int:
        """Width, px."""
        return int(self.mask.shape[1])

    @property
    def height(self) -> int:
        """Height, px."""
        return int(self.mask.shape[0])

    @property
    def bottom(self) -> int:
        """Lower edge, exclusive, px: the feet."""
        return self.y + self.height

    @property
    def fill(self) -> float:
        """Filled share of its box, 0..1."""
        return float(self.mask.mean())

    @property
    def aspect(self) -> float:
        """Height over width."""
        return self.height / self.width

    @property
    def xyxy(self) -> tuple[int, int, int, int]:
        """Its box, right and bottom exclusive."""
        return self.x, self.y, self.x + self.width, self.bottom


@dataclass(frozen=True)
class SizeModel:
    """Height of people by the row of their feet, as on level ground: ``slope * bottom + offset``, px.

    Attributes:
        spread: median deviation of the people it was learnt from, as a share of the height.
    """

    slope: float
    offset: float
    spread: float

    def height_at(self, bottom: float) -> float:
        """Returns the height of a person with feet at row ``bottom``, px."""
        return max(1.0, self.slope * bottom + self.offset)


def learn_sizes(blobs: Sequence[Blob]) -> SizeModel | None:
    """Learns how tall people are from regions that look like a single person; None if there are too few."""
    singles = [blob for blob in blobs if SLENDEREST > blob.aspect > 1.7 and blob.fill > 0.45]
    if len(singles) < FEW_SINGLES:
        return None
    bottoms = np.array([blob.bottom for blob in singles], float)
    heights = np.array([blob.height for blob in singles], float)
    slope, offset = np.polyfit(bottoms, heights, 1) if np.ptp(bottoms) > 20 else (0.0, float(np.median(heights)))
    # Quantile regression by reweighting; above the median, since many regions are only part of a body.
    for _ in range(5):
        off = heights - (slope * bottoms + offset)
        weights = np.where(off > 0, QUANTILE, 1 - QUANTILE) / np.maximum(np.abs(off), 1.0)
        if np.ptp(bottoms) > 20:
            slope, offset = np.polyfit(bottoms, heights, 1, w=np.sqrt(weights))
        else:
            offset = float(np.average(heights, weights=weights))
    model = SizeModel(float(slope), float(offset), 0.0)
    usual = np.array([model.height_at(bottom) for bottom in bottoms])
    spread = float(np.median(np.abs(heights - usual) / usual))
    return SizeModel(model.slope, model.offset, spread)


def is_person(blob: Blob, sizes: SizeModel | None) -> bool:
    """Whether a region is shaped like a person, and has a person's size in its place."""
    if not (STOUTEST <= blob.aspect <= SLENDEREST and blob.fill >= LEAST_FILL):
        return False
    # Heights that scatter are not those of people on level ground, so they decide nothing.
    if sizes is None or sizes.spread > 0.15:
        return True
    return 0.6 <= blob.height / sizes.height_at(blob.bottom) <= 1.5


def confidence_of(blob: Blob, sizes: SizeModel | None) -> float:
    """Returns how much a region looks like a person, 0..1: size weighs most, then proportions, contrast, solidity."""
    contrast = min(1.0, blob.contrast / 60)
    solid = min(1.0, blob.fill / 0.5)
    upright = max(0.0, 1 - abs(np.log(blob.aspect / USUAL_ASPECT)))
    size = 0.7 if sizes is None else max(0.0, 1 - 2.5 * abs(np.log(blob.height / sizes.height_at(blob.bottom))))
    likeness = 0.5 * size + 0.25 * upright + 0.15 * contrast + 0.1 * solid
    return float(0.1 + 0.85 * likeness**2)


def split_group(blob: Blob, sizes: SizeModel | None) -> list[Blob]:
    """Splits people side by side where the outline dips between two heads; a car's has no such dips."""
    height = blob.height if sizes is None else min(blob.height, 1.2 * sizes.height_at(blob.bottom))
    people = round(blob.width / (height / USUAL_ASPECT))
    if people < 2 or not SQUATTEST_GROUP <= blob.aspect <= 2 or blob.fill < LEAST_FILL:
        return [blob]
    filled = blob.mask.sum(axis=0)
    step = blob.width / people
    cuts = [0]
    for number in range(1, people):
        low, high = round(step * (number - 0.35)), round(step * (number + 0.35)) + 1
        cut = low + int(np.argmin(filled[low:high]))
        if cut > cuts[-1] and _dips(blob, cuts[-1], cut, round(step)):
            cuts.append(cut)
    if len(cuts) == 1:
        return [blob]
    parts = [_cropped(blob, left, right) for left, right in pairwise([*cuts, blob.width])]
    return [part for part in parts if part is not None]


def _dips(blob: Blob, left: int, cut: int, reach: int) -> bool:
    """Whether the outline's top is clearly lower at a column than on both sides of it."""
    tops = np.where(blob.mask.any(axis=0), blob.mask.argmax(axis=0), blob.height)
    higher = max(tops[left:cut].min(), tops[cut + 1 : cut + 1 + reach].min(initial=blob.height))
    return bool(tops[cut] - higher >= LEAST_DIP * blob.height)


def _cropped(blob: Blob, left: int, right: int) -> Blob | None:
    """Returns the part between two columns, in a tight box; None if it is empty."""
    part = blob.mask[:, left:right]
    rows, columns = np.nonzero(part.any(axis=1))[0], np.nonzero(part.any(axis=0))[0]
    if not len(rows):
        return None
    tight = part[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return Blob(blob.x + left + int(columns[0]), blob.y + int(rows[0]), tight, blob.contrast)
