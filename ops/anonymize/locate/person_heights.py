"""How tall people are at each row of the picture, learned from a segment's own tracks: perspective in one line.

On flat ground, seen by a camera without roll, the height of a standing person grows linearly with the row of the feet
(Hoiem et al., "Putting Objects in Perspective", IJCV 2008).
"""

from dataclasses import dataclass

import numpy as np

from ops.anonymize.locate.spans import NOBODY, Spans
from schemas.values import Bools, Float64

LEAST_BOXES, LEAST_TRACKS = 10, 2
"""Number of boxes, and of tracks that they are of, from which heights are learned."""

HEIGHTS = (0.4, 1.8)
"""Least and largest height of a person in part or with outstretched arms, in expected heights."""

OUTLYING = 1.5
"""Ratio to the first fit from which a box is left out of the second."""

WIDTHS = (0.15, 1.3)
"""Least and largest width over height of a person who stands or walks."""

SMALLEST = 0.05
"""Share of boxes, 0..1, that are left out as too small to be true when the smallest people are looked for."""


@dataclass(frozen=True)
class PersonHeights:
    """Expected height of a person, pixels: ``slope`` times the row of the feet, plus ``offset``."""

    slope: float
    offset: float

    def fits(self, boxes: Float64) -> Bools:
        """Returns which boxes ``(N, 4)`` have the size and shape of an upright person in their place, ``(N,)``."""
        width, height = (boxes[:, 2:] - boxes[:, :2]).T
        share = height / np.maximum(self.slope * boxes[:, 3] + self.offset, 1.0)
        shape = width / np.maximum(height, 1e-9)
        tall = (share >= HEIGHTS[0]) & (share <= HEIGHTS[1])
        return np.asarray(tall & (shape >= WIDTHS[0]) & (shape <= WIDTHS[1]))


def learn_heights(people: Spans) -> PersonHeights | None:
    """Learns from tracks; None if there are too few of them."""
    tracked = people.sure & (people.owner != NOBODY)
    boxes = people.first[tracked]
    if len(boxes) < LEAST_BOXES or len(np.unique(people.owner[tracked])) < LEAST_TRACKS:
        return None
    feet, heights = boxes[:, 3], boxes[:, 3] - boxes[:, 1]
    # Half-hidden people are shorter, and those cut off by the edge are as well: the second fit leaves outliers out.
    line = (
        np.polyfit(feet, heights, 1) if np.ptp(feet) > np.median(heights) / 2 else np.array([0.0, np.median(heights)])
    )
    near = np.abs(np.log(np.maximum(heights, 1.0) / np.maximum(np.polyval(line, feet), 1.0))) <= np.log(OUTLYING)
    if near.sum() >= LEAST_BOXES and line[0] != 0:
        line = np.polyfit(feet[near], heights[near], 1)
    return PersonHeights(float(line[0]), float(line[1]))


def least_height(people: Spans) -> float | None:
    """Returns the height of the smallest people, pixels, all but ``SMALLEST`` of them; None if there is nobody."""
    boxes = people.first[people.sure]
    return float(np.quantile(boxes[:, 3] - boxes[:, 1], SMALLEST)) if len(boxes) else None
