"""Background residual: what in a decoded frame is neither covered nor the background.

It checks ``ops/anonymize/locate/difference.py``, so it compares by other means (docs/decisions/0014): brightness and
the two colour differences instead of blue, green and red; brightness relative to its surroundings, so that a cloud or
a wide soft shadow does not count; and means over windows of a head's size instead of pixels, in which the encoder's
noise averages out. What is covered counts as equal to the background, so its edges and slivers beside it do not count.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ops.anonymize.geometry import Shift, shifted, work_size
from ops.anonymize.verify.jitter import STILL, JitterEstimator
from ops.pictures import above, downscale
from schemas.values import Float32, Float64, Uint8

RIM_PX = 2
"""Distance to what is covered within which nothing is compared, reduced pixels: the encoder rings there."""

COARSE = 4
"""Further reduction of the picture from which light and surroundings are measured."""

SURROUNDINGS = 0.2
"""Width of a pixel's surroundings, as a share of the picture's."""

LIGHT, COLOUR = 10.0, 6.0
"""Mean differences of a window in brightness and in colour, grey levels, above which it is not the background."""

EDGE_SHARE = 0.25
"""Tolerated share of the background's local contrast: encoding moves edges by fractions of a pixel."""

UNKNOWN_SHARE = 0.6
"""Share of a window that the background does not know above which it is not the background."""

MOST_SHADE = 24.0
"""Largest difference, grey levels, that is taken for shade."""

LEAST_PROBES = 50
"""Least number of uncovered pixels by which light can be measured; with fewer, the background is taken as it is."""

HEAD_SHARE = 0.0005
"""Area of a head, as a share of the frame's, unless people are known to be smaller; smaller regions do not count."""

LEAST_WINDOW_PX = 5

PERSON_PX = 30.0
"""Height of the smallest people in the reduced picture, pixels: it is reduced less where people are small."""

LEAST_AREA = 1.5
"""Least area of a finding, in windows."""

GAIN_RANGE = (0.5, 2.0)
"""Ratio of the frame's brightness to the background's that passes for light drift."""

NO_COLOUR = 128
"""Level of a colour difference that is none."""


@dataclass(frozen=True)
class BackgroundPlanes:
    """A reduced background.

    Attributes:
        planes: brightness, and the differences of red and of blue to it, ``(h, w)`` each.
        light_edges, colour_edges: ``(h, w)`` tolerated differences of brightness and colours at the background's edges.
    """

    planes: Sequence[Uint8]
    light_edges: Uint8
    colour_edges: Uint8

    @classmethod
    def of(cls, planes: Sequence[Uint8]) -> "BackgroundPlanes":
        """Measures the contrast of a background's planes."""
        light, red, blue = (cv2.morphologyEx(plane, cv2.MORPH_GRADIENT, _square(3)) for plane in planes)
        colourful = cv2.max(red, blue) * EDGE_SHARE
        return cls(planes, np.asarray(light * EDGE_SHARE, np.uint8), np.asarray(colourful, np.uint8))

    def moved(self, shift: Shift) -> "BackgroundPlanes":
        """Returns the background shifted (right, down)."""
        return BackgroundPlanes.of([shifted(plane, shift) for plane in self.planes])


