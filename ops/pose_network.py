"""Poses by an Ultralytics pose network, which needs people larger than surveillance shows them.

People are cut out and scaled up, several to a picture, so that one run of the network serves them all.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from ops.boxes import iou_matrix, pad, whole_boxes
from ops.detect.backends import Network, open_network
from ops.detect.letterbox import PAD_GREY, Fit, fit_into
from schemas.errors import ModelError
from schemas.values import Float32, Float64, Int64, ModelFile, Uint8

PARTS = ("eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle")
SIDES = ("left", "right")
KEYPOINTS = (
    "nose",
    *(f"{side}_{part}" for part in PARTS for side in SIDES),
)
"""The 17 key points of COCO (Lin et al., 2014), in the order of the network's output."""

POINTS = len(KEYPOINTS)

CONFIDENCE = 0.25
"""Least score of a person that the network finds, 0..1."""

AGREEMENT = 0.3
"""Least intersection over union of a found person with the box that was asked for."""

MOST_PER_SIDE = 3
"""Most people in a row and in a column of a picture: more would be too small."""

CROP_PAD = 0.2
"""Padding of a person's box before it is cut out, on every side, as a share of its size."""

GAP_PX = 8
"""Gap between the people in a picture, pixels of the network's input."""


@dataclass(frozen=True)
class _Crop:
    """Position of a part of the frame in the network's input.

    Attributes:
        source: x1, y1, x2, y2 in the frame, whole pixels.
        cell: x1, y1, x2, y2 in the input; its person has their centre in it.
        fit: the scaled part within the input.
    """

    source: tuple[int, int, int, int]
    cell: tuple[int, int, int, int]
    fit: Fit

    @property
    def scale(self) -> Float64:
        """Returns pixels of the input per pixel of the frame, across and down."""
        x1, y1, x2, y2 = self.source
        return np.array([self.fit.width / (x2 - x1), self.fit.height / (y2 - y1)])

    def to_input(self, points: Float64) -> Float64:
        """Maps points ``(N, 2)`` of the frame into the input."""
        return np.asarray((points - self.source[:2]) * self.scale + (self.fit.left, self.fit.top))

    def to_frame(self, points: Float64) -> Float64:
        """Maps points ``(N, 2)`` of the input into the frame."""
        return np.asarray((points - (self.fit.left, self.fit.top)) / self.scale + self.source[:2])


class YoloPose:
    """A ``PoseFinder`` by a YOLO pose network.

    Its output is ``(1, 56, N)``: box, score, and x, y, score of 17 key points, in pixels of the input.
    """

    def __init__(self, network: Network) -> None:
        self._network = network

    def find(self, frame: Uint8, boxes: Float64) -> Float64:
        """Returns key points ``(M, 17, 3)``, see ``PoseFinder``.

        Raises:
            ModelError: the network's output is not that of 17 COCO key points.
        """
        poses = np.zeros((len(boxes), POINTS, 3))
        size_px = (frame.shape[1], frame.shape[0])
        sources = whole_boxes(pad(boxes, CROP_PAD, 2.0), size_px)
        (inside,) = np.nonzero((sources[:, 2:] > sources[:, :2]).all(axis=1))
        most = MOST_PER_SIDE**2
        for first in range(0, len(inside), most):
            members = inside[first : first + most]
            poses[members] = self._find_together(frame, sources[members], boxes[members])
        return poses

    def _find_together(self, frame: Uint8, sources: Int64, boxes: Float64) -> Float64:
        """Returns the poses of people who fit into one picture."""
        width, height = self._network.input_px
        canvas = np.full((height, width, 3), PAD_GREY, np.uint8)
        crops = [_lay_out(number, sources, (width, height)) for number in range(len(sources))]
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


def _lay_out(number: int, sources: Int64, input_px: tuple[int, int]) -> _Crop:
    """Places one of several parts of the frame on the smallest square grid that holds them all."""
    # The fewer cells, the larger are the people in them.
    cells = math.ceil(math.sqrt(len(sources)))
    row, column = divmod(number, cells)
    x1, y1, x2, y2 = sources[number].tolist()
    across, down = input_px[0] // cells, input_px[1] // cells
    left, top = column * across, row * down
    room = (max(across - GAP_PX, 1), max(down - GAP_PX, 1))
    fit = fit_into((x2 - x1, y2 - y1), room, centred=True)
    inset = Fit(fit.width, fit.height, left + GAP_PX // 2 + fit.left, top + GAP_PX // 2 + fit.top)
    return _Crop((x1, y1, x2, y2), (left, top, left + across, top + down), inset)


def _pose_in(rows: Float64, crop: _Crop, box: Float64) -> Float64:
    """Returns the pose ``(17, 3)``, in the frame, of the person in a box ``(4,)`` of the frame.

    Args:
        rows: ``(N, 56)`` of the people found in the whole picture.
    """
    # The network sees all crops at once: only people of this crop's cell count, and of them the best match of the box.
    left, top, right, bottom = crop.cell
    inside = (rows[:, 0] >= left) & (rows[:, 0] < right) & (rows[:, 1] >= top) & (rows[:, 1] < bottom)
    rows = rows[inside]
    corners: Float64 = np.concatenate([rows[:, :2] - rows[:, 2:4] / 2, rows[:, :2] + rows[:, 2:4] / 2], axis=1)
    wanted: Float64 = crop.to_input(box.reshape(2, 2)).reshape(1, 4)
    agreement = iou_matrix(corners, wanted)[:, 0]
    worth = np.where(agreement >= AGREEMENT, agreement * rows[:, 4], 0.0)
    if not worth.any():
        return np.zeros((POINTS, 3))
    points = rows[int(worth.argmax()), 5:].reshape(POINTS, 3)
    return np.concatenate([crop.to_frame(points[:, :2]), points[:, 2:]], axis=1)


def open_pose(model: ModelFile, cpus: int) -> YoloPose:
    """Loads a pose network for ``cpus`` threads.

    Raises:
        ModelError: the weights are damaged, or not those of a YOLO pose network.
    """
    if model.task != "pose" or model.layout != "yolo":
        raise ModelError(f"weights {model.name!r} find no poses; use a YOLO pose model")
    return YoloPose(open_network(model, cpus))
