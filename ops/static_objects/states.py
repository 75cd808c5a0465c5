"""How a place looks over time: runs of backgrounds that show the same there, whatever the light."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from ops.static_objects.evidence import box_of
from ops.static_objects.views import SameView
from ops.static_regions import apart, appeared_share, outline_edges, ring_of
from schemas.values import Bools, Float32

LEAST_DIFFERENT, ALIKE, UNKNOWN_CONTRAST = 10.0, 0.4, 50.0
"""A place looks different if it differs by this, grey levels, and by this share of its contrast; and the contrast of a
place that is not known to have changed."""

LEAST_KNOWN = 0.5
"""Least share of a place that must be known in a picture."""

SAME_TEXTURE, SAME_TEXTURE_OTHER_LIGHT = 0.85, 0.5
"""Least correlation of a place and its surroundings that look the same; the second where the whole view's light
changed, and grey levels say nothing."""

KEPT_OUTLINE = 0.5
"""Least strength of an outline's edges at the end of a run, as a share of that at its start."""

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
        self._ring = ring_of(mask)[self._cut]
        self._limit = max(LEAST_DIFFERENT, ALIKE * (UNKNOWN_CONTRAST if contrast is None else contrast))
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
        around = (self._mask | self._ring) & known
        least = SAME_TEXTURE_OTHER_LIGHT if other_light else SAME_TEXTURE
        return _correlation(before[around].sum(axis=1), after[around].sum(axis=1)) >= least


def _correlation(one: Float32, other: Float32) -> float:
    one, other = one - one.mean(), other - other.mean()
    scale = float(np.sqrt((one * one).sum() * (other * other).sum()))
    return float((one * other).sum()) / scale if scale > 1e-6 else 0.0
