"""What in a frame of a fixed camera is not vouched to be background: the difference to the background.

All of it happens on a reduced picture, since people are larger than pixels, and is laid over the frame afterwards,
grown by more than was lost. A pixel is vouched for when the background knows it and the frame differs from the background by
no more than noise, light drift, a shake of the camera and the background's own edges explain.

A frame that differs in most places, and nowhere shows the background's view any more, cannot be compared: the camera was
moved, or the light went off. The background vouches for no pixel of it.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from ops.anonymize.cover.paint import cover_boxes, whole_boxes
from ops.anonymize.locate.alignment import Fit, Probes, Reference, Shift, ShiftFinder, fit_to, held_share, shifted
from ops.downscale import downscale
from schemas.values import Float64, Int64, Uint8

WORK_WIDTH_PX = 384
"""Width that frames are reduced to before they are compared."""

EDGE_SHARE = 0.3
"""Share of the background's local contrast that is tolerated: edges move by fractions of a pixel when they are encoded."""

OUTLINE = 90
"""Level of a blurred mask, 0..255, from which on a pixel is covered."""

SHAKEN = 0.12
"""Share of textured probes that differ from which on a frame is looked at for a shift."""

STEADIER = 0.8
"""A shift is taken if no more than this share of the textured probes that differed still do."""

DOUBTED = 0.2
"""Share of the probes, or of the textured ones, that differ from which on the view is doubted."""

DIFFERING = 0.35
"""Share of probes that differ from which on the light is doubted, and the view where it has no texture."""

HELD = 0.2
"""Share of a doubted view's parts that must still be the background's. Measured-real on PETS: .88 at least where the camera
stands still or shakes, .02 at most where it was moved by ten pixels or more."""


@dataclass(frozen=True)
class Tolerance:
    """When a pixel differs, and when a region is a person that nobody found.

    Attributes:
        floor: grey levels that always pass for noise.
        noise_factor: so many times the frame's median difference to the background pass besides.
        far_factor: outside people's boxes the difference must be so many times larger.
        person_share: share of the frame that a region must have to be a person, outside people's boxes.
        hold_us: such a region stays for so long after it was last seen.
        grow_share: what differs is grown on every side by this share of the frame's width, and by two pixels at least.
    """

    floor: float
    noise_factor: float
    far_factor: float
    person_share: float
    hold_us: int
    grow_share: float = 0.0


@dataclass(frozen=True)
class FrameComparison:
    """A frame held against the background.

    Attributes:
        time_us: the frame's time.
        comparable: whether the background can vouch for pixels of it.
        gains: ``(3,)`` its brightness over the background's by channel (BGR).
        shift_px: how far it shows things from where the background has them (right, down), pixels of the frame.
        differing: share of the places looked at that differ from the background, 0..1.
        fit: of the reduced frame, for ``people``.
    """

    time_us: int
    comparable: bool
    gains: Float64
    shift_px: Shift
    differing: float
    fit: Fit


