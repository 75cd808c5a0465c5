"""Says in which tiles people are that no coarser look finds reliably."""

from collections.abc import Mapping, Sequence

import numpy as np

from ops.boxes import iou_matrix
from ops.detect.decode import Boxes
from ops.detect.settings import LookSettings
from ops.detect.tiles import SAME_IOU, Look
from schemas.values import Float32

ACTIVE_CONFIDENCE = 0.2
"""Least score, 0..1, with which somebody found in a tile makes it active.

Measured-real with yolo11n INT8 on 49 probes, one in 4 s, of seven clips, most of whose people are tall enough for the
whole look: 0.1 makes tiles active in 5 of them, 0.15 in 4, 0.2 in 2, 0.25 in 1.
"""

SURE_SHARE = 0.7
"""Share of a look's least height below which people are missed so often that finding one once proves little; a
choice, not measured."""

STRIDES_AROUND = 1.0
"""Tiles are active that people may reach soon: this many of their heights around them; one takes a walker 1.25 s
(1.75 m at 1.4 m/s). A choice, not measured."""


def active_tiles(looks: Sequence[Look], found: Mapping[int, Boxes], settings: LookSettings) -> frozenset[int]:
    """Returns the numbers of the tiles that must be looked at to find the people of a probe.

    A person whom a coarser look finds at a height that it finds reliably needs no tile.

    Args:
        looks: of ``pyramid``.
        found: the boxes of each look, by its number.
        settings: who counts: smaller ones than the least do not, since signs and cones look like them.
    """
    active: set[int] = set()
    coarser = np.empty((0, 4), np.float32)
    for level in range(looks[-1].level + 1):
        numbers = [number for number, look in enumerate(looks) if look.level == level]
        boxes = np.concatenate([_people(found[number], settings) for number in numbers])
        if level > 0:
            needed = boxes[~(iou_matrix(boxes, coarser) > SAME_IOU).any(axis=1)]
            for number in numbers:
                if _near(looks[number], needed):
                    active.add(number)
        heights = boxes[:, 3] - boxes[:, 1]
        reliable = boxes[heights >= SURE_SHARE * looks[numbers[0]].least_height_px]
        coarser = np.concatenate([coarser, reliable])
    return frozenset(active)


def _people(found: Boxes, settings: LookSettings) -> Float32:
    sure = sure_people(found, settings)
    return sure[sure[:, 3] - sure[:, 1] >= settings.least_person_px]


def sure_people(found: Boxes, settings: LookSettings) -> Float32:
    """Returns the boxes ``(N, 4)`` of those whom a look surely found, and who count."""
    sure = (found.confidence >= ACTIVE_CONFIDENCE) & np.isin(found.classes, sorted(settings.people))
    return found.xyxy[sure]


def _near(look: Look, boxes: Float32) -> bool:
    """Returns whether a tile shows any of the boxes, or may soon."""
    around = STRIDES_AROUND * (boxes[:, 3:] - boxes[:, 1:2])
    low, high = boxes[:, :2] - around, boxes[:, 2:] + around
    return bool(((low < [look.x2, look.y2]) & (high > [look.x1, look.y1])).all(axis=1).any())
