"""BackgroundResidual: what of a decoded frame is neither covered nor the background.

This is the other eye to ``ops.anonymize.locate.difference``, so it sees otherwise: brightness and the two colour differences
instead of blue, green and red; brightness relative to its surroundings, so that a cloud or a wide soft shadow is not
seen; and not pixel by pixel, but as means over windows of a head's size, in which the encoder's noise is lost.

What is covered counts as equal to the background. So there is no seam at its edges, and a sliver beside it is not a head.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ops.anonymize.verify.jitter import STILL, JitterEstimator, Shift, moved
from ops.downscale import downscale
from schemas.values import Float64, Uint8

WORK_WIDTH_PX = 384
"""Width that frames are reduced to before they are compared."""

RIM_PX = 2
"""So near to what is covered nothing is comparison, pixels of the reduced picture: the encoder rings there."""

COARSE = 4
"""The light of a place and its surroundings is told from a picture so many times smaller still."""

SURROUNDINGS = 0.2
"""Brightness is relative to the mean over so much of the picture's width."""

LIGHT, COLOUR = 10.0, 6.0
"""Mean difference of a window to the background, grey levels, from which on it is not the background."""

EDGE_SHARE = 0.25
"""Share of the background's local contrast that is tolerated: edges move by fractions of a pixel when they are encoded."""

UNKNOWN_SHARE = 0.6
"""Share of a window that the background does not know from which on it is not the background."""

MOST_SHADE = 24.0
"""What differs by more grey levels than this is not taken for shade."""

LEAST_PROBES = 50
"""With fewer points than this to tell the light by, the background is taken as it is."""

LEAST_AREA = 1.5
"""Windows that are not the background make a finding if their middles are so many windows' area together."""

GAIN_RANGE = (0.5, 2.0)

NO_COLOUR = 128


@dataclass(frozen=True)
class Reference:
    """A reduced background.

    Attributes:
        planes: brightness, and the differences of red and of blue to it, ``(h, w)`` each.
        sharp, colourful: ``(h, w)`` grey levels by which brightness and colours may differ at the background's edges.
    """

    planes: Sequence[Uint8]
    sharp: Uint8
    colourful: Uint8

    @classmethod
    def of(cls, planes: Sequence[Uint8]) -> "Reference":
        """A background and its own contrast."""
        light, red, blue = (cv2.morphologyEx(plane, cv2.MORPH_GRADIENT, _square(3)) for plane in planes)
        colourful = cv2.max(red, blue) * EDGE_SHARE
        return cls(planes, np.asarray(light * EDGE_SHARE, np.uint8), np.asarray(colourful, np.uint8))

    def moved(self, shift: Shift) -> "Reference":
        """The same view, shifted (right, down)."""
        return Reference.of([moved(plane, shift) for plane in self.planes])