class BackgroundDifference:
    """Compares the frames of a segment, one after the other, with its background.

    Args:
        background: ``(H, W, 3)`` BGR.
        unknown: ``(H, W)``, not 0 where the background was never seen free of people.

    Attributes:
        size_px: (width, height) of the frames that it can judge.
    """

    def __init__(self, background: Uint8, unknown: Uint8, tolerance: Tolerance) -> None:
        height, width = background.shape[:2]
        scale = min(1.0, WORK_WIDTH_PX / width)
        self._size = (max(round(width * scale), 1), max(round(height * scale), 1))
        self.size_px = (width, height)
        self._background = background
        small = self._reduced(background)
        share = cv2.resize((unknown > 0).astype(np.float32), self._size, interpolation=cv2.INTER_AREA)
        contrast = np.asarray(cv2.morphologyEx(small, cv2.MORPH_GRADIENT, _disc(3)).max(axis=2), np.uint8)
        edges = EDGE_SHARE * contrast
        self._still = Reference(
            background=small,
            near=np.clip(tolerance.floor + edges, 0, 254).astype(np.uint8),
            far=np.clip(tolerance.floor * tolerance.far_factor + edges, 0, 254).astype(np.uint8),
            unknown=np.where(share > 0, np.uint8(255), np.uint8(0)),
        )
        self._probes = Probes(self._still, contrast)
        self._shifts = ShiftFinder(small, self._probes)
        self._person_px = max(tolerance.person_share * self._size[0] * self._size[1], 9.0)
        self._noise_factor = tolerance.noise_factor
        self._hold_us = tolerance.hold_us
        self._growth = _disc(2 * max(round(tolerance.grow_share * self._size[0]), 2) + 1)
        self._last_far_us: Int64 = np.full(self._size[::-1], np.iinfo(np.int64).min // 2)
        self._reference = self._still
        self._gains = np.ones(3)

    def compare(self, frame: Uint8, time_us: int) -> FrameComparison:
        """Finds a frame's light and shift, and whether it can be compared.

        Args:
            frame: ``(H, W, 3)`` BGR, of the background's size, before anything is painted on it.
            time_us: microseconds; frames come in order of time, each once.
        """
        small = self._reduced(frame)
        fit = self._steadied(small, self._fit(small, self._reference))
        if fit.differing > DIFFERING:
            # Somebody near to the camera is most of the picture, and his colour is no light.
            before = self._fit(small, fit.reference, self._gains)
            fit = min(fit, before, key=lambda each: (not each.lit, each.differing))
        comparable = fit.lit and _holds(small, fit)
        if comparable:
            self._reference, self._gains = fit.reference, fit.gains
        (right, down), across = fit.reference.shift_px, self.size_px[0] / self._size[0]
        shift_px = (right * across, down * self.size_px[1] / self._size[1])
        return FrameComparison(time_us, comparable, fit.gains, shift_px, fit.differing, fit)

    def people(self, comparison: FrameComparison, boxes: Float64) -> Uint8:
        """The mask ``(H, W)``, 255 where people are: what differs within boxes, and large differences anywhere.

        Of a frame that cannot be compared it is all of the boxes, and what was covered just before outside of them.

        Args:
            comparison: of ``judge``, for each frame once and in order of time.
            boxes: ``(M, 4)``, padded boxes of people in pixels of the frame.
        """
        if not comparison.comparable:
            whole = self._whole(self._rounded(self._held(comparison.time_us)))
            cover_boxes(whole, boxes)
            return whole
        found = cv2.bitwise_or(self._within(comparison.fit, boxes), self._missed(comparison.fit, comparison.time_us))
        return self._whole(self._rounded(found))

    def background_for(self, comparison: FrameComparison) -> Uint8 | None:
        """The background ``(H, W, 3)`` BGR in a frame's light and place; None for a frame that cannot be compared."""
        if not comparison.comparable:
            return None
        lit = np.asarray(cv2.transform(self._background, np.diag(comparison.gains)), np.uint8)
        return lit if comparison.shift_px == (0.0, 0.0) else shifted(lit, comparison.shift_px)

    def _reduced(self, picture: Uint8) -> Uint8:
        return downscale(picture, self._size)

    def _whole(self, mask: cv2.typing.MatLike) -> Uint8:
        """A reduced, rounded mask at the frame's size."""
        full = cv2.resize(mask, self.size_px, interpolation=cv2.INTER_LINEAR)
        return np.asarray(cv2.threshold(full, OUTLINE, 255, cv2.THRESH_BINARY)[1], np.uint8)

    def _fit(self, small: Uint8, reference: Reference, gains: Float64 | None = None) -> Fit:
        return fit_to(small, reference, self._probes, self._noise_factor, gains)

    def _steadied(self, small: Uint8, fit: Fit) -> Fit:
        """The fit, or one to the background moved elsewhere if that fits clearly better."""
        if fit.shaken <= SHAKEN:
            return fit
        shift_px = self._shifts.find(small)
        if shift_px is None or shift_px == fit.reference.shift_px:
            return fit
        moved = self._fit(small, self._still.moved(shift_px))
        return moved if moved.shaken <= STEADIER * fit.shaken else fit

    def _within(self, fit: Fit, boxes: Float64) -> Uint8:
        """What differs within the boxes, closed."""
        allowed = np.zeros_like(fit.difference)
        scale = np.tile(np.array(self._size) / np.array(self.size_px), 2)
        for x1, y1, x2, y2 in whole_boxes(boxes * scale, self._size):
            allowed[y1:y2, x1:x2] = 255
        if not allowed.any():
            return allowed
        differs = _differs(fit, fit.reference.near)
        calm = cv2.medianBlur(cv2.bitwise_and(differs, allowed), 3)
        return np.asarray(cv2.morphologyEx(calm, cv2.MORPH_CLOSE, _disc(7)), np.uint8)

    def _missed(self, fit: Fit, time_us: int) -> Uint8:
        """Regions as large as a person that differ clearly, wherever they are, and for a while where they were."""
        differs = _differs(fit, fit.reference.far)
        closed = cv2.morphologyEx(cv2.medianBlur(differs, 3), cv2.MORPH_CLOSE, _disc(7))
        _, labels, stats, _ = cv2.connectedComponentsWithStats(closed, connectivity=8, ltype=cv2.CV_16U)
        for label in np.flatnonzero(stats[:, cv2.CC_STAT_AREA] >= self._person_px):
            if label:  # 0 is what does not differ
                x, y, width, height = stats[label, : cv2.CC_STAT_AREA]
                part = (slice(y, y + height), slice(x, x + width))
                self._last_far_us[part][labels[part] == label] = time_us
        return self._held(time_us)

    def _held(self, time_us: int) -> Uint8:
        return (self._last_far_us >= time_us - self._hold_us).astype(np.uint8) * np.uint8(255)

    def _rounded(self, mask: cv2.typing.MatLike) -> Uint8:
        """A mask grown and blurred, so that its level ``OUTLINE`` is a calm outline that loses nothing."""
        return np.asarray(cv2.GaussianBlur(cv2.dilate(mask, self._growth), (7, 7), 0), np.uint8)


def _holds(small: Uint8, fit: Fit) -> bool:
    """Whether a frame still shows the background's view."""
    if max(fit.differing, fit.shaken) <= DOUBTED:
        return True
    held = held_share(small, fit)
    return fit.differing <= DIFFERING if held is None else held >= HELD


def _differs(fit: Fit, limit: Uint8) -> Uint8:
    return np.asarray(cv2.bitwise_or(cv2.compare(fit.difference, limit, cv2.CMP_GT), fit.reference.unknown), np.uint8)


def _disc(size: int) -> Uint8:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)), np.uint8)
