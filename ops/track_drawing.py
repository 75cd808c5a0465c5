"""Draws tracks, zones and counts on frames, so that a person can judge them by looking.

Everything that is drawn has a dark edge: it stays legible on light and on dark footage. Sizes follow the frame's.
"""

from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from itertools import pairwise
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
import shapely
from PIL import Image, ImageDraw, ImageFont
from shapely.geometry.base import BaseGeometry

from ops.boxes import centre
from schemas.values import Bools, Float64, Int64, Uint8

Colour = tuple[int, int, int]
"""Blue, green, red, 0 to 255."""

PALETTE: tuple[Colour, ...] = (
    (0, 159, 230),  # orange
    (233, 180, 86),  # sky blue
    (115, 158, 0),  # bluish green
    (66, 228, 240),  # yellow
    (178, 114, 0),  # blue
    (0, 94, 213),  # vermilion
    (167, 121, 204),  # reddish purple
)
"""Colours that people with any kind of colour blindness tell apart (Okabe and Ito, 2008), without black."""

BLACK, WHITE = (0, 0, 0), (255, 255, 255)

TEXT_SHARE, LINE_SHARE = 1 / 45, 1 / 300
"""Height of text and width of lines, as shares of the frame's height (of 3/4 of its width, if that is less)."""

LEAST_TEXT_PX = 11
"""Smaller letters are not legible after encoding."""

LIT_S = 1.0
"""Seconds during which a line that was crossed has the colour of the track."""

BREAK_S = 1.0
"""Longer gaps between two frames of a track leave a gap in its trail."""

_OPACITY = 0.7  # of what lies behind white text
_OUTSIDE_PX = 20  # what is cut off there leaves no line at the frame's edge
_SUBPIXEL_BITS = 3


@dataclass(frozen=True)
class Shape:
    """A zone or a line, in pixels of the frame; empty where the camera does not see it."""

    name: str
    is_zone: bool
    geometry: BaseGeometry


@dataclass(frozen=True)
class DrawnCrossing:
    """A crossing that was counted: of which line, by the track of which number, when."""

    line: str
    number: int
    time_us: int


@dataclass(frozen=True, eq=False)
class DrawnBoxes:
    """The boxes of tracks at one time.

    Attributes:
        numbers: ``(N,)``, what each track is called in the picture; its colour depends on it alone.
        labels: N classes.
        boxes: ``(N, 4)``, pixels of the frame.
        is_sure: ``(N,)``, false where no detection is near; such a box is dashed.
    """

    numbers: Int64
    labels: Sequence[str]
    boxes: Float64
    is_sure: Bools

    @property
    def feet(self) -> Float64:
        """Middle of the lower edges, ``(N, 2)``."""
        return np.column_stack([centre(self.boxes)[:, 0], self.boxes[:, 3]])


def colour_of(number: int) -> Colour:
    """Returns the colour of a track; consecutive numbers have different ones."""
    return PALETTE[number % len(PALETTE)]


