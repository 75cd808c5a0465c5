"""People by OpenCV's HOG and its people detector, which need no weights (Dalal and Triggs, CVPR 2005)."""

import cv2
import numpy as np

from ops.boxes import size
from ops.detect.backends import Deliver, Network
from ops.detect.decode import Boxes, suppress
from schemas.values import Float32, Float64, Uint8

WINDOW_PX = (64, 128)
"""Width and height of the window in which HOG finds people."""

STEP = 1.2
"""Ratio of neighbouring sizes at which HOG searches. Measured-real on PETS and TUD-Campus: it finds as many people as
with steps of 1.1, in 47 ms instead of 80 (docs/decisions/0015)."""

FILLED = (0.5, 0.75)
"""Share of its window's width and height that a person fills: HOG was trained with a border."""

SAME_IOU = 0.3
"""Intersection over union above which two boxes are one person."""

INPUT_PX = (640, 480)
"""Width and height of the pictures in which it searches."""

LEAST_SCORE = 1.2
"""Distance from the support vector machine's boundary; at 0 HOG finds people everywhere."""


class HogPeople:
    """Finds people in pictures.

    Args:
        least_score: distance from the support vector machine's boundary.
    """

    def __init__(self, least_score: float = LEAST_SCORE) -> None:
        self._least = least_score
        self._hog = cv2.HOGDescriptor()
        self._hog.setSVMDetector(cv2.HOGDescriptor_getDefaultPeopleDetector())  # type: ignore[attr-defined]

    def find(self, grey: Uint8) -> Boxes:
        """Returns people in a picture ``(H, W)``; their confidence is the distance from the boundary, not 0..1."""
        if grey.shape[1] < WINDOW_PX[0] or grey.shape[0] < WINDOW_PX[1]:
            return _boxes(np.empty((0, 4)), np.empty(0))
        # HOG's own grouping depends on the order in which its threads end, so hits are sorted and suppressed here.
        windows, scores = self._hog.detectMultiScale(
            grey, hitThreshold=self._least, winStride=(8, 8), padding=(16, 16), scale=STEP, groupThreshold=0
        )
        if not len(windows):
            return _boxes(np.empty((0, 4)), np.empty(0))
        hits = np.column_stack([np.asarray(windows, np.float64), np.asarray(scores, np.float64).ravel()])
        hits = hits[np.lexsort(hits.T[:4])]
        return suppress(_boxes(_filled(hits[:, :4]), hits[:, 4]), SAME_IOU)


class HogNetwork(Network):
    """HOG in the place of a network: it draws frames into an input and gives the output of one."""

    least_input_px = WINDOW_PX[1] * FILLED[1]

    def __init__(self) -> None:
        super().__init__(None, INPUT_PX, ("person",))
        self._people = HogPeople()

    def submit(self, frame: Uint8, deliver: Deliver) -> None:
        canvas = np.empty((self.input_px[1], self.input_px[0], 3), np.uint8)
        self._draw(frame, canvas)
        found = self._people.find(np.asarray(cv2.cvtColor(canvas, cv2.COLOR_BGR2GRAY)))
        centres = (found.xyxy[:, :2] + found.xyxy[:, 2:]) / 2
        rows = np.column_stack([centres, size(found.xyxy), confidence_of(found.confidence)])
        # Never exactly six columns, which would be another layout.
        output = np.concatenate([rows, np.zeros((7, 5))]).astype(np.float32)
        deliver(output.T[None])


def confidence_of(scores: Float32) -> Float32:
    """Returns distances from the boundary as confidences, 0..1."""
    return np.asarray(1 - np.exp(-scores / 4), np.float32)


def _filled(windows: Float64) -> Float32:
    """Returns the boxes ``(N, 4)`` of people in windows ``x, y, width, height``."""
    centre, half = windows[:, :2] + windows[:, 2:] / 2, windows[:, 2:] / 2 * np.array(FILLED)
    return np.concatenate([centre - half, centre + half], axis=1).astype(np.float32)


def _boxes(boxes: Float64 | Float32, scores: Float64) -> Boxes:
    return Boxes(boxes.astype(np.float32), scores.astype(np.float32), np.zeros(len(boxes), np.int64))
