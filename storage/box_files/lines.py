"""Reads lines of numbers, with errors that name file, line and field."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from schemas.errors import UserError
from schemas.frame_boxes import FrameBoxes

_MOST_FRAME = 10_000_000
"""Largest plausible frame number: four days at 30 frames a second. A larger one is a time stamp."""


@dataclass(frozen=True)
class Line:
    """A line of a file of boxes, split into fields.

    Attributes:
        number: of the line, from 1.
        fields: its texts.
        names: what the fields mean, in order.
    """

    file: Path
    number: int
    fields: Sequence[str]
    names: Sequence[str]

    def wrong(self, message: str) -> UserError:
        """Returns an error about this line."""
        return UserError(f"{self.file}, line {self.number}: {message}")

    def require(self, count: int) -> None:
        """Checks that there are enough fields.

        Raises:
            UserError: there are fewer.
        """
        if len(self.fields) < count:
            names = ", ".join(self.names[:count])
            raise self.wrong(f"it has {len(self.fields)} fields and needs {count} at least: {names}")

    def number_of(self, name: str) -> float:
        """Returns a field as a number.

        Raises:
            UserError: it is none, or not finite.
        """
        text = self.fields[self.names.index(name)]
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise self.wrong(f"{name} {text!r} is not a number")
        return value

    def whole(self, name: str, least: int, most: int = 2**53) -> int:
        """Returns a field as an integer.

        Raises:
            UserError: it is none, or out of range.
        """
        value = self.number_of(name)
        if value != int(value) or not least <= value <= most:
            raise self.wrong(f"{name} {self.fields[self.names.index(name)]!r} is not a whole number from {least} on")
        return int(value)

    def frame(self, first: int) -> int:
        """Returns the field ``frame``, counted from 1.

        Args:
            first: number that the format gives to a file's first frame.

        Raises:
            UserError: it is no frame number.
        """
        return self.whole("frame", first, _MOST_FRAME) + 1 - first


@dataclass(frozen=True)
class LineBox:
    """The box of a line; fields as in ``FrameBoxes``."""

    line: Line
    frame: int
    identity: int
    box: tuple[float, float, float, float]
    counts: bool


def read_lines(path: Path, separator: str | None, names: Sequence[str]) -> Iterator[Line]:
    """Yields the lines of a file that are not empty.

    Args:
        separator: between fields; None for spaces.
        names: what the fields mean.

    Raises:
        UserError: the file cannot be read as text.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not a text file: {error}") from error
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            yield Line(path, number, [field.strip() for field in line.split(separator)], names)


def collect(boxes: Iterator[LineBox]) -> FrameBoxes:
    """Returns boxes as arrays.

    Raises:
        UserError: a box has no area, or two boxes of a frame that count have one id.
    """
    rows: list[LineBox] = []
    seen: dict[tuple[int, int], int] = {}
    for row in boxes:
        if row.box[2] <= row.box[0] or row.box[3] <= row.box[1]:
            raise row.line.wrong("the box has no area")
        if row.counts:
            earlier = seen.setdefault((row.frame, row.identity), row.line.number)
            if earlier != row.line.number:
                text = row.line.fields[row.line.names.index("frame")]
                raise row.line.wrong(f"id {row.identity} is in frame {text} a second time, after line {earlier}")
        rows.append(row)
    return FrameBoxes(
        frame=np.array([row.frame for row in rows], np.int64),
        identity=np.array([row.identity for row in rows], np.int64),
        box=np.array([row.box for row in rows], np.float64).reshape(-1, 4),
        counts=np.array([row.counts for row in rows], np.bool_),
    )