class TrackDrawing:
    """Draws on the frames of one camera, which come in order of time.

    Args:
        size_px: (width, height) of the frames.
        shapes: zones and lines.
        font: content of a TrueType file.
        trail_s: seconds during which the foot points of a track stay visible.
        crossings: of the lines, in order of time.
    """

    def __init__(
        self,
        size_px: tuple[int, int],
        shapes: Sequence[Shape],
        font: bytes,
        trail_s: float = 2.0,
        crossings: Sequence[DrawnCrossing] = (),
    ) -> None:
        width, height = size_px
        self._size_px = size_px
        reference_px = min(height, 0.75 * width)
        self._text = text_maker(font, max(LEAST_TEXT_PX, round(TEXT_SHARE * reference_px)))
        self._line_px = max(2, round(LINE_SHARE * reference_px))
        self._thin_px = max(1, self._line_px // 2)
        around = shapely.box(-_OUTSIDE_PX, -_OUTSIDE_PX, width + _OUTSIDE_PX, height + _OUTSIDE_PX)
        self._shapes = [Shape(each.name, each.is_zone, each.geometry.intersection(around)) for each in shapes]
        self._trail_us = round(trail_s * 1e6)
        self._trails: dict[int, deque[tuple[int, float, float]]] = {}  # microseconds, u, v
        self._places: dict[int, int] = {}
        self._crossings = crossings

    def follow(self, time_us: int, drawn: DrawnBoxes) -> None:
        """Adds to the trails what a frame that is not drawn shows; ``draw`` does it for its own frame."""
        for number, (u, v) in zip(drawn.numbers.tolist(), drawn.feet.tolist(), strict=True):
            self._trails.setdefault(number, deque()).append((time_us, u, v))
        for number, points in list(self._trails.items()):
            while points and points[0][0] < time_us - self._trail_us:
                points.popleft()
            if not points:
                del self._trails[number]
                self._places.pop(number, None)

    def draw(self, image: Uint8, time_us: int, time_text: str, drawn: DrawnBoxes) -> Uint8:
        """Returns a frame ``(H, W, 3)`` BGR with everything drawn on it; the frame itself stays as it is.

        Args:
            image: the frame.
            time_us: its time.
            time_text: the same, as it is shown.
            drawn: the tracks at this time.
        """
        self.follow(time_us, drawn)
        canvas = image.copy()
        crossed = [each for each in self._crossings if each.time_us <= time_us]
        for shape in self._shapes:
            lit = [each.number for each in crossed if each.line == shape.name and each.time_us > time_us - LIT_S * 1e6]
            ink, width_px = (colour_of(lit[-1]), self._line_px) if lit else (WHITE, self._thin_px)
            self._draw_lines(canvas, _outline(shape.geometry), ink, width_px)
        heading = self._heading(time_text, _count(drawn.labels))
        taken = [place for _, place in heading]
        for shape in self._shapes:
            if not shape.geometry.is_empty:
                text = _count_within(shape, drawn) if shape.is_zone else _count_crossings(shape, crossed)
                taken.append(self._write_name(canvas, shape, text, taken))
        for number, points in self._trails.items():
            self._draw_trail(canvas, number, list(points))
        nearest_last = np.argsort(drawn.boxes[:, 3], kind="stable").tolist()
        for row in nearest_last:
            self._draw_box(canvas, drawn.boxes[row], int(drawn.numbers[row]), bool(drawn.is_sure[row]))
        for mask, place in heading:
            _stamp(canvas, mask, place, WHITE, BLACK, _OPACITY)
        for row in reversed(nearest_last):  # the nearest are seen best: they choose first where their label goes
            label = drawn.labels[row]
            text = str(drawn.numbers[row]) if label == "person" else f"{drawn.numbers[row]} {label}"
            taken.append(self._write_label(canvas, text, int(drawn.numbers[row]), drawn.boxes[row], taken))
        return canvas

    def _heading(self, time_text: str, count_text: str) -> list[tuple[Uint8, "_Rectangle"]]:
        """Returns the time at the top left, and the count at the top right, or below it if the frame is narrow."""
        width, _ = self._size_px
        times = [self._text(time_text)]
        if times[0].shape[1] > width:
            times = [self._text(word) for word in time_text.split(" ")]
        count = self._text(count_text)
        placed, top = [], 0
        for mask in times:
            placed.append((mask, _Rectangle.of(mask, 0, top)))
            top = placed[-1][1].bottom
        beside = times[0].shape[1] + count.shape[1] <= width
        return [*placed, (count, _Rectangle.of(count, *((width - count.shape[1], 0) if beside else (0, top))))]

    def _write_name(self, canvas: Uint8, shape: Shape, text: str, taken: Sequence["_Rectangle"]) -> "_Rectangle":
        """Writes the name of a zone or line, and what was counted."""
        mask = self._text(text)
        height, width = mask.shape
        points = shapely.get_coordinates(shape.geometry)
        topmost_first = points[np.argsort(points[:, 1], kind="stable")].tolist()
        above, below = ([(u - width / 2, v - up) for u, v in topmost_first] for up in (height, 0))
        place = _freest([self._inside(at, mask) for at in [*above, *below]], taken)
        _stamp(canvas, mask, place, WHITE, BLACK, _OPACITY)
        return place

    def _draw_trail(self, canvas: Uint8, number: int, points: Sequence[tuple[int, float, float]]) -> None:
        starts = [0]
        starts += [n for n in range(1, len(points)) if points[n][0] - points[n - 1][0] > BREAK_S * 1e6]
        for start, end in zip(starts, [*starts[1:], len(points)], strict=True):
            line = np.array(points[start:end], np.float64)[:, 1:]
            self._draw_lines(canvas, [line], colour_of(number), self._thin_px)

    def _draw_box(self, canvas: Uint8, box: Float64, number: int, is_sure: bool) -> None:
        left, top, right, bottom = box.tolist()
        corners = np.array([(left, top), (right - 1, top), (right - 1, bottom - 1), (left, bottom - 1), (left, top)])
        lines = [corners] if is_sure else _dashes(corners, 4.0 + 4.0 * self._line_px)
        self._draw_lines(canvas, lines, colour_of(number), self._line_px)

    def _draw_lines(self, canvas: Uint8, lines: Sequence[Float64], colour: Colour, width_px: int) -> None:
        fixed = [_fixed(line) for line in lines]
        for ink, width in ((BLACK, width_px + 2), (colour, width_px)):
            cv2.polylines(canvas, fixed, False, ink, width, cv2.LINE_AA, _SUBPIXEL_BITS)

    def _write_label(
        self, canvas: Uint8, text: str, number: int, box: Float64, taken: Sequence["_Rectangle"]
    ) -> "_Rectangle":
        """Writes a track's label where it hides no other, and where it was in the frame before if that is as good."""
        mask = self._text(text)
        height, width = mask.shape
        left, top, right, bottom = box.tolist()
        middle = (top + bottom - height) / 2
        wanted = [
            *((left, top - height), (right - width, top - height), (left, bottom), (right - width, bottom)),
            *((right, top), (left - width, top), (right, middle), (left - width, middle)),
            *((right, bottom - height), (left - width, bottom - height), (left, top), (left, middle)),
        ]
        places = [self._inside(at, mask) for at in wanted]
        place = _freest(places, taken, first=self._places.get(number, 0))
        self._places[number] = places.index(place)
        colour = colour_of(number)
        _stamp(canvas, mask, place, _ink_on(colour), colour, 1.0)
        return place

    def _inside(self, at: tuple[float, float], mask: Uint8) -> "_Rectangle":
        """Returns where a text goes, moved into the frame if it would stick out."""
        height, width = mask.shape
        left = round(max(0.0, min(at[0], self._size_px[0] - width)))
        return _Rectangle.of(mask, left, round(max(0.0, min(at[1], self._size_px[1] - height))))


class _Rectangle(NamedTuple):
    left: int
    top: int
    right: int
    bottom: int

    @classmethod
    def of(cls, mask: Uint8, left: int, top: int) -> "_Rectangle":
        return cls(left, top, left + mask.shape[1], top + mask.shape[0])


def _freest(places: Sequence[_Rectangle], taken: Sequence[_Rectangle], first: int = 0) -> _Rectangle:
    """Returns the place that shares least with others; of equals ``places[first]``, then the earliest."""
    here, others = np.array(places)[:, None], np.array(taken).reshape(1, -1, 4)
    overlap = np.minimum(here[..., 2:], others[..., 2:]) - np.maximum(here[..., :2], others[..., :2])
    shared = np.maximum(overlap, 0).prod(axis=2).sum(axis=1)
    return places[first if shared[first] == shared.min() else int(shared.argmin())]


def _count(labels: Sequence[str]) -> str:
    """Returns how many there are of each class: ``3 people, 1 car``."""
    counts = sorted(Counter(labels).items(), key=lambda item: (item[0] != "person", item[0]))
    words = (f"{count} {'people' if label == 'person' and count > 1 else label}" for label, count in counts)
    return ", ".join(words) or "0"


def _count_within(zone: Shape, drawn: DrawnBoxes) -> str:
    """Returns a zone's name, and whose feet are in it."""
    feet = drawn.feet
    within = shapely.contains_xy(zone.geometry, feet[:, 0], feet[:, 1])
    return f"{zone.name}: {_count([label for label, is_in in zip(drawn.labels, within, strict=True) if is_in])}"


def _count_crossings(line: Shape, crossed: Sequence[DrawnCrossing]) -> str:
    """Returns a line's name, and how often it was crossed. Nothing counted is no number: nobody may have counted."""
    count = sum(each.line == line.name for each in crossed)
    return f"{line.name}: {count} crossing{'' if count == 1 else 's'}" if count else line.name


def _outline(geometry: BaseGeometry) -> list[Float64]:
    """Returns the lines of a geometry, ``(N, 2)`` each."""
    parts = [part.boundary if part.geom_type == "Polygon" else part for part in shapely.get_parts(geometry).tolist()]
    return [shapely.get_coordinates(line) for part in parts for line in shapely.get_parts(part)]


def _fixed(points: Float64) -> npt.NDArray[np.int32]:
    """Returns points ``(N, 2)`` as OpenCV takes them: whole numbers, in fractions of a pixel."""
    return np.asarray(np.round(points * 2**_SUBPIXEL_BITS), np.int32)


def _dashes(corners: Float64, dash_px: float) -> list[Float64]:
    """Returns every other piece of a line through corners ``(N, 2)``; each edge begins and ends with one."""
    pieces = []
    for start, end in pairwise(corners):
        count = 2 * int(np.hypot(*(end - start)) / (2 * dash_px)) + 1
        stops = start + np.linspace(0, 1, count + 1)[:, None] * (end - start)
        pieces += [stops[number : number + 2] for number in range(0, count, 2)]
    return pieces


def _ink_on(colour: Colour) -> Colour:
    """Returns black or white, whichever is easier to read on a colour."""
    blue, green, red = colour
    return BLACK if 0.114 * blue + 0.587 * green + 0.299 * red > 110 else WHITE


def text_maker(font: bytes, size_px: int) -> Callable[[str], Uint8]:
    """Returns what draws a line of text as a mask ``(H, W)``, 255 where the letters are; all have the same height."""
    face = ImageFont.truetype(BytesIO(font), size_px)
    ascent, descent = face.getmetrics()
    margin = max(1, size_px // 6)

    @lru_cache(maxsize=1024)
    def mask(text: str) -> Uint8:
        width = int(np.ceil(face.getlength(text)))
        picture = Image.new("L", (width + 2 * margin + 1, ascent + descent + margin))
        ImageDraw.Draw(picture).text((margin, margin // 2), text, fill=255, font=face)
        return np.asarray(picture, np.uint8)

    return mask


def _stamp(canvas: Uint8, mask: Uint8, place: _Rectangle, ink: Colour, paper: Colour, opacity: float) -> None:
    """Writes a text in one colour on a rectangle of another; what sticks out of the frame is cut off."""
    patch = canvas[place.top : place.bottom, place.left : place.right]
    letters = mask[: patch.shape[0], : patch.shape[1], None] / 255
    behind = patch * (1 - opacity) + np.array(paper) * opacity
    patch[:] = np.round(behind + letters * (np.array(ink) - behind))
