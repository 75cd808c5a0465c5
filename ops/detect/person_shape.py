"""Which moving regions are people: upright, solid, and as tall as people are at that place in the picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]

SLENDEREST, STOUTEST = 5.0, 1.35  # height over width of one person, upright
LEAST_FILL = 0.35
USUAL_ASPECT = 2.4
QUANTILE = 0.65
FEW_SINGLES = 40  # fewer clear single people do not tell how tall people are here


@dataclass(frozen=True)
class Blob:
    """A moving region.

    Attributes:
        x, y: its corner in the frame, px.
        mask: ``(H, W)`` its pixels.
        contrast: mean difference to the background, a grey level.
    """

    x: int
    y: int
    mask: Mask
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
        """Lower edge, exclusive, px: where the feet stand."""
        return self.y + self.height

    @property
    def fill(self) -> float:
        """Share of its box that it fills, 0..1."""
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
    """How tall people are whose feet stand at a row: ``slope * bottom + offset``, px; as on level ground.

    Attributes:
        spread: median deviation of the people it was learnt from, as a share of the height.
    """

    slope: float
    offset: float
    spread: float

    def height_at(self, bottom: float) -> float:
        """Height of a person whose feet stand at row ``bottom``, px."""
        return max(1.0, self.slope * bottom + self.offset)


def learn_sizes(blobs: Sequence[Blob]) -> SizeModel | None:
    """Learns how tall people are from regions that look like one person each; None if there are too few."""
    singles = [blob for blob in blobs if SLENDEREST > blob.aspect > 1.7 and blob.fill > 0.45]
    if len(singles) < FEW_SINGLES:
        return None
    bottoms = np.array([blob.bottom for blob in singles], float)
    heights = np.array([blob.height for blob in singles], float)
    slope, offset = np.polyfit(bottoms, heights, 1) if np.ptp(bottoms) > 20 else (0.0, float(np.median(heights)))
    for _ in range(5):  # quantile regression, by reweighting; above the middle, for many regions are part of a body
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
    """Whether a region is shaped like a person, and of a person's size where it stands."""
    if not (STOUTEST <= blob.aspect <= SLENDEREST and blob.fill >= LEAST_FILL):
        return False
    if sizes is None or sizes.spread > 0.15:
        return True
    return 0.6 <= blob.height / sizes.height_at(blob.bottom) <= 1.5


def confidence_of(blob: Blob, sizes: SizeModel | None) -> float:
    """How much a region looks like a person, 0..1: contrast, solidity, proportions and size, each worth a share."""
    contrast = min(1.0, blob.contrast / 60)
    solid = min(1.0, blob.fill / 0.6)
    upright = max(0.0, 1 - abs(np.log(blob.aspect / USUAL_ASPECT)))
    size = 0.5 if sizes is None else max(0.0, 1 - 2 * abs(np.log(blob.height / sizes.height_at(blob.bottom))))
    return float(0.2 + 0.75 * (0.3 * contrast + 0.2 * solid + 0.25 * upright + 0.25 * size))


def split_group(blob: Blob, sizes: SizeModel | None) -> list[Blob]:
    """People who walk side by side, apart: cut at the lowest columns of the outline between their heads."""
    height = blob.height if sizes is None else min(blob.height, 1.2 * sizes.height_at(blob.bottom))
    people = round(blob.width / (height / USUAL_ASPECT))
    if people < 2 or blob.aspect > 2 or blob.aspect < 0.4 or blob.fill < LEAST_FILL:
        return [blob]
    columns = blob.mask.sum(axis=0).astype(float)
    step = blob.width / people
    cuts = [0]
    for number in range(1, people):
        low, high = round(step * (number - 0.35)), round(step * (number + 0.35)) + 1
        cuts.append(low + int(np.argmin(columns[low:high])))
    cuts.append(blob.width)
    parts = [_cropped(blob, left, right) for left, right in pairwise(cuts) if right > left]
    return [part for part in parts if part is not None]


def _cropped(blob: Blob, left: int, right: int) -> Blob | None:
    """The part between two columns, its box drawn tight."""
    part = blob.mask[:, left:right]
    rows, columns = np.nonzero(part.any(axis=1))[0], np.nonzero(part.any(axis=0))[0]
    if not len(rows):
        return None
    tight = part[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return Blob(blob.x + left + int(columns[0]), blob.y + int(rows[0]), tight, blob.contrast)
