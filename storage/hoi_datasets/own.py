"""Reads a user's own labels: ``labels.json`` in the folder of the pictures.

::

    {"verbs": ["pushes", "sits_on"],
     "objects": ["person", "cart", "bench"],
     "pictures": [
       {"file": "yard/0001.jpg",
        "boxes": [{"label": "person", "box": [102, 40, 180, 290]}, {"label": "cart", "box": [170, 150, 300, 295]}],
        "pairs": [{"subject": 0, "object": 1, "verbs": ["pushes"]}]}]}

Boxes are x1, y1, x2, y2 in pixels of the picture; ``subject`` and ``object`` are places in ``boxes``, from 0. A pair
without ``object`` is somebody who does something with nothing. Without ``objects``, the classes are COCO's 80. A
picture without pairs teaches what is no interaction.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from schemas.errors import UserError
from schemas.labelled_pictures import HoiDataset, LabelledPair, LabelledPicture
from storage.hoi_datasets.json_files import read_labels
from storage.hoi_datasets.pictures import picture_size

LABELS = "labels.json"

OUTSIDE_PX = 1.0
"""Pixels by which a box may leave its picture: a hand that draws to the edge, or edges that are rounded."""

PERSON = "person"

Place = Annotated[int, Field(ge=0)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Box(_Strict):
    label: str
    box: tuple[float, float, float, float]


class _Pair(_Strict):
    subject: Place
    object: Place | None = None
    verbs: list[str] = Field(min_length=1)


class _Picture(_Strict):
    file: str
    boxes: list[_Box]
    pairs: list[_Pair] = []


class _Labels(_Strict):
    verbs: list[str] = Field(min_length=1)
    objects: list[str] | None = Field(default=None, min_length=1)
    pictures: list[_Picture] = Field(min_length=1)


def read_own(folder: Path, coco: Sequence[str]) -> HoiDataset:
    """Reads the labels of a folder.

    Args:
        coco: names of COCO's classes, in order.

    Raises:
        UserError: the file has another layout, or names a picture, class, verb or box that does not exist, or a box
            lies outside its picture.
    """
    path = folder / LABELS
    labels = read_labels(path, _Labels)
    objects, verbs = tuple(coco if labels.objects is None else labels.objects), tuple(labels.verbs)
    for what, names in (("verbs", verbs), ("objects", objects)):
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice:
            raise UserError(f"{path}, {what}: {twice[0]!r} is there twice")
    if PERSON not in objects:
        raise UserError(f"{path}, objects: {PERSON!r} is missing: subjects are people")
    objects = (PERSON, *(name for name in objects if name != PERSON))
    pictures = tuple(
        _picture(picture, folder, f"{path}, pictures.{number} ({picture.file})", objects, verbs)
        for number, picture in enumerate(labels.pictures)
    )
    missing = any(pair.object is None for picture in pictures for pair in picture.pairs)
    return HoiDataset("own", objects, verbs, pictures, objects_may_miss=missing)


def _picture(
    picture: _Picture, folder: Path, where: str, objects: tuple[str, ...], verbs: tuple[str, ...]
) -> LabelledPicture:
    path = folder / picture.file
    width, height = picture_size(path)
    for number, box in enumerate(picture.boxes):
        x1, y1, x2, y2 = box.box
        if not (x1 < x2 and y1 < y2):
            raise UserError(f"{where}: box {number} has no area: {list(box.box)}; write x1, y1, x2, y2")
        if min(x1, y1) < -OUTSIDE_PX or x2 > width + OUTSIDE_PX or y2 > height + OUTSIDE_PX:
            raise UserError(f"{where}: box {number} {list(box.box)} leaves the picture of {width} x {height} pixels")
        _index(objects, box.label, f"{where}: box {number} is of class", "objects")
    pairs = []
    for number, pair in enumerate(picture.pairs):
        for place in (pair.subject, pair.object):
            if place is not None and place >= len(picture.boxes):
                raise UserError(f"{where}: pair {number} names box {place}, and there are {len(picture.boxes)}, from 0")
        subject = picture.boxes[pair.subject].label
        if subject != PERSON:
            raise UserError(f"{where}: the subject of pair {number} is a {subject}: subjects are people")
        for verb in pair.verbs:
            index = _index(verbs, verb, f"{where}: pair {number} has the verb", "verbs")
            pairs.append(LabelledPair(pair.subject, pair.object, index))
    boxes = np.array([box.box for box in picture.boxes], np.float64).reshape(-1, 4)
    labels = np.array([objects.index(box.label) for box in picture.boxes], np.int64)
    return LabelledPicture(path, np.clip(boxes, 0, [width, height, width, height]), labels, tuple(pairs))


def _index(names: tuple[str, ...], name: str, where: str, listed: str) -> int:
    if name not in names:
        raise UserError(f"{where} {name!r}, which is not among the {listed} of the file")
    return names.index(name)
