"""How a place looks over time: runs of backgrounds that show the same there, whatever the light."""

from collections.abc import Collection
from dataclasses import dataclass

import cv2
import numpy as np

from ops.static_objects.evidence import box_of
from ops.static_objects.views import SameView
from ops.static_regions import apart, appeared_share, edges_along, outline_edges, ring_of
from schemas.values import Bools, Float32

LEAST_DIFFERENT, ALIKE, UNKNOWN_CONTRAST = 10.0, 0.4, 50.0
"""A place looks different if it differs by this, grey levels, and by this share of its contrast; and the contrast of a
place that is not known to have changed."""

LEAST_KNOWN = 0.5
"""Least share of a place that must be known in a picture."""

SAME_TEXTURE, SAME_TEXTURE_OTHER_LIGHT = 0.85, 0.5
"""Least correlation of a place and its surroundings that look the same; the second where the whole view's light
changed, and grey levels say nothing."""

SAME_INSIDE, LEAST_TEXTURE = 0.9, 5.0
"""Least correlation of a place's own pixels, and least standard deviation of them, grey levels, from which only the
light on it changed: a shadow keeps the texture of the ground."""

LEAST_CORE_PX = 12
"""Pixels that must be left without the rim of a place, which may belong to what is around it."""

KEPT_OUTLINE = 0.5
"""Least strength of an outline's edges at the end of a run, as a share of that at its start."""

EDGE_SHARE, OUTLINED_SHARE = 0.4, 0.65
"""Strength of an edge, as a share of the contrast, and least share of the outline that has it."""

AROUND_PX = 6


@dataclass(eq=False)
class Run:
    """Consecutive backgrounds in which a place looks the same.

    Attributes:
        numbers: of their segments.
        first, last: ``(h, w, 3)``, how the place looks in the first and the last of them, cut out.
    """

    numbers: list[int]
    first: Float32
    last: Float32


class PlaceStates:
    """Compares a place in the pictures of a view.

    Args:
        view: the view.
        mask: ``(H, W)``, pixels of the place, at least one.
        contrast: of its changes, grey levels; None if unknown.
        other_light: segments before which the light of the whole view changed.
    """

    def __init__(self, view: SameView, mask: Bools, contrast: float | None, other_light: Collection[int]) -> None:
        left, top, right, bottom = box_of(mask).astype(int).tolist()
        self._cut = (
            slice(max(0, top - AROUND_PX), bottom + AROUND_PX),
            slice(max(0, left - AROUND_PX), right + AROUND_PX),
        )
        self._view = view
        self._mask = mask[self._cut]
        self._core = cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8))[self._cut] > 0
        self._ring = ring_of(mask)[self._cut]
        self._contrast = UNKNOWN_CONTRAST if contrast is None else contrast
        self._limit = max(LEAST_DIFFERENT, ALIKE * self._contrast)
        self._other_light = other_light

    def runs(self) -> list[Run]:
        """Returns the runs of the place in order of time; pictures that do not show it are left out."""
        found: list[Run] = []
        for number in sorted(self._view.pictures):
            picture, known = self._shown(number)
            if (self._mask & known).sum() < LEAST_KNOWN * self._mask.sum():
                continue
            if found and self._same(found[-1].last, picture, known, number in self._other_light):
                found[-1].numbers.append(number)
                found[-1].last = np.where(known[:, :, None], picture, found[-1].last)
            else:
                found.append(Run([number], picture, picture))
        return found

    def alike(self, one: Run, other: Run) -> bool:
        """Returns whether the place looks at the start of a run as it did at the end of an earlier one."""
        return self._same(one.last, other.first, np.ones_like(self._mask), False)

    def appeared(self, before: Run, after: Run) -> float:
        """Returns how much a later run looks like a thing, against an earlier one, 0..1."""
        known = np.ones_like(self._mask)
        late = after.first * self._gain(before.last, after.first, known)
        return appeared_share(before.last, late, self._mask, known)

    def is_outlined(self, run: Run) -> bool:
        """Returns whether most of the outline has an edge, at a run's start and end; a strip of light has not."""
        known = np.ones_like(self._mask)
        edges = (edges_along(picture, self._mask, known) for picture in (run.first, run.last))
        shares = [float((each >= EDGE_SHARE * self._contrast).mean()) for each in edges]
        return min(shares) >= OUTLINED_SHARE

    def keeps_outline(self, run: Run) -> bool:
        """Returns whether the outline is as sharp at a run's end as at its start: that of a moving shadow is not."""
        known = np.ones_like(self._mask)
        first, last = (outline_edges(picture, self._mask, known) for picture in (run.first, run.last))
        return last * self._gain(run.first, run.last, known) >= KEPT_OUTLINE * first

    def _shown(self, number: int) -> tuple[Float32, Bools]:
        small = self._view.pictures[number]
        return small.picture[self._cut].astype(np.float32), small.known[self._cut]

    def _gain(self, before: Float32, after: Float32, known: Bools) -> float:
        """Returns the factor that gives a later picture the light of an earlier one, by what lies around the place."""
        ring = self._ring & known
        if not ring.any():
            return 1.0
        return float(np.median((before[ring].sum(axis=1) + 3) / (after[ring].sum(axis=1) + 3)))

    def _same(self, before: Float32, after: Float32, known: Bools, other_light: bool) -> bool:
        shown = self._mask & known
        if not other_light:
            lit = after * np.float32(self._gain(before, after, known))
            if float(apart(lit, before)[shown].mean()) <= self._limit:
                return True
        core = shown & self._core
        own = [picture[core if core.sum() >= LEAST_CORE_PX else shown].mean(axis=1) for picture in (before, after)]
        if min(float(grey.std()) for grey in own) >= LEAST_TEXTURE and _correlation(*own) >= SAME_INSIDE:
            return True
        around = (self._mask | self._ring) & known
        least = SAME_TEXTURE_OTHER_LIGHT if other_light else SAME_TEXTURE
        return _correlation(before[around].sum(axis=1), after[around].sum(axis=1)) >= least


def _correlation(one: Float32, other: Float32) -> float:
    one, other = one - one.mean(), other - other.mean()
    scale = float(np.sqrt((one * one).sum() * (other * other).sum()))
    return float((one * other).sum()) / scale if scale > 1e-6 else 0.0
