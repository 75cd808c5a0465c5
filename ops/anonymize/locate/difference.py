"""Finds what in a frame of a fixed camera the background does not vouch for.

Frames are compared at a reduced size, and the resulting mask is enlarged and grown by more than was lost. The
background vouches for a pixel that it knows and from which the frame differs by no more than noise, light drift, camera
shake and the background's own edges explain.

A frame that differs in most places, and nowhere shows the background's view any more, cannot be compared: the camera
was moved, or the light went off. The background then vouches for no pixel of it (docs/decisions/0014).
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from ops.anonymize.geometry import Shift, cover_boxes, shifted, work_size
from ops.anonymize.locate.alignment import Fit, Probes, Reference, ShiftFinder, fit_to, same_view_share
from ops.anonymize.params import AnonymizeParams
from ops.boxes import pad
from ops.pictures import above, downscale
from schemas.values import Bools, Float64, Int64, Uint8

EDGE_SHARE = 0.3
"""Tolerated share of the background's local contrast: encoding moves edges by fractions of a pixel."""

OUTLINE = 90
"""Level of a blurred mask, 0..255, above which a pixel is covered."""

MISALIGNED = 0.12
"""Share of differing textured probes above which a shift is searched."""

BETTER = 0.8
"""A shift is used if at most this share of the textured probes that differed still do."""

DOUBTFUL = 0.2
"""Share of differing probes, or of differing textured ones, above which the view is checked cell by cell."""

DIFFERING = 0.35
"""Share of differing probes above which the measured light is doubted, and a view without texture is another one."""

SAME_VIEW = 0.2
"""Least share of cells with the background's view in a frame that can be compared. Measured-real on PETS: .88 at least
where the camera is still or shakes, .02 at most where it was moved by ten pixels or more."""

BESIDE = 0.3
"""Padding of boxes, on every side and as a share of their size, within which clear differences belong to people."""

LEAST_GROWTH = np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5)), np.uint8)
"""Growth of what differs within a network's boxes: reducing and enlarging the mask loses up to two pixels."""

Judge = Callable[[Float64], Bools]
"""Returns which regions ``(N, 4)``, pixels of the frame, may be people, ``(N,)``."""


@dataclass(frozen=True)
class FrameComparison:
    """Result of comparing a frame with the background.

    Attributes:
        time_us: the frame's time.
        comparable: whether the background can vouch for pixels of the frame.
        shift_px: the frame's shift against the background (right, down), pixels of the frame.
        fit: the comparison of the reduced frame.
    """

    time_us: int
    comparable: bool
    shift_px: Shift
    fit: Fit


