"""Builds footage that anonymizers fail on, from real clips, with the true boxes of what it shows.

Crowds are mosaics: cells that each play another part of PETS or TUD-Campus, small above and larger below, as in a view
from above a square. Moving cameras are a window that moves over the full-size pictures of PETS.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from pathlib import Path

import cv2
import numpy as np

from bench.material import ASSETS
from bench.real_clips import PETS_FPS, PICTURES, TICK, load_frames, steady_times, write_frames, write_stamped
from schemas.frame_boxes import FrameBoxes
from schemas.values import Bools, Uint8
from storage.box_files.mot import read_mot

CAMPUS_FPS, CAMPUS_FRAMES = 25, 71
LEAST_SHOWN = 0.8
"""Share of a true box that must be in the picture; people of whom less is shown are not judged."""

BACKGROUND_PICTURES = 60
"""Pictures of which the median is the empty scene."""


@dataclass(frozen=True)
class Footage:
    """A clip and what it shows.

    Attributes:
        truth: people in it, frames numbered from 1.
        empty: the scene without anybody ``(H, W, 3)`` BGR, if the camera is fixed.
        far: ``(N,)`` rows of the truth of people in the far part of the view.
    """

    path: Path
    truth: FrameBoxes
    empty: Uint8 | None = None
    far: Bools | None = None


# Sources -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Source:
    """A clip with truth, held in memory. ``fps`` is its frame rate."""

    frames: tuple[Uint8, ...]
    truth: FrameBoxes
    fps: int

    def at(self, position: int) -> int:
        """Returns the index of the frame at a position of an endless clip that runs forwards and backwards."""
        turn = position % (2 * len(self.frames) - 2)
        return min(turn, 2 * len(self.frames) - 2 - turn)

    def people(self, index: int) -> FrameBoxes:
        """Returns the people in a frame."""
        return self.truth.take(self.truth.frame == index + 1)

    @cached_property
    def empty(self) -> Uint8:
        """The median of the clip: the scene without those who move."""
        chosen = self.frames[:: max(1, len(self.frames) // BACKGROUND_PICTURES)]
        return np.asarray(np.median(np.stack(chosen), axis=0), np.uint8)


@lru_cache(maxsize=1)
def pets() -> Source:
    """Reads the full-size pictures of PETS, 768 x 576."""
    pictures = sorted((ASSETS / "video" / "PETS09-S2L1" / "img1").glob("*.jpg"))[:PICTURES]
    frames = tuple(np.asarray(cv2.imread(str(picture)), np.uint8) for picture in pictures)
    return Source(frames, read_mot(ASSETS / "gt" / "PETS09-S2L1" / "gt.txt"), PETS_FPS)


@lru_cache(maxsize=1)
def campus() -> Source:
    """Reads TUD-Campus, 640 x 480."""
    frames = tuple(load_frames(ASSETS / "video" / "TUD-Campus.mp4", CAMPUS_FRAMES))
    return Source(frames, read_mot(ASSETS / "gt" / "TUD-Campus" / "gt.txt"), CAMPUS_FPS)


# Crowds --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cell:
    """One part of a mosaic.

    Attributes:
        x, y, width, height: where it is, pixels; what does not fit is cut off below.
        scale: of the source's pixels.
        begin: position of its first frame in the source.
        still: it shows its first frame all the time: everybody in it stands.
        far: it is in the far part of the view.
    """

    source: Source
    x: int
    y: int
    width: int
    height: int
    scale: float
    begin: int
    still: bool = False
    far: bool = False


def crowd_cells(seed: int, still_share: float = 0.0) -> list[Cell]:
    """Lays out a view of 1920 x 1080 with about 150 people of 24 to 150 px; seeds differ in who is where."""
    random = np.random.default_rng(seed)
    cells: list[Cell] = []
    y = 0
    for source, scale, width, height in (
        (pets(), 0.25, 192, 144),
        (pets(), 0.25, 192, 120),
        (pets(), 0.5, 384, 288),
        (campus(), 0.5, 320, 240),
        (pets(), 0.5, 384, 288),
    ):
        for x in range(0, 1920, width):
            begin, still = int(random.integers(0, len(source.frames))), bool(random.random() < still_share)
            cells.append(Cell(source, x, y, width, height, scale, begin, still, far=scale < 0.5))
        y += height
    return cells


def view_cells(seed: int, still_share: float = 0.0) -> list[Cell]:
    """Lays out a view of 960 x 540 with about 80 people of 24 to 50 px."""
    random = np.random.default_rng(seed)
    cells: list[Cell] = []
    y = 0
    for scale, width, height in ((0.25, 192, 144), (0.25, 192, 108), (0.5, 320, 288)):
        for x in range(0, 960, width):
            begin, still = int(random.integers(0, PICTURES)), bool(random.random() < still_share)
            cells.append(Cell(pets(), x, y, width, height, scale, begin, still, far=scale < 0.5))
        y += height
    return cells


@dataclass(frozen=True)
class Night:
    """Light of a night scene: the share of the day's light, and the noise of the sensor, grey levels."""

    light: float = 0.35
    noise: float = 5.0

    def __call__(self, image: Uint8, number: int) -> Uint8:
        """Darkens a frame and adds noise that differs from frame to frame."""
        dark = image * self.light + np.random.default_rng(number).normal(0, self.noise, image.shape)
        return np.clip(dark, 0, 255).astype(np.uint8)


