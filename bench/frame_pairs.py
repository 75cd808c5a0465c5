"""Pairs the frames of an anonymized video with those of its original, and judges their leaks."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

import av
import cv2
import numpy as np

from ops.leaks import CODEC_TOLERANCE, FrameCover, covered_pixels, frame_cover
from schemas.frame_boxes import FrameBoxes
from schemas.values import Uint8


@dataclass(frozen=True)
class DecodedFrame:
    """A decoded frame, ``(H, W, 3)`` BGR, and its time in the file, seconds."""

    time_s: Fraction
    image: Uint8


@dataclass(frozen=True)
class CoverColour:
    """The flat colour (BGR) of a cover, and its tolerance in decoded frames."""

    colour: tuple[int, int, int]
    tolerance: int = CODEC_TOLERANCE


@dataclass(frozen=True)
class Pair:
    """Frame ``number``, from 1, original and anonymized, in the original's size."""

    number: int
    original: Uint8
    anonymized: Uint8


def read_frames(path: Path) -> Iterator[DecodedFrame]:
    """Reads all frames of a video file, turned upright."""
    with av.open(f"file:{path}") as container:
        for frame in container.decode(video=0):
            if frame.pts is None or frame.time_base is None:
                raise ValueError(f"{path.name} has a frame without a time")
            turned = np.rot90(frame.to_ndarray(format="bgr24"), round(frame.rotation / 90) % 4)
            yield DecodedFrame(frame.pts * frame.time_base, np.ascontiguousarray(turned))


def pair_frames(original: Path, anonymized: Path, by: Literal["time", "order"] = "time") -> Iterator[Pair]:
    """Pairs the frames of two files.

    Args:
        by: ``time`` pairs frames of the same time since the first; our files keep times exactly.
            ``order`` pairs the first with the first, for tools that change the frame rate.

    Raises:
        ValueError: a frame has no partner.
    """
    theirs = read_frames(anonymized)
    begin_s: Fraction | None = None
    number = 0
    for number, frame in enumerate(read_frames(original), 1):
        begin_s = frame.time_s if begin_s is None else begin_s
        partner = next(theirs, None)
        if partner is None or (by == "time" and partner.time_s != frame.time_s - begin_s):
            found = "none" if partner is None else f"one at {float(partner.time_s):.4f} s"
            raise ValueError(f"frame {number}, at {float(frame.time_s - begin_s):.4f} s: {anonymized.name} has {found}")
        yield Pair(number, frame.image, fit_to_shape(partner.image, frame.image.shape))
    if next(theirs, None) is not None:
        raise ValueError(f"{anonymized.name} has more than the {number} frames of {original.name}")


def fit_to_shape(image: Uint8, shape: tuple[int, ...]) -> Uint8:
    """Returns a frame in its original size: cuts a row or column added for 4:2:0, scales other sizes."""
    height, width = shape[:2]
    if 0 <= image.shape[0] - height <= 1 and 0 <= image.shape[1] - width <= 1:
        return image[:height, :width]
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def judge_frames(pairs: Iterable[Pair], truth: FrameBoxes, cover: CoverColour, last: int) -> list[FrameCover]:
    """Judges frames 1 to ``last``, and reads no further."""
    found = []
    for pair in pairs:
        if pair.number > last:
            break
        covered = covered_pixels(pair.anonymized, pair.original, cover.colour, cover.tolerance)
        found.append(frame_cover(covered, truth.take(truth.frame == pair.number)))
    return found
