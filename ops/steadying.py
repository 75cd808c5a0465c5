"""Steadies frames of a view that drifts or shakes a little: moves each to where one of them shows the view.

A view that moves by more than can be mended stays as it is, and so does a still one, to the byte.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import pyarrow as pa

from ops.arrays import boxes_of, times_us
from ops.pictures import downscale
from ops.view_shift import STILL, VIEW_WIDTH_PX, View, ViewShift
from schemas.values import Bools, Float64, Uint8

STILL_SHARE = 0.5 / VIEW_WIDTH_PX
"""Largest displacement of a still view, as a share of the width. Measured on seven fixed cameras: .0009 at most."""

MOST_SHARE = 0.05
"""Largest displacement that is mended, as a share of the width: frames are aligned with a background that far."""

LEAST_SHARE = 0.5
"""Least share of the frames that must be mended."""

LEAST_MOVE_PX = 0.1
"""Displacement below which a frame is not resampled: that would blur it for nothing."""


@dataclass(frozen=True)
class Steadying:
    """How frames are moved to the place of one of them.

    Attributes:
        reference: number of the frame that stays in place.
        motions: of each frame, from the reference; None for a frame that cannot be used.
    """

    reference: int
    motions: Sequence[ViewShift | None]

    def frame(self, number: int, frame: Uint8) -> Uint8:
        """Returns a frame ``(H, W, 3)`` moved to the reference's place; its border pixels fill what comes in."""
        motion, size = self._motion(number), (frame.shape[1], frame.shape[0])
        if motion.most_px(size) < LEAST_MOVE_PX:
            return frame
        # Cubic, since linear interpolation would make the background softer than the frames compared with it.
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        return np.asarray(
            cv2.warpAffine(frame, motion.matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE), np.uint8
        )

    def covered(self, number: int, mask: Bools) -> Bools:
        """Returns a mask ``(H, W)`` of covered pixels moved likewise: also what comes in is covered."""
        motion, size = self._motion(number), (mask.shape[1], mask.shape[0])
        if motion.most_px(size) < LEAST_MOVE_PX:
            return mask
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        moved = cv2.warpAffine(mask.astype(np.uint8) * np.uint8(255), motion.matrix, size, flags=flags, borderValue=255)
        return np.asarray(moved > 0)

    def boxes(self, number: int, boxes: Float64) -> Float64:
        """Returns boxes ``(N, 4)`` of a frame moved likewise."""
        back = STILL.since(self._motion(number))
        corners = np.stack([back.at(boxes[:, sides]) for sides in ([0, 1], [2, 1], [0, 3], [2, 3])])
        return np.concatenate([corners.min(axis=0), corners.max(axis=0)], axis=1)

    def _motion(self, number: int) -> ViewShift:
        motion = self.motions[number]
        if motion is None:
            raise ValueError(f"frame {number} of {len(self.motions)} cannot be steadied")
        return motion


def steadying(frames: Sequence[Uint8]) -> Steadying | None:
    """Returns how frames ``(H, W, 3)`` BGR of one view are steadied; None if it is still, or moves too far."""
    if len(frames) < 2:
        return None
    width, height = frames[0].shape[1], frames[0].shape[0]
    scale = min(1.0, VIEW_WIDTH_PX / width)
    size = (round(width * scale), max(1, round(height * scale)))
    views = [View(downscale(frame, size)) for frame in frames]
    first = next((number for number, view in enumerate(views) if view.textured), None)
    if first is None:
        return None
    motions = _motions_from(views, first)
    if max(each.most_px(size) for each in motions if each is not None) <= STILL_SHARE * size[0]:
        return None
    # The reference is in the middle of all places, so that the others are as near as can be.
    ends = np.array([[0, 0], [size[0], 0], [0, size[1]]], np.float64)
    places = np.array([np.full(6, np.nan) if each is None else each.at(ends).ravel() for each in motions])
    reference = int(np.nanargmin(np.linalg.norm(places - np.nanmedian(places, axis=0), axis=1)))
    motions = motions if reference == first else _motions_from(views, reference)
    near = [None if each is None or each.most_px(size) > MOST_SHARE * size[0] else each for each in motions]
    if sum(each is not None for each in near) < LEAST_SHARE * len(frames):
        return None
    return Steadying(reference, [each and each.scaled(width / size[0]) for each in near])


def moved_detections(
    detections: pa.Table, sample_times_us: Sequence[int], numbers: Sequence[int], steadied: Steadying
) -> pa.Table:
    """Returns detections moved as the sample that is nearest in time.

    Args:
        sample_times_us: rising, at least one.
        numbers: of these samples, as ``steadied`` counts them.
    """
    if not detections.num_rows:
        return detections
    times, found_us, boxes = np.array(sample_times_us), times_us(detections), boxes_of(detections)
    nearest = np.abs(found_us[:, None] - times[None]).argmin(axis=1)
    for place, number in enumerate(numbers):
        at = nearest == place
        boxes[at] = steadied.boxes(number, boxes[at])
    for side, name in enumerate(("x1", "y1", "x2", "y2")):
        index = detections.schema.get_field_index(name)
        column = pa.array(boxes[:, side], detections.schema.field(name).type)
        detections = detections.set_column(index, detections.schema.field(name), column)
    return detections


def _motions_from(views: Sequence[View], reference: int) -> list[ViewShift | None]:
    """Returns the motion of each view from one of them; None where it is unsure."""
    motions: list[ViewShift | None] = [None] * len(views)
    motions[reference] = STILL
    for order in (range(reference + 1, len(views)), range(reference - 1, -1, -1)):
        last = STILL
        for number in order:
            motions[number] = views[reference].find(views[number], last)
            last = motions[number] or last
    return motions
