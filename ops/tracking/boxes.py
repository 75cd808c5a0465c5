"""Arithmetic of boxes: ``(N, 4)`` arrays of x1, y1, x2, y2 in pixels, x2 and y2 exclusive."""

import numpy as np

from schemas.values import Float64


def centre(box: Float64) -> Float64:
    """Centres ``(..., 2)``."""
    return (box[..., :2] + box[..., 2:]) / 2


def size(box: Float64) -> Float64:
    """Widths and heights ``(..., 2)``."""
    return box[..., 2:] - box[..., :2]


def iou_matrix(a: Float64, b: Float64) -> Float64:
    """Intersection over union of every box in ``a`` ``(N, 4)`` with every box in ``b`` ``(M, 4)``: ``(N, M)``."""
    shared, area_a, area_b = _areas(a, b)
    return _share(shared, area_a[:, None] + area_b[None, :] - shared)


def iou_pairs(a: Float64, b: Float64) -> Float64:
    """Intersection over union of each box in ``a`` ``(N, 4)`` with the box in the same row of ``b``: ``(N,)``."""
    low, high = np.maximum(a[:, :2], b[:, :2]), np.minimum(a[:, 2:], b[:, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=1)
    return _share(shared, np.prod(size(a), axis=1) + np.prod(size(b), axis=1) - shared)


def inside_matrix(a: Float64, b: Float64) -> Float64:
    """Share of the area of every box in ``a`` ``(N, 4)`` that lies in every box in ``b`` ``(M, 4)``: ``(N, M)``."""
    shared, area_a, _ = _areas(a, b)
    return _share(shared, np.broadcast_to(area_a[:, None], shared.shape))


def _areas(a: Float64, b: Float64) -> tuple[Float64, Float64, Float64]:
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    return np.prod(np.clip(high - low, 0, None), axis=2), np.prod(size(a), axis=1), np.prod(size(b), axis=1)


def _share(part: Float64, whole: Float64) -> Float64:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