class BackgroundResidual:
    """Compares frames with a background, each by itself.

    Args:
        background: ``(H, W, 3)`` BGR.
        unknown: ``(H, W)``, not 0 where the background was never seen free of people: what is not covered there is residual.
        head_share: area of a head, as a share of the frame's: smaller regions are not reported.
    """

    def __init__(self, background: Uint8, unknown: Uint8, head_share: float = 0.0005) -> None:
        height, width = background.shape[:2]
        scale = min(1.0, WORK_WIDTH_PX / width)
        self._size = (max(round(width * scale), 1), max(round(height * scale), 1))
        self._coarse = (max(self._size[0] // COARSE, 1), max(self._size[1] // COARSE, 1))
        self._scale = np.tile(np.array([width, height]) / np.array(self._size), 2)
        self._window = max(5, round((head_share * self._size[0] * self._size[1]) ** 0.5) | 1)
        self._around = max(3, round(SURROUNDINGS * self._coarse[0]) | 1)
        known = cv2.resize((unknown == 0).astype(np.uint8), self._size, interpolation=cv2.INTER_NEAREST)
        self._unknown = _above(known, 0) ^ np.uint8(255)
        self._still = Reference.of(self._planes(background))
        self._jitter = JitterEstimator(self._still.planes[0], np.asarray(known, np.uint8))

    def find(self, frame: Uint8, covered: Uint8) -> Float64:
        """Boxes ``(N, 4)`` of regions of a head's size and more that are neither covered nor the background.

        Args:
            frame: ``(H, W, 3)`` BGR, decoded, of the background's size.
            covered: ``(H, W)``, not 0 where the frame is seen to be covered.
        """
        planes, bare = self._planes(frame), self._bare(covered)
        boxes = self._differing(planes, bare, self._still)
        if len(boxes):
            shift = self._jitter.find(planes[0], bare)
            if shift != STILL:
                boxes = self._differing(planes, bare, self._still.moved(shift))
        return boxes

    def _differing(self, planes: Sequence[Uint8], bare: Uint8, background: "Reference") -> Float64:
        """Boxes of what differs from a background."""
        light, colour = self._differences(planes, bare, background)
        differs = self._means_over(cv2.subtract(light, background.sharp), bare, LIGHT)
        differs |= self._means_over(cv2.subtract(colour, background.colourful), bare, COLOUR)
        differs |= self._means_over(self._unknown, bare, 255 * UNKNOWN_SHARE)
        return self._boxes(differs)

    def _planes(self, picture: Uint8) -> list[Uint8]:
        """Brightness, and the differences of red and of blue to it, each ``(h, w)``, reduced."""
        small = downscale(picture, self._size)
        return [np.asarray(plane, np.uint8) for plane in cv2.split(cv2.cvtColor(small, cv2.COLOR_BGR2YCrCb))]

    def _bare(self, covered: Uint8) -> Uint8:
        """255 where the reduced picture is not covered nor near to what is."""
        around = cv2.dilate(_above(downscale(covered, self._size), 127), _square(2 * RIM_PX + 1))
        return np.asarray(cv2.bitwise_not(around), np.uint8)

    def _differences(self, frame: Sequence[Uint8], bare: Uint8, background: "Reference") -> tuple[Uint8, Uint8]:
        """How far brightness, relative to its surroundings, and colour are from the background in this frame's light."""
        lit = _lit(background.planes, frame, bare)
        light, reds, blues = (self._local(here, there, bare) for here, there in zip(frame, lit, strict=True))
        return light, np.asarray(cv2.max(reds, blues), np.uint8)

    def _local(self, plane: Uint8, background: cv2.typing.MatLike, bare: Uint8) -> Uint8:
        """Absolute difference to the background, less its mean around each pixel over what is bare."""
        difference = cv2.copyTo(cv2.subtract(plane, background, dtype=cv2.CV_16S), bare)
        coarse = cv2.resize(difference, self._coarse, interpolation=cv2.INTER_AREA).astype(np.float32)
        coarse = np.clip(coarse, -MOST_SHADE, MOST_SHADE)  # else there is a halo around whoever is dark
        weight = cv2.resize(bare, self._coarse, interpolation=cv2.INTER_AREA).astype(np.float32) / np.float32(255)
        around = (self._around, self._around)
        mean = cv2.blur(coarse, around) / np.maximum(cv2.blur(weight, around), np.float32(0.05))
        spread = cv2.resize(mean.astype(np.int16), self._size, interpolation=cv2.INTER_LINEAR)
        return np.asarray(cv2.convertScaleAbs(cv2.subtract(difference, spread, dtype=cv2.CV_16S)), np.uint8)

    def _means_over(self, excess: cv2.typing.MatLike, bare: Uint8, limit: float) -> Uint8:
        """255 where the mean over a window, what is not bare counted as 0, is above a limit."""
        means = cv2.blur(cv2.copyTo(excess, bare), (self._window, self._window))
        return _above(means, limit)

    def _boxes(self, differs: Uint8) -> Float64:
        if not cv2.countNonZero(differs):
            return np.empty((0, 4))
        _, _, stats, _ = cv2.connectedComponentsWithStats(differs, connectivity=8, ltype=cv2.CV_16U)
        large = stats[1:][stats[1:, cv2.CC_STAT_AREA] >= LEAST_AREA * self._window**2]
        left, top, width, height = large[:, :4].T
        grown = self._window // 4
        corners = np.stack([left - grown, top - grown, left + width + grown, top + height + grown], axis=1)
        limits = np.tile(np.array(self._size), 2)
        return np.asarray(np.clip(corners, 0, limits) * self._scale)


def _lit(background: Sequence[Uint8], frame: Sequence[Uint8], bare: Uint8) -> list[Uint8]:
    """The planes of a background in a frame's light: all of it times the gain, colours besides plus a tint; medians."""
    grid = (slice(None, None, COARSE), slice(None, None, COARSE))
    probes = bare[grid] > 0
    if np.count_nonzero(probes) < LEAST_PROBES:
        return list(background)
    here, there = ([plane[grid][probes].astype(np.float32) for plane in planes] for planes in (frame, background))
    gain = float(np.clip(np.median((here[0] + 1) / (there[0] + 1)), *GAIN_RANGE))
    lit = [cv2.convertScaleAbs(background[0], alpha=gain)]
    for plane, seen, known in zip(background[1:], here[1:], there[1:], strict=True):
        # Colours are differences, with no difference at 128, so light makes them larger too.
        shifted = float(np.median(seen - NO_COLOUR - gain * (known - NO_COLOUR)))
        lit.append(cv2.convertScaleAbs(plane, alpha=gain, beta=NO_COLOUR * (1 - gain) + shifted))
    return [np.asarray(plane, np.uint8) for plane in lit]


def _above(plane: cv2.typing.MatLike, level: float) -> Uint8:
    """255 where a plane of bytes is above a level."""
    return np.asarray(cv2.threshold(plane, level, 255, cv2.THRESH_BINARY)[1], np.uint8)


def _square(size: int) -> Uint8:
    return np.ones((size, size), np.uint8)