Change = Callable[[Uint8, int], Uint8]
"""Changes a frame, given its number."""


def mosaic(path: Path, cells: Sequence[Cell], frames: int, fps: int, change: Change | None = None) -> Footage:
    """Writes a mosaic; each cell plays its source at the source's own speed."""
    size_px = (max(cell.x + cell.width for cell in cells), max(cell.y + cell.height for cell in cells))
    alter = change if change is not None else lambda image, number: image  # noqa: ARG005 - one signature for all
    pictures = (
        alter(_picture(cells, size_px, [cell.source.frames[_index(cell, number, fps)] for cell in cells]), number)
        for number in range(frames)
    )
    write_frames(path, pictures, steady_times(frames, fps), keyframe_every=max(frames, 1))
    empty = alter(_picture(cells, size_px, [cell.source.empty for cell in cells]), frames)
    rows, far = mosaic_truth(cells, frames, fps)
    return Footage(path, rows, empty, far)


def _index(cell: Cell, number: int, fps: int) -> int:
    """Returns the index of the source's frame that a cell shows in frame ``number``, from 0."""
    return cell.source.at(cell.begin if cell.still else cell.begin + round(number * cell.source.fps / fps))


def _picture(cells: Sequence[Cell], size_px: tuple[int, int], shown: Sequence[Uint8]) -> Uint8:
    canvas = np.full((size_px[1], size_px[0], 3), 90, np.uint8)
    for cell, image in zip(cells, shown, strict=True):
        scaled = cv2.resize(image, None, fx=cell.scale, fy=cell.scale, interpolation=cv2.INTER_AREA)
        part = scaled[: cell.height, : cell.width]
        canvas[cell.y : cell.y + part.shape[0], cell.x : cell.x + part.shape[1]] = part
    return canvas


def mosaic_truth(cells: Sequence[Cell], frames: int, fps: int) -> tuple[FrameBoxes, Bools]:
    """Returns the people in a mosaic and which of them are far; people of whom a cell cuts much off do not count."""
    parts, far = [], []
    for place, cell in enumerate(cells):
        for number in range(frames):
            rows = cell.source.people(_index(cell, number, fps))
            shape = (cell.height, cell.width)
            shown = window_truth(rows, cell.scale, (0.0, 0.0), shape, number + 1)
            offset = np.array([cell.x, cell.y, cell.x, cell.y])
            parts.append(FrameBoxes(shown.frame, shown.identity + 1000 * place, shown.box + offset, shown.counts))
            far.append(np.full(len(shown), cell.far))
    joined = _joined(parts)
    order = np.argsort(joined.frame, kind="stable")
    return joined.take(order), np.concatenate(far)[order]


