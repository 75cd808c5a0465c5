"""In which light and how far shifted a frame of a fixed camera shows its background, and whether it still does.

All of it happens on reduced pictures of one size. Shifts are found by phase correlation (Kuglin and Hines, 1975) of the
pictures' gradients, which neither light nor people who walk about disturb much, and are taken only if the frame then
equals the background better than before.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from schemas.values import Float32, Float64, Int64, Uint8

Bools = npt.NDArray[np.bool_]
Shift = tuple[float, float]

GAIN_RANGE = (0.6, 1.6)
"""Brightness of the frame over the background's that passes for light drift."""

NOISE_MOST = 10.0
"""Median difference to the background, in grey levels, up to which it is noise: more is another light, or another view."""

PROBE_STEP_PX = 6
"""Every so many pixels, one tells light and noise."""

TEXTURE = 24
"""Local contrast, grey levels, from which on a probe tells whether the frame is shifted."""

TEXTURED_PROBES = 24
"""With fewer textured probes than this, nobody can tell whether a frame is shifted."""

MOST_SHIFT_PX = 4.0
"""Shifts up to this, in pixels of the reduced picture, are a camera that shakes; more is one that was moved."""

SHIFT_STEP_PX = 0.125
"""Shifts are rounded to this."""

RESPONSE = 0.1
"""Least response, 0..1, of a phase correlation that is believed."""

STEPS = 4
"""So many times a shift is made better."""

OUTLYING = 12.0
"""Difference, grey levels, from which on a probe has less than half of its say about the shift."""

GRID = (12, 8)
"""Columns and rows of cells that are asked, one by one, whether the view is still the background's."""

CELL_TEXTURE = 3.0
"""Standard deviation of a cell's fine detail, grey levels, from which on it can be asked."""

CELL_LIKENESS = 0.6
"""Correlation of a cell's fine detail with the background's from which on it is still the same view."""

CELL_DIFFERS = 0.3
"""Share of a cell that may differ from the background, for it to count as still the same."""

CELLS_ASKED = 4
"""So many cells must have texture for any to be asked."""


@dataclass(frozen=True)
class Reference:
    """A reduced background, and by how much frames may differ from it.

    Attributes:
        background: ``(h, w, 3)`` BGR.
        near, far: ``(h, w)`` grey levels that pass within people's boxes and elsewhere.
        unknown: ``(h, w)``, 255 where the background was never seen free of people.
        shift_px: how far it was moved (right, down), pixels of the reduced picture.
    """

    background: Uint8
    near: Uint8
    far: Uint8
    unknown: Uint8
    shift_px: Shift = (0.0, 0.0)

    def moved(self, shift_px: Shift) -> "Reference":
        """This one, which must not have been moved yet, moved; its borders go on beyond the picture."""
        if shift_px == (0.0, 0.0):
            return self
        _, unknown = cv2.threshold(shifted(self.unknown, shift_px), 0, 255, cv2.THRESH_BINARY)
        return replace(
            self,
            background=shifted(self.background, shift_px),
            near=shifted(self.near, shift_px),
            far=shifted(self.far, shift_px),
            unknown=np.asarray(unknown, np.uint8),
            shift_px=shift_px,
        )


def shifted(picture: Uint8, shift_px: Shift) -> Uint8:
    """A picture ``(H, W)`` or ``(H, W, C)`` moved (right, down); what comes in at the border is the border's."""
    motion = np.array([[1, 0, shift_px[0]], [0, 1, shift_px[1]]], np.float64)
    size = (picture.shape[1], picture.shape[0])
    moved = cv2.warpAffine(picture, motion, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.uint8)


class Probes:
    """Pixels on a grid that can tell the light: known, neither dark nor burnt out.

    Attributes:
        places: rows and columns.
        textured: ``(K,)`` those that can tell a shift.
    """

    def __init__(self, reference: Reference, contrast: Uint8) -> None:
        background = reference.background
        usable = (background.min(axis=2) >= 16) & (background.max(axis=2) <= 235) & (reference.unknown == 0)
        rows, columns = np.nonzero(usable[::PROBE_STEP_PX, ::PROBE_STEP_PX])
        self.places: tuple[Int64, Int64] = (rows * PROBE_STEP_PX, columns * PROBE_STEP_PX)
        self.textured: Bools = contrast[self.places] >= TEXTURE

    def __len__(self) -> int:
        return len(self.places[0])

    def gains(self, small: Uint8, background: Uint8) -> Float64:
        """Brightness of the frame over the background's by channel: the median, which people do not move."""
        if not len(self):
            return np.ones(3)
        # A background that was moved may be darker at a probe than it was chosen for.
        return np.asarray(np.median(small[self.places] / np.maximum(background[self.places], 1), axis=0))


