"""Painters, one for each mode of ``schemas.anonymity``: what is put in place of people.

A painter leaves nothing of the frame's pixels under the mask, except ``pixelate`` and ``blur``, which leave means of
many; ``tracks-only`` and ``replace`` leave no pixel of the frame at all.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

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
from ops.anonymize.params import AnonymizeParams
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


Painter = Callable[[Uint8, Scene], None]
"""Covers a frame ``(H, W, 3)`` BGR in place, wherever the scene's mask is not 0."""


def open_painter(params: AnonymizeParams, pose: PoseFinder | None = None) -> Painter:
    """Returns the painter of ``params.mode``.

    Args:
        pose: needed for ``skeleton``.

    Raises:
        ValueError: there is no pose finder for ``skeleton``.
    """
    if params.mode != "skeleton":
        return partial(_PAINTERS[params.mode], params)
    if pose is None:
        raise ValueError("mode skeleton needs a network that finds poses")
    return partial(_paint_skeletons, params, pose)


def flat_colours(params: AnonymizeParams) -> tuple[Colour, ...]:
    """Returns the colours (BGR) that a mode paints a mask with, if it paints flat; () for other modes."""
    if params.mode not in ("silhouette", "solid"):
        return ()
    return (params.bgr, *PALETTE) if params.colour_by == "track" else (params.bgr,)


def track_colours(tracks: Int64, default: Colour) -> list[Colour]:
    """Returns a colour of the palette for each track number ``(M,)``; the default for -1."""
    # Steps of 7 through the palette keep the colours of neighbouring numbers apart; each ten starts one further on.
    return [PALETTE[(int(track) * 7 + int(track) // 10) % len(PALETTE)] if track >= 0 else default for track in tracks]


def _line_colours(tracks: Int64, params: AnonymizeParams) -> list[Colour]:
    """Returns the colours of limbs or outlines of tracks ``(M,)``: one for all, unless tracks are to have their own."""
    # A colour per track links its people: re-identification finds them by it (docs/benchmarks.md).
    return [params.bgr] * len(tracks) if params.colour_by == "none" else track_colours(tracks, params.bgr)


def plain_ground(lines: Colour) -> Colour:
    """Returns the flat colour, BGR, on which lines of a colour are visible: half-way from it to white, or to black."""
    away = 255 if sum(lines) < 3 * 128 else 0
    blue, green, red = ((part + away) // 2 for part in lines)
    return blue, green, red


def _paint_shapes(params: AnonymizeParams, frame: Uint8, scene: Scene) -> None:
    """``silhouette`` and ``solid``: sets every pixel of the mask to one of ``flat_colours``."""
    paint_flat(frame, scene.mask, params.bgr)
    if params.colour_by == "track":
        known = scene.tracks >= 0
        paint_nearest(frame, scene.mask, scene.boxes[known], track_colours(scene.tracks[known], params.bgr))


def _paint_pixelated(params: AnonymizeParams, frame: Uint8, scene: Scene) -> None:
    """``pixelate``: paints blocks of people's own colours, larger for larger people."""
    paint_blocks(frame, scene.mask, block_size(scene.boxes, params.block_px))


def _paint_blur(params: AnonymizeParams, frame: Uint8, scene: Scene) -> None:
    """``blur``: blurs people's own pixels, wider for larger people."""
    paint_blurred(frame, scene.mask, blur_size(scene.boxes, params.blur_px), params.bgr)


def _paint_background(params: AnonymizeParams, frame: Uint8, scene: Scene) -> None:
    """``remove``: sets the mask to the background, blended with the frame around it; flat where there is none."""
    if scene.background is None:
        paint_flat(frame, scene.mask, params.bgr)
    else:
        paint_picture(frame, scene.mask, scene.background)


def _paint_skeletons(params: AnonymizeParams, pose: PoseFinder, frame: Uint8, scene: Scene) -> None:
    """``skeleton``: as ``remove``, with limbs drawn on the background."""
    scene = _one_per_track(scene)
    people = pose.find(frame, scene.boxes)  # before anything is painted over them
    if scene.background is None:
        paint_flat(frame, scene.mask, plain_ground(params.bgr))
    else:
        paint_picture(frame, scene.mask, scene.background)
    drawn = frame.copy()
    draw_skeletons(drawn, people, scene.boxes, _line_colours(scene.tracks, params))
    cv2.copyTo(drawn, scene.mask, frame)  # a limb beside the mask would look like a person who is not covered


def _paint_tracks(params: AnonymizeParams, frame: Uint8, scene: Scene) -> None:
    """``tracks-only``: paints all of the frame, whatever the mask: boxes on the background, or on a flat picture."""
    frame[:] = plain_ground(params.bgr) if scene.background is None else scene.background
    scene = _one_per_track(scene)
    draw_boxes(frame, scene.boxes, _line_colours(scene.tracks, params))


def _paint_replaced(params: AnonymizeParams, frame: Uint8, scene: Scene) -> None:
    """``replace``: paints all of the frame: the mask as ``silhouette`` does, and one plain colour everywhere else."""
    frame[:] = plain_ground(params.bgr)
    _paint_shapes(params, frame, scene)


_PAINTERS: Mapping[str, Callable[[AnonymizeParams, Uint8, Scene], None]] = {
    "silhouette": _paint_shapes,
    "solid": _paint_shapes,
    "remove": _paint_background,
    "pixelate": _paint_pixelated,
    "blur": _paint_blur,
    "tracks-only": _paint_tracks,
    "replace": _paint_replaced,
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