def window_truth(
    rows: FrameBoxes, scale: float, corner: tuple[float, float], shape: tuple[int, ...], number: int
) -> FrameBoxes:
    """Returns the people of a frame as a window of (height, width) shows them, in its pixels, as of frame ``number``.

    Args:
        corner: x, y of the window in the scaled picture.
    """
    box = rows.box * scale - [corner[0], corner[1], corner[0], corner[1]]
    height, width = shape[:2]
    inside = np.clip(box, 0, [width, height, width, height])
    shown = (inside[:, 2:] - inside[:, :2]).prod(axis=1) / (box[:, 2:] - box[:, :2]).prod(axis=1)
    kept = shown > 0
    counts = rows.counts & (shown >= LEAST_SHOWN)
    return FrameBoxes(np.full(int(kept.sum()), number), rows.identity[kept], inside[kept], counts[kept])


def _joined(parts: Sequence[FrameBoxes]) -> FrameBoxes:
    return FrameBoxes(*(np.concatenate([getattr(part, name) for part in parts])
                     for name in ("frame", "identity", "box", "counts")))  # fmt: skip


# Moving cameras ------------------------------------------------------------------------------------------------------

Path2 = Callable[[int], tuple[int, int]]
"""Returns the corner x, y of a window in frame ``number``, from 0."""


def drift(number: int) -> tuple[int, int]:
    """Moves by up to 14 px within some seconds, as a pole in the wind does."""
    return round(130 + 14 * np.sin(number / 11)), round(100 + 7 * np.sin(number / 17))


def shake(number: int) -> tuple[int, int]:
    """Shakes by a few pixels from frame to frame."""
    x, y = np.random.default_rng(number).integers(-5, 6, 2)
    return 130 + int(x), 100 + int(y)


def pan(number: int) -> tuple[int, int]:
    """Pans over the whole picture and back."""
    return round(144 - 144 * np.cos(number / 20)), round(108 - 60 * np.cos(number / 33))


def moving_window(path: Path, corner: Path2, frames: int, size_px: tuple[int, int] = (480, 360)) -> Footage:
    """Writes what a moving window shows of the full-size pictures of PETS."""
    source, (width, height) = pets(), size_px
    corners = [corner(number) for number in range(frames)]
    indices = [source.at(number) for number in range(frames)]
    pictures = (source.frames[index][y : y + height, x : x + width]
                for index, (x, y) in zip(indices, corners, strict=True))  # fmt: skip
    write_frames(path, (np.ascontiguousarray(each) for each in pictures), steady_times(frames, PETS_FPS))
    truth = [
        window_truth(source.people(index), 1.0, (float(x), float(y)), (height, width), number)
        for number, (index, (x, y)) in enumerate(zip(indices, corners, strict=True), 1)
    ]
    return Footage(path, _joined(truth))


# People who stand, and clocks ----------------------------------------------------------------------------------------


def half_still(path: Path, frames: int, noise: float = 2.0) -> Footage:
    """Writes PETS with a left half that shows its first frame all the time: some people stand, others walk."""
    source = pets()
    height, width = source.frames[0].shape[:2]
    middle = width // 2

    def picture(number: int) -> Uint8:
        image = source.frames[source.at(number)].copy()
        image[:, :middle] = source.frames[0][:, :middle]
        noisy = image + np.random.default_rng(number).normal(0, noise, image.shape)
        return np.clip(noisy, 0, 255).astype(np.uint8)

    write_frames(path, (picture(number) for number in range(frames)), steady_times(frames, PETS_FPS))
    parts = []
    for number in range(frames):
        left = window_truth(source.people(0), 1.0, (0.0, 0.0), (height, middle), number + 1)
        right = window_truth(source.people(source.at(number)), 1.0, (float(middle), 0.0), (height, middle), number + 1)
        right = FrameBoxes(
            right.frame, right.identity + 1000, right.box + np.array([middle, 0, middle, 0]), right.counts
        )
        parts += [left, right]
    return Footage(path, _joined(parts), source.empty)


def pets_clip(path: Path, times_s: Sequence[Fraction]) -> Footage:
    """Writes the first frames of the small PETS clip, each at its own time; ``.mkv`` allows any order of times."""
    scale = 0.625
    frames = load_frames(ASSETS / "video" / "pets09_s2l1_480x360.mp4", len(times_s))
    truth = read_mot(ASSETS / "gt" / "PETS09-S2L1" / "gt.txt").scaled(scale, scale)
    write_stamped(path, frames, [round(time_s / TICK) for time_s in times_s])
    return Footage(path, truth.take(truth.frame <= len(times_s)))
