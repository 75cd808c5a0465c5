"""Painters, one for each mode of ``schemas.anonymity``: what is put in place of people.

A painter leaves nothing of the frame's pixels under the mask, except ``pixelate`` and ``blur``, which leave means of
many; ``tracks-only`` leaves no pixel of the frame at all.
"""

from dataclasses import dataclass
from typing import Literal, Protocol

import cv2
import numpy as np

from ops.anonymize.cover.paint import (
    Colour,
    block_size,
    blur_size,
    draw_boxes,
    paint_blocks,
    paint_blurred,
    paint_flat,
    paint_nearest,
    paint_picture,
)
from ops.anonymize.cover.skeleton import PoseFinder, draw_skeletons
from schemas.values import Float64, Int64, Uint8

PALETTE: tuple[Colour, ...] = (
    (178, 114, 0),
    (0, 94, 213),
    (115, 158, 0),
    (167, 121, 204),
    (0, 159, 230),
    (233, 180, 86),
    (66, 228, 240),
    (60, 60, 60),
    (120, 40, 90),
    (200, 200, 200),
)
"""Colours of tracks, BGR: those of Okabe and Ito (2008), which most colour-blind people can distinguish, and three."""

LINE_COLOUR: Colour = (255, 255, 255)
"""Colour of limbs and outlines, BGR, unless tracks have colours. A colour per track links its people: in ``skeleton``
and ``tracks-only`` re-identification found .63 and .48 of them by it (docs/benchmarks.md)."""


@dataclass(frozen=True)
class Scene:
    """Input of a painter beside the frame's pixels.

    Attributes:
        mask: ``(H, W)``, 255 where nothing of the original may remain.
        boxes: ``(M, 4)`` where people are or may be; the smallest of a track's boxes is taken for the person's own.
        tracks: ``(M,)`` number of the track, -1 if none.
        background: ``(H, W, 3)`` BGR, in this frame's light and place; None if there is none, or the mode needs none.
    """

    mask: Uint8
    boxes: Float64
    tracks: Int64
    background: Uint8 | None


@dataclass(frozen=True)
class PaintOptions:
    """Options of painters.

    Attributes:
        colour: BGR of flat areas.
        colour_by: ``none``: one colour for all people; ``track``: a palette, by the track's number in its segment.
        block_px: least size of the blocks of ``pixelate``.
        blur_px: least standard deviation of ``blur``.
    """

    colour: Colour
    colour_by: Literal["none", "track"] = "none"
    block_px: int = 16
    blur_px: float = 8.0


class Painter(Protocol):
    """Paints frames."""

    def paint(self, frame: Uint8, scene: Scene) -> None:
        """Covers ``frame`` ``(H, W, 3)`` BGR in place, wherever the scene's mask is not 0."""
        ...


def open_painter(mode: str, options: PaintOptions, pose: PoseFinder | None = None) -> Painter:
    """Returns the painter of a mode of ``schemas.anonymity.MODES``.

    Args:
        pose: needed for ``skeleton``.

    Raises:
        ValueError: there is no such mode, or no pose finder for ``skeleton``.
    """
    if mode == "skeleton":
        if pose is None:
            raise ValueError("mode skeleton needs a network that finds poses")
        return SkeletonPainter(options, pose)
    if mode not in _PAINTERS:
        raise ValueError(f"unknown mode {mode!r}; there are {', '.join([*_PAINTERS, 'skeleton'])}")
    return _PAINTERS[mode](options)


def flat_colours(mode: str, options: PaintOptions) -> tuple[Colour, ...]:
    """Returns the colours (BGR) that a mode paints a mask with, if it paints flat; () for other modes."""
    if mode not in ("silhouette", "solid"):
        return ()
    return (options.colour, *PALETTE) if options.colour_by == "track" else (options.colour,)