class BackgroundResidual:
    """Compares frames with a background, each by itself: a frame gives the same whatever came before.

    Args:
        background: ``(H, W, 3)`` BGR.
        unknown: ``(H, W)``, not 0 where the background was never seen free of people: it counts unless covered.
        least_person_px: height of the smallest people, pixels of the frame; None if nobody knows.
    """

    def __init__(self, background: Uint8, unknown: Uint8, least_person_px: float | None = None) -> None:
        height, width = background.shape[:2]
        self._jitter_size = work_size(width, height)
        wide = 0.0 if least_person_px is None else width * PERSON_PX / max(least_person_px, 1.0)
        self._size = work_size(width, height, round(max(wide, self._jitter_size[0])))
        self._coarse = (max(self._size[0] // COARSE, 1), max(self._size[1] // COARSE, 1))
        self._scale = np.tile(np.array([width, height]) / np.array(self._size), 2)
        # A window has a head's size: a head fills it, and the encoder's noise averages out over it.
        usual = round((HEAD_SHARE * self._jitter_size[0] * self._jitter_size[1]) ** 0.5) | 1
        self._window = max(LEAST_WINDOW_PX, usual) if self._size == self._jitter_size else LEAST_WINDOW_PX
        self._around = max(3, round(SURROUNDINGS * self._coarse[0]) | 1)
        known = cv2.resize((unknown == 0).astype(np.uint8), self._size, interpolation=cv2.INTER_NEAREST)
        self._unknown = above(known, 0) ^ np.uint8(255)
        self._still = BackgroundPlanes.of(self._planes(background))
        self._jitter = JitterEstimator(self._reduced(self._still.planes[0]), self._reduced(np.asarray(known, np.uint8)))

    def find(self, frame: Uint8, covered: Uint8) -> Float64:
        """Returns boxes ``(N, 4)`` of regions of a head's size or more that are neither covered nor the background.

        Args:
            frame: ``(H, W, 3)`` BGR, decoded, of the background's size.
            covered: ``(H, W)``, not 0 where the decoded frame is covered.
        """
        planes, bare = self._planes(frame), self._bare(covered)
        boxes = self._differing(planes, bare, self._still)
        # Most frames show nothing that a shift could explain, so it is searched only where something differs.
        if len(boxes):
            shift = self._jitter.find(self._reduced(planes[0]), self._reduced(bare))
            if shift != STILL:
                larger = self._size[0] / self._jitter_size[0]
                boxes = self._differing(planes, bare, self._still.moved((shift[0] * larger, shift[1] * larger)))
        return boxes

    def _reduced(self, plane: Uint8) -> Uint8:
        """Returns a plane at the size at which shifts are searched."""
        return plane if self._size == self._jitter_size else downscale(plane, self._jitter_size)

    def _differing(self, planes: Sequence[Uint8], bare: Uint8, background: "BackgroundPlanes") -> Float64:
        """Returns the boxes of what differs from a background, in the frame's light and surroundings."""
        lit = _lit(background.planes, planes, bare)
        weight = self._spread(cv2.resize(bare, self._coarse, interpolation=cv2.INTER_AREA)) / np.float32(255)
        light, reds, blues = (self._local(here, there, bare, weight) for here, there in zip(planes, lit, strict=True))
        colour = cv2.max(reds, blues)
        # Three reasons to doubt a window: its brightness, its colour, and a background that does not know it.
        differs = self._means_over(cv2.subtract(light, background.light_edges), bare, LIGHT)
        differs |= self._means_over(cv2.subtract(colour, background.colour_edges), bare, COLOUR)
        differs |= self._means_over(self._unknown, bare, 255 * UNKNOWN_SHARE)
        return self._boxes(differs)

    def _planes(self, picture: Uint8) -> list[Uint8]:
        """Returns brightness and the differences of red and blue to it, ``(h, w)`` each, of a picture reduced."""
        small = downscale(picture, self._size)
        return [np.asarray(plane, np.uint8) for plane in cv2.split(cv2.cvtColor(small, cv2.COLOR_BGR2YCrCb))]

    def _bare(self, covered: Uint8) -> Uint8:
        """Returns 255 where the reduced picture is neither covered nor within ``RIM_PX`` of what is."""
        around = cv2.dilate(above(downscale(covered, self._size), 127), _square(2 * RIM_PX + 1))
        return np.asarray(cv2.bitwise_not(around), np.uint8)

    def _spread(self, coarse: cv2.typing.MatLike) -> Float32:
        """Returns the mean over each pixel's surroundings of a coarse picture."""
        return np.asarray(cv2.blur(coarse.astype(np.float32), (self._around, self._around)), np.float32)

    def _local(self, plane: Uint8, background: cv2.typing.MatLike, bare: Uint8, weight: Float32) -> Uint8:
        """Returns the absolute difference to the background, less its mean over the bare part of the surroundings.

        Args:
            weight: share of the surroundings that is bare, at the coarse size.
        """
        difference = cv2.copyTo(cv2.subtract(plane, background, dtype=cv2.CV_16S), bare)
        coarse = cv2.resize(difference, self._coarse, interpolation=cv2.INTER_AREA)
        coarse = np.clip(coarse, -MOST_SHADE, MOST_SHADE)  # or a dark person would get a bright halo
        # The mean over bare pixels only: covered ones are 0 in the sum, and missing in the weight.
        mean = self._spread(coarse) / np.maximum(weight, np.float32(0.05))
        spread = cv2.resize(mean.astype(np.int16), self._size, interpolation=cv2.INTER_LINEAR)
        return np.asarray(cv2.convertScaleAbs(cv2.subtract(difference, spread, dtype=cv2.CV_16S)), np.uint8)

    def _means_over(self, excess: cv2.typing.MatLike, bare: Uint8, limit: float) -> Uint8:
        """Returns 255 where the mean over a window is above a limit; what is not bare counts as 0."""
        means = cv2.blur(cv2.copyTo(excess, bare), (self._window, self._window))
        return above(means, limit)

    def _boxes(self, differs: Uint8) -> Float64:
        """Returns the boxes of connected regions of ``LEAST_AREA``, in pixels of the frame."""
        if not cv2.countNonZero(differs):
            return np.empty((0, 4))
        _, _, stats, _ = cv2.connectedComponentsWithStats(differs, connectivity=8, ltype=cv2.CV_16U)
        large = stats[1:][stats[1:, cv2.CC_STAT_AREA] >= LEAST_AREA * self._window**2]
        left, top, width, height = large[:, :4].T
        # A window's middle is marked, and a person reaches beyond the outermost middles.
        grown = self._window // 4
        corners = np.stack([left - grown, top - grown, left + width + grown, top + height + grown], axis=1)
        limits = np.tile(np.array(self._size), 2)
        return np.asarray(np.clip(corners, 0, limits) * self._scale)


def _lit(background: Sequence[Uint8], frame: Sequence[Uint8], bare: Uint8) -> list[Uint8]:
    """Returns a background's planes in a frame's light: times the median gain, and colours plus their median tint."""
    grid = (slice(None, None, COARSE), slice(None, None, COARSE))
    probes = bare[grid] > 0
    if np.count_nonzero(probes) < LEAST_PROBES:
        return list(background)
    here, there = ([plane[grid][probes].astype(np.float32) for plane in planes] for planes in (frame, background))
    # Medians, since people who are not covered must not pass for light; plus 1, for dark pixels.
    gain = float(np.clip(np.median((here[0] + 1) / (there[0] + 1)), *GAIN_RANGE))
    lit = [cv2.convertScaleAbs(background[0], alpha=gain)]
    for plane, decoded, known in zip(background[1:], here[1:], there[1:], strict=True):
        # Colours are differences around 128, so more light makes them larger, too.
        tint = float(np.median(decoded - NO_COLOUR - gain * (known - NO_COLOUR)))
        lit.append(cv2.convertScaleAbs(plane, alpha=gain, beta=NO_COLOUR * (1 - gain) + tint))
    return [np.asarray(plane, np.uint8) for plane in lit]


def _square(size: int) -> Uint8:
    return np.ones((size, size), np.uint8)
