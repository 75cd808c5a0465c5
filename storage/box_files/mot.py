"""Text files of the MOT Challenge: ``frame,id,x,y,width,height,flag,...``, frames from 1 (Leal-Taixé et al. 2015).

Truth has the flag 0 for boxes to ignore. In results the flag is the confidence; the columns after it are not read.
"""

from collections.abc import Iterator
from pathlib import Path

from schemas.frame_boxes import FrameBoxes
from storage.box_files.lines import LineBox, collect, read_lines

FIRST_FRAME = 1
"""Number of a file's first frame."""

_FIELDS = ("frame", "id", "x", "y", "width", "height", "flag")


def read_mot(path: Path) -> FrameBoxes:
    """Reads truth or results.

    Raises:
        UserError: a line is malformed; the message names file, line and field.
    """
    return collect(_rows(path))


def _rows(path: Path) -> Iterator[LineBox]:
    for line in read_lines(path, ",", _FIELDS):
        line.require(len(_FIELDS))
        x, y, width, height = (line.number_of(name) for name in ("x", "y", "width", "height"))
        yield LineBox(
            line,
            frame=line.frame(FIRST_FRAME),
            identity=line.whole("id", 0),
            box=(x, y, x + width, y + height),
            counts=line.number_of("flag") != 0,
        )


def mot_text(boxes: FrameBoxes) -> str:
    """Returns boxes as the text of a file, sorted by frame and id."""
    columns = (boxes.frame, boxes.identity, boxes.box, boxes.counts)
    rows = sorted(zip(*(column.tolist() for column in columns), strict=True))
    return "".join(
        f"{frame},{identity},{x1:.2f},{y1:.2f},{x2 - x1:.2f},{y2 - y1:.2f},{counts:d},-1,-1,-1\n"
        for frame, identity, (x1, y1, x2, y2), counts in rows
    )