def track_colours(tracks: Int64, default: Colour) -> list[Colour]:
    """Returns a colour of the palette for each track number ``(M,)``; the default for -1."""
    # Steps of 7 through the palette keep the colours of neighbouring numbers apart; each ten starts one further on.
    return [PALETTE[(int(track) * 7 + int(track) // 10) % len(PALETTE)] if track >= 0 else default for track in tracks]


def line_colours(tracks: Int64, options: PaintOptions, untracked: Colour) -> list[Colour]:
    """Returns the colours of limbs or outlines of tracks ``(M,)``: one for all, unless tracks are to have their own."""
    if options.colour_by == "none":
        return [LINE_COLOUR] * len(tracks)
    return track_colours(tracks, untracked)


class FlatPainter:
    """``silhouette`` and ``solid``: one colour, or one per track."""

    def __init__(self, options: PaintOptions) -> None:
        self._options = options

    def paint(self, frame: Uint8, scene: Scene) -> None:
        """Sets every pixel of the mask to one of ``flat_colours``."""
        paint_flat(frame, scene.mask, self._options.colour)
        if self._options.colour_by == "track":
            known = scene.tracks >= 0
            colours = track_colours(scene.tracks[known], self._options.colour)
            paint_nearest(frame, scene.mask, scene.boxes[known], colours)


class BlockPainter:
    """``pixelate``: blocks of people's own colours."""

    def __init__(self, options: PaintOptions) -> None:
        self._least_px = options.block_px

    def paint(self, frame: Uint8, scene: Scene) -> None:
        """Paints blocks, larger for larger people."""
        paint_blocks(frame, scene.mask, block_size(scene.boxes, self._least_px))


class BlurPainter:
    """``blur``: a blur of people's own pixels."""

    def __init__(self, options: PaintOptions) -> None:
        self._options = options

    def paint(self, frame: Uint8, scene: Scene) -> None:
        """Blurs, wider for larger people."""
        sigma_px = blur_size(scene.boxes, self._options.blur_px)
        paint_blurred(frame, scene.mask, sigma_px, self._options.colour)


class BackgroundPainter:
    """``remove``: the background, or flat where there is none."""

    def __init__(self, options: PaintOptions) -> None:
        self._colour = options.colour

    def paint(self, frame: Uint8, scene: Scene) -> None:
        """Sets the mask to the background, and blends frame and background around it."""
        if scene.background is None:
            paint_flat(frame, scene.mask, self._colour)
        else:
            paint_picture(frame, scene.mask, scene.background)


class SkeletonPainter:
    """``skeleton``: as ``remove``, with limbs drawn on the background."""

    def __init__(self, options: PaintOptions, pose: PoseFinder) -> None:
        self._background = BackgroundPainter(options)
        self._options = options
        self._pose = pose

    def paint(self, frame: Uint8, scene: Scene) -> None:
        """Finds poses in the frame, before anything is painted on it, and draws them on the background."""
        scene = _one_per_track(scene)
        people = self._pose.find(frame, scene.boxes)
        self._background.paint(frame, scene)
        drawn = frame.copy()
        colours = line_colours(scene.tracks, self._options, untracked=self._options.colour)
        draw_skeletons(drawn, people, scene.boxes, colours)
        cv2.copyTo(drawn, scene.mask, frame)  # a limb beside the mask would look like a person who is not covered


class TracksPainter:
    """``tracks-only``: boxes on the background, or on a flat picture where there is none."""

    def __init__(self, options: PaintOptions) -> None:
        self._options = options

    def paint(self, frame: Uint8, scene: Scene) -> None:
        """Paints over all of the frame, whatever the mask."""
        frame[:] = self._options.colour if scene.background is None else scene.background
        scene = _one_per_track(scene)
        draw_boxes(frame, scene.boxes, line_colours(scene.tracks, self._options, untracked=LINE_COLOUR))


_PAINTERS: dict[str, type[FlatPainter | BlockPainter | BlurPainter | BackgroundPainter | TracksPainter]] = {
    "silhouette": FlatPainter,
    "solid": FlatPainter,
    "remove": BackgroundPainter,
    "pixelate": BlockPainter,
    "blur": BlurPainter,
    "tracks-only": TracksPainter,
}


def _one_per_track(scene: Scene) -> Scene:
    """Returns the scene with the smallest box of each track, and all boxes that have none."""
    areas = (scene.boxes[:, 2:] - scene.boxes[:, :2]).prod(axis=1)
    order = np.argsort(areas, kind="stable")
    _, first = np.unique(scene.tracks[order], return_index=True)
    kept = np.zeros(len(order), bool)
    kept[order[first]] = True
    kept |= scene.tracks < 0
    return Scene(scene.mask, scene.boxes[kept], scene.tracks[kept], scene.background)
