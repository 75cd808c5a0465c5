"""Aligns a frame of a fixed camera with its background in light and place, and checks that it shows the same view.

All pictures are reduced to one size. Shifts are found by phase correlation (Kuglin and Hines, 1975) of gradients, which
neither light nor people who walk disturb much, refined by least squares (Lucas and Kanade, 1981), and used only if the
frame then equals the background better than before.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from ops.anonymize.geometry import Shift, shifted
from ops.pictures import above, largest_channel
from schemas.values import Bools, Float32, Float64, Int64, Uint8

GAIN_RANGE = (0.6, 1.6)
"""Ratio of the frame's brightness to the background's that passes for light drift."""

NOISE_MOST = 10.0
"""Largest median difference to the background, grey levels, that is noise: more is another light or another view."""

PROBE_STEP_PX = 6
"""Distance between the pixels that light and noise are measured at."""

TEXTURE = 24
"""Least local contrast, grey levels, of a probe that shows whether the frame is shifted."""

TEXTURED_PROBES = 24
"""Least number of textured probes by which a shift can be judged."""

MOST_SHIFT_PX = 4.0
"""Largest shift of a camera that shakes, pixels of the reduced picture; beyond it, the camera was moved."""

SHIFT_STEP_PX = 0.125
"""Step to which shifts are rounded, pixels."""

RESPONSE = 0.1
"""Least response of a phase correlation that is trusted, 0..1."""

STEPS = 4
"""Iterations of the least squares."""

OUTLYING = 12.0
"""Difference, grey levels, at which a probe's weight for the shift is halved: people differ by more."""

GRID = (12, 8)
"""Columns and rows of cells that are compared one by one with the background's view."""

CELL_TEXTURE = 3.0
"""Least standard deviation of the fine detail of a cell that can be compared, grey levels."""

CELL_LIKENESS = 0.6
"""Least correlation of a cell's fine detail with the background's if it shows the same view."""

CELL_DIFFERS = 0.3
"""Largest share of a cell that may differ from the background if it shows the same view."""

LEAST_CELLS = 4
"""Least number of textured cells by which the view can be judged."""


@dataclass(frozen=True)
class Reference:
    """A reduced background, and the differences to it that are tolerated.

    Attributes:
        background: ``(h, w, 3)`` BGR.
        near, far: ``(h, w)`` grey levels that are tolerated within people's boxes and elsewhere.
        unknown: ``(h, w)``, 255 where the background was never seen free of people.
        shift_px: how far it was moved (right, down), pixels of the reduced picture.
    """

    background: Uint8
    near: Uint8
    far: Uint8
    unknown: Uint8
    shift_px: Shift = (0.0, 0.0)

    def moved(self, shift_px: Shift) -> "Reference":
        """Returns this reference moved (right, down); it must not have been moved before.

        Moving twice would interpolate twice, and blur what it is compared with.
        """
        if shift_px == (0.0, 0.0):
            return self
        # Interpolation mixes unknown pixels with their neighbours: whatever holds any of one is unknown.
        return replace(
            self,
            background=shifted(self.background, shift_px),
            near=shifted(self.near, shift_px),
            far=shifted(self.far, shift_px),
            unknown=above(shifted(self.unknown, shift_px), 0),
            shift_px=shift_px,
        )


class Probes:
    """Pixels on a grid at which light is measured: known to the background, neither dark nor overexposed.

    Attributes:
        places: rows and columns, ``(K,)`` each.
        textured: ``(K,)``, those that show a shift.
    """

    def __init__(self, reference: Reference, contrast: Uint8) -> None:
        background = reference.background
        # Near black a ratio is mostly noise, and near white the camera clips.
        usable = (background.min(axis=2) >= 16) & (background.max(axis=2) <= 235) & (reference.unknown == 0)
        rows, columns = np.nonzero(usable[::PROBE_STEP_PX, ::PROBE_STEP_PX])
        self.places: tuple[Int64, Int64] = (rows * PROBE_STEP_PX, columns * PROBE_STEP_PX)
        self.textured: Bools = contrast[self.places] >= TEXTURE

    def gains(self, small: Uint8, background: Uint8) -> Float64:
        """Returns the frame's brightness over the background's by channel, ``(3,)``: the median, robust to people."""
        if not len(self.places[0]):
            return np.ones(3)
        # A background that was moved may be darker at a probe than it was chosen for.
        return np.asarray(np.median(small[self.places] / np.maximum(background[self.places], 1), axis=0))


@dataclass(frozen=True)
class Fit:
    """A reduced frame compared with the background in the frame's light.

    Attributes:
        gains: ``(3,)`` brightness of the frame over the background's by channel (BGR), within ``GAIN_RANGE``.
        in_range: whether the measured gains lie within ``GAIN_RANGE``.
        difference: ``(h, w)`` largest difference of any channel, less this frame's noise.
        differing: share of the probes that differ, 0..1.
        misaligned: share of the textured probes that differ, 0..1; 0 where there are too few.
    """

    reference: Reference
    gains: Float64
    in_range: bool
    difference: Uint8
    differing: float
    misaligned: float


