"""Folders of generated pictures with labelled interactions, in every layout that is read."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

SIZE_PX = (96, 64)


def write_picture(path: Path, boxes: list[list[float]], colours: list[tuple[int, int, int]]) -> None:
    """Writes a grey picture of 96 x 64 px with filled boxes, BGR."""
    picture = np.full((SIZE_PX[1], SIZE_PX[0], 3), 90, np.uint8)
    for (x1, y1, x2, y2), colour in zip(boxes, colours, strict=True):
        picture[round(y1) : round(y2), round(x1) : round(x2)] = colour
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), picture)


def own_labels(folder: Path, pictures: int = 4) -> dict[str, Any]:
    """Writes pictures of a red person left of a green cart or a blue bench, and returns their labels."""
    random = np.random.default_rng(0)
    rows = []
    for number in range(pictures):
        left, top = random.uniform(4, 30), random.uniform(4, 20)
        boxes = [[left, top, left + 16, top + 36], [left + 18, top + 10, left + 44, top + 34]]
        thing = number % 2
        write_picture(folder / f"{number}.png", boxes, [(30, 30, 220), ((40, 200, 40), (220, 60, 30))[thing]])
        rows.append(
            {
                "file": f"{number}.png",
                "boxes": [
                    {"label": "person", "box": boxes[0]},
                    {"label": ("cart", "bench")[thing], "box": boxes[1]},
                ],
                "pairs": [{"subject": 0, "object": 1, "verbs": [("pushes", "sits_on")[thing]]}],
            }
        )
    return {"objects": ["cart", "person", "bench"], "verbs": ["pushes", "sits_on"], "pictures": rows}


def write_own(folder: Path, labels: dict[str, Any] | None = None) -> Path:
    """Writes a folder of a user's own pictures, and returns it."""
    folder.mkdir(parents=True, exist_ok=True)
    made = own_labels(folder)
    (folder / "labels.json").write_text(json.dumps(made if labels is None else labels))
    return folder


def published_row(file: str = "a.png") -> dict[str, Any]:
    """A person on a bicycle, and a cup, in the layout of QPIC's label files; verb numbers are HICO-DET's."""
    return {
        "file_name": file,
        "img_id": 1,
        "annotations": [
            {"bbox": [10, 5, 30, 60], "category_id": 1},
            {"bbox": [5, 30, 200, 64], "category_id": 2},
            {"bbox": [40, 40, 40, 50], "category_id": 47},
        ],
        "hoi_annotation": [
            {"subject_id": 0, "object_id": 1, "category_id": 77, "hoi_category_id": 1},
            {"subject_id": 0, "object_id": 2, "category_id": 37, "hoi_category_id": 2},
        ],
    }


def write_published(folder: Path, kind: str, rows: list[dict[str, Any]]) -> Path:
    """Writes a folder of HICO-DET (``hico``) or V-COCO (``vcoco``), and returns it."""
    pictures = folder / "images" / {"hico": "train2015", "vcoco": "train2014"}[kind]
    for row in rows:
        write_picture(pictures / row["file_name"], [], [])
    (folder / "annotations").mkdir(parents=True, exist_ok=True)
    (folder / "annotations" / f"trainval_{kind}.json").write_text(json.dumps(rows))
    return folder
