"""KITTI's labels with 3D boxes: of tracking, a text file per video; of the object benchmark, one per picture.

``[frame id] type truncated occluded alpha left top right bottom height width length x y z rotation_y [score]`` (Geiger
et al. 2012). Frames of tracking count from 0; pictures of the object benchmark are in a folder, named by number.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from schemas.errors import UserError
from schemas.frame_boxes3d import FrameBoxes3d
from schemas.values import Float64
from storage.box_files.lines import Line, read_lines
from storage.files import atomic_path

_OBJECT = (
    *("type", "truncated", "occluded", "alpha", "left", "top", "right", "bottom"),
    *("height", "width", "length", "x", "y", "z", "rotation_y"),
)
_TRACKING = ("frame", "id", *_OBJECT)
_SCORE = "score"
_NUMBERS = _OBJECT[1:]

KINDS = {"person": "Pedestrian", "bicycle": "Cyclist", "motorcycle": "Cyclist"}
"""KITTI's types of labels; another label is a type itself, with a capital letter."""


def kind_of_label(label: str) -> str:
    """Returns KITTI's type of a label of the table ``tracks``."""
    return KINDS.get(label, label.replace(" ", "_").capitalize())


def read_kitti3d(path: Path) -> FrameBoxes3d:
    """Reads labels or results: a text file of tracking, or a folder of the object benchmark.

    Raises:
        UserError: there are none, or a line is malformed; the message names file, line and field.
    """
    rows = list(_object_rows(path) if path.is_dir() else _tracking_rows(path))
    if not rows:
        raise UserError(f"{path} has no labels: it needs a line for each box")
    columns = list(zip(*rows, strict=True))
    values = np.array(columns[3], np.float64)
    return FrameBoxes3d(
        frame=np.array(columns[0], np.int64),
        identity=np.array(columns[1], np.int64),
        kind=np.array(columns[2], np.str_),
        truncated=values[:, 0],
        occluded=values[:, 1].astype(np.int64),
        alpha=values[:, 2],
        box=values[:, 3:7],
        size_m=values[:, 7:10],
        location_m=values[:, 10:13],
        rotation_y=values[:, 13],
        score=np.array(columns[4], np.float64),
    )


_Row = tuple[int, int, str, list[float], float]


def _tracking_rows(path: Path) -> Iterator[_Row]:
    for line in read_lines(path, None, (*_TRACKING, _SCORE)):
        line.require(len(_TRACKING))
        yield line.frame(0), line.whole("id", -1), *_common(line, len(_TRACKING))


def _object_rows(folder: Path) -> Iterator[_Row]:
    for path in sorted(folder.glob("*.txt")):
        if not path.stem.isdecimal():
            raise UserError(f"{path}: files of labels are named by the number of their picture, as 000000.txt")
        for line in read_lines(path, None, (*_OBJECT, _SCORE)):
            line.require(len(_OBJECT))
            yield int(path.stem) + 1, -1, *_common(line, len(_OBJECT))


def _common(line: Line, fields: int) -> tuple[str, list[float], float]:
    """Returns type, numbers and score of a line.

    Raises:
        UserError: a number is none, or a box has no size.
    """
    kind = line.fields[line.names.index("type")]
    values = [line.number_of(name) for name in _NUMBERS]
    if kind.lower() != "dontcare" and min(values[7:10]) <= 0:
        raise line.wrong("the 3D box has no size: height, width and length have to be above 0")
    if values[1] not in (-1, 0, 1, 2, 3):
        raise line.wrong(f"occluded {values[1]:g} is none of 0, 1, 2, 3")
    return kind, values, line.number_of(_SCORE) if len(line.fields) > fields else float("nan")


def kitti3d_text(boxes: FrameBoxes3d) -> str:
    """Returns boxes as the text of a file of tracking, sorted by frame and id; with scores, unless they are unknown."""
    order = np.lexsort((boxes.identity, boxes.frame))
    lines = []
    for row in order.tolist():
        where = np.concatenate([boxes.size_m[row], boxes.location_m[row], boxes.rotation_y[row : row + 1]])
        score = boxes.score[row]
        lines.append(
            f"{boxes.frame[row] - 1} {boxes.identity[row]} {boxes.kind[row]} {boxes.truncated[row]:.2f} "
            f"{boxes.occluded[row]} {boxes.alpha[row]:.4f} {' '.join(f'{each:.2f}' for each in boxes.box[row])} "
            f"{' '.join(f'{each:.4f}' for each in where)}{'' if np.isnan(score) else f' {score:.4f}'}\n"
        )
    return "".join(lines)


def write_kitti3d(boxes: FrameBoxes3d, image_from_camera: Float64, path: Path) -> Path:
    """Writes boxes to a text file of tracking, and beside it the calibration; both are replaced.

    Args:
        boxes: in any order.
        image_from_camera: ``(3, 4)``, KITTI's P, from the coordinates of the boxes to pixels.
        path: of the labels.

    Returns:
        The path of the calibration.
    """
    calibration = path.with_suffix(".calib.txt")
    for target, text in ((path, kitti3d_text(boxes)), (calibration, _calibration_text(image_from_camera))):
        with atomic_path(target) as part:
            part.write_text(text, encoding="utf-8")
    return calibration


def _calibration_text(image_from_camera: Float64) -> str:
    """Returns KITTI's calibration; readers want a laser scanner, so there is one at the lens: x ahead, y left, z up."""
    matrix = " ".join(f"{each:.12e}" for each in image_from_camera.ravel())
    return (
        "".join(f"P{number}: {matrix}\n" for number in range(4))
        + "R0_rect: 1 0 0 0 1 0 0 0 1\n"
        + "Tr_velo_to_cam: 0 -1 0 0 0 0 -1 0 1 0 0 0\n"
        + "Tr_imu_to_velo: 1 0 0 0 0 1 0 0 0 0 1 0\n"
    )