def fit_to(
    small: Uint8, reference: Reference, probes: Probes, noise_factor: float, gains: Float64 | None = None
) -> Fit:
    """Compares a reduced frame with the background in the frame's light.

    Args:
        noise_factor: multiple of the median difference that is taken for noise.
        gains: ``(3,)`` the light, if it is known; None: it is measured.
    """
    # Light drift multiplies each channel, since cameras set exposure and white balance by gains.
    measured = probes.gains(small, reference.background) if gains is None else gains
    within = np.clip(measured, *GAIN_RANGE)
    drifted = cv2.transform(reference.background, np.diag(within))
    difference = largest_channel(cv2.absdiff(small, drifted))
    probed = difference[probes.places]
    # Most probes show background, so their median difference is noise. It is limited, or a frame of another view, in
    # which all probes differ, would excuse itself.
    noise = noise_factor * min(float(np.median(probed)), NOISE_MOST) if len(probed) else 0.0
    off = np.maximum(probed - noise, 0) > reference.near[probes.places]
    return Fit(
        reference,
        within,
        bool((within == measured).all()),
        np.asarray(cv2.subtract(difference, np.full(1, noise)), np.uint8),
        _share(off),
        _share(off[probes.textured], TEXTURED_PROBES),
    )


def _share(off: Bools, least: int = 1) -> float:
    return float(off.mean()) if len(off) >= least else 0.0


class ShiftFinder:
    """Finds how far frames are shifted against a reduced background, first roughly, then by its texture.

    Args:
        background: ``(h, w, 3)`` BGR.
        probes: of the background.
    """

    def __init__(self, background: Uint8, probes: Probes) -> None:
        self._gradients = _gradients(background)
        height, width = self._gradients.shape
        self._window = cv2.createHanningWindow((width, height), cv2.CV_32F) if min(width, height) > 1 else None
        rows, columns = (place[probes.textured] for place in probes.places)
        grey = _smooth(background)
        self._greys = grey[rows, columns]
        # Sobel's kernel gives eight times the slope per pixel.
        self._slopes = np.stack([cv2.Sobel(grey, cv2.CV_32F, *axis)[rows, columns] / 8 for axis in ((1, 0), (0, 1))])
        self._places = np.stack([columns, rows]).astype(np.float32)

    def find(self, small: Uint8) -> Shift | None:
        """Returns the shift (right, down) of a frame ``(h, w, 3)`` against the background; None if it is unsure."""
        if self._window is None:
            return None
        # OpenCV multiplies pictures of some sizes with the window in place, hence the copy.
        halves, response = cv2.phaseCorrelate(self._gradients.copy(), _gradients(small), self._window)
        rough = 2 * np.array(halves)  # the gradients have half the size
        if response < RESPONSE or np.abs(rough).max() > MOST_SHIFT_PX:
            return None
        right, down = self._exact(_smooth(small), rough)
        return round(right / SHIFT_STEP_PX) * SHIFT_STEP_PX, round(down / SHIFT_STEP_PX) * SHIFT_STEP_PX

    def _exact(self, grey: Float32, shift_px: Float64) -> Float64:
        """Refines a shift by least squares over the textured probes.

        Probes that differ much, as those on people do, have little weight.
        """
        # Gauss-Newton: where the frame is brighter than the background, along a slope, it is shifted against it.
        for _ in range(STEPS):
            across, down = self._places + shift_px[:, None].astype(np.float32)
            moved = cv2.remap(grey, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).ravel()
            gain = float(np.median(moved / np.maximum(self._greys, 1)))
            off = moved - gain * self._greys
            weighted = self._slopes / (1 + (off / OUTLYING) ** 2)
            # The small diagonal keeps the system solvable where all texture runs in one direction, or there is none.
            step = np.linalg.solve(gain * (weighted @ self._slopes.T) + 1e-3 * np.eye(2), weighted @ off)
            shift_px = np.clip(shift_px - step, -MOST_SHIFT_PX, MOST_SHIFT_PX)
        return shift_px


def _smooth(picture: Uint8) -> Float32:
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(grey, (3, 3), 0), np.float32)


def _gradients(picture: Uint8) -> Float32:
    """Returns the magnitude of a picture's gradient, at half its size."""
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    across, down = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    half = (max(grey.shape[1] // 2, 1), max(grey.shape[0] // 2, 1))
    return np.asarray(cv2.resize(cv2.magnitude(across, down), half, interpolation=cv2.INTER_AREA), np.float32)


def same_view_share(small: Uint8, fit: Fit) -> float | None:
    """Returns the share of a frame's cells that show the background's view, 0..1; None if too few have texture.

    The share distinguishes a camera that was moved, which leaves no cell, from a person close to the camera, who hides
    most of the picture and leaves the others as they are.
    """
    frame, background = _detail(small), _detail(fit.reference.background)
    both, of_frame, of_background = (
        _by_cell(product) for product in (frame * background, frame * frame, background * background)
    )
    textured = of_background >= CELL_TEXTURE**2
    if int(textured.sum()) < LEAST_CELLS:
        return None
    # Normalized cross-correlation within each cell: light changes contrast, not the pattern of detail.
    likeness = both / np.sqrt(np.maximum(of_frame * of_background, 1e-6))
    differs = cv2.compare(fit.difference, fit.reference.near, cv2.CMP_GT).astype(np.float32)
    same = (likeness >= CELL_LIKENESS) & (_by_cell(differs) <= 255 * CELL_DIFFERS)
    return float(same[textured].mean())


def _detail(picture: Uint8) -> Float32:
    """Returns the detail of a picture that is finer than nine pixels."""
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).astype(np.float32)
    return np.asarray(grey - cv2.blur(grey, (9, 9)), np.float32)


def _by_cell(picture: npt.NDArray[np.floating]) -> Float32:
    """Returns the mean over each cell, ``(rows, columns)``."""
    return np.asarray(cv2.resize(picture, GRID, interpolation=cv2.INTER_AREA), np.float32)
