"""Boxes of QPIC: centre x, centre y, width, height, and their generalized IoU.

torchvision has these too, but importing it imports a compiler, which takes seconds in each worker.
"""

import torch
from torch import Tensor


def corners(boxes: Tensor) -> Tensor:
    """Returns x1, y1, x2, y2 of boxes ``(..., 4)`` that are centre x, centre y, width, height."""
    centre, half = boxes[..., :2], boxes[..., 2:] / 2
    return torch.cat((centre - half, centre + half), dim=-1)


def giou(first: Tensor, second: Tensor) -> Tensor:
    """Returns the generalized IoU (arXiv 1902.09630) of boxes whose shapes ``(..., 4)`` broadcast; 0 for empty ones."""
    ours, theirs = corners(first), corners(second)
    shared = _area(torch.maximum(ours[..., :2], theirs[..., :2]), torch.minimum(ours[..., 2:], theirs[..., 2:]))
    hull = _area(torch.minimum(ours[..., :2], theirs[..., :2]), torch.maximum(ours[..., 2:], theirs[..., 2:]))
    union = first[..., 2:].prod(-1) + second[..., 2:].prod(-1) - shared
    # Half precision rounds small boxes to nothing, and a missing object has none: 0 instead of 0 / 0.
    least = torch.finfo(union.dtype).tiny
    return shared / union.clamp(min=least) - (hull - union) / hull.clamp(min=least)


def _area(least: Tensor, greatest: Tensor) -> Tensor:
    return (greatest - least).clamp(min=0).prod(-1)