@dataclass(frozen=True)
class Fit:
    """A reduced frame laid over the background.

    Attributes:
        gains: ``(3,)`` brightness of the frame over the background's by channel (BGR), within ``GAIN_RANGE``.
        lit: whether the gains did not have to be limited to it.
        difference: ``(h, w)`` largest difference of any channel, less this frame's noise.
        differing: share of the probes that differ, 0..1.
        shaken: share of the textured probes that differ, 0..1; 0 where there are too few.
    """

    reference: Reference
    gains: Float64
    lit: bool
    difference: Uint8
    differing: float
    shaken: float


def fit_to(
    small: Uint8, reference: Reference, probes: Probes, noise_factor: float, gains: Float64 | None = None
) -> Fit:
    """Compares a reduced frame with the background in the frame's light.

    Args:
        noise_factor: so many times the median difference passes for noise.
        gains: the light, if it is known; else it is measured.
    """
    measured = probes.gains(small, reference.background) if gains is None else gains
    within = np.clip(measured, *GAIN_RANGE)
    drifted = cv2.transform(reference.background, np.diag(within))
    blue, green, red = cv2.split(cv2.absdiff(small, drifted))
    difference = np.asarray(cv2.max(cv2.max(blue, green), red), np.uint8)
    probed = difference[probes.places]
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
    """Finds how far frames are shifted against a reduced background: roughly by all of it, then exactly by its texture.

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
        self._slopes = np.stack([cv2.Sobel(grey, cv2.CV_32F, *axis)[rows, columns] / 8 for axis in ((1, 0), (0, 1))])
        self._places = np.stack([columns, rows]).astype(np.float32)

    def find(self, small: Uint8) -> Shift | None:
        """How far a frame ``(h, w, 3)`` shows things from where the background has them (right, down); None if unsure."""
        if self._window is None:
            return None
        # Pictures of some sizes are multiplied with the window in place, hence the copy.
        halves, response = cv2.phaseCorrelate(self._gradients.copy(), _gradients(small), self._window)
        rough = 2 * np.array(halves)
        if response < RESPONSE or np.abs(rough).max() > MOST_SHIFT_PX:
            return None
        right, down = self._exact(_smooth(small), rough)
        return round(right / SHIFT_STEP_PX) * SHIFT_STEP_PX, round(down / SHIFT_STEP_PX) * SHIFT_STEP_PX

    def _exact(self, grey: Float32, shift_px: Float64) -> Float64:
        """A shift made better by least squares over the textured probes (Lucas and Kanade, 1981).

        Probes that differ much, as those on people do, count for little.
        """
        for _ in range(STEPS):
            across, down = self._places + shift_px[:, None].astype(np.float32)
            seen = cv2.remap(grey, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).ravel()
            gain = float(np.median(seen / np.maximum(self._greys, 1)))
            off = seen - gain * self._greys
            weighted = self._slopes / (1 + (off / OUTLYING) ** 2)
            # A little is added to the diagonal: texture may all run in one direction, or be none.
            step = np.linalg.solve(gain * (weighted @ self._slopes.T) + 1e-3 * np.eye(2), weighted @ off)
            shift_px = np.clip(shift_px - step, -MOST_SHIFT_PX, MOST_SHIFT_PX)
        return shift_px


def _smooth(picture: Uint8) -> Float32:
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(grey, (3, 3), 0), np.float32)


def _gradients(picture: Uint8) -> Float32:
    """How steep a picture is, at half its size."""
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    across, down = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    half = (max(grey.shape[1] // 2, 1), max(grey.shape[0] // 2, 1))
    return np.asarray(cv2.resize(cv2.magnitude(across, down), half, interpolation=cv2.INTER_AREA), np.float32)


def held_share(small: Uint8, fit: Fit) -> float | None:
    """Share of the cells of a frame that still show the background's view, 0..1; None where too few have any texture.

    None is left where the camera was moved; many are where somebody stands near to it.
    """
    frame, background = _detail(small), _detail(fit.reference.background)
    both, of_frame, of_background = (
        _by_cell(product) for product in (frame * background, frame * frame, background * background)
    )
    asked = of_background >= CELL_TEXTURE**2
    if int(asked.sum()) < CELLS_ASKED:
        return None
    likeness = both / np.sqrt(np.maximum(of_frame * of_background, 1e-6))
    differs = cv2.compare(fit.difference, fit.reference.near, cv2.CMP_GT).astype(np.float32)
    held = (likeness >= CELL_LIKENESS) & (_by_cell(differs) <= 255 * CELL_DIFFERS)
    return float(held[asked].mean())


def _detail(picture: Uint8) -> Float32:
    """What a picture has that is finer than nine pixels."""
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).astype(np.float32)
    return np.asarray(grey - cv2.blur(grey, (9, 9)), np.float32)


def _by_cell(picture: npt.NDArray[np.floating]) -> Float32:
    return np.asarray(cv2.resize(picture, GRID, interpolation=cv2.INTER_AREA), np.float32)
