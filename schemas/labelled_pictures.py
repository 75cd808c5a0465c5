"""Pictures in which somebody has marked who does what with which thing: what networks for interactions learn from."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from schemas.values import Float64, Int64

DatasetKind = Literal["hico", "vcoco", "own"]


class LabelledPair(NamedTuple):
    """Somebody who does something.

    Attributes:
        subject: row of ``LabelledPicture.boxes``.
        object: row of the same; None where the verb has no object, or the object is not in the picture.
        verb: index into ``HoiDataset.verbs``.
    """

    subject: int
    object: int | None
    verb: int


@dataclass(frozen=True)
class LabelledPicture:
    """A picture with boxes and pairs.

    Attributes:
        path: file of the picture.
        boxes: ``(N, 4)`` x1, y1, x2, y2, px of the picture, inside it.
        labels: ``(N,)`` indices into ``HoiDataset.objects``.
        pairs: one for each verb of a subject and object.
    """

    path: Path
    boxes: Float64
    labels: Int64
    pairs: tuple[LabelledPair, ...]


def with_area(picture: LabelledPicture) -> LabelledPicture:
    """Returns a picture without the boxes that have no area, and without their pairs."""
    boxes = picture.boxes
    kept = np.flatnonzero((boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1]))
    places: dict[int | None, int | None] = {int(old): new for new, old in enumerate(kept)}
    places[None] = None
    pairs = tuple(
        LabelledPair(subject, places[pair.object], pair.verb)
        for pair in picture.pairs
        if pair.object in places and (subject := places.get(pair.subject)) is not None
    )
    return LabelledPicture(picture.path, boxes[kept], picture.labels[kept], pairs)


@dataclass(frozen=True)
class HoiDataset:
    """Labelled pictures, and the names of what is labelled.

    Attributes:
        kind: ``hico`` and ``vcoco`` are the published HICO-DET and V-COCO in QPIC's layout; ``own`` is ``labels.json``.
        objects: classes of boxes, by index; the person is the first.
        verbs: names of verbs, by index.
        pictures: in the order of the file.
        objects_may_miss: whether a pair may be without an object, so that a network needs a class for it.
        left_out: pictures with damaged labels, which are not among ``pictures``.
    """

    kind: DatasetKind
    objects: tuple[str, ...]
    verbs: tuple[str, ...]
    pictures: tuple[LabelledPicture, ...]
    objects_may_miss: bool
    left_out: int = 0