class BackgroundDifference:
    """Compares the frames of a segment with its background, in order of time.

    Args:
        background: ``(H, W, 3)`` BGR.
        unknown: ``(H, W)``, not 0 where the background was never seen free of people.
        params: ``tolerance`` to ``grow_share`` are used.

    Attributes:
        size_px: (width, height) of the frames that it can compare.
    """

    def __init__(self, background: Uint8, unknown: Uint8, params: AnonymizeParams) -> None:
        self.size_px = (background.shape[1], background.shape[0])
        self._size = work_size(*self.size_px)
        self._background = background
        small = downscale(background, self._size)
        # A reduced pixel is unknown if any pixel of it is.
        share = cv2.resize((unknown > 0).astype(np.float32), self._size, interpolation=cv2.INTER_AREA)
        contrast = np.asarray(cv2.morphologyEx(small, cv2.MORPH_GRADIENT, _disc(3)).max(axis=2), np.uint8)
        edges = EDGE_SHARE * contrast
        # Near people gentle differences count, elsewhere only clear ones. Limits end at 254, so that the largest
        # difference of bytes always counts.
        self._still = Reference(
            background=small,
            near=np.clip(params.tolerance + edges, 0, 254).astype(np.uint8),
            far=np.clip(params.tolerance * params.far_factor + edges, 0, 254).astype(np.uint8),
            unknown=np.where(share > 0, np.uint8(255), np.uint8(0)),
        )
        self._probes = Probes(self._still, contrast)
        self._shifts = ShiftFinder(small, self._probes)
        self._person_px = max(params.person_share * self._size[0] * self._size[1], 9.0)
        self._to_small = np.tile(np.array(self._size) / np.array(self.size_px), 2)
        self._noise_factor = params.noise_factor
        self._hold_us = round(params.hold_s * 1e6)
        # Two pixels at least, since reducing and enlarging the mask loses up to that at its edge.
        self._growth = _disc(2 * max(round(params.grow_share * self._size[0]), 2) + 1)
        self._last_far_us: Int64 = np.full(self._size[::-1], np.iinfo(np.int64).min // 2)
        self._reference = self._still
        self._gains = np.ones(3)

    def compare(self, frame: Uint8, time_us: int) -> FrameComparison:
        """Finds a frame's light and shift, and decides whether it can be compared.

        Args:
            frame: ``(H, W, 3)`` BGR, of the background's size, before anything is painted on it.
            time_us: microseconds; frames come in order of time, each once.
        """
        small = downscale(frame, self._size)
        # A camera that shakes or was nudged mostly shows this frame where it showed the last one.
        fit = self._aligned(small, self._fit(small, self._reference))
        if fit.differing > DIFFERING:
            # A person close to the camera fills most of the picture, and their colour would pass for a change of light.
            with_last_light = self._fit(small, fit.reference, self._gains)
            fit = min(fit, with_last_light, key=lambda each: (not each.in_range, each.differing))
        comparable = fit.in_range and _shows_same_view(small, fit)
        if comparable:  # only such a frame has a light and a shift that the next one can start from
            self._reference, self._gains = fit.reference, fit.gains
        (right, down), across = fit.reference.shift_px, self.size_px[0] / self._size[0]
        shift_px = (right * across, down * self.size_px[1] / self._size[1])
        return FrameComparison(time_us, comparable, shift_px, fit)

    def people_mask(self, comparison: FrameComparison, boxes: Float64, judge: Judge | None = None) -> Uint8:
        """Returns the mask ``(H, W)``, 255 where people are: what differs within boxes, and large differences anywhere.

        For a frame that cannot be compared, it is all of the boxes, and what was covered just before outside them.

        Args:
            comparison: from ``compare``, for each frame once and in order of time.
            boxes: ``(M, 4)``, padded boxes of people in pixels of the frame.
            judge: says which differences outside the boxes may be people, and the boxes are a network's: they hold
                people tightly, so nothing grows beyond them. None: all differences of a person's size may be.
        """
        if not comparison.comparable:
            whole = self._enlarged(self._held(comparison.time_us), self._growth)
            cover_boxes(whole, boxes)
            return whole
        within = self._within(comparison.fit, boxes)
        missed = self._missed(comparison.fit, comparison.time_us, boxes, judge)
        if judge is None:
            return self._enlarged(cv2.bitwise_or(within, missed), self._growth)
        mask, inside = self._enlarged(within, LEAST_GROWTH), np.zeros(self.size_px[::-1], np.uint8)
        cover_boxes(inside, boxes)
        cv2.bitwise_and(mask, inside, mask)
        mask |= self._enlarged(self._beside(comparison.fit, boxes), LEAST_GROWTH)
        return mask | self._enlarged(missed, self._growth)

    def _beside(self, fit: Fit, boxes: Float64) -> Uint8:
        """Returns what clearly differs in and beside the boxes: limbs, and others whom these people hide in part."""
        around = np.zeros_like(fit.difference)
        cover_boxes(around, pad(boxes, BESIDE, 0.0) * self._to_small)
        return _closed(cv2.bitwise_and(_differs(fit, fit.reference.far), around))

    def background_for(self, comparison: FrameComparison) -> Uint8 | None:
        """Returns the background ``(H, W, 3)`` BGR in a frame's light and place; None if they cannot be compared."""
        if not comparison.comparable:
            return None
        lit = np.asarray(cv2.transform(self._background, np.diag(comparison.fit.gains)), np.uint8)
        return lit if comparison.shift_px == (0.0, 0.0) else shifted(lit, comparison.shift_px)

    def _enlarged(self, mask: Uint8 | cv2.typing.MatLike, growth: Uint8) -> Uint8:
        """Returns a reduced mask at the frame's size, grown, with a smooth outline that loses nothing."""
        if not cv2.countNonZero(mask):
            return np.zeros(self.size_px[::-1], np.uint8)
        smooth = cv2.GaussianBlur(cv2.dilate(mask, growth), (7, 7), 0)
        full = cv2.resize(smooth, self.size_px, interpolation=cv2.INTER_LINEAR)
        return above(full, OUTLINE)

    def _fit(self, small: Uint8, reference: Reference, gains: Float64 | None = None) -> Fit:
        return fit_to(small, reference, self._probes, self._noise_factor, gains)

    def _aligned(self, small: Uint8, fit: Fit) -> Fit:
        """Returns the fit, or one to the background moved by the frame's shift if that is clearly better."""
        if fit.misaligned <= MISALIGNED:
            return fit
        shift_px = self._shifts.find(small)
        if shift_px is None or shift_px == fit.reference.shift_px:
            return fit
        moved = self._fit(small, self._still.moved(shift_px))
        return moved if moved.misaligned <= BETTER * fit.misaligned else fit

    def _within(self, fit: Fit, boxes: Float64) -> Uint8:
        """Returns what differs within the boxes."""
        allowed = np.zeros_like(fit.difference)
        cover_boxes(allowed, boxes * self._to_small)
        if not allowed.any():
            return allowed
        return _closed(cv2.bitwise_and(_differs(fit, fit.reference.near), allowed))

    def _missed(self, fit: Fit, time_us: int, boxes: Float64, judge: Judge | None) -> Uint8:
        """Returns regions of a person's size that clearly differ anywhere, and those of the last ``hold_us``."""
        differs = _differs(fit, fit.reference.far)
        if judge is not None:  # what is within boxes is covered there, and would join regions that are apart
            cover_boxes(differs, boxes * self._to_small, 0)
        closed = _closed(differs)
        _, labels, stats, _ = cv2.connectedComponentsWithStats(closed, connectivity=8, ltype=cv2.CV_16U)
        large = stats[:, cv2.CC_STAT_AREA] >= self._person_px
        large[0] = False  # label 0 is what does not differ
        if judge is not None and large.any():
            left, top, width, height = stats[large, : cv2.CC_STAT_AREA].T
            regions = np.stack([left, top, left + width, top + height], axis=1) / self._to_small
            large[large] = judge(regions)
        if large.any():
            self._last_far_us[large[labels]] = time_us
        return self._held(time_us)

    def _held(self, time_us: int) -> Uint8:
        """Returns 255 where such a region was found within ``hold_us``."""
        return (self._last_far_us >= time_us - self._hold_us).astype(np.uint8) * np.uint8(255)


def _shows_same_view(small: Uint8, fit: Fit) -> bool:
    """Returns whether a frame still shows the background's view."""
    if max(fit.differing, fit.misaligned) <= DOUBTFUL:
        return True
    # Many differing pixels alone do not mean another view: a person close to the camera causes them, too.
    same = same_view_share(small, fit)
    return fit.differing <= DIFFERING if same is None else same >= SAME_VIEW


def _differs(fit: Fit, limit: Uint8) -> Uint8:
    """Returns 255 where a frame differs by more than a limit ``(h, w)``, or the background is unknown."""
    return np.asarray(cv2.bitwise_or(cv2.compare(fit.difference, limit, cv2.CMP_GT), fit.reference.unknown), np.uint8)


def _closed(mask: Uint8 | cv2.typing.MatLike) -> Uint8:
    """Returns a mask without single pixels, which are noise, and with the gaps within a body closed."""
    return np.asarray(cv2.morphologyEx(cv2.medianBlur(mask, 3), cv2.MORPH_CLOSE, _disc(7)), np.uint8)


def _disc(size: int) -> Uint8:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)), np.uint8)
