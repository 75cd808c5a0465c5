"""Chooses the format of a file of boxes."""

from pathlib import Path
from typing import Literal

from schemas.errors import UserError
from schemas.frame_boxes import FrameBoxes
from storage.box_files import kitti, mot
from storage.box_files.lines import read_lines
from storage.files import atomic_path

BoxFormat = Literal["mot", "kitti"]

FIRST_FRAME: dict[BoxFormat, int] = {"mot": mot.FIRST_FRAME, "kitti": kitti.FIRST_FRAME}
"""Number that each format gives to a video's first frame."""


def format_of(path: Path) -> BoxFormat:
    """Returns the format of a file, by its first line: fields are separated by commas or by spaces.

    Raises:
        UserError: the file cannot be read, is empty, or neither fits.
    """
    for line in read_lines(path, ",", ()):
        if len(line.fields) > 1:
            return "mot"
        if len(line.fields[0].split()) > 1:
            return "kitti"
        raise line.wrong("it is neither MOT Challenge text (frame,id,x,y,width,height,flag) nor KITTI tracking text")
    raise UserError(f"{path} is empty: it needs a line for each true box")


def read_boxes(path: Path, form: BoxFormat, label: str) -> FrameBoxes:
    """Reads the boxes of a file.

    Args:
        label: of the boxes to read; MOT Challenge files have boxes of one label only.

    Raises:
        UserError: a line is malformed, or no box is of this label.
    """
    boxes = mot.read_mot(path) if form == "mot" else kitti.read_kitti(path, label)
    if not boxes.counts.any():
        ignored = f" that counts: all {len(boxes)} are ignored" if len(boxes) else f" of a {label}"
        raise UserError(f"{path} has no box{ignored}")
    return boxes


def write_boxes(boxes: FrameBoxes, path: Path, form: BoxFormat, label: str) -> None:
    """Writes boxes of one label to a file, which is replaced."""
    text = mot.mot_text(boxes) if form == "mot" else kitti.kitti_text(boxes, label)
    with atomic_path(path) as part:
        part.write_text(text, encoding="utf-8")
