"""A painter for each mode of ``schemas.anonymity``: what stands where people were.

Whatever a painter is given, of the frame's pixels under the mask nothing is left, but for ``pixelate`` and ``blur``,
which leave means of many; ``tracks-only`` leaves no pixel of the frame at all.
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
"""Colours of tracks, BGR: those of Okabe and Ito (2008), which most colour-blind people tell apart, and three more."""


@dataclass(frozen=True)
class Scene:
    """What a painter knows of one frame beside its pixels.

    Attributes:
        mask: ``(H, W)``, 255 where nothing of the original may stay.
        boxes: ``(M, 4)`` where people are or may be; the smallest of a track's boxes is taken for the person's own.
        tracks: ``(M,)`` number of the track, -1 if none.
        background: ``(H, W, 3)`` BGR, the background in this frame's light and place; None if there is no usable one, or
            the painter uses none.
    """

    mask: Uint8
    boxes: Float64
    tracks: Int64
    background: Uint8 | None


@dataclass(frozen=True)
class PaintOptions:
    """How painters paint.

    Attributes:
        colour: BGR of what is flat.
        colour_by: ``track``: flat shapes have a colour of their track's, the same as long as its number is.
        block_px: least size of the blocks of ``pixelate``.
        blur_px: least standard deviation of ``blur``.
    """

    colour: Colour
    colour_by: Literal["none", "track"] = "none"
    block_px: int = 16
    blur_px: float = 8.0


class Painter(Protocol):
    """Paints one frame after the other.

    Attributes:
        uses_background: whether it looks at the scene's background.
    """

    uses_background: bool

    def paint(self, frame: Uint8, scene: Scene) -> None:
        """Covers what the scene's mask says, in place; ``frame`` is ``(H, W, 3)`` BGR."""
        ...


def painter_of(mode: str, options: PaintOptions, pose: PoseFinder | None = None) -> Painter:
    """The painter of a mode of ``schemas.anonymity.MODES``.

    Args:
        pose: needed for ``skeleton``.

    Raises:
        ValueError: there is no such mode, or nothing to find poses with.
    """
    if mode == "skeleton":
        if pose is None:
            raise ValueError("mode skeleton needs something that finds poses")
        return SkeletonPainter(options, pose)
    if mode not in _PAINTERS:
        raise ValueError(f"unknown mode {mode!r}; there are {', '.join([*_PAINTERS, 'skeleton'])}")
    return _PAINTERS[mode](options)


def flat_colours(mode: str, options: PaintOptions) -> tuple[Colour, ...]:
    """The colours (BGR) that all of a mask has in a mode that paints flat; () for other modes."""
    if mode not in ("silhouette", "solid"):
        return ()
    return (options.colour, *PALETTE) if options.colour_by == "track" else (options.colour,)


def track_colours(tracks: Int64, default: Colour) -> list[Colour]:
    """Each track's colour by its number ``(M,)``, of which neighbours' are well apart; the default for -1."""
    return [PALETTE[(int(track) * 7 + int(track) // 10) % len(PALETTE)] if track >= 0 else default for track in tracks]


class FlatPainter:
    """``silhouette`` and ``solid``: one colour, or one a track."""

    uses_background = False

    def __init__(self, options: PaintOptions) -> None:
        self._options = options

    def paint(self, frame: Uint8, scene: Scene) -> None:
        """Whatever the scene, every pixel of the mask becomes one of ``flat_colours``."""
        paint_flat(frame, scene.mask, self._options.colour)
        if self._options.colour_by == "track":
            known = scene.tracks >= 0
            colours = track_colours(scene.tracks[known], self._options.colour)
            paint_nearest(frame, scene.mask, scene.boxes[known], colours)


class BlockPainter:
    """``pixelate``."""

    uses_background = False

    def __init__(self, options: PaintOptions) -> None:
        self._least_px = options.block_px

    def paint(self, frame: Uint8, scene: Scene) -> None:
        """Blocks, larger for larger people."""
        paint_blocks(frame, scene.mask, block_size(scene.boxes, self._least_px))


class BlurPainter:
    """``blur``."""

    uses_background = False

    def __init__(self, options: PaintOptions) -> None:
        self._options = options

    def paint(self, frame: Uint8, scene: Scene) -> None:
        """A blur, wider for larger people."""
        sigma_px = blur_size(scene.boxes, self._options.blur_px)
        paint_blurred(frame, scene.mask, sigma_px, self._options.colour)


class BackgroundPainter:
    """``remove``: the background, or flat where there is none."""

    uses_background = True

    def __init__(self, options: PaintOptions) -> None:
        self._colour = options.colour

    def paint(self, frame: Uint8, scene: Scene) -> None:
        """All of the mask becomes the background; around it the frame passes over into the background."""
        if scene.background is None:
            paint_flat(frame, scene.mask, self._colour)
        else:
            paint_picture(frame, scene.mask, scene.background)


class SkeletonPainter:
    """``skeleton``: as ``remove``, with limbs drawn over it."""

    uses_background = True

    def __init__(self, options: PaintOptions, pose: PoseFinder) -> None:
        self._background = BackgroundPainter(options)
        self._colour = options.colour
        self._pose = pose

    def paint(self, frame: Uint8, scene: Scene) -> None:
        """Poses are found in the frame before anything is painted on it."""
        scene = _one_a_track(scene)
        people = self._pose.find(frame, scene.boxes)
        self._background.paint(frame, scene)
        drawn = frame.copy()
        draw_skeletons(drawn, people, scene.boxes, track_colours(scene.tracks, self._colour))
        cv2.copyTo(drawn, scene.mask, frame)  # a limb beside the mask would look like somebody who is not covered


class TracksPainter:
    """``tracks-only``: boxes on the background, or on a flat picture where there is none."""

    uses_background = True

    def __init__(self, options: PaintOptions) -> None:
        self._colour = options.colour

    def paint(self, frame: Uint8, scene: Scene) -> None:
        """All of the frame is painted over, whatever the mask."""
        frame[:] = self._colour if scene.background is None else scene.background
        shown = _one_a_track(scene)
        draw_boxes(frame, shown.boxes, track_colours(shown.tracks, (255, 255, 255)))


_PAINTERS: dict[str, type[FlatPainter | BlockPainter | BlurPainter | BackgroundPainter | TracksPainter]] = {
    "silhouette": FlatPainter,
    "solid": FlatPainter,
    "remove": BackgroundPainter,
    "pixelate": BlockPainter,
    "blur": BlurPainter,
    "tracks-only": TracksPainter,
}


def _one_a_track(scene: Scene) -> Scene:
    """The scene with the smallest box of each track, and all those of none."""
    areas = (scene.boxes[:, 2:] - scene.boxes[:, :2]).prod(axis=1)
    order = np.argsort(areas, kind="stable")
    _, first = np.unique(scene.tracks[order], return_index=True)
    kept = np.zeros(len(order), bool)
    kept[order[first]] = True
    kept |= scene.tracks < 0
    return Scene(scene.mask, scene.boxes[kept], scene.tracks[kept], scene.background)
