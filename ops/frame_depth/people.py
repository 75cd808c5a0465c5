"""The depth of people: of the middle of their boxes, where a box shows them and not what is behind."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ops.arrays import boxes_of
from ops.frame_depth.carry import CarriedDepth
from schemas.values import Bools, Float32, Float64

CORE = (0.25, 0.15, 0.75, 0.6)
"""Middle part of a box (x1, y1, x2, y2), as shares of it: the trunk."""

LEAST_PX = 12
"""Known pixels that a median needs."""


@dataclass(frozen=True)
class PersonBox:
    """A person's box in a frame: its number in ``detections``, and edges in pixels of the source."""

    detection: int
    xyxy: Float64


def people_by_pts(detections: pa.Table) -> Mapping[int, Sequence[PersonBox]]:
    """Returns the boxes of people by the PTS of their frame."""
    people = detections.filter(pc.equal(detections["label"], "person"))
    found: dict[int, list[PersonBox]] = {}
    names = people["detection"].to_pylist()
    for pts, name, box in zip(people["pts"].to_pylist(), names, boxes_of(people), strict=True):
        found.setdefault(pts, []).append(PersonBox(name, box))
    return found


def depth_in_box(found: CarriedDepth, box: Float64, source_px: tuple[int, int]) -> tuple[float, float] | None:
    """Returns median and median absolute deviation of the depth in the middle of a box, in the map's unit.

    Only what differs from the background counts, where one is known; None if too little is left.

    Args:
        found: depth of the frame.
        box: x1, y1, x2, y2 in pixels of the source.
        source_px: (width, height) of the source.
    """
    values, known = found.depth.values, found.depth.known
    if found.foreground is not None:
        known = known & found.foreground
    inside = _core(box, values, known, source_px)
    if len(inside) < LEAST_PX:
        return None
    median = float(np.median(inside))
    return median, float(np.median(np.abs(inside - median)))


def _core(box: Float64, values: Float32, known: Bools, source_px: tuple[int, int]) -> Float32:
    height, width = values.shape
    sides = np.tile(box[2:] - box[:2], 2) * np.array(CORE)
    edges = (np.tile(box[:2], 2) + sides) * np.tile([width / source_px[0], height / source_px[1]], 2)
    left, top = np.floor(np.maximum(edges[:2], 0)).astype(int)
    right, bottom = np.ceil(np.minimum(edges[2:], [width, height])).astype(int)
    window = (slice(top, max(bottom, top)), slice(left, max(right, left)))
    return values[window][known[window]]
