"""Groups changes and detections that lie at one place of a view."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ops.boxes import inside_shares, iou_matrix
from ops.static_objects.evidence import Change, Sighting, box_of
from schemas.values import Bools, Float64

SAME_BOX = 0.5
"""Least overlap (IoU) of a change with a place that is the same."""

SAME_THING = 0.6
"""Least overlap (IoU) of two boxes of a detector at one place."""

MOSTLY_INSIDE, LEAST_PART = 0.7, 0.3
"""Share of a change within a place, and least share of the place that it is: part of a car differs from the ground."""

CORE = 0.1
"""Share of a detector's box that is left out on each side where no change tells the thing from the ground."""


@dataclass(eq=False)
class Place:
    """A place of a view where something changed or was detected; boxes and masks in pixels of the view."""

    box: Float64
    changes: list[Change] = field(default_factory=list)
    sightings: list[Sighting] = field(default_factory=list)

    def mask(self, size_px: tuple[int, int]) -> Bools:
        """Returns the pixels of the thing ``(h, w)``, at least one."""
        width, height = size_px
        if self.changes:
            overlap = iou_matrix(self.box[None], np.stack([change.box for change in self.changes]))[0]
            # Of equals the strongest, since a weak change may be only part of the thing.
            best = max(range(len(overlap)), key=lambda each: (overlap[each] >= SAME_BOX, self.changes[each].contrast))
            if not self.sightings or overlap[best] >= LEAST_PART:
                return self.changes[best].mask
        mask = np.zeros((height, width), bool)
        left, top, right, bottom = self.box
        across, down = CORE * (right - left), CORE * (bottom - top)
        x1, y1 = min(width - 1, max(0, round(left + across))), min(height - 1, max(0, round(top + down)))
        mask[y1 : max(y1 + 1, round(bottom - down)), x1 : max(x1 + 1, round(right - across))] = True
        return mask

    @property
    def contrast(self) -> float | None:
        """Returns the greatest contrast of its changes, grey levels; None without any."""
        return max((change.contrast for change in self.changes), default=None)


def places_of(changes: Sequence[Change], sightings: Sequence[Sighting]) -> list[Place]:
    """Returns the places of a view, those with detections first."""
    found: list[Place] = []
    for sighting in sorted(sightings, key=lambda each: (each.segment, each.first_us, tuple(each.box))):
        place = _most_overlapped(found, sighting.box, SAME_THING)
        if place is None:
            place = Place(sighting.box)
            found.append(place)
        place.sightings.append(sighting)
    # The largest first: what a person did not hide of a bag belongs to the bag.
    for change in sorted(changes, key=lambda each: (-int(each.mask.sum()), each.after, tuple(each.box))):
        if not change.mask.any():
            continue
        place = _most_overlapped(found, change.box, SAME_BOX) or _around(found, change.box) or _part_of(found, change)
        if place is None:
            place = Place(box_of(change.mask))
            found.append(place)
        place.changes.append(change)
    return found


def _most_overlapped(places: list[Place], box: Float64, least: float) -> Place | None:
    if not places:
        return None
    overlap = iou_matrix(box[None], np.stack([place.box for place in places]))[0]
    return places[int(overlap.argmax())] if overlap.max() >= least else None


def _part_of(places: list[Place], change: Change) -> Place | None:
    """Returns the place of a change at about the same time that a change is a part of."""
    for place in places:
        near = any(abs(change.after - other.after) <= 1 for other in place.changes)
        if near and inside_shares(place.box[None], change.box[None])[0, 0] >= MOSTLY_INSIDE:
            return place
    return None


def _around(places: list[Place], box: Float64) -> Place | None:
    """Returns the place of a detected thing of which a change is a good part."""
    detected = [place for place in places if place.sightings]
    if not detected:
        return None
    boxes = np.stack([place.box for place in detected])
    inside = inside_shares(boxes, box[None])[:, 0]
    part = inside_shares(box[None], boxes)[0]
    fits = (inside >= MOSTLY_INSIDE) & (part >= LEAST_PART)
    return detected[int(np.argmax(fits * part))] if fits.any() else None
