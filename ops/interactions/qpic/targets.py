"""Makes labels of pictures into what QPIC's losses compare with."""

import numpy as np
import torch
from torch import Tensor

from ops.interactions.qpic.matcher import Target
from ops.interactions.qpic.settings import QpicSettings
from schemas.labelled_pictures import LabelledPicture
from schemas.values import Float64

NO_BOX = np.zeros(4)
"""Box of an object that is not in the picture."""


def target_of(labels: LabelledPicture, size_px: tuple[int, int], settings: QpicSettings) -> Target:
    """Returns the pairs of a picture: one for each subject and object, with all verbs between them.

    Args:
        labels: of the picture; their indices are those of the settings' names.
        size_px: width and height of the picture.
    """
    verbs: dict[tuple[int, int | None], set[int]] = {}
    for pair in labels.pairs:
        verbs.setdefault((pair.subject, pair.object), set()).add(pair.verb)
    classes = [_class(labels, thing, settings) for _, thing in verbs]
    multi_hot = torch.zeros(len(verbs), len(settings.verbs))
    for row, found in enumerate(verbs.values()):
        multi_hot[row, sorted(found)] = 1
    boxes = _as_shares(labels.boxes, size_px)
    subjects = [boxes[subject] for subject, _ in verbs]
    objects = [NO_BOX if thing is None else boxes[thing] for _, thing in verbs]
    return Target(torch.tensor(classes, dtype=torch.int64), multi_hot, _tensor(subjects), _tensor(objects))


def _class(labels: LabelledPicture, thing: int | None, settings: QpicSettings) -> int:
    if thing is not None:
        return int(labels.labels[thing])
    if settings.missing_object is None:
        raise ValueError(f"{labels.path}: a pair has no object, and the network has no class for that")
    return settings.missing_object


def _as_shares(boxes: Float64, size_px: tuple[int, int]) -> Float64:
    """From x1, y1, x2, y2 in px to centre x, centre y, width, height as shares of the picture."""
    corners = boxes / np.tile(size_px, 2)
    return np.concatenate([(corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:] - corners[:, :2]], axis=1)


def _tensor(boxes: list[Float64]) -> Tensor:
    return torch.tensor(np.array(boxes).reshape(-1, 4), dtype=torch.float32)
