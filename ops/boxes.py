"""Arithmetic of boxes: ``(N, 4)`` arrays of x1, y1, x2, y2 in pixels, x2 and y2 exclusive.

Results have the type of the input: a detector's float32 boxes stay float32, so that thresholds fall as they always did.
"""

from typing import TypeVar

import numpy as np

from schemas.values import Bools, Float32, Float64, Int64

Floats = TypeVar("Floats", Float32, Float64)


def centre(boxes: Floats) -> Floats:
    """Returns centres ``(..., 2)``."""
    return np.asarray((boxes[..., :2] + boxes[..., 2:]) / 2)


def size(boxes: Floats) -> Floats:
    """Returns widths and heights ``(..., 2)``."""
    return np.asarray(boxes[..., 2:] - boxes[..., :2])


def pad(boxes: Floats, share: float, least_px: float) -> Floats:
    """Grows boxes ``(N, 4)`` on every side by a share of their width or height, and by ``least_px`` at least."""
    margin = np.maximum(share * size(boxes), least_px)
    return np.concatenate([boxes[:, :2] - margin, boxes[:, 2:] + margin], axis=1)


def whole_boxes(boxes: Float64, size_px: tuple[int, int]) -> Int64:
    """Rounds boxes ``(N, 4)`` outward to whole pixels and cuts them to a picture of (width, height)."""
    outward = np.concatenate([np.floor(boxes[:, :2]), np.ceil(boxes[:, 2:])], axis=1)
    return np.asarray(np.clip(outward, 0, np.tile(np.array(size_px), 2)), np.int64)


def gaps_px(boxes: Floats, box: Floats) -> Floats:
    """Returns the distance ``(N,)`` between the nearest edges of boxes ``(N, 4)`` and one box ``(4,)``; 0: touching."""
    apart = np.maximum(np.maximum(box[:2] - boxes[:, 2:], boxes[:, :2] - box[2:]), 0)
    return np.asarray(np.hypot(apart[:, 0], apart[:, 1]))


def iou_matrix(a: Floats, b: Floats) -> Floats:
    """Returns the intersection over union of every box in ``a`` ``(N, 4)`` with every box in ``b`` ``(M, 4)``."""
    return _iou(a[:, None], b[None])


def iou_pairs(a: Floats, b: Floats) -> Floats:
    """Returns the intersection over union ``(N,)`` of each box in ``a`` with the box in the same row of ``b``."""
    return _iou(a, b)


def shared_areas(a: Floats, b: Floats) -> Floats:
    """Returns the area ``(N,)`` that each box in ``a`` shares with the box in the same row of ``b``."""
    low, high = np.maximum(a[..., :2], b[..., :2]), np.minimum(a[..., 2:], b[..., 2:])
    return np.asarray(np.clip(high - low, 0, None).prod(axis=-1))


def _iou(a: Floats, b: Floats) -> Floats:
    shared = shared_areas(a, b)
    union = size(a).prod(axis=-1) + size(b).prod(axis=-1) - shared
    return np.asarray(np.divide(shared, union, out=np.zeros_like(shared), where=union > 0))


def suppress_overlaps(boxes: Floats, confidence: Floats, iou: float, classes: Int64 | None = None) -> Int64:
    """Keeps the surest of boxes that overlap: greedy non-maximum suppression within each class.

    Args:
        boxes: ``(N, 4)``.
        confidence: ``(N,)``.
        iou: largest overlap of two boxes that are kept, 0..1.
        classes: ``(N,)``; None: all boxes are of one class.

    Returns:
        Rows of the boxes that are kept, surest first; of equals the first.
    """
    order = np.argsort(-confidence, kind="stable")
    clashes = iou_matrix(boxes[order], boxes[order]) > iou
    if classes is not None:
        clashes &= classes[order][:, None] == classes[order][None]
    return order[keep_first(clashes)]


def keep_first(clashes: Bools) -> Bools:
    """Marks ``(N,)`` what is kept if of two that clash the first is, unless it clashed with one that was kept before.

    Args:
        clashes: ``(N, N)``; only those above the diagonal count: row i kept drops column j.
    """
    kept = np.ones(len(clashes), bool)
    for row in range(len(clashes)):
        if kept[row]:
            kept[row + 1 :] &= ~clashes[row, row + 1 :]
    return kept


def inside_shares(a: Floats, b: Floats) -> Floats:
    """Returns the share of every box in ``b`` ``(M, 4)`` that lies inside each box in ``a`` ``(N, 4)``, ``(N, M)``."""
    low, high = np.maximum(a[:, None, :2], b[None, :, :2]), np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=-1)
    area = np.broadcast_to(size(b).prod(axis=-1)[None], shared.shape)
    return np.asarray(np.divide(shared, area, out=np.zeros_like(shared), where=area > 0))
