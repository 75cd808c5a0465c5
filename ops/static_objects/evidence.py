"""What speaks for things at rest: regions that changed, within a segment or from one to the next, and detections."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
import pyarrow as pa

from ops.arrays import boxes_of, float_column, times_us
from ops.static_objects.views import SameView, SegmentSpan, SmallPicture
from ops.static_regions import LEAST_CHANGE, apart, appeared_share, region_masks, relit, ring_of, sharp_contrast
from schemas.values import Bools, Float64

LEAST_CONTRAST = 25.0
"""Least mean change of a region between two backgrounds, grey levels: light differs more there than in a segment."""

LEAST_THICK_PX = 3
"""Least thickness of such a region, pixels: barrier tape in the wind is thinner, and so is what the view moved by."""

LEAST_KNOWN_AROUND = 0.8
"""Least share of what lies around such a region that is known: beside a person, their edge or shadow differs."""

MOST_CHANGED = 0.3
"""Share of a picture that changed above which its light changed: a lamp was switched, or infra-red."""


@dataclass(frozen=True, eq=False)
class Change:
    """A region of a view that changed and then stayed the same.

    Attributes:
        before, after: numbers of the segments it lies between; within a segment, both are that one.
        time_us, until_us: when it changed, and how long it then looked the same; None between two segments.
        box, mask: ``(4,)`` and ``(h, w)``, pixels of the view.
        contrast: grey levels.
        appeared: how much it looks like a thing since the change, against before, 0..1: above .5 something came.
        short: whether its segment ended too early to show that it stays.
    """

    before: int
    after: int
    time_us: int | None
    until_us: int | None
    box: Float64
    mask: Bools
    contrast: float
    appeared: float
    short: bool = False


@dataclass(frozen=True, eq=False)
class Sighting:
    """A thing that a detector found at one place again and again in a segment; see ``static_detections``."""

    segment: int
    label: str
    first_us: int
    last_us: int
    box: Float64
    looks: int
    confidence: float


def region_changes(view: SameView, segments: Sequence[SegmentSpan], regions: pa.Table) -> list[Change]:
    """Returns the changes within segments, from ``static_regions``."""
    numbers = _numbers(view, segments)
    first_us, last_us, boxes = times_us(regions, "first_time"), times_us(regions, "last_time"), boxes_of(regions)
    found = []
    for row, values in enumerate(
        regions.select(["segment_id", "contrast", "appeared", "short", "mask_png"]).to_pylist()
    ):
        number = numbers.get(values["segment_id"])
        if number is not None:
            segment = segments[number]
            (box,) = view.placed(number, boxes[row : row + 1], segment.size_px)
            appeared = 0.5 if values["appeared"] is None else values["appeared"]
            mask = _placed_mask(view, box, values["mask_png"])
            times = int(first_us[row]), int(last_us[row])
            found.append(Change(number, number, *times, box, mask, values["contrast"], appeared, bool(values["short"])))
    return found


def sightings(view: SameView, segments: Sequence[SegmentSpan], detections: pa.Table) -> list[Sighting]:
    """Returns what detectors found at one place, from ``static_detections``."""
    numbers = _numbers(view, segments)
    first_us, last_us = times_us(detections, "first_time"), times_us(detections, "last_time")
    boxes, confidence = boxes_of(detections), float_column(detections, "confidence")
    found = []
    for row, values in enumerate(detections.select(["segment_id", "label", "looks"]).to_pylist()):
        number = numbers.get(values["segment_id"])
        if number is not None:
            segment = segments[number]
            (box,) = view.placed(number, boxes[row : row + 1], segment.size_px)
            times = int(first_us[row]), int(last_us[row])
            found.append(Sighting(number, values["label"], *times, box, values["looks"], float(confidence[row])))
    return found


def border_changes(view: SameView, least_share: float, most_share: float) -> tuple[list[Change], set[int]]:
    """Returns what differs between the backgrounds of two segments, and the segments before which the light changed.

    Args:
        least_share, most_share: of a region's area, as shares of the picture's.
    """
    found: list[Change] = []
    other_light: set[int] = set()
    for before, after in pairwise(sorted(view.pictures)):
        changes = _between(view.pictures[before], view.pictures[after], least_share, most_share)
        if changes is None:
            other_light.add(after)
            continue
        for mask, contrast, appeared in changes:
            found.append(Change(before, after, None, None, box_of(mask), mask, contrast, appeared))
    return found, other_light


def box_of(mask: Bools) -> Float64:
    """Returns the box of a mask ``(h, w)`` that is not empty."""
    y, x = np.nonzero(mask)
    return np.array([x.min(), y.min(), x.max() + 1, y.max() + 1], np.float64)


def _between(
    before: SmallPicture, after: SmallPicture, least_share: float, most_share: float
) -> list[tuple[Bools, float, float]] | None:
    """Returns masks, contrasts and ``appeared`` of the regions that differ; None if the light changed."""
    known = before.known & after.known
    early = before.picture.astype(np.float32)
    late = relit(after.picture.astype(np.float32), early, known)
    change = apart(late, early)
    changed = known & (change > LEAST_CHANGE)
    if changed.sum() > MOST_CHANGED * max(known.sum(), 1):
        return None
    found = []
    for mask in region_masks(changed, least_share, most_share):
        ring = ring_of(mask)
        thick = cv2.erode(mask.astype(np.uint8), np.ones((LEAST_THICK_PX,) * 2, np.uint8)).any()
        if not thick or (ring & known).sum() < LEAST_KNOWN_AROUND * max(ring.sum(), 1):
            continue
        contrast = sharp_contrast(change, mask, ring & known)
        if contrast is not None and contrast >= LEAST_CONTRAST:
            found.append((mask, contrast, appeared_share(early, late, mask, known)))
    return found


def _numbers(view: SameView, segments: Sequence[SegmentSpan]) -> dict[str, int]:
    return {segments[number].segment_id: number for number in range(view.first, view.last + 1)}


def _placed_mask(view: SameView, box: Float64, png: bytes | None) -> Bools:
    """Returns a region's mask in the view, ``(h, w)``: its box if its pixels are not known."""
    width, height = view.size_px
    mask = np.zeros((height, width), bool)
    left, top = (max(0, round(float(side))) for side in box[:2])
    right, bottom = min(width, max(left + 1, round(float(box[2])))), min(height, max(top + 1, round(float(box[3]))))
    if right <= left or bottom <= top:
        return mask
    if png is None:
        mask[top:bottom, left:right] = True
        return mask
    own = np.asarray(cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_GRAYSCALE), np.uint8)
    mask[top:bottom, left:right] = cv2.resize(own, (right - left, bottom - top), interpolation=cv2.INTER_NEAREST) > 0
    return mask
