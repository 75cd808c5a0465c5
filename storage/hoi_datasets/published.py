"""Reads HICO-DET and V-COCO in the layout in which QPIC's authors publish their labels.

``annotations/trainval_hico.json`` beside ``images/train2015``, or ``annotations/trainval_vcoco.json`` beside
``images/train2014``: a list of pictures, each with ``file_name``, ``annotations`` (``bbox`` as x1, y1, x2, y2, and the
``category_id`` of COCO, 1 to 90) and ``hoi_annotation`` (``subject_id`` and ``object_id``, places in ``annotations``,
and the ``category_id`` of the verb, from 1 in HICO-DET and from 0 in V-COCO). In V-COCO, an ``object_id`` of -1 says
that there is no object.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from schemas.errors import UserError
from schemas.labelled_pictures import DatasetKind, HoiDataset, LabelledPair, LabelledPicture, with_area
from schemas.values import Float64
from storage.hoi_datasets.json_files import read_labels
from storage.hoi_datasets.pictures import picture_size

LABELS: dict[DatasetKind, str] = {"hico": "annotations/trainval_hico.json", "vcoco": "annotations/trainval_vcoco.json"}
PICTURES: dict[DatasetKind, str] = {"hico": "images/train2015", "vcoco": "images/train2014"}
FIRST_VERB: dict[DatasetKind, int] = {"hico": 1, "vcoco": 0}
"""``category_id`` of the first verb."""


@dataclass
class _Box:
    bbox: tuple[float, float, float, float]
    category_id: int


@dataclass
class _Pair:
    subject_id: int
    object_id: int
    category_id: int


@dataclass
class _Picture:
    file_name: str
    annotations: list[_Box]
    hoi_annotation: list[_Pair]


def read_published(
    folder: Path,
    kind: Literal["hico", "vcoco"],
    objects: Sequence[str],
    object_ids: Sequence[int],
    verbs: Sequence[str],
) -> HoiDataset:
    """Reads the pictures of a folder.

    As QPIC does, boxes are cut off at the edges of the picture, and those without area are left out with their pairs.
    Pictures whose pairs name boxes that do not exist are left out: there are some in the label files of HICO-DET.

    Args:
        objects: names of COCO's classes, in order.
        object_ids: ``category_id`` of each.
        verbs: names of the verbs, in order.

    Raises:
        UserError: a file is missing or has another layout, or a class or verb does not exist.
    """
    path = folder / LABELS[kind]
    rows = read_labels(path, list[_Picture])
    reader = _Reader(kind, {number: place for place, number in enumerate(object_ids)}, len(verbs))
    pictures = tuple(
        reader.read(row, folder / PICTURES[kind] / row.file_name, f"{path}, picture {number} ({row.file_name})")
        for number, row in enumerate(rows)
        if _is_whole(row)
    )
    if not pictures:
        raise UserError(f"{path} has no pictures")
    return HoiDataset(kind, tuple(objects), tuple(verbs), pictures, kind == "vcoco", len(rows) - len(pictures))


def _is_whole(row: _Picture) -> bool:
    boxes = len(row.annotations)
    return all(pair.subject_id < boxes and pair.object_id < boxes for pair in row.hoi_annotation)


class _Reader:
    """Reads pictures; ``where`` names one in errors."""

    def __init__(self, kind: Literal["hico", "vcoco"], places: Mapping[int, int], verbs: int) -> None:
        self._kind, self._places, self._verbs = kind, places, verbs

    def read(self, row: _Picture, path: Path, where: str) -> LabelledPicture:
        size = picture_size(path)
        boxes: Float64 = np.array([box.bbox for box in row.annotations], np.float64).reshape(-1, 4)
        boxes = np.clip(boxes, 0, [*size, *size])
        labels = np.array([self._label(box.category_id, where) for box in row.annotations], np.int64)
        pairs = tuple(
            self._pair(pair, where)
            for pair in row.hoi_annotation
            if pair.subject_id >= 0 and (pair.object_id >= 0 or self._kind == "vcoco")
        )
        return with_area(LabelledPicture(path, boxes, labels, pairs))

    def _label(self, number: int, where: str) -> int:
        if number not in self._places:
            raise UserError(f"{where}: category_id {number} is no class of COCO")
        return self._places[number]

    def _pair(self, pair: _Pair, where: str) -> LabelledPair:
        verb = pair.category_id - FIRST_VERB[self._kind]
        if not 0 <= verb < self._verbs:
            raise UserError(f"{where}: category_id {pair.category_id} is no verb: there are {self._verbs}")
        return LabelledPair(pair.subject_id, None if pair.object_id < 0 else pair.object_id, verb)
