"""Poses by an Ultralytics pose network, which wants people larger than surveillance shows them.

People are cut out and scaled up, several to a picture, so that one run of the network serves them all.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from ops.anonymize.cover.paint import whole_boxes
from ops.anonymize.cover.skeleton import POINTS
from ops.anonymize.locate.spans import padded
from ops.detect.backends import Network, open_network
from ops.detect.letterbox import PAD_GREY, Fit, fit_into
from schemas.errors import ModelError
from schemas.values import Float32, Float64, Int64, ModelFile, Uint8

CONFIDENCE = 0.25
"""Least score, 0..1, of somebody who is found."""

AGREEMENT = 0.3
"""Least intersection over union of who is found with the box that was asked for."""

MOST_A_SIDE = 3
"""A picture has no more than so many people to a row and to a column: they would be too small."""

_AROUND = 0.2
_GAP_PX = 8


@dataclass(frozen=True)
class _Crop:
    """Where a part of the frame stands in the network's input.

    Attributes:
        source: x1, y1, x2, y2 in the frame, whole pixels.
        cell: x1, y1, x2, y2 in the input: nobody whose centre is elsewhere is its person.
        fit: the part within the input.
    """

    source: tuple[int, int, int, int]
    cell: tuple[int, int, int, int]
    fit: Fit

    @property
    def scale(self) -> Float64:
        """Pixels of the input a pixel of the frame, across and down."""
        x1, y1, x2, y2 = self.source
        return np.array([self.fit.width / (x2 - x1), self.fit.height / (y2 - y1)])

    def placed(self, places: Float64) -> Float64:
        """Places ``(N, 2)`` of the frame in the input."""
        return np.asarray((places - self.source[:2]) * self.scale + (self.fit.left, self.fit.top))

    def back(self, places: Float64) -> Float64:
        """Places ``(N, 2)`` of the input in the frame."""
        return np.asarray((places - (self.fit.left, self.fit.top)) / self.scale + self.source[:2])


class YoloPose:
    """A ``PoseFinder``: output ``(1, 56, N)``, a box, a score and 17 times x, y, score, in pixels of the input."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def find(self, frame: Uint8, boxes: Float64) -> Float64:
        """Key points ``(M, 17, 3)``, see ``PoseFinder``.

        Raises:
            ModelError: the network gives no key points of COCO.
        """
        poses = np.zeros((len(boxes), POINTS, 3))
        size_px = (frame.shape[1], frame.shape[0])
        sources = whole_boxes(padded(boxes, _AROUND, 2.0), size_px)
        (visible,) = np.nonzero((sources[:, 2:] > sources[:, :2]).all(axis=1))
        most = MOST_A_SIDE**2
        for first in range(0, len(visible), most):
            members = visible[first : first + most]
            poses[members] = self._find_together(frame, sources[members], boxes[members])
        return poses

    def _find_together(self, frame: Uint8, sources: Int64, boxes: Float64) -> Float64:
        """Poses of those who fit into one picture."""
        width, height = self._network.input_px
        canvas = np.full((height, width, 3), PAD_GREY, np.uint8)
        crops = [_laid_out(number, sources, (width, height)) for number in range(len(sources))]
        for crop in crops:
            x1, y1, x2, y2 = crop.source
            fit = crop.fit
            enlarged = cv2.resize(frame[y1:y2, x1:x2], (fit.width, fit.height), interpolation=cv2.INTER_LINEAR)
            canvas[fit.top : fit.top + fit.height, fit.left : fit.left + fit.width] = enlarged
        outputs: list[Float32] = []
        self._network.submit(canvas, lambda output: outputs.append(output.copy()))
        self._network.wait()
        rows = outputs[0][0].T.astype(np.float64)
        if rows.shape[1] != 5 + 3 * POINTS:
            raise ModelError(
                f"the pose network gives {rows.shape[1]} numbers a person, not the {5 + 3 * POINTS} of 17 COCO key "
                "points; use a YOLO pose model"
            )
        rows = rows[rows[:, 4] >= CONFIDENCE]
        return np.stack([_pose_in(rows, crop, box) for crop, box in zip(crops, boxes, strict=True)])


def _laid_out(number: int, sources: Int64, input_px: tuple[int, int]) -> _Crop:
    """One of several parts of the frame, on a grid of as few cells as hold them."""
    a_side = math.ceil(math.sqrt(len(sources)))
    row, column = divmod(number, a_side)
    x1, y1, x2, y2 = sources[number].tolist()
    across, down = input_px[0] // a_side, input_px[1] // a_side
    left, top = column * across, row * down
    room = (max(across - _GAP_PX, 1), max(down - _GAP_PX, 1))
    fit = fit_into((x2 - x1, y2 - y1), room, centred=True)
    inset = Fit(fit.width, fit.height, left + _GAP_PX // 2 + fit.left, top + _GAP_PX // 2 + fit.top)
    return _Crop((x1, y1, x2, y2), (left, top, left + across, top + down), inset)


def _pose_in(rows: Float64, crop: _Crop, box: Float64) -> Float64:
    """The pose ``(17, 3)``, in the frame, of whom the box ``(4,)`` in the frame asks for.

    Args:
        rows: ``(N, 56)`` of those found in the whole picture.
    """
    left, top, right, bottom = crop.cell
    inside = (rows[:, 0] >= left) & (rows[:, 0] < right) & (rows[:, 1] >= top) & (rows[:, 1] < bottom)
    rows = rows[inside]
    agreement = _agreement(rows[:, :4], crop.placed(box.reshape(2, 2)).ravel())
    worth = np.where(agreement >= AGREEMENT, agreement * rows[:, 4], 0.0)
    if not worth.any():
        return np.zeros((POINTS, 3))
    points = rows[int(worth.argmax()), 5:].reshape(POINTS, 3)
    return np.concatenate([crop.back(points[:, :2]), points[:, 2:]], axis=1)


def _agreement(found: Float64, wanted: Float64) -> Float64:
    """Intersection over union of boxes ``(N, 4)`` centre x, centre y, width, height with one x1, y1, x2, y2."""
    low, high = found[:, :2] - found[:, 2:] / 2, found[:, :2] + found[:, 2:] / 2
    shared = np.clip(np.minimum(high, wanted[2:]) - np.maximum(low, wanted[:2]), 0, None).prod(axis=1)
    union = found[:, 2:].prod(axis=1) + (wanted[2:] - wanted[:2]).prod() - shared
    return np.asarray(shared / np.maximum(union, 1e-9))


def open_pose(model: ModelFile, cpus: int) -> YoloPose:
    """Loads a pose network for ``cpus`` threads.

    Raises:
        ModelError: it is no pose network that Nightshift can read, or it is damaged.
    """
    if model.task != "pose" or model.layout != "yolo":
        raise ModelError(f"weights {model.name!r} find no poses; use a YOLO pose model")
    return YoloPose(open_network(model, cpus))
