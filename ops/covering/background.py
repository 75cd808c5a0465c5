"""What in a frame of a fixed camera is not vouched to be background: the difference to the clean plate.

All of it happens on a reduced picture, since people are larger than pixels, and is laid over the frame afterwards,
grown by more than was lost. A pixel is vouched for when the plate knows it and the frame differs from the plate by
no more than noise, light drift and the plate's own edges explain.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from ops.covering.paint import whole_boxes
from schemas.values import Float64, Int64, Uint8

WORK_WIDTH_PX = 384
"""Width that frames are reduced to before they are compared."""

EDGE_SHARE = 0.3
"""Share of the plate's local contrast that is tolerated: edges move by fractions of a pixel when they are encoded."""

OUTLINE = 90
"""Level of a blurred mask, 0..255, from which on a pixel is covered."""

GAIN_RANGE = (0.6, 1.6)
"""Brightness of the frame over the plate's that passes for light drift."""


@dataclass(frozen=True)
class Tolerance:
    """When a pixel differs, and when a region is a person that nobody found.

    Attributes:
        floor: grey levels that always pass for noise.
        noise_factor: so many times the frame's median difference to the plate pass besides.
        far_factor: outside people's boxes the difference must be so many times larger.
        person_share: share of the frame that a region must have to be a person, outside people's boxes.
        hold_us: such a region stays for so long after it was last seen.
    """

    floor: float
    noise_factor: float
    far_factor: float
    person_share: float
    hold_us: int


class Background:
    """Compares the frames of a segment, one after the other, with its plate.

    Args:
        plate: ``(H, W, 3)`` BGR.
        unknown: ``(H, W)``, not 0 where the plate was never seen free of people.

    Attributes:
        size_px: (width, height) of the frames that it can judge.
    """

    def __init__(self, plate: Uint8, unknown: Uint8, tolerance: Tolerance) -> None:
        height, width = plate.shape[:2]
        scale = min(1.0, WORK_WIDTH_PX / width)
        self._size = (max(round(width * scale), 1), max(round(height * scale), 1))
        self.size_px = (width, height)
        self._plate = self._reduced(plate)
        share = cv2.resize((unknown > 0).astype(np.float32), self._size, interpolation=cv2.INTER_AREA)
        self._unknown = np.where(share > 0, np.uint8(255), np.uint8(0))
        contrast = cv2.morphologyEx(self._plate, cv2.MORPH_GRADIENT, _disc(3)).max(axis=2)
        edges = EDGE_SHARE * contrast
        self._near = np.clip(tolerance.floor + edges, 0, 254).astype(np.uint8)
        self._far = np.clip(tolerance.floor * tolerance.far_factor + edges, 0, 254).astype(np.uint8)
        self._person_px = max(tolerance.person_share * self._size[0] * self._size[1], 9.0)
        self._noise_factor = tolerance.noise_factor
        self._hold_us = tolerance.hold_us
        self._last_far_us: Int64 = np.full(self._size[::-1], np.iinfo(np.int64).min // 2)
        self._probes = _probes(self._plate, self._unknown)

    def people(self, frame: Uint8, time_us: int, boxes: Float64) -> Uint8:
        """The mask ``(H, W)``, 255 where people are: what differs within boxes, and large differences anywhere.

        Args:
            frame: ``(H, W, 3)`` BGR, of the plate's size.
            time_us: microseconds; frames come in order of time.
            boxes: ``(M, 4)``, padded boxes of people in pixels of the frame.
        """
        difference = self._difference(self._reduced(frame))
        mask = cv2.bitwise_or(self._within(difference, boxes), self._missed(difference, time_us))
        full = cv2.resize(mask, self.size_px, interpolation=cv2.INTER_LINEAR)
        return np.asarray(cv2.threshold(full, OUTLINE, 255, cv2.THRESH_BINARY)[1], np.uint8)

    def _reduced(self, picture: Uint8) -> Uint8:
        return np.asarray(cv2.resize(picture, self._size, interpolation=cv2.INTER_AREA), np.uint8)

    def _difference(self, small: Uint8) -> Uint8:
        """The largest difference of any channel to the plate in this frame's light, less this frame's noise."""
        drifted = cv2.transform(self._plate, np.diag(self._gains(small)))
        blue, green, red = cv2.split(cv2.absdiff(small, drifted))
        difference = np.asarray(cv2.max(cv2.max(blue, green), red), np.uint8)
        probed = difference[self._probes]
        noise = self._noise_factor * float(np.median(probed)) if len(probed) else 0.0
        return np.asarray(cv2.subtract(difference, np.full(1, noise)), np.uint8)

    def _gains(self, small: Uint8) -> Float64:
        """Brightness of the frame over the plate's by channel: the median, which people do not move."""
        plate = self._plate[self._probes]
        if not len(plate):
            return np.ones(3)
        return np.asarray(np.clip(np.median(small[self._probes] / plate, axis=0), *GAIN_RANGE))

    def _within(self, difference: Uint8, boxes: Float64) -> Uint8:
        """What differs within the boxes, closed and grown, so that its outline is calm."""
        allowed = np.zeros_like(difference)
        scale = np.tile(np.array(self._size) / np.array(self.size_px), 2)
        for x1, y1, x2, y2 in whole_boxes(boxes * scale, self._size):
            allowed[y1:y2, x1:x2] = 255
        if not allowed.any():
            return allowed
        differs = cv2.bitwise_or(cv2.compare(difference, self._near, cv2.CMP_GT), self._unknown)
        differs = cv2.medianBlur(cv2.bitwise_and(differs, allowed), 3)
        closed = cv2.morphologyEx(differs, cv2.MORPH_CLOSE, _disc(7))
        return _rounded(closed)

    def _missed(self, difference: Uint8, time_us: int) -> Uint8:
        """Regions as large as a person that differ clearly, wherever they are, and for a while where they were."""
        differs = cv2.bitwise_or(cv2.compare(difference, self._far, cv2.CMP_GT), self._unknown)
        differs = cv2.morphologyEx(cv2.medianBlur(differs, 3), cv2.MORPH_CLOSE, _disc(7))
        _, labels, stats, _ = cv2.connectedComponentsWithStats(differs, connectivity=8)
        large = stats[:, cv2.CC_STAT_AREA] >= self._person_px
        large[0] = False
        if large.any():
            self._last_far_us[large[labels]] = time_us
        held = (self._last_far_us >= time_us - self._hold_us).astype(np.uint8) * np.uint8(255)
        return _rounded(held)


def _rounded(mask: cv2.typing.MatLike) -> Uint8:
    """A mask grown by two pixels and blurred, so that its level ``OUTLINE`` is a calm outline that loses nothing."""
    return np.asarray(cv2.GaussianBlur(cv2.dilate(mask, _disc(5)), (7, 7), 0), np.uint8)


def _disc(size: int) -> Uint8:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)), np.uint8)


def _probes(plate: Uint8, unknown: Uint8) -> tuple[Int64, Int64]:
    """Rows and columns of pixels on a grid that can tell the light: known, neither dark nor burnt out."""
    usable = (plate.min(axis=2) >= 16) & (plate.max(axis=2) <= 235) & (unknown == 0)
    rows, columns = np.nonzero(usable[::6, ::6])
    return rows * 6, columns * 6
