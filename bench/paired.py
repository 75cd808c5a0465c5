"""An anonymized video beside what it was made of, frame by frame, and what it leaks."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

import av
import cv2
import numpy as np

from bench.leaks import FrameCover, covered_as_shown, frame_cover
from sample_site.evaluate import MotRows
from schemas.values import Uint8

CODEC_TOLERANCE = 20
"""Levels by which the flat colour is off after H.264 at the usual qualities, edges apart."""


@dataclass(frozen=True)
class Shown:
    """A decoded frame, ``(H, W, 3)`` BGR, and its time in the file, seconds."""

    time_s: Fraction
    image: Uint8


@dataclass(frozen=True)
class Paint:
    """With what a video is covered: BGR, and how far it may be off when it is shown."""

    colour: tuple[int, int, int]
    tolerance: int = CODEC_TOLERANCE


@dataclass(frozen=True)
class Pair:
    """Frame ``number``, from 1, as it was and as it is shown, of the size that it had."""

    number: int
    original: Uint8
    shown: Uint8


def frames_of(path: Path) -> Iterator[Shown]:
    """All frames of a video file, upright."""
    with av.open(f"file:{path}") as container:
        for frame in container.decode(video=0):
            if frame.pts is None or frame.time_base is None:
                raise ValueError(f"{path.name} has a frame without a time")
            turned = np.rot90(frame.to_ndarray(format="bgr24"), round(frame.rotation / 90) % 4)
            yield Shown(frame.pts * frame.time_base, np.ascontiguousarray(turned))


def paired(original: Path, shown: Path, by: Literal["time", "order"] = "time") -> Iterator[Pair]:
    """The frames of two files that belong together.

    Args:
        by: ``time``: of the same time since the original's first frame; a file of ours keeps them exactly.
            ``order``: the first with the first; for tools that write a rate of their own.

    Raises:
        ValueError: a frame is shown that there was not, or one that there was is not shown.
    """
    theirs = frames_of(shown)
    begin_s: Fraction | None = None
    number = 0
    for number, frame in enumerate(frames_of(original), 1):
        begin_s = frame.time_s if begin_s is None else begin_s
        beside = next(theirs, None)
        if beside is None or (by == "time" and beside.time_s != frame.time_s - begin_s):
            seen = "none" if beside is None else f"one at {float(beside.time_s):.4f} s"
            raise ValueError(f"frame {number}, at {float(frame.time_s - begin_s):.4f} s: {shown.name} has {seen}")
        yield Pair(number, frame.image, fitted(beside.image, frame.image.shape))
    if next(theirs, None) is not None:
        raise ValueError(f"{shown.name} has more than the {number} frames of {original.name}")


def fitted(image: Uint8, shape: tuple[int, ...]) -> Uint8:
    """A frame in the size that it had: a column or row added for 4:2:0 is cut off, other sizes are scaled back."""
    height, width = shape[:2]
    if 0 <= image.shape[0] - height <= 1 and 0 <= image.shape[1] - width <= 1:
        return image[:height, :width]
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def covers(pairs: Iterable[Pair], truth: MotRows, paint: Paint, last: int) -> list[FrameCover]:
    """Judges frames 1 to ``last`` (and reads no further)."""
    found = []
    for pair in pairs:
        if pair.number > last:
            break
        covered = covered_as_shown(pair.shown, pair.original, paint.colour, paint.tolerance)
        found.append(frame_cover(covered, truth.take(truth.frame == pair.number)))
    return found
