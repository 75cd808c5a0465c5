"""Text files of KITTI tracking: ``frame id type truncated occluded alpha left top right bottom ...``, frames from 0
(Geiger et al. 2012).

Boxes of type ``DontCare`` are ignored. The columns after the box, of 3D boxes, are not read.
"""

from collections.abc import Iterator
from pathlib import Path

from schemas.frame_boxes import FrameBoxes
from storage.box_files.lines import LineBox, collect, read_lines

FIRST_FRAME = 0
"""Number of a file's first frame."""

_FIELDS = ("frame", "id", "type", "truncated", "occluded", "alpha", "left", "top", "right", "bottom")

_TYPES = {"person": ("pedestrian", "person", "person_sitting")}
"""Types that are this label; a label that is not listed is a type itself."""

_LIKE = {"person": ("cyclist",), "car": ("van",)}
"""Types that a detector may well take for this label: ignored, beside ``DontCare``."""

_WRITTEN = {"person": "Pedestrian"}
_NO_3D = "-1 -1 -1 -1000 -1000 -1000 -10"
"""Height, width, length, place and rotation, as KITTI writes them where they are unknown."""


def read_kitti(path: Path, label: str) -> FrameBoxes:
    """Reads the boxes of one label.

    Args:
        label: as in the table ``tracks``; boxes of other types are left out.

    Raises:
        UserError: a line is malformed; the message names file, line and field.
    """
    return collect(_rows(path, label))


def _rows(path: Path, label: str) -> Iterator[LineBox]:
    for line in read_lines(path, None, _FIELDS):
        line.require(len(_FIELDS))
        kind = line.fields[_FIELDS.index("type")].lower()
        ignored = kind == "dontcare" or kind in _LIKE.get(label, ())
        left, top, right, bottom = (line.number_of(name) for name in ("left", "top", "right", "bottom"))
        row = LineBox(
            line,
            frame=line.frame(FIRST_FRAME),
            identity=line.whole("id", -1),  # of DontCare
            box=(left, top, right, bottom),
            counts=not ignored,
        )
        if ignored or kind in _TYPES.get(label, (label.replace(" ", "_"),)):
            yield row


def kitti_text(boxes: FrameBoxes, label: str) -> str:
    """Returns boxes of one label as the text of a file, sorted by frame and id."""
    kind = _WRITTEN.get(label, label.replace(" ", "_").capitalize())
    columns = (boxes.frame, boxes.identity, boxes.box, boxes.counts)
    rows = sorted(zip(*(column.tolist() for column in columns), strict=True))
    return "".join(
        f"{frame - 1 + FIRST_FRAME} {identity} {kind if counts else 'DontCare'} -1 -1 -10 "
        f"{x1:.2f} {y1:.2f} {x2:.2f} {y2:.2f} {_NO_3D}\n"
        for frame, identity, (x1, y1, x2, y2), counts in rows
    )
